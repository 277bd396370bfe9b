// SPDX-License-Identifier: EUPL-1.2
//! What holds of a certificate at a moment: whether it is valid, which of its keys one encrypts to, and which of them may have signed.

use dreiklang_model::Timestamp;
use pgp::{
    composed::SignedPublicSubKey,
    crypto::public_key::PublicKeyAlgorithm,
    packet::{PublicKey, PublicSubkey, Signature, SignatureType},
    ser::Serialize,
    types::{Duration, KeyDetails, PublicParams},
};

use super::{Certificate, canonical};

/// How far the clock of a key's owner may run ahead of ours, in seconds.
const AHEAD: i64 = 24 * 60 * 60;
/// Smallest RSA modulus that still protects something, in octets (2048 bits; RFC 9580 §12.4).
const SMALLEST_RSA: usize = 256;

/// Whether a certificate may be used at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Valid,
    /// It was made more than a day later.
    NotYet,
    /// Its owner gave it an end, and that has come.
    Expired,
    /// Its owner took it back.
    Revoked,
}

/// The key that a session key is encrypted to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Recipient<'a> {
    Primary(&'a PublicKey),
    Subkey(&'a PublicSubkey),
}

impl Certificate {
    /// Whether it may be used at a moment.
    #[must_use]
    pub fn standing(&self, at: Timestamp) -> Standing {
        let at = seconds(at);
        let created = self.key.primary_key.created_at();
        if !self.key.details.revocation_signatures.is_empty() {
            Standing::Revoked
        } else if i64::from(created.as_secs()) > at + AHEAD {
            Standing::NotYet
        } else if self.newest_word().is_some_and(|word| ended(created.as_secs(), word.key_expiration_time(), at)) {
            Standing::Expired
        } else {
            Standing::Valid
        }
    }

    /// Whether mail can be sealed for its owner at a moment.
    #[must_use]
    pub fn can_receive(&self, at: Timestamp) -> bool {
        self.recipient(at).is_some()
    }

    /// Its owner's program reads encryption of the second kind (SEIPDv2, RFC 9580 §5.13.2).
    #[must_use]
    pub fn reads_seipd_v2(&self) -> bool {
        self.own_words().any(|word| word.features().is_some_and(pgp::packet::Features::seipd_v2))
    }

    /// The key to encrypt to: the newest subkey for that purpose, or a primary key that serves it, too.
    pub(crate) fn recipient(&self, at: Timestamp) -> Option<Recipient<'_>> {
        if self.standing(at) != Standing::Valid {
            return None;
        }
        let for_encryption = |subkey: &&SignedPublicSubKey| {
            can_encrypt(&subkey.key) && binding(subkey).is_some_and(is_for_encryption) && in_force(subkey, seconds(at))
        };
        let primary = &self.key.primary_key;
        // Subkeys stand in canonical order, the newest first.
        self.key.public_subkeys.iter().find(for_encryption).map(|subkey| Recipient::Subkey(&subkey.key)).or_else(|| {
            let serves = can_encrypt(primary) && self.newest_word().is_some_and(is_for_encryption);
            serves.then_some(Recipient::Primary(primary))
        })
    }

    /// Does this signature over `content` come from the owner, made at a moment at which his key was valid?
    pub(crate) fn has_signed(&self, signature: &Signature, content: &[u8]) -> bool {
        let Some(made) = signature.created().map(|made| i64::from(made.as_secs())) else { return false };
        let document = matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text));
        let then = Timestamp::from_millis(made.saturating_mul(1000));
        if !document || !canonical::is_sound(signature) || self.standing(then) != Standing::Valid {
            return false;
        }
        let by_primary = || is_strong(&self.key.primary_key) && signature.verify(&self.key.primary_key, content).is_ok();
        let by_subkey = |subkey: &SignedPublicSubKey| {
            let signs = binding(subkey).is_some_and(|binding| binding.key_flags().sign());
            signs && is_strong(&subkey.key) && in_force(subkey, made) && signature.verify(&subkey.key, content).is_ok()
        };
        by_primary() || self.key.public_subkeys.iter().any(by_subkey)
    }

    /// What the owner says about the key as a whole.
    fn own_words(&self) -> impl Iterator<Item = &Signature> {
        let users = self.key.details.users.iter().flat_map(|user| user.signatures.first());
        self.key.details.direct_signatures.iter().chain(users)
    }

    fn newest_word(&self) -> Option<&Signature> {
        self.own_words().max_by_key(|word| word.created())
    }
}

/// The signature that binds a subkey; in canonical form it is the first.
fn binding(subkey: &SignedPublicSubKey) -> Option<&Signature> {
    subkey.signatures.iter().find(|signature| signature.typ() == Some(SignatureType::SubkeyBinding))
}

/// Neither taken back nor at its end nor made later.
fn in_force(subkey: &SignedPublicSubKey, at: i64) -> bool {
    let created = subkey.key.created_at().as_secs();
    let revoked = subkey.signatures.iter().any(|signature| signature.typ() == Some(SignatureType::SubkeyRevocation));
    let ended = binding(subkey).is_none_or(|binding| {
        let made = binding.created().map_or(0, pgp::types::Timestamp::as_secs);
        ended(created, binding.key_expiration_time(), at) || ended(made, binding.signature_expiration_time(), at)
    });
    !revoked && !ended && i64::from(created) <= at + AHEAD
}

/// A span of zero or none has no end (RFC 9580 §5.2.3.13).
fn ended(from: u32, span: Option<Duration>, at: i64) -> bool {
    span.map(Duration::as_secs).is_some_and(|span| span != 0 && i64::from(from) + i64::from(span) <= at)
}

fn is_for_encryption(word: &Signature) -> bool {
    word.key_flags().encrypt_comms() || word.key_flags().encrypt_storage()
}

fn can_encrypt(key: &impl KeyDetails) -> bool {
    key.algorithm().can_encrypt()
        && !matches!(key.algorithm(), PublicKeyAlgorithm::Elgamal | PublicKeyAlgorithm::ElgamalEncrypt)
        && is_strong(key)
}

fn is_strong(key: &impl KeyDetails) -> bool {
    match key.public_params() {
        // The modulus, and the exponent with both length fields.
        PublicParams::RSA(rsa) => rsa.write_len() >= SMALLEST_RSA + 5,
        PublicParams::DSA(_) | PublicParams::Elgamal(_) => false,
        _ => true,
    }
}

/// Seconds since the epoch, as OpenPGP counts time.
pub(crate) fn seconds(at: Timestamp) -> i64 {
    at.as_millis() / 1000
}
