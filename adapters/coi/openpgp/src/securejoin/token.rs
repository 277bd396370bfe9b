// SPDX-License-Identifier: EUPL-1.2
//! The words of which links and handshakes are made: tokens, and the ids of groups.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{fingerprint::Fingerprint, open::SharedSecret, randomness::Randomness};

/// The text is no token or id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SecureJoin token or group id")]
pub struct NoToken;

/// A token of an invitation: who knows it was invited. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token(String);

impl Token {
    /// Draws a new token of 144 bits, as long as Delta Chat's.
    #[must_use]
    pub fn draw(randomness: &mut Randomness) -> Self {
        Self(URL_SAFE_NO_PAD.encode(randomness.octets::<18>()))
    }

    /// Takes a token as it stands in a link, header or store: up to 64 letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// [`NoToken`].
    pub fn new(text: &str) -> Result<Self, NoToken> {
        if is_word(text, 8, 64) { Ok(Self(text.to_owned())) } else { Err(NoToken) }
    }

    /// The text. It is a secret: for the link, the wire and the sealed store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The secret with which the first two messages are sealed, when this is the authentication token in a link to this key.
    #[must_use]
    pub fn secret(&self, inviter: &Fingerprint) -> SharedSecret {
        SharedSecret::new(format!("securejoin/{}/{}", inviter.upper(), self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The id of an encrypted group (`Chat-Group-ID`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupId(String);

impl GroupId {
    /// Draws a new id.
    #[must_use]
    pub fn draw(randomness: &mut Randomness) -> Self {
        Self(URL_SAFE_NO_PAD.encode(randomness.octets::<18>()))
    }

    /// Takes an id of 11 to 32 letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// [`NoToken`].
    pub fn new(text: &str) -> Result<Self, NoToken> {
        if is_word(text, 11, 32) { Ok(Self(text.to_owned())) } else { Err(NoToken) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_word(text: &str, shortest: usize, longest: usize) -> bool {
    (shortest..=longest).contains(&text.len())
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
}
