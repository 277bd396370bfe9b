// SPDX-License-Identifier: EUPL-1.2
//! The header fields `Autocrypt` and `Autocrypt-Gossip` (Autocrypt Level 1): somebody's key with the address it is for.

use std::fmt;

use crate::{
    address::MailAddress,
    certificate::{Certificate, CertificateError},
};

/// Characters of a key in one line of the field.
const LINE: usize = 78;

/// Why a field is no Autocrypt field that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AutocryptError {
    /// No usable `addr`.
    #[error("the Autocrypt field names no address")]
    NoAddress,
    /// An attribute that a reader has to know and we do not.
    #[error("the Autocrypt field has an unknown attribute that matters")]
    Unknown,
    /// No `keydata`, or none that is a key.
    #[error("the Autocrypt field has no usable key: {0}")]
    Key(#[from] CertificateError),
}

/// A key and the address it is for, as a mail carries it: of its sender (`Autocrypt`) or of another of its recipients
/// (`Autocrypt-Gossip`).
#[derive(Clone, PartialEq, Eq)]
pub struct Autocrypt {
    /// For mail to and from this address.
    pub address: MailAddress,
    /// The sender wishes to be answered with encryption. Means nothing in gossip.
    pub mutual: bool,
    /// The key.
    pub certificate: Certificate,
}

impl Autocrypt {
    /// Reads the value of a field, folded or not. Attributes may stand in any order; those that begin with `_` are skipped.
    ///
    /// # Errors
    /// [`AutocryptError`]; the field is to be ignored then.
    pub fn read(value: &str) -> Result<Self, AutocryptError> {
        let (mut address, mut mutual, mut key) = (None, false, None);
        for attribute in value.split(';').map(str::trim).filter(|attribute| !attribute.is_empty()) {
            let (name, value) = attribute.split_once('=').ok_or(AutocryptError::Unknown)?;
            match name.trim().to_ascii_lowercase().as_str() {
                "addr" => address = MailAddress::new(value).ok(),
                "prefer-encrypt" => mutual = value.trim().eq_ignore_ascii_case("mutual"),
                "keydata" => key = Some(value),
                name if name.starts_with('_') => {}
                _ => return Err(AutocryptError::Unknown),
            }
        }
        let address = address.ok_or(AutocryptError::NoAddress)?;
        let certificate = Certificate::from_base64(key.ok_or(CertificateError::Malformed)?)?;
        Ok(Self { address, mutual, certificate })
    }

    /// The value of an `Autocrypt` field, folded so that no line is longer than 79 characters.
    #[must_use]
    pub fn field(&self) -> String {
        let preference = if self.mutual { " prefer-encrypt=mutual;" } else { "" };
        format!("addr={};{preference}{}", self.address.as_str(), folded(&self.certificate))
    }

    /// The value of an `Autocrypt-Gossip` field, folded in the same way.
    #[must_use]
    pub fn gossip(&self) -> String {
        format!("addr={};{}", self.address.as_str(), folded(&self.certificate))
    }
}

/// The key over as many lines as it needs.
fn folded(certificate: &Certificate) -> String {
    let data = format!("keydata={}", certificate.to_base64());
    let lines = data.as_bytes().chunks(LINE).map(String::from_utf8_lossy);
    lines.fold(String::new(), |text, line| text + "\r\n " + &line)
}

impl fmt::Debug for Autocrypt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Autocrypt(…)")
    }
}
