// SPDX-License-Identifier: EUPL-1.2
//! HTML: what Matrix permits in `formatted_body` (Client-Server API § m.room.message msgtypes), what mail programs write, and XHTML-IM
//! (XEP-0071). Reading keeps what the tree has a word for and the text of all else; that is the allow-list.

mod css;
mod element;
mod gap;
mod reader;
mod write;

use dreiklang_model::{Address, Rich};
use html5gum::{DefaultEmitter, Token, Tokenizer};

use crate::guard::guarded;

pub use element::Attribute;
pub use reader::Reader;
pub use write::{Attributes, Writing, write};

/// Where HTML comes from, for habits differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// A chat program: tables are tables, `<pre>` is code, attributes of style mean nothing.
    Matrix,
    /// The same, where style is said by attributes alone.
    Xhtml,
    /// A mail program: tables place things, `<pre>` without `<code>` is typed text, signatures are marked as such.
    Mail,
}

/// A link, as far as it may mention somebody.
#[derive(Debug, Clone, Copy)]
pub struct Anchor<'a> {
    /// Where it leads.
    pub href: &'a str,
    /// Its class.
    pub class: &'a str,
}

/// Who is mentioned by a link; the network's own way of saying it.
pub type Mentions<'a> = &'a dyn Fn(Anchor<'_>) -> Option<Address>;

/// Nobody is mentioned by links.
#[must_use]
pub fn nobody(_: Anchor<'_>) -> Option<Address> {
    None
}

/// The tree that HTML says.
#[must_use]
pub fn read(html: &str, habit: Habit, mentions: Mentions<'_>) -> Rich {
    guarded(html, || parsed(html, habit, mentions))
}

fn parsed(html: &str, habit: Habit, mentions: Mentions<'_>) -> Rich {
    let mut reader = Reader::new(habit, mentions);
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name);
                let attribute = |wanted: Attribute| {
                    let value = tag.attributes.get(wanted.name().as_bytes())?;
                    Some(String::from_utf8_lossy(&value.value).into_owned())
                };
                reader.start(&name, &attribute);
            }
            Token::EndTag(tag) => reader.end(&String::from_utf8_lossy(&tag.name)),
            Token::String(text) => reader.text(&String::from_utf8_lossy(&text.value)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    reader.finish()
}
