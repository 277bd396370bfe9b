// SPDX-License-Identifier: EUPL-1.2
//! Marks that overlap, as forms need them that write a sign before and after: nested.

use dreiklang_model::{Marks, rich::Span};

/// A piece of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Open(Marks),
    Words(&'a str),
    Close(Marks),
}

/// A stretch of spans with the same mark.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a, 'b> {
    pub(crate) mark: Marks,
    spans: &'b [Line<'a>],
    first: usize,
    end: usize,
}

/// A span of one line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) marks: Marks,
    pub(crate) text: &'a str,
}

impl Run<'_, '_> {
    /// The last character before it in its line.
    pub(crate) fn before(&self) -> Option<char> {
        self.spans.get(..self.first)?.last()?.text.chars().next_back()
    }

    /// The first character after it in its line.
    pub(crate) fn after(&self) -> Option<char> {
        self.spans.get(self.end)?.text.chars().next()
    }

    /// Is that character in it?
    pub(crate) fn contains(&self, c: char) -> bool {
        self.spans.get(self.first..self.end).unwrap_or_default().iter().any(|span| span.text.contains(c))
    }
}

/// The spans as lines of text.
pub(crate) fn lines(spans: &[Span]) -> Vec<Vec<Line<'_>>> {
    let mut lines = vec![Vec::new()];
    for span in spans {
        for (number, text) in span.text().split('\n').enumerate() {
            if number > 0 {
                lines.push(Vec::new());
            }
            if let Some(line) = lines.last_mut().filter(|_| !text.is_empty()) {
                line.push(Line { marks: span.marks, text });
            }
        }
    }
    lines
}

/// The pieces of a line with those of `marks` that nest and that the form `can` write there. Within code there are no others.
pub(crate) fn nested<'a>(line: &[Line<'a>], marks: &[Marks], can: impl Fn(&Run<'_, '_>) -> bool) -> Vec<Piece<'a>> {
    let mut runs: Vec<Run<'_, '_>> = Vec::new();
    for mark in marks {
        let mut at = 0;
        while at < line.len() {
            let has = |span: &&Line<'_>| span.marks.has(*mark);
            let length = line.iter().skip(at).take_while(has).count();
            if length > 0 {
                runs.push(Run { mark: *mark, spans: line, first: at, end: at + length });
            }
            at += length.max(1);
        }
    }
    // The longer one outside; of equals in the order of `marks`.
    runs.sort_by_key(|run| (run.first, std::cmp::Reverse(run.end)));
    let mut pieces = Vec::new();
    let mut open: Vec<Run<'_, '_>> = Vec::new();
    let mut runs = runs.into_iter().filter(|run| can(run)).peekable();
    for (at, span) in line.iter().enumerate() {
        while let Some(run) = runs.next_if(|run| run.first == at) {
            if open.last().is_none_or(|outer| run.end <= outer.end && outer.mark != Marks::CODE) {
                pieces.push(Piece::Open(run.mark));
                open.push(run);
            }
        }
        pieces.push(Piece::Words(span.text));
        while let Some(run) = open.pop_if(|run| run.end == at + 1) {
            pieces.push(Piece::Close(run.mark));
        }
    }
    pieces
}
