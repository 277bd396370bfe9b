// SPDX-License-Identifier: EUPL-1.2
//! Messages recorded from Delta Chat 2.65: read as it wrote them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod common;

use common::{fields, now, packets, person, sample, with_breaks};
use dreiklang_openpgp::{
    Autocrypt, Card, Envelope, Fingerprint, Limits, Lock, OpenError, Opener, SharedSecret, Signed, Standing,
    securejoin::{Request, Token},
    unsealed,
};

const ALICE: &str = "23FFDF25F6B2468B6D6E0A93B1F10A5E88ACA144";
const BOB: &str = "81226ECEE7DD6B73991DE5C7181A8C89EF895E84";
const CAROL: &str = "B668262983C94EF7286B923128BA44E58943B661";
/// The token of the link by which Bob came to Alice; it is of no use to anybody any more.
const TOKEN: &str = "BlBA7utw0hAdoJBLTV2bT2de";

fn autocrypt(sample_name: &str, field: &str) -> Vec<(String, Autocrypt)> {
    let texts = fields(&sample(sample_name), field);
    texts.into_iter().map(|text| (text.clone(), Autocrypt::read(&text).unwrap())).collect()
}

#[test]
fn keys_are_read_and_written_again_octet_for_octet() {
    for (name, address, fingerprint) in [
        ("enc-01-text.decrypted.eml", "alice@org.test", ALICE),
        ("enc-02-read-receipt.decrypted.eml", "bob@org.test", BOB),
        ("enc-00-securejoin-2.decrypted.eml", "alice@org.test", ALICE),
    ] {
        let [(text, read)] = &autocrypt(name, "Autocrypt")[..] else { panic!("{name}") };
        assert_eq!(read.address.as_str(), address);
        assert!(read.mutual);
        assert_eq!(read.certificate.fingerprint(), Fingerprint::parse(fingerprint).unwrap());
        assert_eq!(read.certificate.relays(), std::slice::from_ref(&read.address));
        assert_eq!(read.certificate.addresses(), std::slice::from_ref(&read.address));
        assert!(read.certificate.reads_seipd_v2() && read.certificate.can_receive(now()));
        assert_eq!(read.certificate.standing(now()), Standing::Valid);
        assert_eq!(&read.field(), text);
    }
    let gossip = autocrypt("enc-13-group-add.decrypted.eml", "Autocrypt-Gossip");
    let who: Vec<_> = gossip.iter().map(|(_, read)| read.certificate.fingerprint().upper()).collect();
    assert_eq!(who, [CAROL, BOB]);
    assert!(gossip.iter().all(|(text, read)| read.gossip() == *text && !read.mutual));
}

#[test]
fn a_key_of_ours_has_the_shape_of_theirs() {
    let theirs = &autocrypt("enc-01-text.decrypted.eml", "Autocrypt")[0].1.certificate;
    let ours = person(1);
    assert_eq!(kinds(ours.public().as_bytes()), kinds(theirs.as_bytes()));
}

/// The kinds of packets of a key.
fn kinds(key: &[u8]) -> Vec<pgp::types::Tag> {
    pgp::packet::PacketParser::new(key).map(|packet| pgp::packet::PacketTrait::tag(&packet.unwrap())).collect()
}

#[test]
fn envelopes_are_found_and_show_only_how_many_they_are_for() {
    for (name, expected, lock) in [
        ("enc-01-text.eml", vec![1, 1, 18], Lock::Keys),
        ("enc-02-read-receipt.eml", vec![1, 1, 18], Lock::Keys),
        ("enc-13-group-add.eml", vec![1, 1, 1, 18], Lock::Keys),
        ("enc-22-vcard.eml", vec![1, 1, 18], Lock::Keys),
        ("ghost-E2-text.eml", vec![1, 1, 18], Lock::Keys),
        ("ghost-F1-roomjoin-3.eml", vec![1, 1, 18], Lock::Keys),
        ("enc-00-securejoin.eml", vec![3, 18], Lock::Secret),
        ("enc-25-channel-msg.eml", vec![3, 18], Lock::Secret),
        ("ghost-E1-securejoin.eml", vec![3, 18], Lock::Secret),
    ] {
        let mail = sample(name);
        assert_eq!(packets(&mail), (expected, 2), "{name}");
        let envelope = Envelope::of(&mail, &Limits::default()).unwrap();
        assert_eq!(envelope.lock(), Ok(lock), "{name}");
        assert_eq!(envelope.open([&person(1)], &Limits::default()).err(), Some(OpenError::NoKey), "{name}");
        let secret = SharedSecret::new("another".to_owned());
        assert_eq!(envelope.open_with(&[secret], &Limits::default()).err(), Some(OpenError::NoKey), "{name}");
    }
    for name in ["plain-01-first-text.eml", "hand-17-dsn.eml", "enc-01-text.decrypted.eml"] {
        assert_eq!(Envelope::of(&sample(name), &Limits::default()).err(), Some(OpenError::NotSealed), "{name}");
    }
}

#[test]
fn an_envelope_mangled_by_a_mail_server_is_found() {
    let mail = with_breaks(&sample("enc-01-text.eml"));
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    let (_, kind) = head.split_once("Content-Type: ").unwrap();
    let boundary = kind.split_once("boundary=\"").unwrap().1.trim_end_matches('"');
    let footer = "--outer\r\nContent-Type: text/plain\r\n\r\nCompany footer\r\n--outer\r\n";
    let mixed = "From: <alice@org.test>\r\nContent-Type: multipart/mixed; boundary=\"outer\"\r\n\r\n";
    let wrapped = format!("{mixed}{footer}Content-Type: {kind}\r\n\r\n{body}\r\n--outer--\r\n");
    let flattened =
        format!("{mixed}{footer}{}", body.split_once(&format!("--{boundary}\r\n")).unwrap().1.replace(boundary, "outer"));
    for mangled in [wrapped, flattened] {
        let envelope = Envelope::of(mangled.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(envelope.lock(), Ok(Lock::Keys));
    }
}

#[test]
fn the_handshake_of_two_delta_chats_opens_with_the_token_of_its_link() {
    let alice = Fingerprint::parse(ALICE).unwrap();
    let token = Token::new(TOKEN).unwrap();
    let secrets = [SharedSecret::new("another".to_owned()), token.secret(&alice)];
    let certificate = &autocrypt("enc-01-text.decrypted.eml", "Autocrypt")[0].1.certificate;
    for (name, step) in [("enc-00-securejoin", "vc-request-pubkey"), ("enc-00-securejoin-2", "vc-pubkey")] {
        let mail = sample(&format!("{name}.eml"));
        let opened = Envelope::of(&mail, &Limits::default()).unwrap().open_with(&secrets, &Limits::default()).unwrap();
        assert_eq!(opened.opener(), Opener::Secret(1));
        assert_eq!(with_breaks(opened.content()), with_breaks(&sample(&format!("{name}.decrypted.eml"))));
        assert_eq!(fields(opened.content(), "Secure-Join"), [step]);
        assert_eq!(&*unsealed(&mail, opened.content()), opened.content());
        match opened.signed(&[certificate], now()).unwrap() {
            Signed::No => assert_eq!(step, "vc-request-pubkey"),
            Signed::By(signer) => assert_eq!((step, signer.fingerprint), ("vc-pubkey", alice)),
            Signed::Unknown(_) => panic!("{step} is not signed by Alice"),
        }
    }
}

#[test]
fn only_the_two_messages_of_a_guest_are_requests() {
    let token = |name: &str| Request::read(&sample(name)).map(|request| request.token().as_str().to_owned());
    assert_eq!(token("enc-00-securejoin.decrypted.eml").as_deref(), Some(TOKEN));
    assert_eq!(token("enc-00-securejoin-3.decrypted.eml").as_deref(), Some(TOKEN));
    assert_eq!(token("enc-24-channel-join.decrypted.eml").as_deref(), Some("lqdzLst0LBaXwwUpwWo72-Li"));
    for name in ["enc-00-securejoin-2.decrypted.eml", "enc-00-securejoin-4.decrypted.eml", "enc-01-text.decrypted.eml"] {
        assert_eq!(token(name), None, "{name}");
    }
}

#[test]
fn a_shared_contact_is_read_and_written_as_delta_chat_does() {
    let mail = sample("enc-22-vcard.decrypted.eml");
    let parsed = mail_parser::MessageParser::default().parse(&mail).unwrap();
    let file = parsed.attachments().next().unwrap().text_contents().unwrap().to_owned();
    let [card] = &Card::read(&file)[..] else { panic!("not one card") };
    assert_eq!((card.address.as_str(), card.name.as_str()), ("carol@org.test", "Carol"));
    assert_eq!(card.certificate.as_ref().unwrap().fingerprint().upper(), CAROL);
    // 2026-11-23 04:46:47, as in the sample.
    let revised = dreiklang_model::Timestamp::from_millis(1_795_409_207_000);
    assert_eq!(card.write(revised).trim_end(), with_breaks(file.as_bytes()).trim_end());
}
