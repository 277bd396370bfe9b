// SPDX-License-Identifier: EUPL-1.2
//! A table while it is being built, and whether it is one: mail programs use tables to place things beside each other.

use super::{
    line,
    tree::{Block, Cell, Row},
};

/// A table being built, of cells that may still hold anything.
pub(super) struct Grid {
    rows: Vec<Vec<Vec<Block>>>,
    /// The first row holds the names of the columns.
    head: bool,
    /// It is a table if it can be one, not a means of placing things.
    certain: bool,
}

impl Grid {
    pub(super) fn new(certain: bool) -> Self {
        Self { rows: Vec::new(), head: false, certain }
    }

    /// The next row; `head`: it holds names of columns.
    pub(super) fn row(&mut self, head: bool) {
        self.head |= head && self.rows.is_empty();
        self.rows.push(Vec::new());
    }

    /// The next cell of the row; `head`: it holds a name.
    pub(super) fn cell(&mut self, head: bool) {
        self.certain |= head;
        let first = self.rows.len() <= 1;
        match self.rows.last_mut() {
            Some(row) => {
                self.head |= head && first && row.is_empty();
                row.push(Vec::new());
            }
            None => {
                self.head |= head;
                self.rows.push(vec![Vec::new()]);
            }
        }
    }

    /// A block of the cell that began last.
    pub(super) fn push(&mut self, block: Block) {
        if self.rows.last().is_none_or(Vec::is_empty) {
            self.cell(false);
        }
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
            cell.push(block);
        }
    }

    /// The table; or its cells, when it holds more than single lines, or only places things.
    pub(super) fn finish(self) -> Result<Block, Vec<Vec<Vec<Block>>>> {
        let Self { mut rows, head, certain } = self;
        rows.retain(|row| !row.is_empty());
        let wide = rows.iter().map(Vec::len).max().unwrap_or(0) > 1;
        let says = rows.iter().flatten().any(|cell| !cell.is_empty());
        if !(certain && says && (wide || head) && rows.iter().flatten().all(is_one_line)) {
            return Err(rows);
        }
        let mut rows = rows.into_iter().map(|row| row.into_iter().map(only_line).collect::<Row>());
        let head = if head { rows.next().unwrap_or_default() } else { Vec::new() };
        Ok(Block::Table { head, rows: rows.collect() })
    }
}

/// Does a cell say at most one line?
pub(super) fn is_one_line(cell: &Vec<Block>) -> bool {
    matches!(cell.as_slice(), [] | [Block::Paragraph(_) | Block::Heading { .. }])
}

fn only_line(cell: Vec<Block>) -> Cell {
    match cell.into_iter().next() {
        Some(Block::Paragraph(spans) | Block::Heading { text: spans, .. }) => line::normal(spans, false),
        _ => Vec::new(),
    }
}
