// SPDX-License-Identifier: EUPL-1.2
//! Keys and mail of other programs than Delta Chat: older keys, keys of version 6, signing subkeys, named recipients.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod common;

use std::sync::LazyLock;

use common::{mail, packets, person, randomness};
use dreiklang_model::Timestamp;
use dreiklang_openpgp::{
    Certificate, CertificateError, Envelope, Limits, Opener, SealError, SecretKey, SecretKeyError, Signed, Standing, seal,
};
use pgp::{
    composed::{
        Deserializable, EncryptionCaps, KeyType, Message, MessageBuilder, SecretKeyParamsBuilder, SignedSecretKey,
        SubkeyParamsBuilder,
    },
    crypto::{ecc_curve::ECCCurve, hash::HashAlgorithm, sym::SymmetricKeyAlgorithm},
    ser::Serialize,
    types::{CompressionAlgorithm, KeyDetails, KeyVersion, Password},
};

/// The library dates what it makes by the clock.
fn today() -> Timestamp {
    static MADE: LazyLock<u32> = LazyLock::new(|| classic(None).primary_key.created_at().as_secs());
    Timestamp::from_millis(i64::from(*MADE) * 1000)
}

fn ours(number: u8) -> SecretKey {
    let address = common::address(&format!("person{number}"));
    SecretKey::generate(&address, today(), &mut randomness(number)).unwrap()
}

/// A key whose primary only certifies and signs, with one subkey for signing and one for encryption.
fn classic(passphrase: Option<&str>) -> SignedSecretKey {
    let mut key = SecretKeyParamsBuilder::default();
    let passphrase = passphrase.map(str::to_owned);
    key.version(KeyVersion::V4).key_type(KeyType::ECDSA(ECCCurve::P256)).can_certify(true).can_sign(true);
    key.primary_user_id("Other Person <Other@Org.Test>".to_owned()).passphrase(passphrase.clone());
    let signing =
        SubkeyParamsBuilder::default().key_type(KeyType::Ed25519Legacy).can_sign(true).passphrase(passphrase.clone()).build();
    let encryption = SubkeyParamsBuilder::default()
        .key_type(KeyType::ECDH(ECCCurve::P256))
        .can_encrypt(EncryptionCaps::All)
        .passphrase(passphrase)
        .build();
    key.subkeys(vec![signing.unwrap(), encryption.unwrap()]);
    key.build().unwrap().generate(randomness(40)).unwrap()
}

fn certificate(key: &SignedSecretKey) -> Certificate {
    Certificate::from_bytes(&key.to_public_key().to_bytes().unwrap()).unwrap()
}

#[test]
fn an_older_program_gets_the_older_encryption() {
    let (sender, theirs) = (ours(1), classic(None));
    let certificate = certificate(&theirs);
    assert!(!certificate.reads_seipd_v2() && certificate.can_receive(today()));
    assert_eq!(certificate.addresses()[0].as_str(), "other@org.test");
    assert!(certificate.relays().is_empty());
    let sealed = seal(&mail("hi"), &sender, &[&certificate, ours(2).public()], today(), &mut randomness(1)).unwrap();
    assert_eq!(packets(&sealed), (vec![1, 1, 1, 18], 1));
    let opened = Envelope::of(&sealed, &Limits::default()).unwrap().open([&ours(2)], &Limits::default()).unwrap();
    assert!(matches!(opened.signed(&[sender.public()], today()), Ok(Signed::By(_))));

    let text = String::from_utf8(sealed).unwrap();
    let armoured = &text[text.find("-----BEGIN").unwrap()..];
    let (message, _) = Message::from_string(armoured).unwrap();
    let mut message = message.decrypt(&Password::empty(), &theirs).unwrap().decompress().unwrap();
    assert_eq!(message.as_data_vec().unwrap(), opened.content());
}

#[test]
fn mail_for_a_named_key_signed_by_a_subkey_is_opened() {
    let (theirs, ours) = (classic(None), [ours(2), ours(3)]);
    let public = pgp::composed::SignedPublicKey::from_bytes(ours[1].public().as_bytes()).unwrap();
    let mut randomness = randomness(41);
    let mut message = MessageBuilder::from_bytes("", "Content-Type: text/plain\r\n\r\nhi")
        .seipd_v1(&mut randomness, SymmetricKeyAlgorithm::AES256);
    message.encrypt_to_key(&mut randomness, &public.public_subkeys[0]).unwrap();
    let signing = &theirs.secret_subkeys[0].key;
    message.sign(signing, Password::empty(), HashAlgorithm::Sha512).compression(CompressionAlgorithm::ZIP);
    let armoured = message.to_armored_string(&mut randomness, Default::default()).unwrap();
    let envelope = Envelope::of_part(armoured.as_bytes()).unwrap();
    // A key that is not named is not even tried.
    let opened = envelope.open(&ours, &Limits { trials: 1, ..Limits::default() }).unwrap();
    assert_eq!(opened.opener(), Opener::Key(ours[1].fingerprint()));
    let certificate = certificate(&theirs);
    let Ok(Signed::By(signer)) = opened.signed(&[&certificate], today()) else { panic!("not signed") };
    assert_eq!(signer.fingerprint, certificate.fingerprint());
    assert!(signer.recipients.is_empty());
}

/// Made by GnuPG 2.2: RSA with 2048 and 1024 bits, and one whose owner signed with SHA-1.
#[test]
fn what_protects_nobody_is_not_used() {
    let read = |name: &str| Certificate::from_bytes(&common::sample(name));
    let sound = read("gnupg-rsa2048.pgp").unwrap();
    assert!(sound.can_receive(today()) && !sound.reads_seipd_v2());
    let sealed = seal(&mail("hi"), &ours(1), &[&sound], today(), &mut randomness(1)).unwrap();
    assert_eq!(packets(&sealed), (vec![1, 1, 18], 1));
    let short = read("gnupg-rsa1024.pgp").unwrap();
    assert_eq!((short.standing(today()), short.can_receive(today())), (Standing::Valid, false));
    assert_eq!(read("gnupg-sha1.pgp"), Err(CertificateError::Unsigned));
}

#[test]
fn keys_of_version_6_can_be_written_to() {
    let mut key = SecretKeyParamsBuilder::default();
    key.version(KeyVersion::V6).key_type(KeyType::Ed25519).can_certify(true).can_sign(true).feature_seipd_v2(true);
    key.primary_user_id("<six@org.test>".to_owned());
    let encryption =
        SubkeyParamsBuilder::default().version(KeyVersion::V6).key_type(KeyType::X25519).can_encrypt(EncryptionCaps::All).build();
    key.subkeys(vec![encryption.unwrap()]);
    let theirs = key.build().unwrap().generate(randomness(42)).unwrap();
    let six = certificate(&theirs);
    assert_eq!(six.fingerprint().upper().len(), 64);
    let sealed = seal(&mail("hi"), &ours(1), &[&six], today(), &mut randomness(1)).unwrap();
    assert_eq!(packets(&sealed), (vec![1, 1, 18], 2));
    let own = SecretKey::from_bytes(&theirs.to_bytes().unwrap()).unwrap();
    let opened = Envelope::of(&sealed, &Limits::default()).unwrap().open([&own], &Limits::default()).unwrap();
    let Ok(Signed::By(signer)) = opened.signed(&[ours(1).public()], today()) else { panic!("not signed") };
    assert_eq!(signer.recipients, [ours(1).fingerprint(), six.fingerprint()]);
}

#[test]
fn keys_that_cannot_be_used_are_refused() {
    let locked = classic(Some("secret"));
    assert_eq!(SecretKey::from_bytes(&locked.to_bytes().unwrap()).err(), Some(SecretKeyError::Unusable));
    let mut signs_only = classic(None).to_public_key();
    signs_only.public_subkeys.truncate(1);
    let signs_only = Certificate::from_bytes(&signs_only.to_bytes().unwrap()).unwrap();
    assert_eq!((signs_only.standing(today()), signs_only.can_receive(today())), (Standing::Valid, false));
    let refused = seal(&mail("hi"), &ours(1), &[&signs_only], today(), &mut randomness(1)).err();
    assert_eq!(refused, Some(SealError::Unusable(signs_only.fingerprint())));
    assert_eq!(SecretKey::from_bytes(person(1).public().as_bytes()).err(), Some(SecretKeyError::Malformed));
}

#[test]
fn a_secret_key_is_kept_and_shows_nothing() {
    use secrecy::ExposeSecret;
    let key = ours(1);
    let bytes = key.to_bytes().unwrap();
    let again = SecretKey::from_bytes(bytes.expose_secret()).unwrap();
    assert!(again.public() == key.public());
    assert_eq!(again.to_bytes().unwrap().expose_secret(), bytes.expose_secret());
    assert_eq!(format!("{key:?} {bytes:?}"), "SecretKey(…) SecretBox<[u8]>([REDACTED])");
}
