// SPDX-License-Identifier: EUPL-1.2
//! The fingerprint of an OpenPGP key: who somebody is, wherever his mail comes from.

use std::fmt;

use pgp::types::KeyDetails;

/// The fingerprint of a primary key of version 4 or 6 (RFC 9580 §5.5.4).
///
/// It names a person under a pseudonym: it belongs on the wire and in the store, never whole in a log. `Debug` shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(Octets);

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Octets {
    V4([u8; 20]),
    V6([u8; 32]),
}

/// The text or the key has no fingerprint that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the fingerprint of an OpenPGP key of version 4 or 6")]
pub struct NoFingerprint;

impl Fingerprint {
    /// Reads 40 or 64 hexadecimal digits of either case; spaces between them are skipped, as people paste them.
    ///
    /// # Errors
    /// [`NoFingerprint`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NoFingerprint> {
        let digits = text.chars().filter(|c| *c != ' ').map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
        let digits = digits.collect::<Option<Vec<u8>>>().ok_or(NoFingerprint)?;
        let (pairs, []) = digits.as_chunks::<2>() else { return Err(NoFingerprint) };
        Self::from_bytes(&pairs.iter().map(|[high, low]| high << 4 | low).collect::<Vec<u8>>())
    }

    /// From its 20 or 32 octets.
    ///
    /// # Errors
    /// [`NoFingerprint`] for any other length.
    pub fn from_bytes(octets: &[u8]) -> Result<Self, NoFingerprint> {
        if let Ok(octets) = octets.try_into() {
            Ok(Self(Octets::V4(octets)))
        } else {
            octets.try_into().map(|octets| Self(Octets::V6(octets))).map_err(|_| NoFingerprint)
        }
    }

    /// The octets, as the store keeps them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Octets::V4(octets) => octets,
            Octets::V6(octets) => octets,
        }
    }

    /// Upper-case digits, as invite links and Delta Chat's headers write it.
    #[must_use]
    pub fn upper(&self) -> String {
        self.as_bytes().iter().map(|octet| format!("{octet:02X}")).collect()
    }

    /// Lower-case digits.
    #[must_use]
    pub fn lower(&self) -> String {
        self.as_bytes().iter().map(|octet| format!("{octet:02x}")).collect()
    }

    pub(crate) fn of(key: &impl KeyDetails) -> Result<Self, NoFingerprint> {
        (&key.fingerprint()).try_into()
    }
}

impl TryFrom<&pgp::types::Fingerprint> for Fingerprint {
    type Error = NoFingerprint;

    fn try_from(value: &pgp::types::Fingerprint) -> Result<Self, NoFingerprint> {
        match value {
            pgp::types::Fingerprint::V4(octets) => Ok(Self(Octets::V4(*octets))),
            pgp::types::Fingerprint::V6(octets) => Ok(Self(Octets::V6(*octets))),
            _ => Err(NoFingerprint),
        }
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_people_paste_it_and_written_in_either_case() {
        let upper = "23FFDF25F6B2468B6D6E0A93B1F10A5E88ACA144";
        for text in [upper, "23ffdf25f6b2468b6d6e0a93b1f10a5e88aca144", "23FF DF25 F6B2 468B 6D6E  0A93 B1F1 0A5E 88AC A144"] {
            let read = Fingerprint::parse(text).unwrap();
            assert_eq!(read.upper(), upper);
            assert_eq!(read.lower(), upper.to_lowercase());
            assert_eq!(Fingerprint::from_bytes(read.as_bytes()), Ok(read));
        }
        assert!(Fingerprint::parse(&"ab".repeat(32)).is_ok());
        for text in ["", "23FF", &upper[1..], &format!("{upper}0"), &upper.replace('2', "G"), &"ab".repeat(21)] {
            assert_eq!(Fingerprint::parse(text), Err(NoFingerprint), "{text}");
        }
    }

    #[test]
    fn it_does_not_show_itself() {
        let shown = format!("{:?}", Fingerprint::parse(&"ab".repeat(20)).unwrap());
        assert!(!shown.contains("ab"), "{shown}");
    }
}
