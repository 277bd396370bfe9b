// SPDX-License-Identifier: EUPL-1.2
//! The secret key of a ghost or the bot. Where it is kept, sealed at rest, is the store's business.

use std::fmt;

use dreiklang_model::Timestamp;
use pgp::{
    composed::{Deserializable, KeyType, SignedKeyDetails, SignedSecretKey, SignedSecretSubKey},
    crypto::{
        aead::AeadAlgorithm, ecc_curve::ECCCurve, hash::HashAlgorithm, public_key::PublicKeyAlgorithm, sym::SymmetricKeyAlgorithm,
    },
    packet::{
        Features, KeyFlags, Notation, PacketTrait, PubKeyInner, PublicKey, PublicSubkey, SecretSubkey, SignatureConfig,
        SignatureType, Subpacket, SubpacketData, UserId,
    },
    ser::Serialize,
    types::{CompressionAlgorithm, KeyDetails, KeyVersion, Password, SignedUser},
};
use secrecy::SecretSlice;

use crate::{
    address::MailAddress,
    certificate::{self, Certificate, LARGEST_CERTIFICATE, seconds},
    fingerprint::Fingerprint,
    guard::guarded,
    randomness::Randomness,
};

/// A secret key with its certificate.
///
/// It is made once for a ghost and never again: a second key for the same address is a second person to Delta Chat, and mail to the
/// first can no longer be read. The secret is wiped from memory when it is dropped; `Debug` shows nothing.
pub struct SecretKey {
    key: Box<SignedSecretKey>,
    certificate: Certificate,
}

/// Why there is no secret key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretKeyError {
    /// The bytes are no transferable secret key.
    #[error("not an OpenPGP secret key")]
    Malformed,
    /// The key is locked by a passphrase, or cannot both sign and decrypt.
    #[error("the OpenPGP secret key cannot be used")]
    Unusable,
    /// The library refused to make one; the moment lies outside of what OpenPGP can write.
    #[error("an OpenPGP key cannot be made now")]
    NotMade,
}

impl SecretKey {
    /// Makes a key as Delta Chat makes its own: version 4, Ed25519 for signing, Curve25519 for encryption, the address as user ID and
    /// in the relay list, encryption of the second kind (SEIPDv2) announced. No passphrase, no end.
    ///
    /// # Errors
    /// [`SecretKeyError::NotMade`].
    pub fn generate(address: &MailAddress, at: Timestamp, randomness: &mut Randomness) -> Result<Self, SecretKeyError> {
        let key = guarded(|| generate(address, at, randomness).ok()).flatten().ok_or(SecretKeyError::NotMade)?;
        Self::from_key(key)
    }

    /// Reads the binary form that [`Self::to_bytes`] gives.
    ///
    /// # Errors
    /// [`SecretKeyError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SecretKeyError> {
        if bytes.len() > LARGEST_CERTIFICATE {
            return Err(SecretKeyError::Malformed);
        }
        let key = guarded(|| SignedSecretKey::from_bytes(bytes).ok()).flatten().ok_or(SecretKeyError::Malformed)?;
        Self::from_key(key)
    }

    fn from_key(key: SignedSecretKey) -> Result<Self, SecretKeyError> {
        let certificate = Certificate::from_key(key.to_public_key()).map_err(|_| SecretKeyError::Malformed)?;
        let signs = key.primary_key.algorithm().can_sign() && !key.primary_key.secret_params().is_encrypted();
        let decrypts = |subkey: &SignedSecretSubKey| subkey.algorithm().can_encrypt() && !subkey.secret_params().is_encrypted();
        if !signs || !key.secret_subkeys.iter().any(decrypts) {
            return Err(SecretKeyError::Unusable);
        }
        Ok(Self { key: Box::new(key), certificate })
    }

    /// The binary form (a transferable secret key, RFC 9580 §10.2) without passphrase. Whoever keeps it encrypts it.
    ///
    /// # Errors
    /// [`SecretKeyError::Unusable`] when the library cannot write what it made or read.
    pub fn to_bytes(&self) -> Result<SecretSlice<u8>, SecretKeyError> {
        guarded(|| self.key.to_bytes().ok()).flatten().map(Into::into).ok_or(SecretKeyError::Unusable)
    }

    /// The certificate that others get.
    #[must_use]
    pub fn public(&self) -> &Certificate {
        &self.certificate
    }

    /// Who it is.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.certificate.fingerprint()
    }

    pub(crate) fn signer(&self) -> &pgp::packet::SecretKey {
        &self.key.primary_key
    }

    pub(crate) fn decryptors(&self) -> impl Iterator<Item = &SecretSubkey> {
        self.key.secret_subkeys.iter().map(|subkey| &subkey.key).filter(|subkey| subkey.algorithm().can_encrypt())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// The library's own generator reads the clock; this one is told the time.
fn generate(address: &MailAddress, at: Timestamp, randomness: &mut Randomness) -> pgp::errors::Result<SignedSecretKey> {
    let created = pgp::types::Timestamp::from_secs(u32::try_from(seconds(at))?);
    let none = Password::empty();

    let (params, secret) = KeyType::Ed25519Legacy.generate(&mut *randomness)?;
    let inner = PubKeyInner::new(KeyVersion::V4, PublicKeyAlgorithm::EdDSALegacy, created, None, params)?;
    let primary = pgp::packet::SecretKey::new(PublicKey::from_inner(inner)?, secret)?;
    let (params, secret) = KeyType::ECDH(ECCCurve::Curve25519Legacy).generate(&mut *randomness)?;
    let inner = PubKeyInner::new(KeyVersion::V4, PublicKeyAlgorithm::ECDH, created, None, params)?;
    let subkey = SecretSubkey::new(PublicSubkey::from_inner(inner)?, secret)?;

    let issuer = SubpacketData::IssuerFingerprint(primary.fingerprint());
    let key_id = Subpacket::regular(SubpacketData::IssuerKeyId(primary.legacy_key_id()))?;
    let config = |kind, randomness: &mut Randomness, said: Vec<SubpacketData>| {
        let mut config = SignatureConfig::from_key(randomness, &primary, kind)?;
        let dated = [SubpacketData::SignatureCreationTime(created), issuer.clone()];
        config.hashed_subpackets = dated.into_iter().chain(said).map(Subpacket::regular).collect::<Result<_, _>>()?;
        config.unhashed_subpackets = vec![key_id.clone()];
        Ok::<_, pgp::errors::Error>(config)
    };

    let mut said = profile();
    said.push(SubpacketData::Notation(Notation {
        readable: true,
        name: certificate::RELAYS.into(),
        value: address.as_str().to_owned().into(),
    }));
    let direct = config(SignatureType::Key, randomness, said)?.sign_key(&primary, &none, primary.public_key())?;

    let user = UserId::from_str(Default::default(), format!("<{}>", address.as_str()))?;
    let certification = config(SignatureType::CertPositive, randomness, profile())?;
    let certification = certification.sign_certification(&primary, primary.public_key(), &none, user.tag(), &user)?;

    let mut for_encryption = KeyFlags::default();
    for_encryption.set_encrypt_comms(true);
    for_encryption.set_encrypt_storage(true);
    let binding = config(SignatureType::SubkeyBinding, randomness, vec![SubpacketData::KeyFlags(for_encryption)])?;
    let binding = binding.sign_subkey_binding(&primary, primary.public_key(), &none, subkey.public_key())?;

    let details = SignedKeyDetails::new(Vec::new(), vec![direct], vec![SignedUser::new(user, vec![certification])], Vec::new());
    Ok(SignedSecretKey::new(primary, details, Vec::new(), vec![SignedSecretSubKey::new(subkey, vec![binding])]))
}

/// What a key says about itself, in Delta Chat's words.
fn profile() -> Vec<SubpacketData> {
    let mut for_signing = KeyFlags::default();
    for_signing.set_certify(true);
    for_signing.set_sign(true);
    let mut features = Features::new();
    features.set_seipd_v1(true);
    features.set_seipd_v2(true);
    use SymmetricKeyAlgorithm::{AES128, AES192, AES256};
    let hashes = vec![HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512];
    vec![
        SubpacketData::KeyFlags(for_signing),
        SubpacketData::Features(features),
        SubpacketData::PreferredSymmetricAlgorithms(vec![AES256, AES192, AES128].into()),
        SubpacketData::PreferredHashAlgorithms(hashes.into()),
        SubpacketData::PreferredCompressionAlgorithms(vec![CompressionAlgorithm::ZLIB, CompressionAlgorithm::ZIP].into()),
        SubpacketData::PreferredAeadAlgorithms(vec![(AES128, AeadAlgorithm::Ocb)].into()),
        SubpacketData::IsPrimary(true),
    ]
}
