// SPDX-License-Identifier: EUPL-1.2
//! HTML as Matrix clients and mail programs show it: the tags that Matrix permits, nothing else.

use std::fmt::Write as _;

use dreiklang_model::{
    Address, Marks, Rich,
    rich::{Block, Leaf, Row, Span},
};

use super::Habit;

/// Attributes of a link: names and values.
pub type Attributes = Vec<(&'static str, String)>;

/// What HTML is written for.
#[derive(Clone, Copy)]
pub struct Writing<'a> {
    /// The link that mentions somebody; none: only the name is written.
    pub mention: &'a dyn Fn(&Address) -> Option<Attributes>,
    /// For whom. Mail programs know no hidden text, and draw no lines around cells unless they are told to.
    pub habit: Habit,
}

impl std::fmt::Debug for Writing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writing").field("habit", &self.habit).finish_non_exhaustive()
    }
}

/// The HTML of a tree.
#[must_use]
pub fn write(rich: &Rich, writing: Writing<'_>) -> String {
    let mut writer = Writer { writing, out: String::new() };
    // A single paragraph needs no tag: many clients put a margin around it.
    match rich.blocks() {
        [Block::Paragraph(spans)] => writer.spans(spans),
        blocks => writer.blocks(blocks),
    }
    writer.out
}

struct Writer<'a> {
    writing: Writing<'a>,
    out: String,
}

impl Writer<'_> {
    fn blocks(&mut self, blocks: &[Block]) {
        blocks.iter().for_each(|block| self.block(block));
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph(spans) => self.inside("p", |writer| writer.spans(spans)),
            Block::Heading { level, text } => {
                let _ = write!(self.out, "<h{}>", level.get());
                self.spans(text);
                let _ = write!(self.out, "</h{}>", level.get());
            }
            Block::Code { language, text } => {
                self.out.push_str("<pre><code");
                if let Some(language) = language {
                    self.attribute("class", &format!("language-{language}"));
                }
                self.out.push('>');
                self.verbatim(text);
                self.out.push_str("\n</code></pre>");
            }
            Block::Quote(blocks) => self.inside("blockquote", |writer| writer.blocks(blocks)),
            Block::List { start: None, items } => self.inside("ul", |writer| writer.items(items)),
            Block::List { start: Some(start), items } => {
                self.out.push_str("<ol");
                if *start != 1 {
                    self.attribute("start", &start.to_string());
                }
                self.out.push('>');
                self.items(items);
                self.out.push_str("</ol>");
            }
            Block::Table { head, rows } => {
                self.out.push_str("<table");
                if self.writing.habit == Habit::Mail {
                    self.attribute("border", "1");
                }
                self.out.push('>');
                self.table(head, rows);
                self.out.push_str("</table>");
            }
            Block::Rule => self.out.push_str("<hr>"),
        }
    }

    fn items(&mut self, items: &[Vec<Block>]) {
        for item in items {
            self.inside("li", |writer| match item.split_first() {
                // As in lists that people write: only further paragraphs stand apart.
                Some((Block::Paragraph(spans), rest)) if !matches!(rest.first(), Some(Block::Paragraph(_))) => {
                    writer.spans(spans);
                    writer.blocks(rest);
                }
                _ => writer.blocks(item),
            });
        }
    }

    fn table(&mut self, head: &Row, rows: &[Row]) {
        if !head.is_empty() {
            self.inside("thead", |writer| writer.row("th", head));
        }
        self.inside("tbody", |writer| rows.iter().for_each(|row| writer.row("td", row)));
    }

    fn row(&mut self, cell: &str, row: &Row) {
        self.inside("tr", |writer| row.iter().for_each(|spans| writer.inside(cell, |writer| writer.spans(spans))));
    }

    /// Words, with the fewest tags: a mark that goes on is not closed.
    fn spans(&mut self, spans: &[Span]) {
        let mut link = None;
        let mut open: Vec<Marks> = Vec::new();
        let mut fresh = true;
        for span in spans {
            if span.link != link {
                self.close_down_to(&mut open, 0);
                self.end_link(link.is_some());
                link.clone_from(&span.link);
                if let Some(link) = &link {
                    self.out.push_str("<a");
                    self.attribute("href", link.as_str());
                    self.out.push('>');
                }
            }
            if let Some(ends) = open.iter().position(|mark| !span.marks.has(*mark)) {
                self.close_down_to(&mut open, ends);
            }
            for mark in Marks::ALL.into_iter().filter(|mark| span.marks.has(*mark)) {
                if !open.contains(&mark) {
                    self.out.push_str(self.tags(mark).0);
                    open.push(mark);
                }
            }
            match &span.leaf {
                Leaf::Text(text) => self.words(text, &mut fresh),
                Leaf::Mention { who, name } => {
                    let attributes = (self.writing.mention)(who);
                    if let Some(attributes) = &attributes {
                        self.out.push_str("<a");
                        attributes.iter().for_each(|(attribute, value)| self.attribute(attribute, value));
                        self.out.push('>');
                    }
                    self.words(name, &mut fresh);
                    self.end_link(attributes.is_some());
                }
            }
        }
        self.close_down_to(&mut open, 0);
        self.end_link(link.is_some());
    }

    fn end_link(&mut self, open: bool) {
        if open {
            self.out.push_str("</a>");
        }
    }

    fn close_down_to(&mut self, open: &mut Vec<Marks>, length: usize) {
        for mark in open.drain(length..).rev() {
            self.out.push_str(self.tags(mark).1);
        }
    }

    fn tags(&self, mark: Marks) -> (&'static str, &'static str) {
        match mark {
            Marks::STRONG => ("<strong>", "</strong>"),
            Marks::EMPHASIS => ("<em>", "</em>"),
            Marks::STRIKE => ("<del>", "</del>"),
            Marks::UNDERLINE => ("<u>", "</u>"),
            Marks::CODE => ("<code>", "</code>"),
            _ if self.writing.habit == Habit::Matrix => ("<span data-mx-spoiler>", "</span>"),
            _ => ("[Spoiler: ", "]"),
        }
    }

    /// Words, line breaks and as many spaces as there are. `fresh`: the line has not begun.
    fn words(&mut self, text: &str, fresh: &mut bool) {
        let mut spaces = 0;
        for c in text.chars() {
            if c == ' ' {
                spaces += 1;
                continue;
            }
            self.spaces(std::mem::take(&mut spaces), *fresh);
            *fresh = c == '\n';
            match c {
                '\n' => self.out.push_str("<br>"),
                c => self.character(c),
            }
        }
        self.spaces(spaces, *fresh);
    }

    fn spaces(&mut self, number: usize, fresh: bool) {
        let soft = usize::from(!fresh && number > 0);
        (0..number - soft).for_each(|_| self.out.push_str("&nbsp;"));
        (0..soft).for_each(|_| self.out.push(' '));
    }

    fn verbatim(&mut self, text: &str) {
        // The first line feed after the tag would be none.
        if text.starts_with('\n') {
            self.out.push('\n');
        }
        text.chars().for_each(|c| self.character(c));
    }

    fn attribute(&mut self, name: &str, value: &str) {
        let _ = write!(self.out, " {name}=\"");
        value.chars().for_each(|c| self.character(c));
        self.out.push('"');
    }

    fn character(&mut self, c: char) {
        match c {
            '&' => self.out.push_str("&amp;"),
            '<' => self.out.push_str("&lt;"),
            '>' => self.out.push_str("&gt;"),
            '"' => self.out.push_str("&quot;"),
            c => self.out.push(c),
        }
    }

    fn inside(&mut self, tag: &str, write: impl FnOnce(&mut Self)) {
        let _ = write!(self.out, "<{tag}>");
        write(self);
        let _ = write!(self.out, "</{tag}>");
    }
}
