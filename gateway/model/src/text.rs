// SPDX-License-Identifier: EUPL-1.2
//! What somebody wrote: plain, exactly as typed, or rich. Never both, so that they cannot say different things.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    Formats, Rich,
    rich::{Block, Builder, Leaf, Span},
};

/// A text: plain, or a tree with at least one piece of formatting. Stored, a plain one is a string.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Text(Form);

#[derive(Clone, PartialEq, Eq)]
enum Form {
    Plain(String),
    Rich(Rich),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Plain(String),
    Rich { rich: Rich },
}

impl Text {
    /// A plain text, kept exactly as it is.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self(Form::Plain(text.into()))
    }

    /// The plain text, or how the tree reads without its formatting.
    #[must_use]
    pub fn reading(&self) -> Cow<'_, str> {
        match &self.0 {
            Form::Plain(text) => Cow::Borrowed(text),
            Form::Rich(rich) => Cow::Owned(rich.reading()),
        }
    }

    /// The tree, if there is any formatting.
    #[must_use]
    pub fn rich(&self) -> Option<&Rich> {
        match &self.0 {
            Form::Plain(_) => None,
            Form::Rich(rich) => Some(rich),
        }
    }

    /// Which kinds of formatting it has.
    #[must_use]
    pub fn formats(&self) -> Formats {
        self.rich().map_or(Formats::NONE, Rich::formats)
    }

    /// There is nothing in it, not even white space.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Form::Plain(text) if text.is_empty())
    }

    /// It says nothing.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        matches!(&self.0, Form::Plain(text) if text.trim().is_empty())
    }

    /// How much of a message it takes, in bytes: a plain text its length, a rich one that of its reading and its HTML, at most.
    #[must_use]
    pub fn weight(&self) -> usize {
        match &self.0 {
            Form::Plain(text) => text.len(),
            Form::Rich(rich) => rich.weight(),
        }
    }

    /// The same without formatting.
    #[must_use]
    pub fn without_formatting(&self) -> Self {
        Self::plain(self.reading())
    }

    /// The same with `prefix` before its first word.
    #[must_use]
    pub fn prefixed(self, prefix: &str) -> Self {
        match self.0 {
            Form::Plain(text) => Self::plain(format!("{prefix}{text}")),
            Form::Rich(rich) => {
                let mut blocks = rich.into_blocks();
                match blocks.first_mut() {
                    Some(Block::Paragraph(spans)) => spans.insert(0, Span::plain(prefix)),
                    _ => blocks.insert(0, Block::Paragraph(vec![Span::plain(prefix)])),
                }
                Rich::new(blocks).into()
            }
        }
    }

    /// The same without `prefix`, if it begins with that and says something else, too.
    #[must_use]
    pub fn without_prefix(&self, prefix: &str) -> Option<Self> {
        let rest = match &self.0 {
            Form::Plain(text) => Self::plain(text.strip_prefix(prefix)?),
            Form::Rich(rich) => {
                let mut blocks = rich.blocks().to_vec();
                let Some(Block::Paragraph(spans)) = blocks.first_mut() else { return None };
                let first = spans.first_mut().filter(|span| span.marks.is_none() && span.link.is_none())?;
                let Leaf::Text(text) = &mut first.leaf else { return None };
                *text = text.strip_prefix(prefix)?.to_owned();
                Rich::new(blocks).into()
            }
        };
        (!rest.is_blank()).then_some(rest)
    }

    /// The same without white space around it; a rich text has none.
    #[must_use]
    pub fn trimmed(self) -> Self {
        match self.0 {
            Form::Plain(text) => Self::plain(text.trim()),
            Form::Rich(rich) => Self(Form::Rich(rich)),
        }
    }

    /// The same with a plain text below it, or above it.
    #[must_use]
    pub fn beside(self, text: &str, place: Beside) -> Self {
        match self.0 {
            Form::Plain(own) if own.is_empty() => Self::plain(text),
            Form::Plain(own) => Self::plain(match place {
                Beside::Below => format!("{own}\n{text}"),
                Beside::Above => format!("{text}\n\n{own}"),
            }),
            Form::Rich(rich) => {
                let plain = Block::Paragraph(vec![Span::plain(text)]);
                let mut blocks = rich.into_blocks();
                match place {
                    Beside::Below => blocks.push(plain),
                    Beside::Above => blocks.insert(0, plain),
                }
                Rich::new(blocks).into()
            }
        }
    }

    /// What is answered above it, each line of that marked with `> `.
    #[must_use]
    pub fn quoting(self, quote: &str) -> Self {
        match self.0 {
            Form::Plain(text) => Self::plain(crate::quoting(quote, &text)),
            Form::Rich(rich) => {
                let mut builder = Builder::new();
                let opened = builder.quote();
                builder.text(quote, crate::Marks::NONE, None);
                builder.close_if(opened);
                builder.blocks(rich.blocks());
                builder.finish().into()
            }
        }
    }

    /// The same with every text and name in it changed by `change`.
    #[must_use]
    pub fn map(self, change: impl Fn(&str) -> String) -> Self {
        match self.0 {
            Form::Plain(text) => Self::plain(change(&text)),
            Form::Rich(rich) => rich.map(&change).into(),
        }
    }

    /// The same with every span of it replaced; a plain text is one span, as long as it stays without formatting.
    #[must_use]
    pub fn map_spans(self, change: &mut dyn FnMut(Span) -> Vec<Span>) -> Self {
        match self.0 {
            Form::Plain(text) => {
                let spans = change(Span::plain(text));
                match spans.as_slice() {
                    [] => Self::plain(""),
                    [Span { marks, link: None, leaf: Leaf::Text(text) }] if marks.is_none() => Self::plain(text.clone()),
                    _ => Rich::new(vec![Block::Paragraph(spans)]).into(),
                }
            }
            Form::Rich(rich) => rich.map_spans(change).into(),
        }
    }

    /// In pieces of at most `longest` bytes of weight each, in order. A plain text is cut at a paragraph, a line, a space or, at worst,
    /// between two characters, and put together again the pieces are the text. A rich one is cut between blocks and within code; a
    /// block that does not fit loses its formatting.
    #[must_use]
    pub fn split(self, longest: usize) -> Vec<Self> {
        match self.0 {
            Form::Plain(text) => crate::rich::cut(&text, longest).into_iter().map(Self::plain).collect(),
            Form::Rich(rich) => rich.split(longest),
        }
    }
}

/// Where something is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Below.
    Below,
    /// Above, after it an empty line.
    Above,
}

impl<T: Into<String>> From<T> for Text {
    fn from(text: T) -> Self {
        Self::plain(text)
    }
}

impl From<Rich> for Text {
    /// A tree without any formatting is plain text.
    fn from(rich: Rich) -> Self {
        if rich.formats().is_none() { Self::plain(rich.reading()) } else { Self(Form::Rich(rich)) }
    }
}

impl From<Stored> for Text {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Plain(text) => Self::plain(text),
            Stored::Rich { rich } => rich.into(),
        }
    }
}

impl From<Text> for Stored {
    fn from(text: Text) -> Self {
        match text.0 {
            Form::Plain(text) => Self::Plain(text),
            Form::Rich(rich) => Self::Rich { rich },
        }
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        matches!(&self.0, Form::Plain(text) if text == other)
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl std::fmt::Debug for Text {
    /// What people write is in no log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({} bytes, {:?})", self.weight(), self.formats())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Marks;

    fn strong(text: &str) -> Text {
        Rich::new(vec![Block::Paragraph(vec![Span { marks: Marks::STRONG, ..Span::plain(text) }])]).into()
    }

    #[test]
    fn what_a_former_version_stored_is_read() {
        let text: Text = serde_json::from_str("\" as typed \\n\"").unwrap();
        assert_eq!(text, " as typed \n");
        assert_eq!(serde_json::to_string(&text).unwrap(), "\" as typed \\n\"");
        let rich = strong("x");
        assert_eq!(serde_json::from_str::<Text>(&serde_json::to_string(&rich).unwrap()).unwrap(), rich);
    }

    #[test]
    fn without_formatting_it_is_plain() {
        let text: Text =
            Rich::new(vec![Block::Paragraph(vec![Span::plain("a")]), Block::Paragraph(vec![Span::plain("b")])]).into();
        assert_eq!(text, "a\n\nb");
    }

    #[test]
    fn words_are_put_around_it() {
        assert_eq!(Text::plain("waves").prefixed("/me "), "/me waves");
        assert_eq!(strong("waves").prefixed("/me ").reading(), "/me waves");
        assert_eq!(strong("waves").prefixed("/me ").without_prefix("/me "), Some(strong("waves")));
        assert_eq!((strong("/me ").without_prefix("/me "), Text::plain("/me ").without_prefix("/me ")), (None, None));
        let code: Text = Rich::new(vec![Block::Code { language: None, text: "x".into() }]).into();
        assert_eq!(code.prefixed("Correction: ").reading(), "Correction:\n\nx");
        assert_eq!(strong("a").beside("b", Beside::Below).reading(), "a\n\nb");
        assert_eq!(strong("a").quoting("old\n> older").reading(), "> old\n>> older\n\na");
        assert_eq!(Text::plain("a").quoting("old"), "> old\n\na");
    }
}
