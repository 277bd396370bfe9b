// SPDX-License-Identifier: EUPL-1.2
//! What somebody says: text, files, and the message that it answers.

use serde::{Deserialize, Serialize};

use crate::{Attachment, EventId, LanguageTag, Lifetime, Text};

/// What somebody says. It has text, or a file, or both.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message<R = EventId> {
    /// How it is meant.
    pub kind: Kind,
    /// The words; empty only when there are files. With files they are their caption.
    pub text: Text,
    /// It vanishes so long after it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Lifetime>,
    /// The language of the words, as far as the author's client says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<LanguageTag>,
    /// A subject line, where the author's network has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<Reply<R>>,
    /// The message with which the thread began that it belongs to. Beside it [`Self::in_reply_to`] is an answer within the thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<Reply<R>>,
    /// Files, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

impl<R> Message<R> {
    /// A message of nothing but a text.
    #[must_use]
    pub fn text(text: impl Into<Text>) -> Self {
        Self {
            kind: Kind::Text,
            text: text.into(),
            expires: None,
            language: None,
            subject: None,
            in_reply_to: None,
            thread: None,
            attachments: Vec::new(),
        }
    }

    /// Something that a program says.
    #[must_use]
    pub fn notice(text: impl Into<Text>) -> Self {
        Self { kind: Kind::Notice, ..Self::text(text) }
    }
}

impl<R> std::fmt::Debug for Message<R> {
    /// What people write is in no log: only kind and length.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({:?}, {:?}, {} files)", self.kind, self.text, self.attachments.len())
    }
}

/// The message that is answered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply<R = EventId> {
    /// Which.
    pub to: R,
    /// What it said, as far as the author's client or network showed it: some networks show no answer without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
}

impl<R> std::fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reply(…)")
    }
}

/// A text with what it answers above it, each line of that marked with `> `.
#[must_use]
pub fn quoting(quote: &str, text: &str) -> String {
    let mut out = String::with_capacity(quote.len() + text.len() + 16);
    for line in quote.trim_end_matches('\n').split('\n') {
        out.push_str(if line.starts_with('>') { ">" } else { "> " });
        out.push_str(line);
        out.push('\n');
    }
    out.push('\n');
    out.push_str(text);
    out
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_stands_above_the_answer() {
        assert_eq!(quoting("one\ntwo\n", "yes"), "> one\n> two\n\nyes");
        assert_eq!(quoting("> older\nnew", "yes"), ">> older\n> new\n\nyes");
    }
}
