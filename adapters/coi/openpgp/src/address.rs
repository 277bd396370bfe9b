// SPDX-License-Identifier: EUPL-1.2
//! Mail addresses as keys, Autocrypt headers and invite links carry them.

use std::fmt;

/// Longest address (RFC 5321 §4.5.3.1.3 without the angle brackets).
const LONGEST: usize = 254;

/// An address in the form in which Delta Chat compares addresses: without angle brackets, ASCII letters in lower case.
///
/// It is checked for shape only, so that it can stand in headers and links; whether it exists, and its canonical form in Dreiklang,
/// is the business of the adapter. Personal data: no `Display`, and `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailAddress(String);

/// The text has not the shape of a mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mail address")]
pub struct NoMailAddress;

impl MailAddress {
    /// Reads an address, with or without angle brackets around it.
    ///
    /// # Errors
    /// [`NoMailAddress`] for what has no local part or domain, is too long, or holds white space, brackets, a comma, a semicolon or control
    /// characters.
    pub fn new(text: &str) -> Result<Self, NoMailAddress> {
        let text = text.trim();
        let text = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text);
        let (local, domain) = text.rsplit_once('@').ok_or(NoMailAddress)?;
        let strange = |c: char| c.is_control() || c.is_whitespace() || "<>(),;:\"\\[]".contains(c);
        let domain_is_one = !domain.is_empty() && !domain.starts_with('.') && !domain.ends_with('.');
        if local.is_empty() || !domain_is_one || text.len() > LONGEST || text.contains(strange) {
            return Err(NoMailAddress);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The text. For the wire and the store, never for a log.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailAddress(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_stand_in_a_header_is_an_address() {
        for (text, expected) in [
            ("Carol@Mail.Example", Some("carol@mail.example")),
            (" <carol@mail.example> ", Some("carol@mail.example")),
            ("matrix.alice=hs.example@gw.example", Some("matrix.alice=hs.example@gw.example")),
            ("carol@localhost", Some("carol@localhost")),
            ("carol", None),
            ("@mail.example", None),
            ("carol@", None),
            ("carol@.example", None),
            ("Carol <carol@mail.example>", None),
            ("carol@mail.example\r\nBcc: x@y.example", None),
            ("carol@mail.example,dave@mail.example", None),
        ] {
            assert_eq!(MailAddress::new(text).ok().as_ref().map(MailAddress::as_str), expected, "{text}");
        }
        assert_eq!(MailAddress::new(&format!("{}@mail.example", "a".repeat(250))), Err(NoMailAddress));
    }
}
