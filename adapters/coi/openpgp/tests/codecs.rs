// SPDX-License-Identifier: EUPL-1.2
//! Autocrypt fields and vCards: what is written is read back, and what others write is read with patience.

#![allow(clippy::unwrap_used, reason = "this is a test")]

mod common;

use base64::Engine;
use common::{now, person};
use dreiklang_openpgp::{Autocrypt, AutocryptError, Card, Certificate, CertificateError, MailAddress};
use proptest::prelude::*;

#[test]
fn autocrypt_fields_are_read_as_others_write_them() {
    let key = person(1).public().to_base64();
    let bare = base64::engine::general_purpose::STANDARD.encode(&person(1).public().as_bytes()[..53]);
    let read = |text: String| Autocrypt::read(&text).map(|field| (field.address.as_str().to_owned(), field.mutual));
    let address = "person1@org.test".to_owned();
    for (text, expected) in [
        (format!("addr=person1@org.test; prefer-encrypt=mutual; keydata={key}"), Ok((address.clone(), true))),
        (format!("ADDR = Person1@Org.Test ;keydata = {key};"), Ok((address.clone(), false))),
        (format!("keydata={}\r\n\t{}; _new=1; addr=person1@org.test", &key[..40], &key[40..]), Ok((address.clone(), false))),
        (format!("addr=person1@org.test; prefer-encrypt=nopreference; keydata={key}"), Ok((address, false))),
        (format!("addr=person1@org.test; type=p; keydata={key}"), Err(AutocryptError::Unknown)),
        (format!("addr=person1; keydata={key}"), Err(AutocryptError::NoAddress)),
        (format!("keydata={key}"), Err(AutocryptError::NoAddress)),
        ("addr=person1@org.test".to_owned(), Err(CertificateError::Malformed.into())),
        ("addr=person1@org.test; keydata=AAAA".to_owned(), Err(CertificateError::Malformed.into())),
        (format!("addr=person1@org.test; keydata={bare}"), Err(CertificateError::Unsigned.into())),
        (format!("addr=person1@org.test; keydata={}", "A".repeat(200_000)), Err(CertificateError::TooLarge.into())),
        (String::new(), Err(AutocryptError::NoAddress)),
    ] {
        assert_eq!(read(text.clone()), expected, "{text}");
    }
}

#[test]
fn cards_are_read_as_others_write_them() {
    let key = person(1).public().to_base64();
    let fingerprint = person(1).fingerprint();
    let folded: String = key.as_bytes().chunks(60).map(|line| format!("{}\r\n ", String::from_utf8_lossy(line))).collect();
    let file = [
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:No Address\r\nEND:VCARD\r\n".to_owned(),
        format!("begin:vcard\r\nitem1.email;TYPE=work:Person1@org.test\r\nEMAIL:second@org.test\r\nFN:A\\, B\\nC\r\nkey;pref=1:data:application/pgp-keys;base64,{folded}\r\nEND:VCARD\r\n"),
        format!("BEGIN:VCARD\nVERSION:3.0\nEMAIL:three@org.test\nKEY;TYPE=PGP;ENCODING=b:{key}\nPHOTO;ENCODING=b:AAAA\nEND:VCARD\n"),
        "BEGIN:VCARD\nEMAIL:four@org.test\nKEY:data:application/pgp-keys;base64,AAAA\nEND:VCARD\n".to_owned(),
        "BEGIN:VCARD\nEMAIL:cut@org.test\n".to_owned(),
    ]
    .concat();
    let cards = Card::read(&file);
    let read: Vec<_> = cards.iter().map(|card| (card.address.as_str(), card.name.as_str(), card.certificate.as_ref())).collect();
    let seen: Vec<_> = read.iter().map(|(address, name, key)| (*address, *name, key.map(Certificate::fingerprint))).collect();
    let expected = [
        ("person1@org.test", "A, B\nC", Some(fingerprint)),
        ("three@org.test", "", Some(fingerprint)),
        ("four@org.test", "", None),
    ];
    assert_eq!(seen, expected);
    assert!(Card::read(&file.repeat(2000)).is_empty(), "too large");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn fields_and_cards_are_read_back(local in "[a-z0-9._=-]{1,60}", mutual: bool, name in "[^\\p{Cc}]{0,60}", has_key: bool) {
        let address = MailAddress::new(&format!("{local}@gw.example")).unwrap();
        let certificate = person(1).public().clone();
        let field = Autocrypt { address: address.clone(), mutual, certificate: certificate.clone() };
        prop_assert!(field.field().split("\r\n").all(|line| line.len() <= 110));
        prop_assert!(Autocrypt::read(&field.field()) == Ok(field.clone()));
        let gossiped = Autocrypt { mutual: false, ..field.clone() };
        prop_assert!(Autocrypt::read(&field.gossip()) == Ok(gossiped));
        let card = Card { address, name: name.trim().to_owned(), certificate: has_key.then_some(certificate) };
        prop_assert!(Card::read(&card.write(now())) == [card]);
    }
}
