// SPDX-License-Identifier: EUPL-1.2
//! Identifiers: ours (organisation, persona, conversation, event) and opaque ones of the networks.
//! Addresses of people are in `address.rs`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// Why a text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not an organisation's id.
    #[error("an organisation's id is 1 to 64 of a-z, 0-9 and '-', a letter first")]
    Organisation,
    /// Not one of our 26-character identifiers.
    #[error("not a valid identifier")]
    Ulid,
    /// An identifier of a network is empty or longer than 1024 bytes.
    #[error("an identifier of a network has 1 to 1024 bytes")]
    Native,
}

/// An organisation as the configuration names it: `musterstadt`. Not personal data.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrganisationId(String);

impl OrganisationId {
    /// # Errors
    /// [`IdError::Organisation`].
    pub fn new(id: &str) -> Result<Self, IdError> {
        let legal = (1..=64).contains(&id.len())
            && id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if legal { Ok(Self(id.to_owned())) } else { Err(IdError::Organisation) }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrganisationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for OrganisationId {
    type Error = IdError;
    fn try_from(id: String) -> Result<Self, IdError> {
        Self::new(&id)
    }
}

impl From<OrganisationId> for String {
    fn from(id: OrganisationId) -> Self {
        id.0
    }
}

/// A persona: one human behind one or more accounts. Meaningful inside one store only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonaId(pub i64);

macro_rules! ulid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(u128);

        impl $name {
            /// From 48 bits of time (milliseconds) and 80 bits of randomness, so that ids sort by time.
            #[must_use]
            pub fn from_parts(at: crate::Timestamp, random: u128) -> Self {
                Self(Ulid::from_parts(u64::try_from(at.as_millis()).unwrap_or(0), random).0)
            }

            /// The next id: what comes within the same millisecond still sorts in its order.
            #[must_use]
            pub fn successor(self) -> Self {
                Self(self.0.wrapping_add(1))
            }

            /// The sixteen bytes, most significant first: byte order is time order.
            #[must_use]
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            /// The inverse of [`Self::to_bytes`].
            ///
            /// # Errors
            /// [`IdError::Ulid`] when there are not sixteen bytes.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, IdError> {
                Ok(Self(u128::from_be_bytes(bytes.try_into().map_err(|_| IdError::Ulid)?)))
            }
        }

        impl fmt::Display for $name {
            /// Twenty-six lower-case characters (Crockford's base 32).
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&Ulid(self.0).to_string().to_ascii_lowercase())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let id = Ulid::from_string(text).map_err(|_| IdError::Ulid)?;
                let id = Self(id.0);
                if id.to_string().eq_ignore_ascii_case(text) { Ok(id) } else { Err(IdError::Ulid) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

ulid_id! {
    /// A conversation, whatever networks it spans.
    ConversationId
}
ulid_id! {
    /// One event. What an adapter sends for it bears this id (Matrix transaction id, XMPP id and origin-id,
    /// Message-ID), so that a repeat after a crash is recognised by the receiver.
    EventId
}

macro_rules! native_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// [`IdError::Native`] when it is empty or too long.
            pub fn new(id: impl Into<String>) -> Result<Self, IdError> {
                let id = id.into();
                if (1..=1024).contains(&id.len()) { Ok(Self(id)) } else { Err(IdError::Native) }
            }

            /// The identifier as the network writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            /// Identifiers of networks may contain addresses: only the length is shown.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(id: String) -> Result<Self, IdError> {
                Self::new(id)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

native_id! {
    /// A message as its network names it: event id, stanza id, Message-ID. Opaque to everybody but its adapter.
    NativeId
}
native_id! {
    /// A chat as its network names it (a room id, say). Opaque to everybody but its adapter.
    ChatId
}

/// One thing to deliver: an event, or one part of an event that did not fit into one message.
/// What an adapter sends for it bears this id, so that a repeat after a crash is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeliveryId {
    /// The event.
    pub event: EventId,
    /// Which part of it, from 0.
    pub part: u16,
}

impl fmt::Display for DeliveryId {
    /// `01h…` for the first part, `01h…-1` for the second: legal in every network's ids.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.part == 0 { write!(f, "{}", self.event) } else { write!(f, "{}-{}", self.event, self.part) }
    }
}

impl FromStr for DeliveryId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (event, part) = match text.split_once('-') {
            None => (text, 0),
            Some((event, part)) => (event, part.parse().ok().filter(|part| *part > 0).ok_or(IdError::Ulid)?),
        };
        Ok(Self { event: event.parse()?, part })
    }
}
