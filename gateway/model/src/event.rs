// SPDX-License-Identifier: EUPL-1.2
//! One thing that happened in a conversation, in no network's words.
//! How it is reduced to what a target can express is `adapt.rs`; what people say is `message.rs`.

use serde::{Deserialize, Serialize};

use crate::{ConversationId, Echo, EventId, Lifetime, Message, NativeId, PersonaId, Place, Poll, Reactions, Timestamp};

/// One event, from one persona, in one conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Ours; what is sent out for it bears this id.
    pub id: EventId,
    /// Where it happened.
    pub conversation: ConversationId,
    /// Who did it; none when the gateway itself speaks.
    pub author: Option<PersonaId>,
    /// When its author did it, as far as his network says so.
    pub sent_at: Timestamp,
    /// What happened.
    pub what: What,
    /// In a room that the gateway hosts on its author's network: what the other members there are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<Echo>,
}

/// What happened. `R` is how messages are named that it refers to: by the author's network ([`NativeId`]) when it is received, by
/// us ([`EventId`]) while it is ours, by the target ([`crate::Placed`]) when it is delivered. See `refer.rs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What<R = EventId> {
    /// New content.
    Message(Message<R>),
    /// The author replaced an earlier message, whichever version of it is named.
    Edit {
        /// The message.
        of: R,
        /// The new content.
        to: Message<R>,
    },
    /// The author took an earlier message back.
    Retract {
        /// The message.
        of: R,
    },
    /// A person's reactions to a message.
    React {
        /// The message.
        to: R,
        /// Which.
        with: Reactions,
    },
    /// A person has read everything up to a message.
    Read {
        /// The message.
        up_to: R,
    },
    /// A place that the author shows.
    Place(Place),
    /// A question with answers to choose from.
    Poll(Poll),
    /// From now on what is said in the conversation vanishes so long after it is read; nothing: it stays.
    Timer(Option<Lifetime>),
    /// Something that this release cannot carry. It is named to both sides instead of vanishing.
    Unsupported {
        /// What it was.
        feature: Feature,
        /// A name the sender gave it (of a file, say).
        name: Option<String>,
    },
    /// For the author of an earlier message: what became of it.
    Report {
        /// His message, as his own network names it.
        of: NativeId,
        /// Its fate.
        report: Report,
    },
    /// The conversation was opened at the recipient's own wish (a bot command): show it to him.
    Opened,
}

/// What a message can contain besides text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name says it all")]
pub enum Feature {
    Image,
    Audio,
    Video,
    File,
    Sticker,
    Location,
    Poll,
    ContactCard,
    Reaction,
    Retraction,
    Call,
    Edit,
    Reply,
    Thread,
    Emote,
    Notice,
    Subject,
    Expiry,
    Formatting,
    Other,
}

/// What became of a message, told to its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The far side accepted it.
    Delivered,
    /// It waits; nothing is lost yet.
    Delayed,
    /// It will not arrive.
    Failed(Reason),
    /// It arrived without the named feature.
    Reduced(Feature),
}

/// Why a message was refused or will not arrive. [`crate::words`] has the sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nobody has that address.
    UnknownRecipient,
    /// The organisation's rules forbid it.
    Forbidden,
    /// The recipient, or his server, does not want it.
    Rejected,
    /// It is longer than the far side takes.
    TooLarge,
    /// Too many messages in a short time.
    TooMany,
    /// The far side could not be reached for so long that we gave up.
    Unreachable,
    /// The sender's identity could not be verified.
    NotAuthenticated,
    /// It is encrypted and the gateway cannot read it; the scheme's name for people (`OMEMO`, `S/MIME`).
    Encrypted(String),
    /// The recipient takes only encrypted messages, and no key of his is known that could be used.
    NeedsInvitation,
    /// Only those who are invited may come into the room.
    InvitedOnly,
    /// The room is encrypted, and the gateway could not read in it.
    EncryptedRoom,
    /// It is signed with another key than the one known as the sender's.
    KeyChanged,
    /// It is encrypted for a key that the gateway does not have.
    WrongKey,
    /// The address belongs to a network that this organisation has not connected.
    NotConnected,
    /// A file of it cannot be had from where it is said to be.
    FileUnavailable,
    /// The organisation's rules forbid files of this kind.
    ForbiddenFile,
    /// It would have vanished before it could be delivered.
    Expired,
    /// The gateway could not make sense of it.
    Unreadable,
    /// The far side refused it with words of its own (already cleaned: no control characters, at most 300 characters).
    Said(String),
}
