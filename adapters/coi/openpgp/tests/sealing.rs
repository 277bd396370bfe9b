// SPDX-License-Identifier: EUPL-1.2
//! What is sealed opens again for each recipient and for nobody else, unchanged; outside stands nothing of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod common;

use common::{fields, mail, now, packets, person, randomness, with_breaks};
use dreiklang_openpgp::{
    Autocrypt, Certificate, Envelope, Limits, OpenError, Opener, SealError, SecretKey, Signed, seal, seal_letter, unsealed,
};
use proptest::prelude::*;

fn opened_by(sealed: &[u8], key: &SecretKey) -> Result<dreiklang_openpgp::Opened, OpenError> {
    let envelope = Envelope::of(sealed, &Limits::default())?;
    envelope.open([key], &Limits::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn each_recipient_opens_it_and_nobody_else(body in "(?s).{0,2000}", recipients in 1u8..=4, seed: u8) {
        let (sender, stranger) = (person(1), person(9));
        let keys: Vec<SecretKey> = (2..2 + recipients).map(person).collect();
        let to: Vec<&Certificate> = keys.iter().map(SecretKey::public).collect();
        let sealed = seal(&mail(&body), &sender, &to, now(), &mut randomness(seed)).unwrap();
        let everybody: Vec<_> = [sender.fingerprint()].into_iter().chain(keys.iter().map(SecretKey::fingerprint)).collect();
        for key in keys.iter().chain([&sender]) {
            let opened = opened_by(&sealed, key).unwrap();
            prop_assert_eq!(opened.opener(), Opener::Key(key.fingerprint()));
            let end = ["\r\n\r\n", &body].concat();
            prop_assert!(opened.content().ends_with(end.as_bytes()));
            let Signed::By(signer) = opened.signed(&[stranger.public(), sender.public()], now()).unwrap() else { panic!("not signed") };
            prop_assert_eq!(signer.fingerprint, sender.fingerprint());
            prop_assert_eq!(signer.at, now());
            prop_assert_eq!(&signer.recipients, &everybody);
            prop_assert_eq!(opened.signed(&[stranger.public()], now()), Ok(Signed::Unknown(vec![sender.fingerprint()])));
        }
        prop_assert_eq!(opened_by(&sealed, &stranger).err(), Some(OpenError::NoKey));
    }
}

#[test]
fn several_of_our_keys_are_addressed_and_it_is_opened_once() {
    let (sender, ours) = (person(1), [person(2), person(3), person(4)]);
    let sealed = seal(&mail("hi"), &sender, &[ours[1].public(), ours[2].public()], now(), &mut randomness(0)).unwrap();
    let envelope = Envelope::of(&sealed, &Limits::default()).unwrap();
    let opened = envelope.open(&ours, &Limits::default()).unwrap();
    let Signed::By(signer) = opened.signed(&[sender.public()], now()).unwrap() else { panic!("not signed") };
    let addressed: Vec<_> =
        ours.iter().filter(|key| signer.recipients.contains(&key.fingerprint())).map(SecretKey::fingerprint).collect();
    assert_eq!(addressed, [ours[1].fingerprint(), ours[2].fingerprint()]);
}

#[test]
fn outside_stands_the_sender_the_id_a_blurred_date_and_nothing_else() {
    let sender = person(1);
    let mut dates = std::collections::HashSet::new();
    for seed in 0..20 {
        let sealed = seal(&mail("hi"), &sender, &[person(2).public()], now(), &mut randomness(seed)).unwrap();
        let text = String::from_utf8(sealed.clone()).unwrap();
        assert!(text.split("\r\n").all(|line| line.len() <= 78 && !line.contains('\n')));
        let outer = mail_parser::MessageParser::default().parse(&sealed).unwrap();
        let names: Vec<_> = outer.headers_raw().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(names, ["From", "Date", "Message-ID", "To", "Subject", "MIME-Version", "Content-Type"]);
        assert_eq!(fields(&sealed, "From"), ["<person1@org.test>"]);
        assert_eq!(fields(&sealed, "To"), ["\"hidden-recipients\": ;"]);
        assert_eq!(fields(&sealed, "Subject"), ["[...]"]);
        assert_eq!(fields(&sealed, "Message-ID"), ["<1.2@org.test>"]);
        let date = outer.date().unwrap().to_timestamp();
        let earlier = now().as_millis() / 1000 - date;
        assert!((0..6 * 24 * 60 * 60).contains(&earlier), "{earlier}");
        dates.insert(date);

        let opened = opened_by(&sealed, &person(2)).unwrap();
        let content = opened.content();
        assert_eq!(
            fields(content, "Content-Type"),
            ["text/plain; charset=\"utf-8\";\r\n protected-headers=\"v1\"; hp=\"cipher\""]
        );
        let said_again = fields(content, "HP-Outer");
        let expected =
            ["From", "Date", "Message-ID", "To", "Subject"].map(|name| format!("{name}: {}", fields(&sealed, name)[0]));
        assert_eq!(said_again, expected);
        assert_eq!(fields(content, "Subject"), ["a secret"]);
        assert_eq!(fields(content, "Date"), ["Tue, 24 Nov 2026 07:00:00 +0000"]);
        assert!(fields(content, "Bcc").is_empty() && fields(content, "MIME-Version").is_empty());
        let autocrypt = dreiklang_openpgp::Autocrypt::read(&fields(content, "Autocrypt")[0]).unwrap();
        assert!(autocrypt.mutual && autocrypt.certificate == *sender.public());
        assert_eq!(&*unsealed(&sealed, content), content);
    }
    assert!(dates.len() > 15, "the date does not vary");
}

/// chatmail lets pass only messages that are session keys and one container.
#[test]
fn a_relay_lets_it_pass() {
    let sealed = seal(&mail("hi"), &person(1), &[person(2).public(), person(3).public()], now(), &mut randomness(0)).unwrap();
    assert_eq!(packets(&sealed), (vec![1, 1, 1, 18], 2));
    let text = with_breaks(&sealed);
    assert!(text.contains("\r\n\r\nVersion: 1\r\n\r\n--") && text.contains("\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\n"));
    // A large one comes in several chunks; a compressed one is smaller than its content.
    let noise: String =
        (0..200_000u32).map(|number| char::from(b'a' + (number.wrapping_mul(2_654_435_761) >> 27) as u8 % 26)).collect();
    let sealed = seal(&mail(&noise), &person(1), &[person(2).public()], now(), &mut randomness(0)).unwrap();
    assert_eq!(packets(&sealed), (vec![1, 1, 18], 2));
    assert!(opened_by(&sealed, &person(2)).unwrap().content().ends_with(noise.as_bytes()));
    let sealed =
        seal(&mail(&"all the same ".repeat(10_000)), &person(1), &[person(2).public()], now(), &mut randomness(0)).unwrap();
    assert!(sealed.len() < 10_000, "{}", sealed.len());
}

#[test]
fn what_cannot_be_sealed_is_refused() {
    let (sender, other) = (person(1), person(2));
    let sealed = |mail: &[u8]| seal(mail, &sender, &[other.public()], now(), &mut randomness(0)).err();
    assert_eq!(sealed(b"Message-ID: <1@x>\r\n\r\nhi"), Some(SealError::NoSender));
    assert_eq!(sealed(b"From: a@x.example, b@x.example\r\nMessage-ID: <1@x>\r\n\r\nhi"), Some(SealError::NoSender));
    assert_eq!(sealed(b"From: a@x.example\r\n\r\nhi"), Some(SealError::NoMessageId));
    assert_eq!(sealed(b"From: a@x.example\r\nMessage-ID: 1@x\r\n\r\nhi"), Some(SealError::NoMessageId));
    assert_eq!(sealed(b"From: a@x.example\r\nMessage-ID: <1@x>\r\n\r\nhi"), None);
    let long_ago = dreiklang_model::Timestamp::from_millis(0);
    let refused = seal(&mail("hi"), &sender, &[other.public()], long_ago, &mut randomness(0)).err();
    assert_eq!(refused, Some(SealError::Unusable(sender.fingerprint())), "keys that are not made yet");
}

#[test]
fn a_changed_mail_is_never_taken_for_the_one_that_was_sent() {
    let (sender, other) = (person(1), person(2));
    let sealed = seal(&mail("attack at dawn"), &sender, &[other.public()], now(), &mut randomness(0)).unwrap();
    let start = sealed.windows(4).position(|window| window == b"MESS").unwrap() + 30;
    let content = opened_by(&sealed, &other).unwrap().content().to_vec();
    let mut errors = Vec::new();
    for at in (start..sealed.len() - 80).step_by(3) {
        let mut changed = sealed.clone();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        match opened_by(&changed, &other) {
            // A session key for somebody else may be broken, and base64 that ends a line may be the same.
            Ok(opened) => assert_eq!(opened.content(), content),
            Err(error) => errors.push(error),
        }
    }
    assert!(errors.iter().filter(|error| **error == OpenError::Changed).count() > 100, "{errors:?}");
    for keep in [sealed.len() / 2, sealed.len() - 200, start, 500] {
        let cut = [&sealed[..keep], b"\r\n-----END PGP MESSAGE-----\r\n"].concat();
        assert!(opened_by(&cut, &other).is_err(), "{keep}");
    }
}

#[test]
fn limits_hold() {
    let (sender, other) = (person(1), person(2));
    let bomb = seal(&mail(&"0".repeat(3_000_000)), &sender, &[other.public()], now(), &mut randomness(0)).unwrap();
    assert!(bomb.len() < 20_000, "{}", bomb.len());
    let open = |limits: Limits| {
        Envelope::of(&bomb, &limits)?.open([&person(8), &person(7), &other], &limits).map(|opened| opened.content().len())
    };
    let limits = Limits::default();
    assert!(open(limits).unwrap() > 3_000_000);
    assert_eq!(open(Limits { content: 2_999_999, ..limits }), Err(OpenError::TooLarge));
    assert_eq!(open(Limits { mail: bomb.len() - 1, ..limits }), Err(OpenError::TooLarge));
    assert_eq!(open(Limits { trials: 4, ..limits }), Err(OpenError::TooLarge), "two keys that do not fit, two session keys each");
    assert!(open(Limits { trials: 6, ..limits }).is_ok());
}

#[test]
fn a_letter_shows_what_mail_programs_sort_by_and_neither_subject_nor_text() {
    let (sender, reader) = (person(1), person(2));
    let mail = "From: \"Person One\" <person1@org.test>\r\nTo: <person2@org.test>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n\
                Message-ID: <1.2@org.test>\r\nIn-Reply-To: <0@org.test>\r\nReferences: <0@org.test>\r\nSubject: dismissal\r\n\
                Content-Type: text/plain; charset=\"utf-8\"\r\n\r\nsecret";
    let sealed = seal_letter(mail.as_bytes(), &sender, &[reader.public()], now(), &mut randomness(1)).unwrap();
    for (name, value) in [
        ("From", "\"Person One\" <person1@org.test>"),
        ("To", "<person2@org.test>"),
        ("Date", "Tue, 24 Nov 2026 10:00:00 +0000"),
        ("Message-ID", "<1.2@org.test>"),
        ("In-Reply-To", "<0@org.test>"),
        ("References", "<0@org.test>"),
        ("Subject", "..."),
    ] {
        assert_eq!(fields(&sealed, name), [value], "{name}");
    }
    let text = String::from_utf8(sealed.clone()).unwrap();
    assert!(!text.contains("dismissal") && !text.contains("secret"));
    let [key] = fields(&sealed, "Autocrypt").try_into().unwrap();
    assert!(Autocrypt::read(&key).unwrap().certificate == *sender.public());
    let opened = opened_by(&sealed, &reader).unwrap();
    assert!(matches!(opened.signed(&[sender.public()], now()), Ok(Signed::By(_))));
    assert_eq!(fields(opened.content(), "Subject"), ["dismissal"]);
}
