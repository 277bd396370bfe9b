// SPDX-License-Identifier: EUPL-1.2
//! Which network an address, a conversation leg or an adapter belongs to.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

/// The name of a network: a short lower-case word, as people see it in addresses and configuration.
///
/// Open on purpose: a fourth network is a new name and a new adapter, not a change here.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(Cow<'static, str>);

/// The text is not a network's name: one to sixteen of `a-z0-9`, a letter first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a network's name is 1 to 16 lower-case letters and digits, a letter first")]
pub struct NetworkError;

impl Network {
    /// Matrix.
    pub const MATRIX: Self = Self(Cow::Borrowed("matrix"));
    /// XMPP.
    pub const XMPP: Self = Self(Cow::Borrowed("xmpp"));
    /// Mail: Chat-over-IMAP, Delta Chat's dialect and plain mail programs.
    pub const MAIL: Self = Self(Cow::Borrowed("mail"));

    /// The gateway itself: where the bot has its account. No adapter serves it.
    pub const GATEWAY: Self = Self(Cow::Borrowed("gateway"));

    /// A network by its name.
    ///
    /// # Errors
    /// [`NetworkError`] when the text is not a network's name.
    pub fn new(name: &str) -> Result<Self, NetworkError> {
        let legal = (1..=16).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if legal { Ok(Self(Cow::Owned(name.to_owned()))) } else { Err(NetworkError) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;
    fn try_from(name: String) -> Result<Self, NetworkError> {
        Self::new(&name)
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.0.into_owned()
    }
}
