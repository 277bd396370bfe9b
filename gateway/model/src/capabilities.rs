// SPDX-License-Identifier: EUPL-1.2
//! What one concrete conversation can express on one network.

use serde::{Deserialize, Serialize};

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
    /// Naming the message that is answered.
    pub reply: Support,
    /// A subject line.
    pub subject: Support,
    /// Longest text in bytes that the leg takes in one message.
    pub longest_text: usize,
}

impl Capabilities {
    /// Everything a plain text chat has: what any network can do.
    pub const PLAIN: Self = Self {
        emote: Support::AsText,
        notice: Support::AsText,
        edit: Support::AsText,
        reply: Support::No,
        subject: Support::AsText,
        longest_text: 32 * 1024,
    };
}
