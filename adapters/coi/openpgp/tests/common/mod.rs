// SPDX-License-Identifier: EUPL-1.2
//! What several test files need: people with keys, a mail, a moment, and the recorded messages.

#![allow(dead_code, clippy::unwrap_used, reason = "each test file takes what it needs; this is a test")]

use std::path::Path;

use dreiklang_model::Timestamp;
use dreiklang_openpgp::{MailAddress, Randomness, SecretKey};

/// The day after the samples were recorded.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(1_795_500_000_000)
}

pub(crate) fn randomness(seed: u8) -> Randomness {
    Randomness::from_seed([seed; 32])
}

pub(crate) fn address(name: &str) -> MailAddress {
    MailAddress::new(&format!("{name}@org.test")).unwrap()
}

/// Always the same key for the same number.
pub(crate) fn person(number: u8) -> SecretKey {
    SecretKey::generate(&address(&format!("person{number}")), now(), &mut randomness(number)).unwrap()
}

/// A mail of person 1 as it would stand readable.
pub(crate) fn mail(body: &str) -> Vec<u8> {
    let head = "From: \"Person\" <person1@org.test>\r\nTo: \"Other\" <person2@org.test>\r\nBcc: <person3@org.test>\r\nMIME-Version: 1.0\r\n\
        Message-ID: <1.2@org.test>\r\nDate: Tue, 24 Nov 2026 07:00:00 +0000\r\nSubject: a secret\r\nChat-Version: 1.0\r\n\
        Content-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
    [head, body].concat().into_bytes()
}

pub(crate) fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name)).unwrap()
}

/// Line breaks as on the wire.
pub(crate) fn with_breaks(text: &[u8]) -> String {
    String::from_utf8_lossy(text).replace("\r\n", "\n").replace('\n', "\r\n")
}

/// The unfolded values of a header field, read without the crate.
pub(crate) fn fields(mail: &[u8], name: &str) -> Vec<String> {
    let text = with_breaks(mail);
    let head = text.split("\r\n\r\n").next().unwrap();
    let lines = head.replace("\r\n ", "\n ");
    let prefix = format!("{name}: ");
    lines.split("\r\n").filter_map(|line| line.strip_prefix(&prefix)).map(|value| value.replace("\n ", "\r\n ")).collect()
}

/// The kinds of packets of an armoured message, in order, and the first octet of the last one's body (its version). It is a message only
/// when each packet has the new format and ends where it says: so chatmail's filter looks at mail before it lets it pass.
pub(crate) fn packets(mail: &[u8]) -> (Vec<u8>, u8) {
    use base64::Engine;
    let text = with_breaks(mail);
    let inside =
        text.split_once("-----BEGIN PGP MESSAGE-----\r\n\r\n").unwrap().1.split_once("-----END PGP MESSAGE-----").unwrap().0;
    let digits: String = inside.lines().filter(|line| !line.starts_with('=')).collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(digits).unwrap();
    let (mut kinds, mut version, mut at) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        assert_eq!(bytes[at] & 0xc0, 0xc0, "a packet in the old format");
        kinds.push(bytes[at] & 0x3f);
        at += 1;
        let mut first = true;
        loop {
            let (length, header, partial) = match bytes[at] {
                octet @ 0..=191 => (usize::from(octet), 1, false),
                octet @ 192..=223 => (((usize::from(octet) - 192) << 8) + usize::from(bytes[at + 1]) + 192, 2, false),
                octet @ 224..=254 => (1 << (octet & 0x1f), 1, true),
                255 => (usize::try_from(u32::from_be_bytes(bytes[at + 1..at + 5].try_into().unwrap())).unwrap(), 5, false),
            };
            if first {
                version = bytes[at + header];
                first = false;
            }
            at += header + length;
            if !partial {
                break;
            }
        }
    }
    assert_eq!(at, bytes.len(), "a packet that ends elsewhere");
    (kinds, version)
}
