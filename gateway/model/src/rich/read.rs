// SPDX-License-Identifier: EUPL-1.2
//! A tree as people read it where nothing can be formatted: lists with bullets, quotes with `> `, addresses behind the words that lead
//! there. Forms that mark words within such a text ([`Hand`]) share its layout.

use super::{
    Marks,
    tree::{Block, Leaf, Rich, Span},
};

/// Signs of list items, by depth.
const BULLETS: [&str; 3] = ["• ", "◦ ", "▪ "];

/// How a form writes words and code into a text that is laid out in lines.
pub trait Hand {
    /// The words of one paragraph, heading or cell; of spans that have no links.
    fn words(&self, spans: &[Span]) -> String;

    /// The words of a heading.
    fn heading(&self, spans: &[Span]) -> String {
        self.words(spans)
    }

    /// The lines of a block of code. `inside`: it stands in the item of a list.
    fn code(&self, language: Option<&str>, text: &str, inside: bool) -> Vec<String>;
}

/// Words alone.
struct Bare;

impl Hand for Bare {
    fn words(&self, spans: &[Span]) -> String {
        spans.iter().map(Span::text).collect()
    }

    fn code(&self, _: Option<&str>, text: &str, _: bool) -> Vec<String> {
        text.split('\n').map(str::to_owned).collect()
    }
}

impl Rich {
    /// How it reads without its formatting.
    #[must_use]
    pub fn reading(&self) -> String {
        self.laid_out(&Bare)
    }

    /// Its text in lines, with words and code as `hand` writes them.
    #[must_use]
    pub fn laid_out(&self, hand: &dyn Hand) -> String {
        Layout { hand, lists: 0, inside: false }.blocks(&self.0, false).join("\n")
    }
}

#[derive(Clone, Copy)]
struct Layout<'a> {
    hand: &'a dyn Hand,
    /// How deep the list is.
    lists: usize,
    /// It is the item of a list.
    inside: bool,
}

impl Layout<'_> {
    /// The lines of blocks, with an empty one between two of them unless they are `tight`. A quote stands directly below the words before
    /// it, as people type it.
    fn blocks(self, blocks: &[Block], tight: bool) -> Vec<String> {
        let mut lines = Vec::new();
        let mut before: Option<&Block> = None;
        for block in blocks {
            let below = matches!((before, block), (Some(Block::Paragraph(_)), Block::Quote(_)));
            if before.is_some() && !tight && !below {
                lines.push(String::new());
            }
            lines.extend(self.block(block));
            before = Some(block);
        }
        lines
    }

    fn block(self, block: &Block) -> Vec<String> {
        match block {
            Block::Paragraph(spans) => self.hand.words(&worded(spans)).split('\n').map(str::to_owned).collect(),
            Block::Heading { text, .. } => vec![self.hand.heading(&worded(text))],
            Block::Code { language, text } => self.hand.code(language.as_deref(), text, self.inside),
            Block::Quote(blocks) => {
                let mark = |line: String| match line.as_str() {
                    "" => ">".to_owned(),
                    line if line.starts_with('>') => format!(">{line}"),
                    line => format!("> {line}"),
                };
                self.blocks(blocks, false).into_iter().map(mark).collect()
            }
            Block::List { start, items } => self.list(*start, items),
            Block::Table { head, rows } => {
                let named = (!head.is_empty()).then_some(head);
                let row = |row: &Vec<Vec<Span>>| {
                    row.iter().map(|cell| self.hand.words(&worded(cell))).collect::<Vec<_>>().join(" | ").trim_end().to_owned()
                };
                named.into_iter().chain(rows).map(row).collect()
            }
            Block::Rule => vec!["---".to_owned()],
        }
    }

    fn list(self, start: Option<u32>, items: &[Vec<Block>]) -> Vec<String> {
        let inner = Self { lists: self.lists + 1, inside: true, ..self };
        let bullet = BULLETS.get(self.lists).or(BULLETS.last()).copied().unwrap_or_default();
        let mut lines = Vec::new();
        for (item, number) in items.iter().zip(start.unwrap_or_default()..) {
            let sign = if start.is_some() { format!("{number}. ") } else { bullet.to_owned() };
            let indent = " ".repeat(sign.chars().count());
            for (at, line) in inner.blocks(item, true).into_iter().enumerate() {
                lines.push(match (at, line.is_empty()) {
                    (0, _) => format!("{sign}{line}"),
                    (_, true) => line,
                    (_, false) => format!("{indent}{line}"),
                });
            }
        }
        lines
    }
}

/// The spans with what formatting alone would show: addresses behind what leads there, and that something was to stay hidden.
fn worded(spans: &[Span]) -> Vec<Span> {
    let mut out: Vec<Span> = Vec::with_capacity(spans.len());
    let mut rest = spans;
    while let Some(first) = rest.first() {
        let hidden = first.marks.has(Marks::SPOILER);
        let same = |span: &&Span| span.link == first.link && span.marks.has(Marks::SPOILER) == hidden;
        let (group, after) = rest.split_at(rest.iter().take_while(same).count());
        rest = after;
        if hidden {
            out.push(Span::plain("[Spoiler: "));
        }
        out.extend(group.iter().map(|span| Span {
            marks: span.marks.without(Marks::SPOILER),
            link: None,
            leaf: Leaf::Text(span.text().to_owned()),
        }));
        let label: String = group.iter().map(Span::text).collect();
        if let Some(link) = first.link.as_ref().filter(|link| !link.is_shown_by(&label)) {
            out.push(Span::plain(format!(" ({})", link.as_str())));
        }
        if hidden {
            out.push(Span::plain("]"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rich::{Href, Level};

    fn said(text: &str) -> Block {
        Block::Paragraph(vec![Span::plain(text)])
    }

    #[test]
    fn a_tree_reads_like_typed_text() {
        let to = |text: &str, link: &str| Span { link: Href::new(link), ..Span::plain(text) };
        let list = |start, items: &[&str]| Block::List { start, items: items.iter().map(|item| vec![said(item)]).collect() };
        let nested = Block::List { start: Some(9), items: vec![vec![said("one"), list(None, &["a\nb"])], vec![said("two")]] };
        let cell = |text: &str| vec![Span::plain(text)];
        for (block, expected) in [
            (Block::Heading { level: Level::from(1), text: vec![Span::plain("Plan")] }, "Plan"),
            (Block::Quote(vec![said("a\nb"), Block::Quote(vec![said("c")])]), "> a\n> b\n>> c"),
            (list(None, &["a", "b"]), "• a\n• b"),
            (nested, "9. one\n   ◦ a\n     b\n10. two"),
            (Block::Code { language: Some("rust".into()), text: "fn a() {\n}".into() }, "fn a() {\n}"),
            (Block::Table { head: vec![cell("x"), cell("y")], rows: vec![vec![cell("1"), cell("2")]] }, "x | y\n1 | 2"),
            (Block::Rule, "---"),
            (
                Block::Paragraph(vec![Span::plain("see "), to("this", "https://x.example/"), Span::plain(".")]),
                "see this (https://x.example/).",
            ),
            (Block::Paragraph(vec![to("https://x.example/", "https://x.example/")]), "https://x.example/"),
            (Block::Paragraph(vec![to("a@b.example", "mailto:a@b.example")]), "a@b.example"),
            (Block::Paragraph(vec![Span { marks: Marks::SPOILER, ..Span::plain("he dies") }]), "[Spoiler: he dies]"),
        ] {
            let below = if expected.starts_with('>') { "" } else { "\n" };
            assert_eq!(Rich::new(vec![said("first"), block]).reading(), format!("first\n{below}{expected}"));
        }
    }
}
