// SPDX-License-Identifier: EUPL-1.2
//! Addresses of people and how they appear elsewhere. How one is turned into the other is `mappings/identity`.
//!
//! Addresses are personal data: none of these types has `Display`, and `Debug` shows no content.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Network;

/// Longest address of any network that we take: two JID parts of 1023 bytes and the sign between them.
const LONGEST: usize = 2047;
/// Longest display name that we keep, in characters.
const LONGEST_NAME: usize = 128;

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Empty.
    #[error("the address is empty")]
    Empty,
    /// Longer than any network allows.
    #[error("the address is too long")]
    TooLong,
    /// Contains a control character or white space at its rim.
    #[error("the address contains characters no address has")]
    Illegal,
}

/// A person's address on his own network, in the canonical form by which that network compares addresses
/// (`@alice:hs.example`, `bob@xmpp.example`, `carol@mail.example`). Whoever constructs one has normalised it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    network: Network,
    value: String,
}

impl Address {
    /// An address already in canonical form.
    ///
    /// # Errors
    /// [`AddressError`] for what cannot be an address anywhere.
    pub fn new(network: Network, canonical: impl Into<String>) -> Result<Self, AddressError> {
        let value = canonical.into();
        check(&value)?;
        Ok(Self { network, value })
    }

    /// The network it belongs to.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The canonical text. For the wire and the store, never for a log.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.network)
    }
}

/// A ghost's address as written on the network where it appears: `@_xmpp_bob=40xmpp.example:hs.example`,
/// `alice%hs.example@matrix.gw.example`, `xmpp.bob=xmpp.example@gw.example`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Written(String);

impl Written {
    /// # Errors
    /// [`AddressError`] for what cannot be an address anywhere.
    pub fn new(text: impl Into<String>) -> Result<Self, AddressError> {
        let text = text.into();
        check(&text)?;
        Ok(Self(text))
    }

    /// The text. For the wire and the store, never for a log.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Written(…)")
    }
}

pub(crate) fn check(text: &str) -> Result<(), AddressError> {
    if text.is_empty() {
        Err(AddressError::Empty)
    } else if text.len() > LONGEST {
        Err(AddressError::TooLong)
    } else if text.chars().any(char::is_control) || text.trim() != text {
        Err(AddressError::Illegal)
    } else {
        Ok(())
    }
}

/// A name shown to people: no control or text-direction characters, no line breaks, bounded.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct DisplayName(String);

impl DisplayName {
    /// Cleans whatever a network calls a name; may come out empty (see [`Self::is_empty`]).
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(one_line(name, LONGEST_NAME))
    }

    /// The name. For people who talk to its bearer, never for a log.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Nothing was left of the name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A text on one line: no control or text-direction characters, no more than one space at a place, and not longer.
pub(crate) fn one_line(text: &str, longest: usize) -> String {
    let cleaned: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !c.is_control() && !directs_text(*c)).collect();
    let words: Vec<&str> = cleaned.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(longest).collect()
}

/// Invisible characters that can make a name read as somebody else's.
pub(crate) fn directs_text(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

impl fmt::Debug for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DisplayName(…)")
    }
}

impl From<String> for DisplayName {
    fn from(name: String) -> Self {
        Self::new(&name)
    }
}

impl From<DisplayName> for String {
    fn from(name: DisplayName) -> Self {
        name.0
    }
}
