// SPDX-License-Identifier: EUPL-1.2
//! What elements and attributes mean for the tree. An element that is not here means nothing: its text is kept.

use dreiklang_model::{Marks, rich::Level};

/// What an element means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// Marks its words.
    Marked(Marks),
    /// Means something by its attributes alone.
    Span,
    /// Leads somewhere, or mentions somebody.
    Link,
    /// Begins and ends a line.
    Block,
    /// Begins and ends a paragraph.
    Paragraph,
    Heading(Level),
    Quote,
    Bullets,
    Numbers,
    Item,
    Table,
    /// Holds rows: of names when true.
    Rows(bool),
    Row,
    /// A cell: with a name when true.
    Cell(bool),
    Preformatted,
    /// Its content is not text.
    Nothing,
    Break,
    Rule,
    Image,
    Input,
}

/// The meaning of an element by its name, in lower case.
pub(super) fn element(name: &str) -> Option<Element> {
    Some(match name {
        "b" | "strong" => Element::Marked(Marks::STRONG),
        "i" | "em" | "cite" | "dfn" | "var" => Element::Marked(Marks::EMPHASIS),
        "s" | "del" | "strike" => Element::Marked(Marks::STRIKE),
        "u" | "ins" => Element::Marked(Marks::UNDERLINE),
        "code" | "tt" | "kbd" | "samp" => Element::Marked(Marks::CODE),
        "span" | "font" => Element::Span,
        "a" => Element::Link,
        "address" | "article" | "aside" | "body" | "center" | "dd" | "details" | "div" | "dl" | "dt" | "fieldset"
        | "figcaption" | "figure" | "footer" | "form" | "header" | "html" | "main" | "nav" | "section" | "summary" => {
            Element::Block
        }
        "p" => Element::Paragraph,
        "h1" => Element::Heading(Level::from(1)),
        "h2" => Element::Heading(Level::from(2)),
        "h3" => Element::Heading(Level::from(3)),
        "h4" => Element::Heading(Level::from(4)),
        "h5" => Element::Heading(Level::from(5)),
        "h6" => Element::Heading(Level::from(6)),
        "blockquote" => Element::Quote,
        "ul" | "menu" | "dir" => Element::Bullets,
        "ol" => Element::Numbers,
        "li" => Element::Item,
        "table" => Element::Table,
        "thead" => Element::Rows(true),
        "tbody" | "tfoot" => Element::Rows(false),
        "tr" => Element::Row,
        "th" => Element::Cell(true),
        "td" => Element::Cell(false),
        "pre" => Element::Preformatted,
        "applet" | "audio" | "canvas" | "head" | "iframe" | "math" | "mx-reply" | "noembed" | "noframes" | "object"
        | "script" | "select" | "style" | "svg" | "template" | "textarea" | "title" | "video" | "xmp" => Element::Nothing,
        "br" => Element::Break,
        "hr" => Element::Rule,
        "img" => Element::Image,
        "input" => Element::Input,
        _ => return None,
    })
}

/// The attributes that mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name says it all")]
pub enum Attribute {
    Alt,
    Border,
    Checked,
    Class,
    Href,
    Id,
    Spoiler,
    Src,
    Start,
    Style,
    Type,
}

impl Attribute {
    /// Its name in HTML.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alt => "alt",
            Self::Border => "border",
            Self::Checked => "checked",
            Self::Class => "class",
            Self::Href => "href",
            Self::Id => "id",
            // MSC2010, Client-Server API § Spoiler messages.
            Self::Spoiler => "data-mx-spoiler",
            Self::Src => "src",
            Self::Start => "start",
            Self::Style => "style",
            Self::Type => "type",
        }
    }
}
