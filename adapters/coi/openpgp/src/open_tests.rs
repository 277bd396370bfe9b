// SPDX-License-Identifier: EUPL-1.2
//! What only shows from inside: packets in an order that nobody should send, and mail that was sealed anew for somebody else.

use super::*;
use crate::{address::MailAddress, randomness::Randomness, seal::seal};

fn now() -> Timestamp {
    Timestamp::from_millis(1_795_500_000_000)
}

fn person(number: u8) -> SecretKey {
    let address = MailAddress::new(&format!("person{number}@org.test")).unwrap();
    SecretKey::generate(&address, now(), &mut Randomness::from_seed([number; 32])).unwrap()
}

/// A packet in the new format with a short body.
fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[0xc0 | kind, u8::try_from(body.len()).unwrap()], body].concat()
}

fn literal(text: &str) -> Vec<u8> {
    packet(11, &[b"b\0\0\0\0\0", text.as_bytes()].concat())
}

/// Packets behind the octet that says "not compressed".
fn compressed(packets: &[u8]) -> Vec<u8> {
    packet(8, &[&[0], packets].concat())
}

#[test]
fn one_content_at_most_once_compressed() {
    let marker = packet(10, b"PGP");
    let padding = packet(21, &[1, 2, 3]);
    // A one-pass signature of version 3 by the key with this id.
    let announced = packet(4, &[3, 0, 8, 22, 1, 2, 3, 4, 5, 6, 7, 8, 1]);
    let read = |packets: &[Vec<u8>]| unpacked(&packets.concat(), &Limits::default(), true).map(|(content, _)| content);
    let hello = Ok(b"hello".to_vec());
    assert_eq!(read(&[literal("hello")]), hello);
    assert_eq!(read(&[marker.clone(), compressed(&literal("hello")), padding.clone()]), hello);
    assert_eq!(read(&[compressed(&[announced.clone(), literal("hello")].concat())]), hello);
    for refused in [
        vec![],
        vec![marker],
        vec![compressed(&compressed(&literal("hello")))],
        vec![literal("hello"), literal("more")],
        vec![literal("hello"), compressed(&literal("more"))],
        vec![literal("hello"), announced.clone()],
        vec![announced.clone(), compressed(&literal("hello"))],
        vec![announced.repeat(9), literal("hello")],
        vec![packet(18, &[1, 2, 3]), literal("hello")],
        vec![packet(60, b"private"), literal("hello")],
        vec![literal("hello"), vec![0xca, 3, b'P']],
    ] {
        assert_eq!(read(&refused), Err(OpenError::Malformed), "{refused:?}");
    }
    let small = Limits { content: 4, ..Limits::default() };
    assert_eq!(unpacked(&compressed(&literal("hello")), &small, true), Err(OpenError::TooLarge));
}

/// Bob opens a mail that Alice signed for him, and seals its signed content anew for Carol, as if Alice had written to her.
#[test]
fn a_mail_that_was_signed_for_another_is_dropped() {
    let (alice, bob, carol) = (person(1), person(2), person(3));
    let mail = b"From: <person1@org.test>\r\nMessage-ID: <1@org.test>\r\n\r\nMeet me at noon";
    let sealed = seal(mail, &alice, &[bob.public()], now(), &mut Randomness::from_seed([9; 32])).unwrap();
    let opened = Envelope::of(&sealed, &Limits::default()).unwrap().open([&bob], &Limits::default()).unwrap();
    assert!(matches!(opened.signed(&[alice.public()], now()), Ok(Signed::By(_))));
    let forwarded = Opened { opener: Opener::Key(carol.fingerprint()), ..opened };
    assert_eq!(forwarded.signed(&[alice.public()], now()), Err(Misdirected));

    let changed =
        Opened { content: [forwarded.content.as_slice(), b"!"].concat(), opener: Opener::Key(bob.fingerprint()), ..forwarded };
    assert_eq!(changed.signed(&[alice.public()], now()), Ok(Signed::Unknown(vec![alice.fingerprint()])));
}

#[test]
fn a_signature_from_the_future_does_not_count() {
    let (alice, bob) = (person(1), person(2));
    let mail = b"From: <person1@org.test>\r\nMessage-ID: <1@org.test>\r\n\r\nhi";
    let sealed = seal(mail, &alice, &[bob.public()], now(), &mut Randomness::from_seed([9; 32])).unwrap();
    let opened = Envelope::of(&sealed, &Limits::default()).unwrap().open([&bob], &Limits::default()).unwrap();
    let earlier = |hours: i64| Timestamp::from_millis(now().as_millis() - hours * 60 * 60 * 1000);
    assert!(matches!(opened.signed(&[alice.public()], earlier(23)), Ok(Signed::By(_))), "clocks differ");
    assert!(matches!(opened.signed(&[alice.public()], earlier(25)), Ok(Signed::Unknown(_))));
}
