// SPDX-License-Identifier: EUPL-1.2
//! Bytes of strangers: real messages, changed at random places. Whatever they have become, reading them ends without a panic, and no
//! changed mail counts as signed.

#![allow(clippy::unwrap_used, reason = "this is a test")]

mod common;

use common::{address, mail, now, person, randomness, sample};
use dreiklang_openpgp::{
    Autocrypt, Card, Certificate, Envelope, Limits, Randomness, SecretKey, Signed, seal,
    securejoin::{Invite, Request, Token},
    unsealed,
};
use rand_chacha::rand_core::RngCore;
use secrecy::ExposeSecret;

/// How many changed copies of each message are read.
const COPIES: usize = 120;

/// Changes some octets, repeats or drops a stretch, or cuts.
fn changed(bytes: &[u8], randomness: &mut Randomness) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut below = |bound: usize| usize::try_from(randomness.next_u64()).unwrap() % bound.max(1);
    for _ in 0..=below(4) {
        let (at, length) = (below(bytes.len()), below(40));
        let end = (at + length).min(bytes.len());
        match below(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let stretch = bytes[at..end].to_vec();
                bytes.splice(at..at, stretch);
            }
            3 => bytes[at..end].fill(u8::try_from(below(256)).unwrap()),
            _ if at < bytes.len() => bytes[at] = u8::try_from(below(256)).unwrap(),
            _ => {}
        }
    }
    bytes
}

#[test]
fn sealed_mail() {
    let (sender, other) = (person(1), person(2));
    let alice = Autocrypt::read(&common::fields(&sample("enc-01-text.decrypted.eml"), "Autocrypt")[0]).unwrap().certificate;
    let token = Token::new("BlBA7utw0hAdoJBLTV2bT2de").unwrap().secret(&alice.fingerprint());
    let fresh = seal(&mail(&"text ".repeat(50)), &sender, &[other.public()], now(), &mut randomness(3)).unwrap();
    let samples = ["enc-01-text.eml", "enc-25-channel-msg.eml", "enc-00-securejoin-2.eml"].map(sample);
    let mut randomness = randomness(4);
    let limits = Limits { content: 1024 * 1024, trials: 100, ..Limits::default() };
    for whole in samples.iter().chain([&fresh]) {
        for _ in 0..COPIES {
            let mail = changed(whole, &mut randomness);
            let Ok(envelope) = Envelope::of(&mail, &limits) else { continue };
            let by_key = envelope.open([&other, &sender], &limits);
            let by_secret = envelope.open_with(std::slice::from_ref(&token), &limits);
            for opened in by_key.into_iter().chain(by_secret) {
                // The change hit what is not under the encryption.
                assert!(!matches!(opened.signed(&[sender.public(), &alice], now()), Ok(Signed::Unknown(_)) | Err(_)));
                let _ = unsealed(&mail, opened.content());
            }
        }
    }
}

/// The armour is no obstacle here: the packets themselves are changed.
#[test]
fn packets() {
    use base64::Engine;
    let (sender, other) = (person(1), person(2));
    let fresh = seal(&mail("text"), &sender, &[other.public()], now(), &mut randomness(3)).unwrap();
    let text = String::from_utf8(fresh).unwrap();
    let inside = text.split_once("MESSAGE-----\r\n\r\n").unwrap().1.split_once("\r\n=").unwrap().0.replace("\r\n", "");
    let engine = base64::engine::general_purpose::STANDARD;
    let packets = engine.decode(inside).unwrap();
    let mut randomness = randomness(5);
    for _ in 0..3 * COPIES {
        // Most changes where the lengths and kinds stand.
        let split = 400.min(packets.len());
        let bytes = [changed(&packets[..split], &mut randomness), packets[split..].to_vec()].concat();
        let armoured = format!("-----BEGIN PGP MESSAGE-----\n\n{}\n-----END PGP MESSAGE-----\n", engine.encode(bytes));
        let Ok(envelope) = Envelope::of_part(armoured.as_bytes()) else { continue };
        let _ = (envelope.lock(), envelope.open([&other], &Limits::default()));
    }
}

#[test]
fn keys() {
    let key = person(1);
    let mut randomness = randomness(6);
    for _ in 0..2 * COPIES {
        let bytes = changed(key.public().as_bytes(), &mut randomness);
        if let Ok(read) = Certificate::from_bytes(&bytes) {
            let _ = (read.standing(now()), read.can_receive(now()), read.addresses(), read.as_bytes());
            if read.fingerprint() == key.fingerprint() {
                assert!(
                    key.public().clone().merged(read) == Ok(key.public().clone()),
                    "a changed copy took something away or added it"
                );
            }
        }
        let _ = SecretKey::from_bytes(&changed(key.to_bytes().unwrap().expose_secret(), &mut randomness));
    }
}

#[test]
fn fields_handshakes_links_and_cards() {
    let key = person(1);
    let field = Autocrypt { address: address("person1"), mutual: true, certificate: key.public().clone() };
    let card = Card { address: address("person1"), name: "Name".to_owned(), certificate: Some(key.public().clone()) };
    let link = format!(
        "https://i.delta.chat/#{}&v=3&i=abPNwvQgd1A8fWmqB211aDHV&s=H0rr_N1E4ihNSfNLqJK2FH8u&a=a%40b.example&n=%C3%84",
        "AB".repeat(20)
    );
    let contents = ["enc-00-securejoin.decrypted.eml", "enc-00-securejoin-3.decrypted.eml"].map(sample);
    let mut randomness = randomness(7);
    for _ in 0..2 * COPIES {
        let mut text = |text: &str| String::from_utf8_lossy(&changed(text.as_bytes(), &mut randomness)).into_owned();
        let _ = (Autocrypt::read(&text(&field.field())), Card::read(&text(&card.write(now()))), Invite::read(&text(&link)));
        for content in &contents {
            let _ = Request::read(&changed(content, &mut randomness));
        }
    }
}
