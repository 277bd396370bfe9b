// SPDX-License-Identifier: EUPL-1.2
//! Rooms: how one is addressed, what is known of it, and who stands how in it. What happens in a room is an ordinary event.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AddressError, DisplayName, Network, address};

/// Longest description of a room that is kept, in characters.
const LONGEST_TOPIC: usize = 1000;

/// A room's address on the network where it is at home, as that network compares addresses: `#plan:hs.example` or `!id:hs.example` on
/// Matrix, `team@conference.xmpp.example` on XMPP. A room may have several; [`crate::ChatId`] is the one that never changes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RoomAddress {
    network: Network,
    value: String,
}

impl RoomAddress {
    /// An address already in canonical form.
    ///
    /// # Errors
    /// [`AddressError`] for what cannot be an address anywhere.
    pub fn new(network: Network, canonical: impl Into<String>) -> Result<Self, AddressError> {
        let value = canonical.into();
        address::check(&value)?;
        Ok(Self { network, value })
    }

    /// The network where the room is at home.
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

impl fmt::Debug for RoomAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoomAddress({})", self.network)
    }
}

/// What a room is about, in its members' words: bounded, and without control characters other than line breaks.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Topic(String);

impl Topic {
    /// Cleans whatever a network calls a topic; may come out empty.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let clean = |c: &char| *c == '\n' || !(c.is_control() || address::directs_text(*c));
        Self(text.trim().replace("\r\n", "\n").chars().filter(clean).take(LONGEST_TOPIC).collect())
    }

    /// The text. For members, never for a log.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({} bytes)", self.0.len())
    }
}

impl From<String> for Topic {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<Topic> for String {
    fn from(topic: Topic) -> Self {
        topic.0
    }
}

/// Who may come into a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// Everybody.
    #[default]
    Open,
    /// Only whoever is invited.
    Invited,
}

/// What is known of a room, as the network where it is at home says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomDetails {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DisplayName>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Topic::is_empty")]
    pub topic: Topic,
    /// Who may come in.
    #[serde(default)]
    pub entry: Entry,
    /// It stands in the directory of its network.
    #[serde(default)]
    pub listed: bool,
}

/// How somebody stands in a room. In order: each may do more than the one before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Reads, and may not speak.
    Visitor,
    /// Speaks.
    #[default]
    Member,
    /// Takes back what others said, and removes people.
    Moderator,
    /// Does everything.
    Owner,
}

/// What the author's network wrote for the other members there, kept whole: a room that the gateway hosts gives it to them as it was.
/// Opaque to everybody but its adapter.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Echo(pub String);

impl fmt::Debug for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Echo({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_keeps_its_lines_and_nothing_that_misleads() {
        for (given, kept) in [
            (" plans\r\nof \u{7}today ", "plans\nof today"),
            ("abc\u{202e}def", "abcdef"),
            ("", ""),
            (&"x".repeat(2000), &"x".repeat(1000)),
        ] {
            assert_eq!(Topic::new(given).as_str(), kept);
        }
    }

    #[test]
    fn standings_are_in_order() {
        assert!(Standing::Visitor < Standing::Member && Standing::Moderator < Standing::Owner);
    }
}
