// SPDX-License-Identifier: EUPL-1.2
//! What one concrete conversation can express on one network.

use serde::{Deserialize, Serialize};

use crate::Formats;

/// How well a conversation can express something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// Not at all, not even as text.
    No,
    /// As readable text.
    AsText,
    /// In the network's own form.
    Native,
}

/// What a conversation's leg can carry. Of the concrete conversation: a mail program differs from Delta Chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// `/me` lines.
    pub emote: Support,
    /// Messages marked as written by a program.
    pub notice: Support,
    /// Replacing an earlier message.
    pub edit: Support,
    /// Taking an earlier message back.
    pub retract: Support,
    /// Reactions to a message.
    pub react: Support,
    /// How many reactions one person can put under one message; the newest count.
    pub most_reactions: usize,
    /// Telling how far somebody has read.
    pub read: Support,
    /// Naming the message that is answered.
    pub reply: Support,
    /// Keeping what belongs together beside the conversation.
    pub thread: Support,
    /// Files.
    pub files: Support,
    /// How many files one message takes, together with its text.
    pub files_at_once: usize,
    /// Whether a message with a file also takes text.
    pub caption: Support,
    /// Largest file in bytes.
    pub largest_file: u64,
    /// Kinds of formatting that it shows; others become readable text.
    pub formats: Formats,
    /// Places on a map.
    pub place: Support,
    /// Messages that vanish some time after they were read.
    pub expiry: Support,
    /// A subject line.
    pub subject: Support,
    /// Longest text in bytes that the leg takes in one message.
    pub longest_text: usize,
}

impl Capabilities {
    /// Everything, in the network's own form.
    pub const FULL: Self = Self {
        emote: Support::Native,
        notice: Support::Native,
        edit: Support::Native,
        retract: Support::Native,
        react: Support::Native,
        most_reactions: 20,
        read: Support::Native,
        reply: Support::Native,
        thread: Support::Native,
        files: Support::Native,
        files_at_once: 1,
        caption: Support::Native,
        largest_file: 100 * 1024 * 1024,
        formats: Formats::ALL,
        place: Support::Native,
        expiry: Support::Native,
        subject: Support::Native,
        longest_text: 32 * 1024,
    };

    /// Everything a plain text chat has: what any network can do.
    pub const PLAIN: Self = Self {
        emote: Support::AsText,
        notice: Support::AsText,
        edit: Support::AsText,
        retract: Support::AsText,
        react: Support::AsText,
        most_reactions: 1,
        read: Support::No,
        reply: Support::AsText,
        thread: Support::AsText,
        files: Support::No,
        files_at_once: 1,
        caption: Support::No,
        largest_file: 0,
        formats: Formats::NONE,
        place: Support::AsText,
        expiry: Support::AsText,
        subject: Support::AsText,
        longest_text: 32 * 1024,
    };
}
