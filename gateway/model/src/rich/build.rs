// SPDX-License-Identifier: EUPL-1.2
//! Building a tree from the events of a reader, bounded in depth and size whatever comes.

use super::{
    Href, Marks,
    grid::{self, Grid},
    line,
    tree::{Block, Leaf, Level, Rich, Span},
};
use crate::Address;

/// How deep quotes, lists and tables may lie in one another. What lies deeper stays as text. In JSON this stays well below the 128
/// levels that the reader of outbox rows takes.
const DEEPEST: usize = 12;
/// How many pieces a text may have; what follows stays as text without formatting.
const MOST_PIECES: usize = 20_000;
/// Longest name of a language, in characters.
const LONGEST_LANGUAGE: usize = 40;

/// Builds a [`Rich`]. A reader says what it meets, in any order; whatever it opened and did not close is closed by [`Self::finish`].
#[derive(Default)]
pub struct Builder {
    /// What the document holds so far.
    blocks: Vec<Block>,
    /// What is open, from the outside inwards.
    open: Vec<Open>,
    /// The paragraph, heading or cell being written.
    line: Vec<Span>,
    /// The paragraph is a heading.
    heading: Option<Level>,
    pieces: usize,
}

enum Open {
    Quote(Vec<Block>),
    List { start: Option<u32>, items: Vec<Vec<Block>> },
    Table(Grid),
}

impl Builder {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Words. `\n` is a line break, an empty line the end of a paragraph.
    pub fn text(&mut self, text: &str, marks: Marks, link: Option<&Href>) {
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                self.line_break();
            }
            if !line.is_empty() {
                self.span(Span { marks, link: link.cloned(), leaf: Leaf::Text(line.to_owned()) });
            }
        }
    }

    /// Somebody is mentioned.
    pub fn mention(&mut self, who: Address, name: &str, marks: Marks) {
        self.span(Span { marks, link: None, leaf: Leaf::Mention { who, name: name.to_owned() } });
    }

    fn span(&mut self, span: Span) {
        if let Some(Span { marks, link, leaf: Leaf::Text(text) }) = self.line.last_mut()
            && let Leaf::Text(more) = &span.leaf
            && (self.pieces >= MOST_PIECES || *marks == span.marks && *link == span.link)
        {
            text.push_str(more);
            return;
        }
        if self.pieces < MOST_PIECES {
            self.pieces += 1;
            self.line.push(span);
        } else {
            self.line.push(Span::plain(span.text()));
        }
    }

    /// The next line of the paragraph; after an empty line, the next paragraph.
    pub fn line_break(&mut self) {
        let last = self.line.iter().rev().flat_map(|span| span.text().chars().rev()).find(|c| *c == '\n' || !c.is_whitespace());
        match last {
            // Only white space so far: the line has not begun.
            None => self.line.clear(),
            Some('\n') if self.heading.is_none() => self.end_paragraph(),
            Some('\n') => {}
            Some(_) => self.span(Span::plain("\n")),
        }
    }

    /// Are words open to which more would be added?
    #[must_use]
    pub fn is_in_line(&self) -> bool {
        self.line.iter().any(|span| !span.text().trim().is_empty())
    }

    /// The paragraph ends here, if one is open.
    pub fn end_paragraph(&mut self) {
        let one_line = self.heading.is_some();
        let spans = line::normal(std::mem::take(&mut self.line), !one_line);
        if !spans.is_empty() {
            self.push(match self.heading {
                Some(level) => Block::Heading { level, text: spans },
                None => Block::Paragraph(spans),
            });
        }
    }

    /// Until [`Self::end_heading`], paragraphs are headings.
    pub fn heading(&mut self, level: Level) {
        self.end_paragraph();
        self.heading = Some(level);
    }

    /// A heading ends.
    pub fn end_heading(&mut self) {
        self.end_paragraph();
        self.heading = None;
    }

    /// Code, verbatim.
    pub fn code(&mut self, language: Option<&str>, text: &str) {
        self.end_paragraph();
        let text = text.replace("\r\n", "\n");
        let text = text.trim_end_matches('\n');
        let known = |language: &&str| language.chars().all(|c| c.is_alphanumeric() || matches!(c, '+' | '-' | '#' | '.' | '_'));
        let language = language.filter(known).map(|language| language.chars().take(LONGEST_LANGUAGE).collect::<String>());
        if !text.trim().is_empty() {
            self.push(Block::Code { language: language.filter(|language| !language.is_empty()), text: text.to_owned() });
        }
    }

    /// A line across.
    pub fn rule(&mut self) {
        self.end_paragraph();
        self.push(Block::Rule);
    }

    /// A quote begins. The answer, also of the next two: it was opened and is to be closed with [`Self::close`]; what lies too deep
    /// is not.
    pub fn quote(&mut self) -> bool {
        self.enter(|| Open::Quote(Vec::new()))
    }

    /// A list begins; `start` is the number of its first item, or nothing for bullets.
    pub fn list(&mut self, start: Option<u32>) -> bool {
        self.enter(|| Open::List { start, items: Vec::new() })
    }

    /// A table begins. Unless it is `certain` to be one, it is taken apart when it holds more than single lines.
    pub fn table(&mut self, certain: bool) -> bool {
        self.enter(|| Open::Table(Grid::new(certain)))
    }

    fn enter(&mut self, open: impl FnOnce() -> Open) -> bool {
        self.end_paragraph();
        let fits = self.open.len() < DEEPEST && self.pieces < MOST_PIECES;
        if fits {
            self.pieces += 1;
            self.open.push(open());
        }
        fits
    }

    /// The next item of the list that was opened last.
    pub fn item(&mut self) {
        self.end_paragraph();
        if let Some(Open::List { items, .. }) = self.open.last_mut() {
            self.pieces += 1;
            items.push(Vec::new());
        }
    }

    /// The next row of the table that was opened last; `head`: it holds names of columns.
    pub fn row(&mut self, head: bool) {
        self.end_paragraph();
        if let Some(Open::Table(grid)) = self.open.last_mut() {
            self.pieces += 1;
            grid.row(head);
        }
    }

    /// The next cell of the row; `head`: it holds a name.
    pub fn cell(&mut self, head: bool) {
        self.end_paragraph();
        if let Some(Open::Table(grid)) = self.open.last_mut() {
            self.pieces += 1;
            grid.cell(head);
        }
    }

    /// What was opened last ends.
    pub fn close(&mut self) {
        self.end_paragraph();
        match self.open.pop() {
            Some(Open::Quote(blocks)) if !blocks.is_empty() => self.push(Block::Quote(blocks)),
            Some(Open::List { start, mut items }) => {
                items.retain(|item| !item.is_empty());
                if !items.is_empty() {
                    self.push(Block::List { start, items });
                }
            }
            Some(Open::Table(grid)) => self.push_table(grid),
            _ => {}
        }
    }

    /// A table, or what was only placed by one: short things beside each other stay in one line.
    fn push_table(&mut self, grid: Grid) {
        let rows = match grid.finish() {
            Ok(table) => return self.push(table),
            Err(rows) => rows,
        };
        for row in rows {
            if row.iter().all(grid::is_one_line) {
                for (number, block) in row.into_iter().flatten().enumerate() {
                    if let Block::Paragraph(spans) | Block::Heading { text: spans, .. } = block {
                        if number > 0 {
                            self.span(Span::plain(" "));
                        }
                        self.line.extend(spans);
                    }
                }
                self.line_break();
            } else {
                self.end_paragraph();
                row.into_iter().flatten().for_each(|block| self.push(block));
            }
        }
        self.end_paragraph();
    }

    /// Puts a block where it belongs.
    fn push(&mut self, block: Block) {
        let blocks = match self.open.last_mut() {
            None => &mut self.blocks,
            Some(Open::Quote(blocks)) => blocks,
            Some(Open::List { items, .. }) => {
                if items.is_empty() {
                    items.push(Vec::new());
                }
                match items.last_mut() {
                    Some(item) => item,
                    None => return,
                }
            }
            Some(Open::Table(grid)) => return grid.push(block),
        };
        blocks.push(block);
    }

    /// Blocks of another tree.
    pub fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            self.block(block);
        }
    }

    fn block(&mut self, block: &Block) {
        self.end_paragraph();
        match block {
            Block::Paragraph(spans) => {
                self.spans(spans);
                self.end_paragraph();
            }
            Block::Heading { level, text } => {
                self.heading(*level);
                self.spans(text);
                self.end_heading();
            }
            Block::Code { language, text } => self.code(language.as_deref(), text),
            Block::Quote(blocks) => {
                let opened = self.quote();
                self.blocks(blocks);
                self.close_if(opened);
            }
            Block::List { start, items } => {
                let opened = self.list(*start);
                for item in items {
                    if opened {
                        self.item();
                    }
                    self.blocks(item);
                }
                self.close_if(opened);
            }
            Block::Table { head, rows } => {
                let opened = self.table(true);
                let named = (!head.is_empty()).then_some(head);
                for (row, head) in named.map(|head| (head, true)).into_iter().chain(rows.iter().map(|row| (row, false))) {
                    if opened {
                        self.row(head);
                    }
                    for cell in row {
                        if opened {
                            self.cell(head);
                        }
                        self.spans(cell);
                    }
                    self.end_paragraph();
                }
                self.close_if(opened);
            }
            Block::Rule => self.rule(),
        }
    }

    /// Words of another tree.
    pub fn spans(&mut self, spans: &[Span]) {
        for span in spans {
            match &span.leaf {
                Leaf::Text(text) => self.text(text, span.marks, span.link.as_ref()),
                Leaf::Mention { who, name } => self.mention(who.clone(), name, span.marks),
            }
        }
    }

    /// Closes what was opened, if it was.
    pub fn close_if(&mut self, opened: bool) {
        if opened {
            self.close();
        } else {
            self.end_paragraph();
        }
    }

    /// The tree.
    #[must_use]
    pub fn finish(mut self) -> Rich {
        self.end_heading();
        while !self.open.is_empty() {
            self.close();
        }
        Rich(self.blocks)
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Builder({} blocks, {} open)", self.blocks.len(), self.open.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraph(text: &str) -> Block {
        Block::Paragraph(vec![Span::plain(text)])
    }

    #[test]
    fn an_empty_line_ends_a_paragraph() {
        let mut builder = Builder::new();
        builder.text("\n one \ntwo\n\n\nthree\n", Marks::NONE, None);
        assert_eq!(builder.finish().0, [paragraph("one\ntwo"), paragraph("three")]);
    }

    #[test]
    fn white_space_stands_outside_of_marks() {
        let mut builder = Builder::new();
        builder.text("a", Marks::NONE, None);
        builder.text(" b ", Marks::STRONG, None);
        builder.text("c\nd", Marks::STRONG.with(Marks::EMPHASIS), None);
        let marked = |marks, text: &str| Span { marks, ..Span::plain(text) };
        let both = Marks::STRONG.with(Marks::EMPHASIS);
        let expected = [Span::plain("a "), marked(Marks::STRONG, "b "), marked(both, "c"), Span::plain("\n"), marked(both, "d")];
        assert_eq!(builder.finish().0, [Block::Paragraph(expected.to_vec())]);
    }

    #[test]
    fn what_lies_too_deep_is_text() {
        let mut builder = Builder::new();
        let mut opened = 0;
        for _ in 0..10_000 {
            opened += usize::from(builder.quote());
        }
        builder.text("deep", Marks::NONE, None);
        assert_eq!(opened, DEEPEST);
        let rich = builder.finish();
        let json = serde_json::to_string(&rich).unwrap();
        assert!(json.contains("deep"));
        assert_eq!(serde_json::from_str::<Rich>(&json).unwrap(), rich);
    }

    #[test]
    fn the_deepest_tree_can_be_stored() {
        let mut builder = Builder::new();
        while builder.list(Some(1)) {
            builder.item();
        }
        builder.text("deep", Marks::STRONG, None);
        let rich = builder.finish();
        assert_eq!(serde_json::from_str::<Rich>(&serde_json::to_string(&rich).unwrap()).unwrap(), rich);
    }

    #[test]
    fn too_many_pieces_are_text() {
        let mut builder = Builder::new();
        for number in 0..MOST_PIECES * 2 {
            builder.text("x", if number % 2 == 0 { Marks::STRONG } else { Marks::NONE }, None);
        }
        let rich = builder.finish();
        let Some(Block::Paragraph(spans)) = rich.0.first() else { panic!() };
        assert!(spans.len() <= MOST_PIECES);
        assert_eq!(spans.iter().map(|span| span.text().len()).sum::<usize>(), MOST_PIECES * 2);
    }

    #[test]
    fn a_table_that_places_things_is_none() {
        let mut builder = Builder::new();
        builder.table(false);
        for (name, value) in [("Name", "Max"), ("Room", "3")] {
            builder.row(false);
            builder.cell(false);
            builder.text(name, Marks::NONE, None);
            builder.cell(false);
            builder.text(value, Marks::NONE, None);
        }
        assert_eq!(builder.finish().0, [paragraph("Name Max\nRoom 3")]);
    }
}
