// SPDX-License-Identifier: EUPL-1.2
//! What a rich text is made of. How one is built is `build.rs`, how it reads without its formatting `read.rs`.

use serde::{Deserialize, Serialize};

use super::Builder;
use crate::Address;

/// Longest address of a link.
const LONGEST_HREF: usize = 2048;
/// Schemes of links that are carried: what Matrix permits (Client-Server API § m.room.message msgtypes), and addresses of people.
const SCHEMES: &[&str] = &["https", "http", "ftp", "mailto", "magnet", "xmpp", "matrix", "tel", "geo"];

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
        link.into_iter().chain(mention).fold(Formats(u32::from(self.marks.0)), |all, format| all | format)
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

/// How text is marked: any of six ways at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Marks(u8);

impl Marks {
    /// Not at all.
    pub const NONE: Self = Self(0);
    /// Strong, mostly bold.
    pub const STRONG: Self = Self(Format::Strong as u8);
    /// Emphasis, mostly italics.
    pub const EMPHASIS: Self = Self(Format::Emphasis as u8);
    /// Struck through.
    pub const STRIKE: Self = Self(Format::Strike as u8);
    /// Underlined.
    pub const UNDERLINE: Self = Self(Format::Underline as u8);
    /// Hidden until somebody wants to see it.
    pub const SPOILER: Self = Self(Format::Spoiler as u8);
    /// Code within a line.
    pub const CODE: Self = Self(Format::Code as u8);
    /// All of them, from the outermost to the innermost where a form must nest them.
    pub const ALL: [Self; 6] = [Self::SPOILER, Self::UNDERLINE, Self::STRIKE, Self::STRONG, Self::EMPHASIS, Self::CODE];

    /// None.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0 == 0
    }

    /// Has it all the marks of the other?
    #[must_use]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// With the marks of the other, too.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without the marks of the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What both have.
    #[must_use]
    pub fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl std::fmt::Debug for Marks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Formats(self.0.into()).fmt(f)
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

/// Where a link leads: an absolute address of a harmless kind.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Href(String);

impl Href {
    /// The address; [`None`] for anything that a program could run (`javascript:`, `data:`), that is relative, or too long.
    #[must_use]
    pub fn new(address: &str) -> Option<Self> {
        let address = address.trim();
        let (scheme, rest) = address.split_once(':')?;
        let known = SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known));
        let clean = address.chars().all(|c| !c.is_control() && !c.is_whitespace() && !crate::address::directs_text(c));
        let whole = !rest.is_empty() && address.len() <= LONGEST_HREF && !address.contains(['<', '>', '"']);
        (known && clean && whole).then(|| Self(address.to_owned()))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Would a program make the same link of this text by itself?
    #[must_use]
    pub fn is_shown_by(&self, text: &str) -> bool {
        text == self.0 || self.0.strip_prefix("mailto:") == Some(text)
    }
}

impl TryFrom<String> for Href {
    type Error = &'static str;

    fn try_from(address: String) -> Result<Self, Self::Error> {
        Self::new(&address).ok_or("no link")
    }
}

impl From<Href> for String {
    fn from(href: Href) -> Self {
        href.0
    }
}

impl std::fmt::Debug for Href {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Href(…)")
    }
}

/// A kind of formatting. The first six are marks of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name says it all")]
#[repr(u16)]
pub enum Format {
    Strong = 1,
    Emphasis = 1 << 1,
    Strike = 1 << 2,
    Underline = 1 << 3,
    Spoiler = 1 << 4,
    Code = 1 << 5,
    Link = 1 << 6,
    Mention = 1 << 7,
    Heading = 1 << 8,
    CodeBlock = 1 << 9,
    Quote = 1 << 10,
    List = 1 << 11,
    Table = 1 << 12,
    Rule = 1 << 13,
}

impl Format {
    const ALL: [Self; 14] = [
        Self::Strong,
        Self::Emphasis,
        Self::Strike,
        Self::Underline,
        Self::Spoiler,
        Self::Code,
        Self::Link,
        Self::Mention,
        Self::Heading,
        Self::CodeBlock,
        Self::Quote,
        Self::List,
        Self::Table,
        Self::Rule,
    ];
}

/// A set of kinds of formatting.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Formats(u32);

impl Formats {
    /// None.
    pub const NONE: Self = Self(0);
    /// All.
    pub const ALL: Self = Self((1 << 14) - 1);

    /// These.
    #[must_use]
    pub const fn of(formats: &[Format]) -> Self {
        let (mut all, mut at) = (0, 0);
        while at < formats.len() {
            all |= formats[at] as u32;
            at += 1;
        }
        Self(all)
    }

    /// These, too.
    #[must_use]
    pub const fn and(self, formats: &[Format]) -> Self {
        Self(self.0 | Self::of(formats).0)
    }

    /// All but these.
    #[must_use]
    pub const fn but(self, formats: &[Format]) -> Self {
        Self(self.0 & !Self::of(formats).0)
    }

    /// None is in it.
    #[must_use]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Has it all of the other's?
    #[must_use]
    pub fn has(self, other: impl Into<Self>) -> bool {
        let other = other.into();
        self.0 & other.0 == other.0
    }
}

impl From<Format> for Formats {
    fn from(format: Format) -> Self {
        Self(format as u32)
    }
}

impl<F: Into<Self>> std::ops::BitOr<F> for Formats {
    type Output = Self;

    fn bitor(self, other: F) -> Self {
        Self(self.0 | other.into().0)
    }
}

impl std::fmt::Debug for Formats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(Format::ALL.iter().filter(|format| self.has(**format))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_harmless() {
        for good in ["https://a.example/x?y#z", "mailto:a@b", "HTTP://x", "xmpp:bob@x?message"] {
            assert!(Href::new(good).is_some(), "{good}");
        }
        for bad in ["javascript:alert(1)", " JaVaScRiPt:x", "data:text/html,x", "//x", "/x", "x", "java\nscript:x", "https:", ""]
        {
            assert!(Href::new(bad).is_none(), "{bad}");
        }
        assert!(
            Href::new("https://x/\u{202e}gpj.exe").is_none() && Href::new(&format!("https://{}", "x".repeat(9999))).is_none()
        );
        assert!(serde_json::from_str::<Href>("\"javascript:x\"").is_err());
    }

    #[test]
    fn nothing_that_people_write_is_in_a_log() {
        let rich = Rich::new(vec![Block::Paragraph(vec![Span { marks: Marks::STRONG, ..Span::plain("secret") }])]);
        let shown = format!("{rich:?} {:?} {:?}", rich.blocks(), Span::plain("secret"));
        assert!(!shown.contains("secret") && shown.contains("Strong"), "{shown}");
    }
}
