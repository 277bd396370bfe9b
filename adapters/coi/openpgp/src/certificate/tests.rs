// SPDX-License-Identifier: EUPL-1.2
//! Certificates whose owner said more: merged copies, new addresses, an end, a revocation, and what strangers add.

use dreiklang_model::Timestamp;
use pgp::{
    composed::SignedPublicKey,
    packet::{Notation, Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData},
    types::{Duration, Password},
};

use super::*;
use crate::{randomness::Randomness, secret_key::SecretKey};

fn at(days: i64) -> Timestamp {
    Timestamp::from_millis(1_795_500_000_000 + days * 24 * 60 * 60 * 1000)
}

fn person(number: u8) -> SecretKey {
    let address = MailAddress::new(&format!("person{number}@org.test")).unwrap();
    SecretKey::generate(&address, at(0), &mut Randomness::from_seed([number; 32])).unwrap()
}

/// What the owner of `key` says about it on a day.
fn word(key: &SecretKey, kind: SignatureType, day: i64, said: Vec<SubpacketData>) -> Signature {
    let signer = key.signer();
    let mut config = SignatureConfig::from_key(Randomness::from_seed([0; 32]), signer, kind).unwrap();
    let made = pgp::types::Timestamp::from_secs(u32::try_from(seconds(at(day))).unwrap());
    let dated = [SubpacketData::SignatureCreationTime(made)].into_iter().chain(said);
    config.hashed_subpackets = dated.map(|data| Subpacket::regular(data).unwrap()).collect();
    config.sign_key(signer, &Password::empty(), signer.public_key()).unwrap()
}

fn relays(list: &str) -> SubpacketData {
    SubpacketData::Notation(Notation { readable: true, name: RELAYS.into(), value: list.to_owned().into() })
}

fn with(key: &SecretKey, change: impl FnOnce(&mut SignedPublicKey)) -> Certificate {
    let mut changed = (*key.public().key).clone();
    change(&mut changed);
    Certificate::from_key(changed).unwrap()
}

fn texts(addresses: &[MailAddress]) -> Vec<&str> {
    addresses.iter().map(MailAddress::as_str).collect()
}

#[test]
fn the_newer_word_counts_whatever_the_order() {
    let key = person(1);
    let old = key.public().clone();
    let new = with(&key, |changed| {
        let list = relays("new@a.example,person1@org.test,not an address,b@b.example,c@c.example,d@d.example,e@e.example");
        changed.details.direct_signatures = vec![word(&key, SignatureType::Key, 3, vec![list])];
        changed.public_subkeys.clear();
    });
    assert!(!new.can_receive(at(3)));
    let (one, other) = (old.clone().merged(new.clone()).unwrap(), new.clone().merged(old.clone()).unwrap());
    assert!(one == other);
    assert!(one.can_receive(at(3)), "a stripped copy took the encryption key away");
    assert_eq!(texts(&one.relays()), ["new@a.example", "person1@org.test", "b@b.example", "c@c.example", "d@d.example"]);
    assert_eq!(texts(&one.addresses()), texts(&one.relays()));
    assert!(one.clone().merged(old.clone()) == Ok(one.clone()));
    assert!(Certificate::from_bytes(one.as_bytes()) == Ok(one));
    assert_eq!(old.merged(person(2).public().clone()), Err(CertificateError::NotTheSame));
}

#[test]
fn a_key_has_an_end_or_is_taken_back() {
    let key = person(1);
    let day = 24 * 60 * 60;
    let ends = |days: u32| vec![SubpacketData::KeyExpirationTime(Duration::from_secs(days * day))];
    let ending = with(&key, |changed| {
        changed.details.users.clear();
        changed.details.direct_signatures = vec![word(&key, SignatureType::Key, 1, ends(10))];
    });
    assert_eq!([9, 10].map(|day| ending.standing(at(day))), [Standing::Valid, Standing::Expired]);
    assert_eq!([9, 10].map(|day| ending.can_receive(at(day))), [true, false]);
    assert_eq!(ending.standing(at(-2)), Standing::NotYet);
    let prolonged = with(&key, |changed| changed.details.direct_signatures = vec![word(&key, SignatureType::Key, 2, ends(20))]);
    assert_eq!(ending.clone().merged(prolonged).unwrap().standing(at(10)), Standing::Valid);
    let revoked = with(&key, |changed| {
        changed.details.revocation_signatures = vec![word(&key, SignatureType::KeyRevocation, 1, vec![])];
    });
    assert_eq!(key.public().clone().merged(revoked.clone()).unwrap().standing(at(2)), Standing::Revoked);
    assert!(!revoked.can_receive(at(2)));
    assert!(Certificate::from_bytes(revoked.as_bytes()) == Ok(revoked));
}

#[test]
fn what_strangers_add_does_not_count() {
    let (key, mallory) = (person(1), person(2));
    let list = || vec![relays("mallory@x.example")];
    let changed = with(&key, |changed| {
        changed.details.direct_signatures.push(word(&mallory, SignatureType::Key, 5, list()));
        changed.details.revocation_signatures.push(word(&mallory, SignatureType::KeyRevocation, 5, vec![]));
        changed.public_subkeys.extend(mallory.public().key.public_subkeys.clone());
        changed.details.users.extend(mallory.public().key.details.users.clone());
        for data in [
            relays("mallory@x.example"),
            SubpacketData::IssuerKeyId([1; 8].into()),
            SubpacketData::KeyServerPreferences(vec![0; 90].into()),
        ] {
            changed.details.direct_signatures[0].unhashed_subpacket_push(Subpacket::regular(data).unwrap()).unwrap();
        }
    });
    assert!(changed == *key.public());
    assert_eq!(changed.as_bytes(), key.public().as_bytes());
    let bare = SignedPublicKey { details: mallory.public().key.details.clone(), ..(*key.public().key).clone() };
    assert_eq!(Certificate::from_key(bare), Err(CertificateError::Unsigned));
}
