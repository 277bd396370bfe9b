// SPDX-License-Identifier: EUPL-1.2
//! A parsed mail and its headers, read leniently.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mail_parser::{Encoding, Message, MessageParser, MessagePart, PartType};

/// How many parts a mail may declare. The parser nests a mail in a mail without end, and so much would break the stack.
const MOST_DECLARED: usize = 1000;

/// A parsed mail.
pub(crate) struct Mail<'x> {
    pub(crate) message: Message<'x>,
}

impl<'x> Mail<'x> {
    /// [`None`] when nobody could make sense of it. Whatever the bytes are, this ends and does not panic: the parser is somebody
    /// else's.
    pub(crate) fn parse(raw: &'x [u8]) -> Option<Self> {
        if declared_parts(raw) > MOST_DECLARED {
            return None;
        }
        let parsed = catch_unwind(AssertUnwindSafe(|| MessageParser::default().parse(raw)));
        parsed.ok().flatten().filter(|message| !message.parts.is_empty()).map(|message| Self { message })
    }

    /// The values of a header, from the top, unfolded; what is encoded stays so.
    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        let named = self.message.headers_raw().filter(move |(header, _)| header.eq_ignore_ascii_case(name));
        named.map(|(_, value)| unfolded(value))
    }

    /// The topmost value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers(name).next()
    }

    /// The Message-ID without its angle brackets.
    pub(crate) fn message_id(&self) -> Option<String> {
        crate::message_id::all(&self.header("Message-ID")?).into_iter().next().filter(|id| id.len() <= 998)
    }

    /// It was written by a chat program: the rules of chat, not those of letters, hold for it.
    pub(crate) fn is_chat(&self) -> bool {
        self.header("Chat-Version").is_some()
    }

    /// It has several parts.
    pub(crate) fn is_multipart(&self) -> bool {
        self.header("Content-Type").is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("multipart/"))
    }

    /// The bytes of a part that the parser took for a mail in the mail, decoded.
    pub(crate) fn inside<'a>(&'a self, part: &'a MessagePart<'_>) -> &'a [u8] {
        match &part.body {
            PartType::Message(inner) if part.encoding != Encoding::None => &inner.raw_message,
            _ => {
                let range = part.offset_body as usize..part.offset_end as usize;
                self.message.raw_message.get(range).unwrap_or_default()
            }
        }
    }

    /// It answers another mail.
    pub(crate) fn answers(&self) -> bool {
        let named = |name| self.header(name).is_some_and(|value| !value.is_empty());
        named("In-Reply-To") || named("References")
    }
}

/// How many lines declare the type of a part; none is nested without such a line.
fn declared_parts(raw: &[u8]) -> usize {
    const DECLARES: &[u8] = b"content-type";
    raw.split(|byte| matches!(byte, b'\n' | b'\r'))
        .filter(|line| line.get(..DECLARES.len()).is_some_and(|start| start.eq_ignore_ascii_case(DECLARES)))
        .count()
}

/// A header's value on one line.
fn unfolded(value: &str) -> String {
    value.replace(['\r', '\n'], "").replace('\t', " ").trim().to_owned()
}

crate::opaque::opaque!(Mail<'_>);
