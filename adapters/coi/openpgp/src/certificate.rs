// SPDX-License-Identifier: EUPL-1.2
//! A person's certificate: the public key with what its owner says about it. How it is cleaned and merged is `canonical`, what holds of
//! it at a moment is `standing`. Where certificates are kept, and which one is believed, is decided elsewhere.

mod canonical;
mod standing;
#[cfg(test)]
mod tests;

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use pgp::{
    composed::{Deserializable, SignedPublicKey},
    ser::Serialize,
};

use crate::{address::MailAddress, fingerprint::Fingerprint, guard::guarded};

pub use standing::Standing;
pub(crate) use standing::{Recipient, seconds};

/// Largest certificate that is read, in octets. One of Delta Chat has about 550, one with RSA 4096 and three subkeys 5,000.
pub const LARGEST_CERTIFICATE: usize = 64 * 1024;
/// The notation under which Delta Chat writes the addresses of a key's owner.
pub(crate) const RELAYS: &str = "relays@chatmail.at";
/// How many addresses of that notation count, there and here.
pub(crate) const MOST_RELAYS: usize = 5;

/// The certificate of a person or a ghost (a transferable public key, RFC 9580 §10.1) in canonical form: only components that the
/// primary key vouches for, with their newest signature, nobody else's opinion, no pictures.
///
/// Two certificates with the same content are equal. `Debug` shows nothing.
#[derive(Clone)]
pub struct Certificate {
    key: Box<SignedPublicKey>,
    bytes: Box<[u8]>,
    fingerprint: Fingerprint,
}

/// Why bytes are no certificate that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Longer than [`LARGEST_CERTIFICATE`].
    #[error("the OpenPGP key is too large")]
    TooLarge,
    /// No transferable public key, or one of a version that is no longer in use.
    #[error("not an OpenPGP key of version 4 or 6")]
    Malformed,
    /// The key vouches for nothing: no valid signature of its own with a sound hash.
    #[error("the OpenPGP key has no valid signature of its owner")]
    Unsigned,
    /// Certificates of two different keys cannot be one.
    #[error("these are two different OpenPGP keys")]
    NotTheSame,
}

impl Certificate {
    /// Reads the binary form. What follows the first key is ignored, and so are components without a valid signature.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CertificateError> {
        if bytes.len() > LARGEST_CERTIFICATE {
            return Err(CertificateError::TooLarge);
        }
        let read = guarded(|| SignedPublicKey::from_bytes(bytes).ok().map(Self::from_key));
        read.flatten().ok_or(CertificateError::Malformed)?
    }

    /// Reads base64, as headers and vCards carry it; white space in it is skipped.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_base64(text: &str) -> Result<Self, CertificateError> {
        if text.len() > LARGEST_CERTIFICATE * 3 / 2 {
            return Err(CertificateError::TooLarge);
        }
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        Self::from_bytes(&STANDARD.decode(digits).map_err(|_| CertificateError::Malformed)?)
    }

    pub(crate) fn from_key(key: SignedPublicKey) -> Result<Self, CertificateError> {
        let fingerprint = Fingerprint::of(&key.primary_key).map_err(|_| CertificateError::Malformed)?;
        let key = canonical::canonical(key);
        if key.details.users.is_empty() && key.details.direct_signatures.is_empty() {
            return Err(CertificateError::Unsigned);
        }
        let bytes = guarded(|| key.to_bytes().ok()).flatten().ok_or(CertificateError::Malformed)?;
        Ok(Self { key: Box::new(key), bytes: bytes.into(), fingerprint })
    }

    /// What both copies of one person's certificate say together; where they differ, the newer signature counts. A stripped or older
    /// copy therefore takes nothing away.
    ///
    /// # Errors
    /// [`CertificateError::NotTheSame`] for certificates of different keys.
    pub fn merged(self, other: Self) -> Result<Self, CertificateError> {
        if self.fingerprint != other.fingerprint {
            return Err(CertificateError::NotTheSame);
        }
        if self == other {
            return Ok(self);
        }
        Self::from_key(canonical::together(*self.key, *other.key))
    }

    /// The binary form, as the store keeps it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The binary form in base64 without line breaks.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.bytes)
    }

    /// Who it is.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The addresses that the owner names: first those of the relay list, then those of the user IDs, each once. They are claims of the
    /// key's owner and say where mail for him may go, not that an address is his.
    #[must_use]
    pub fn addresses(&self) -> Vec<MailAddress> {
        let mut addresses = self.relays();
        for address in self.user_addresses() {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }

    /// The relay list that Delta Chat signs into keys, at most five addresses; empty when the key has none.
    #[must_use]
    pub fn relays(&self) -> Vec<MailAddress> {
        let notations = self.key.details.direct_signatures.iter().flat_map(|signature| signature.notations());
        let Some(list) = notations.into_iter().find(|notation| notation.name == RELAYS) else { return Vec::new() };
        let Ok(list) = std::str::from_utf8(&list.value) else { return Vec::new() };
        list.split(',').filter_map(|address| MailAddress::new(address).ok()).take(MOST_RELAYS).collect()
    }

    /// Who it is, in the library's words.
    pub(crate) fn library_fingerprint(&self) -> pgp::types::Fingerprint {
        pgp::types::KeyDetails::fingerprint(&self.key.primary_key)
    }

    /// The addresses in the user IDs, the primary one first.
    fn user_addresses(&self) -> impl Iterator<Item = MailAddress> + '_ {
        self.key.details.users.iter().filter_map(|user| {
            let text = user.id.as_str()?;
            let inside = text.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inside, _)| inside);
            MailAddress::new(inside.unwrap_or(text)).ok()
        })
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(…)")
    }
}
