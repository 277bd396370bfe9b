// SPDX-License-Identifier: EUPL-1.2
//! One thing that happened in a conversation, in no network's words.
//! How it is reduced to what a target can express is `adapt.rs`.

use serde::{Deserialize, Serialize};

use crate::{ConversationId, EventId, NativeId, PersonaId, Timestamp};

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
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// New content.
    Message(Message),
    /// The author replaced an earlier message; `of` is its first version on the author's own network.
    Edit {
        /// The first version, as the author's network names it.
        of: NativeId,
        /// The new content.
        to: Message,
    },
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

/// Text that somebody wrote.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// How it is meant.
    pub kind: Kind,
    /// Plain text, `\n` between lines; never empty.
    pub text: String,
    /// A subject line, where the author's network has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The message it answers, as the author's network names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<NativeId>,
}

impl Message {
    /// A plain text message.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { kind: Kind::Text, text: text.into(), subject: None, in_reply_to: None }
    }
}

impl std::fmt::Debug for Message {
    /// What people write is in no log: only kind and length.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({:?}, {} bytes)", self.kind, self.text.len())
    }
}

/// How a text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Said.
    Text,
    /// Done: `/me waves`; the text holds only `waves`.
    Emote,
    /// Said by a program, not to be answered by programs (Matrix `m.notice`).
    Notice,
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
    Emote,
    Notice,
    Subject,
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
    /// The address belongs to a network that this organisation has not connected.
    NotConnected,
    /// The gateway could not make sense of it.
    Unreadable,
    /// The far side refused it with words of its own (already cleaned: no control characters, at most 300 characters).
    Said(String),
}
