// SPDX-License-Identifier: EUPL-1.2
//! What a rich text is made of. How one is built is `build.rs`, how it reads without its formatting `read.rs`.

use serde::{Deserialize, Serialize};

use super::{Builder, Format, Formats, Href, Marks};
use crate::Address;

/// A rich text in its normal form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Block>", into = "Vec<Block>")]
pub struct Rich(pub(super) Vec<Block>);

impl Rich {
    /// A tree of these blocks, brought into its normal form.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "whoever calls it has just made them for it")]
    pub fn new(blocks: Vec<Block>) -> Self {
        let mut builder = Builder::new();
        builder.blocks(&blocks);
        builder.finish()
    }

    /// Its blocks, in order.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.0
    }

    /// Its blocks, in order.
    #[must_use]
    pub fn into_blocks(self) -> Vec<Block> {
        self.0
    }

    /// There is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Which kinds of formatting it has.
    #[must_use]
    pub fn formats(&self) -> Formats {
        self.0.iter().fold(Formats::NONE, |all, block| all | block.formats())
    }
}

impl From<Vec<Block>> for Rich {
    fn from(blocks: Vec<Block>) -> Self {
        Self::new(blocks)
    }
}

impl From<Rich> for Vec<Block> {
    fn from(rich: Rich) -> Self {
        rich.0
    }
}

impl std::fmt::Debug for Rich {
    /// What people write is in no log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rich({} blocks, {:?})", self.0.len(), self.formats())
    }
}

/// A block of a text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// Text; `\n` is a line break.
    Paragraph(Vec<Span>),
    /// A heading; one line.
    Heading {
        /// How high.
        level: Level,
        /// What it says.
        text: Vec<Span>,
    },
    /// Code, verbatim, without a line feed at its end.
    Code {
        /// In which language, by the name that writers of Markdown use for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
        /// The code.
        text: String,
    },
    /// What somebody else said.
    Quote(Vec<Block>),
    /// A list.
    List {
        /// The number of its first item; nothing when it has bullets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start: Option<u32>,
        /// What the items say.
        items: Vec<Vec<Block>>,
    },
    /// A table. Rows may differ in length.
    Table {
        /// The names of the columns; empty when there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        head: Row,
        /// The rows.
        rows: Vec<Row>,
    },
    /// A line across the text.
    Rule,
}

/// The cells of a row, from its start.
pub type Row = Vec<Cell>;
/// What a cell says; one line.
pub type Cell = Vec<Span>;

impl Block {
    fn formats(&self) -> Formats {
        let inline = |spans: &[Span]| spans.iter().fold(Formats::NONE, |all, span| all | span.formats());
        let inside = |blocks: &[Self]| blocks.iter().fold(Formats::NONE, |all, block| all | block.formats());
        match self {
            Self::Paragraph(spans) => inline(spans),
            Self::Heading { text, .. } => inline(text) | Format::Heading,
            Self::Code { .. } => Format::CodeBlock.into(),
            Self::Quote(blocks) => inside(blocks) | Format::Quote,
            Self::List { items, .. } => items.iter().fold(Format::List.into(), |all, item| all | inside(item)),
            Self::Table { head, rows } => {
                rows.iter().flatten().chain(head).fold(Format::Table.into(), |all: Formats, cell| all | inline(cell))
            }
            Self::Rule => Format::Rule.into(),
        }
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Block({:?})", self.formats())
    }
}

/// A piece of a line whose formatting is the same throughout.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// How it is marked.
    #[serde(default, skip_serializing_if = "Marks::is_none")]
    pub marks: Marks,
    /// Where it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Href>,
    /// What it says.
    pub leaf: Leaf,
}

impl Span {
    /// Text without any formatting.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self { marks: Marks::NONE, link: None, leaf: Leaf::Text(text.into()) }
    }

    /// The words.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.leaf {
            Leaf::Text(text) | Leaf::Mention { name: text, .. } => text,
        }
    }

    fn formats(&self) -> Formats {
        let link = self.link.as_ref().map(|_| Format::Link);
        let mention = matches!(self.leaf, Leaf::Mention { .. }).then_some(Format::Mention);
        link.into_iter().chain(mention).fold(self.marks.into(), |all: Formats, format| all | format)
    }
}

impl std::fmt::Debug for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Span({:?}, {} bytes)", self.formats(), self.text().len())
    }
}

/// What a span says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaf {
    /// Words.
    Text(String),
    /// Somebody is mentioned.
    Mention {
        /// Who: his address at home while the event is ours, else as the network at hand writes it.
        who: Address,
        /// How the author calls him.
        name: String,
    },
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::Text(_)) { "Text(…)" } else { "Mention(…)" })
    }
}

/// The level of a heading, 1 to 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "u8", into = "u8")]
pub struct Level(u8);

impl Level {
    /// The number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl From<u8> for Level {
    /// The next level that there is.
    fn from(level: u8) -> Self {
        Self(level.clamp(1, 6))
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_people_write_is_in_a_log() {
        let rich = Rich::new(vec![Block::Paragraph(vec![Span { marks: Marks::STRONG, ..Span::plain("secret") }])]);
        let shown = format!("{rich:?} {:?} {:?}", rich.blocks(), Span::plain("secret"));
        assert!(!shown.contains("secret") && shown.contains("Strong"), "{shown}");
    }
}
