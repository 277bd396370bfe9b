// SPDX-License-Identifier: EUPL-1.2
//! The canonical model: what happens in a conversation, in no network's words.
//!
//! Pure data and pure functions. No I/O, no clock, no randomness, no async, no protocol crate; a test in
//! `tests/architecture` keeps it so. The shapes follow IETF MIMI content (draft-ietf-mimi-content) where they overlap.

mod adapt;
mod address;
mod capabilities;
mod event;
mod ids;
mod lifetime;
mod media;
mod message;
mod network;
mod place;
mod poll;
mod profile;
mod reaction;
mod refer;
pub mod rich;
mod room;
mod signal;
mod tag;
mod text;
mod time;
pub mod words;

pub use adapt::{Adapted, Loss, adapt};
pub use address::{Address, AddressError, DisplayName, Written};
pub use capabilities::{Capabilities, Support};
pub use event::{Event, Feature, Reason, Report, What};
pub use ids::{ChatId, ConversationId, DeliveryId, EventId, IdError, NativeId, OrganisationId, PersonaId};
pub use lifetime::Lifetime;
pub use media::{Attachment, Blurhash, FileName, MediaKind, MediaLink, MediaSource, MediaType};
pub use message::{Kind, Message, Reply, quoting};
pub use network::{Network, NetworkError};
pub use place::Place;
pub use poll::Poll;
pub use profile::{NoPictureHash, PictureHash, Portrait};
pub use reaction::{Emoji, MOST_REACTIONS, Reactions};
pub use refer::{Placed, Referred, Side};
pub use rich::{Format, Formats, Marks, Rich};
pub use room::{Echo, Entry, RoomAddress, RoomDetails, Standing, Topic};
pub use signal::{Availability, Presence, Typing};
pub use tag::LanguageTag;
pub use text::{Beside, Text};
pub use time::Timestamp;
pub use words::Language;
