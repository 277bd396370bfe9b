// SPDX-License-Identifier: EUPL-1.2
//! Kinds of formatting: the marks of words, and sets of kinds that a text has or a leg shows.

use serde::{Deserialize, Serialize};

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
        Formats::from(*self).fmt(f)
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

impl From<Marks> for Formats {
    fn from(marks: Marks) -> Self {
        Self(marks.0.into())
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
