// SPDX-License-Identifier: EUPL-1.2
//! SecureJoin between a host made of this crate and a guest made by hand; what does not belong together is refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod common;

use common::{address, fields, now, packets, person, randomness};
use dreiklang_openpgp::{
    Autocrypt, Certificate, Envelope, Limits, OpenError, Opened, SecretKey, SharedSecret, Signed, seal,
    securejoin::{Answer, GroupId, Host, Invite, NoInvite, Purpose, Refusal, Request, Token},
};
use pgp::{
    composed::MessageBuilder,
    crypto::{
        aead::{AeadAlgorithm, ChunkSize},
        hash::HashAlgorithm,
        sym::SymmetricKeyAlgorithm,
    },
    types::StringToKey,
};
use proptest::prelude::*;

fn invite(host: &SecretKey, seed: u8, purpose: Purpose) -> Invite {
    let mut randomness = randomness(seed);
    let (number, auth) = (Token::draw(&mut randomness), Token::draw(&mut randomness));
    Invite {
        inviter: host.fingerprint(), address: address("person1"), name: "Pérson (Matrix)".to_owned(), number, auth, purpose
    }
}

fn room() -> Purpose {
    Purpose::Room { id: GroupId::new("lRXNaKr9X7ZSIJyj0hwATy2T").unwrap(), name: "Crew".to_owned() }
}

/// Message 1, in armour, as a guest writes it.
fn first(auth: &Token, password: &str, derivation: StringToKey) -> String {
    let content = format!(
        "From: <guest@org.test>\r\nMessage-ID: <1@localhost>\r\nContent-Type: text/plain; protected-headers=\"v1\"; hp=\"cipher\"\r\n\
        Secure-Join: vc-request-pubkey\r\nSecure-Join-Auth: {}\r\n\r\nSecure-Join",
        auth.as_str()
    );
    let mut randomness = randomness(50);
    let message = MessageBuilder::from_bytes("", content.into_bytes());
    let mut message = message.seipd_v2(&mut randomness, SymmetricKeyAlgorithm::AES128, AeadAlgorithm::Ocb, ChunkSize::C8KiB);
    message.encrypt_with_password(&mut randomness, derivation, &password.into()).unwrap();
    message.to_armored_string(&mut randomness, Default::default()).unwrap()
}

fn salted() -> StringToKey {
    StringToKey::Salted { hash_alg: HashAlgorithm::Sha256, salt: [7; 8] }
}

fn secret(host: &SecretKey, auth: &Token) -> String {
    format!("securejoin/{}/{}", host.fingerprint().upper(), auth.as_str())
}

/// Message 3 of a guest, opened by the host.
fn third(guest: &SecretKey, host: &SecretKey, for_host: &Certificate, fields: &str) -> Opened {
    let mail =
        format!("From: \"Gäst\" <person2@org.test>\r\nTo: <person1@org.test>\r\nMessage-ID: <3@localhost>\r\n{fields}\r\nhi");
    let sealed = seal(mail.as_bytes(), guest, &[for_host], now(), &mut randomness(51)).unwrap();
    Envelope::of(&sealed, &Limits::default()).unwrap().open([host, guest], &Limits::default()).unwrap()
}

fn joining(kind: &str, auth: &Token, guest: &SecretKey) -> String {
    let fingerprint = guest.fingerprint().upper();
    format!("Secure-Join: {kind}\r\nSecure-Join-Auth: {}\r\nSecure-Join-Fingerprint: {fingerprint}\r\n", auth.as_str())
}

#[test]
fn a_guest_with_the_link_gets_the_key_and_becomes_known() {
    let (host_key, guest_key) = (person(1), person(2));
    let invite = Invite::read(&invite(&host_key, 5, Purpose::Contact).link()).unwrap();
    let (own, name) = (address("person1"), "Pérson (Matrix)");
    let host = Host { key: &host_key, address: &own, name };

    let opened = Envelope::of_part(first(&invite.auth, &secret(&host_key, &invite.auth), salted()).as_bytes()).unwrap();
    let opened = opened.open_with(&[invite.auth.secret(&invite.inviter)], &Limits::default()).unwrap();
    assert_eq!(opened.signed(&[guest_key.public()], now()), Ok(Signed::No));
    let request = Request::read(opened.content()).unwrap();
    assert_eq!(*request.token(), invite.auth);
    let answer = request.answer(&opened, &invite, &host, "2@org.test", now(), &mut randomness(6)).unwrap();
    let Answer::Key { to, mail } = answer else { panic!("{answer:?}") };
    assert_eq!(to.as_str(), "guest@org.test");
    assert_eq!(packets(&mail), (vec![3, 18], 2));
    assert_eq!(fields(&mail, "Message-ID"), ["<2@org.test>"]);
    let second = Envelope::of(&mail, &Limits::default()).unwrap();
    let second = second.open_with(&[SharedSecret::new(secret(&host_key, &invite.auth))], &Limits::default()).unwrap();
    assert_eq!(fields(second.content(), "Secure-Join"), ["vc-pubkey"]);
    assert_eq!(fields(second.content(), "Secure-Join-Auth"), [invite.auth.as_str()]);
    assert_eq!(fields(second.content(), "From"), ["<person1@org.test>"]);
    let host_certificate = Autocrypt::read(&fields(second.content(), "Autocrypt")[0]).unwrap().certificate;
    assert_eq!(host_certificate.fingerprint(), invite.inviter);
    assert!(matches!(second.signed(&[&host_certificate], now()), Ok(Signed::By(_))));

    let opened = third(&guest_key, &host_key, &host_certificate, &joining("vc-request-with-auth", &invite.auth, &guest_key));
    let request = Request::read(opened.content()).unwrap();
    let answer = request.answer(&opened, &invite, &host, "4@org.test", now(), &mut randomness(7)).unwrap();
    let Answer::Contact { guest, mail } = answer else { panic!("{answer:?}") };
    assert_eq!((guest.address.as_str(), guest.name.as_str()), ("person2@org.test", "Gäst"));
    assert!(guest.certificate == *guest_key.public());
    assert_eq!(packets(&mail), (vec![1, 1, 18], 2));
    let fourth = Envelope::of(&mail, &Limits::default()).unwrap().open([&guest_key], &Limits::default()).unwrap();
    assert_eq!(fields(fourth.content(), "Secure-Join"), ["vc-contact-confirm"]);
    let gossip = Autocrypt::read(&fields(fourth.content(), "Autocrypt-Gossip")[0]).unwrap();
    assert!(gossip.certificate == *guest_key.public() && gossip.address == guest.address);
    assert!(matches!(fourth.signed(&[&host_certificate], now()), Ok(Signed::By(_))));
}

#[test]
fn a_guest_of_a_room_is_to_be_added_by_its_own_message() {
    let (host_key, guest_key, own) = (person(1), person(2), address("person1"));
    let invite = invite(&host_key, 5, room());
    let host = Host { key: &host_key, address: &own, name: "" };
    for named in ["", "Secure-Join-Group: lRXNaKr9X7ZSIJyj0hwATy2T\r\n"] {
        let fields = joining("vg-request-with-auth", &invite.auth, &guest_key) + named;
        let opened = third(&guest_key, &host_key, host_key.public(), &fields);
        let answer = Request::read(opened.content()).unwrap().answer(&opened, &invite, &host, "4@x", now(), &mut randomness(7));
        let Ok(Answer::Room { guest, room }) = answer else { panic!("{answer:?}") };
        assert_eq!(room.as_str(), "lRXNaKr9X7ZSIJyj0hwATy2T");
        assert!(guest.certificate == *guest_key.public());
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let (host_key, guest_key, mallory, own) = (person(1), person(2), person(3), address("person1"));
    let invited = invite(&host_key, 5, Purpose::Contact);
    let host = Host { key: &host_key, address: &own, name: "Host" };
    let refused = |opened: &Opened, invite: &Invite, host: &Host<'_>| {
        let answer = Request::read(opened.content()).unwrap().answer(opened, invite, host, "4@x", now(), &mut randomness(7));
        answer.map(|answer| panic!("{answer:?}")).unwrap_err()
    };
    let fields = joining("vc-request-with-auth", &invited.auth, &guest_key);
    let good = third(&guest_key, &host_key, host_key.public(), &fields);
    assert_eq!(refused(&good, &invite(&host_key, 6, Purpose::Contact), &host), Refusal::OtherInvitation, "another token");
    let other_room = Invite { purpose: room(), ..invited.clone() };
    let named = fields.clone().replace("vc-", "vg-") + "Secure-Join-Group: another-room\r\n";
    let opened = third(&guest_key, &host_key, host_key.public(), &named);
    assert_eq!(refused(&opened, &other_room, &host), Refusal::OtherInvitation, "another room");
    assert_eq!(refused(&opened, &invited, &host), Refusal::OtherInvitation, "a room with a contact's token");
    let other_host = Host { key: &mallory, ..host };
    assert_eq!(refused(&good, &invited, &other_host), Refusal::OtherInvitation, "another host");
    let elsewhere = third(&guest_key, &mallory, mallory.public(), &fields);
    assert_eq!(refused(&elsewhere, &invited, &Host { key: &host_key, ..host }), Refusal::NotSealedSo, "opened by another key");
    let claims = joining("vc-request-with-auth", &invited.auth, &mallory);
    let opened = third(&guest_key, &host_key, host_key.public(), &claims);
    assert_eq!(refused(&opened, &invited, &host), Refusal::NotSigned, "another fingerprint than that of the key");

    let asked = Envelope::of_part(first(&invited.auth, "channel secret", salted()).as_bytes()).unwrap();
    let asked = asked.open_with(&[SharedSecret::new("channel secret".to_owned())], &Limits::default()).unwrap();
    assert_eq!(
        refused(&asked, &invite(&host_key, 6, Purpose::Contact), &host),
        Refusal::OtherInvitation,
        "another token in step 1"
    );
    let sealed = joining("vc-request-pubkey", &invited.auth, &guest_key);
    let opened = third(&guest_key, &host_key, host_key.public(), &sealed);
    assert_eq!(refused(&opened, &invited, &host), Refusal::NotSealedSo, "step 1 sealed for a key");
}

#[test]
fn a_costly_derivation_of_the_secret_is_not_tried() {
    let (host, auth) = (person(1), Token::draw(&mut randomness(5)));
    let costly = StringToKey::IteratedAndSalted { hash_alg: HashAlgorithm::Sha256, salt: [7; 8], count: 255 };
    let message = first(&auth, &secret(&host, &auth), costly);
    let opened =
        Envelope::of_part(message.as_bytes()).unwrap().open_with(&[auth.secret(&host.fingerprint())], &Limits::default());
    assert_eq!(opened.err(), Some(OpenError::Malformed));
}

#[test]
fn links_are_written_as_delta_chat_writes_them() {
    let host = person(1);
    let fingerprint = host.fingerprint().upper();
    let invite = |purpose| Invite {
        inviter: host.fingerprint(),
        address: dreiklang_openpgp::MailAddress::new("matrix.a_b=hs.example@gw.example").unwrap(),
        name: "Älice (Matrix) of the whole wide world".to_owned(),
        number: Token::new("abPNwvQgd1A8fWmqB211aDHV").unwrap(),
        auth: Token::new("H0rr_N1E4ihNSfNLqJK2FH-u").unwrap(),
        purpose,
    };
    let tokens = "i=abPNwvQgd1A8fWmqB211aDHV&s=H0rr_N1E4ihNSfNLqJK2FH-u&a=matrix.a_b%3Dhs.example%40gw.example";
    assert_eq!(
        invite(Purpose::Contact).link(),
        format!("https://i.delta.chat/#{fingerprint}&v=3&{tokens}&n=%C3%84lice+%28Matrix%29+of+the+wh_")
    );
    assert_eq!(
        invite(room()).link(),
        format!("https://i.delta.chat/#{fingerprint}&v=3&x=lRXNaKr9X7ZSIJyj0hwATy2T&{tokens}&n=%C3%84lice+%28Matrix%29+_&g=Crew")
    );
    let code = format!("OPENPGP4FPR:{}#v=3&{tokens}&n=%C3%84lice", fingerprint.to_lowercase());
    let read = Invite::read(&code).unwrap();
    assert_eq!((read.name.as_str(), read.inviter), ("Älice", host.fingerprint()));
    for broken in [
        "",
        "https://i.delta.chat/",
        "https://i.delta.chat/#",
        &code[..60],
        &code.replace("i=", "j="),
        &code.replace("%40", "%0a"),
    ] {
        assert_eq!(Invite::read(broken).err(), Some(NoInvite), "{broken}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn links_are_read_back(name in "\\PC{0,25}", room_name in "[^\\p{Cc}]{0,25}", is_room: bool, seed: u8) {
        let purpose = match is_room {
            true => Purpose::Room { id: GroupId::draw(&mut randomness(seed)), name: room_name },
            false => Purpose::Contact,
        };
        let name = if is_room { name.chars().take(16).collect() } else { name };
        let written = Invite { name, ..invite(&person(1), seed, purpose) };
        let link = written.link();
        prop_assert!(link.is_ascii() && !link.contains([' ', '<', '"']));
        prop_assert!(Invite::read(&link) == Ok(written));
    }
}
