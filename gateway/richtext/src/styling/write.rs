// SPDX-License-Identifier: EUPL-1.2
//! Writing styled text so that it reads back: a directive stands only where it is one, and what would pass for one by accident makes the
//! whole text an unstyled one.

use std::cell::RefCell;

use dreiklang_model::{
    Marks, Rich, Text,
    rich::{Block, Hand, Leaf, Span},
};

use super::{DIRECTIVES, FENCE, read};
use crate::nesting::{Line, Piece, lines, nested};

/// A text as the body of a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Styled {
    /// The body.
    pub body: String,
    /// It is to be shown as it is: programs are told so with `<unstyled/>` (XEP-0393 §6).
    pub unstyled: bool,
}

impl std::fmt::Debug for Styled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Styled({} bytes, unstyled: {})", self.body.len(), self.unstyled)
    }
}

/// The body for a text.
#[must_use]
pub fn write(text: &Text) -> Styled {
    let Some(rich) = text.rich() else { return literal(text.reading().into_owned()) };
    let hand = Directives::default();
    let body = rich.laid_out(&hand);
    let back = read(&body);
    if back.reading() == rich.reading() && marked(&back) == hand.written.into_inner() {
        return Styled { body, unstyled: false };
    }
    literal(rich.reading())
}

/// A text that is meant as it stands. That lines with `>` are quotes is meant by whoever typed them.
fn literal(body: String) -> Styled {
    let unstyled = body.contains(['*', '_', '~', '`']) && misread(read(&body).blocks());
    Styled { body, unstyled }
}

fn misread(blocks: &[Block]) -> bool {
    blocks.iter().any(|block| match block {
        Block::Paragraph(spans) => spans.iter().any(|span| !span.marks.is_none()),
        Block::Quote(blocks) => misread(blocks),
        _ => true,
    })
}

/// What is marked, in order: marks and words.
type Marked = Vec<(Marks, String)>;

/// What is marked in a tree that was read.
fn marked(rich: &Rich) -> Marked {
    let all = rich.spans().into_iter().filter(|span| !span.marks.is_none());
    let mut found = Marked::new();
    all.for_each(|span| note(&mut found, span.marks, span.text()));
    found
}

fn note(found: &mut Marked, marks: Marks, text: &str) {
    // White space between marks may bear one of them or none; it is the words that count.
    found.extend(text.split_whitespace().map(|word| (marks, word.to_owned())));
}

#[derive(Default)]
struct Directives {
    /// What was marked so far.
    written: RefCell<Marked>,
}

impl Directives {
    fn line(&self, line: &[Line<'_>]) -> String {
        let marks = DIRECTIVES.map(|(mark, _)| mark);
        let directive = |mark: Marks| DIRECTIVES.iter().find(|(known, _)| *known == mark).map(|(_, directive)| *directive);
        let pieces = nested(line, &marks, |run| {
            let within = run.mark == Marks::EMPHASIS && run.after().is_some_and(char::is_alphanumeric);
            let free = run.before().is_none_or(char::is_whitespace) && !within;
            free && directive(run.mark).is_some_and(|directive| !run.contains(directive))
        });
        let mut written = self.written.borrow_mut();
        let (mut out, mut open) = (String::new(), Marks::NONE);
        for piece in pieces {
            match piece {
                Piece::Open(mark) => {
                    open = open.with(mark);
                    out.extend(directive(mark));
                }
                Piece::Words(words) => {
                    if !open.is_none() {
                        note(&mut written, open, words);
                    }
                    out.push_str(words);
                }
                Piece::Close(mark) => {
                    open = open.without(mark);
                    out.extend(directive(mark));
                }
            }
        }
        out
    }
}

impl Hand for Directives {
    fn words(&self, spans: &[Span]) -> String {
        lines(spans).iter().map(|line| self.line(line)).collect::<Vec<_>>().join("\n")
    }

    fn heading(&self, spans: &[Span]) -> String {
        let strong =
            |span: &Span| Span { marks: span.marks.with(Marks::STRONG), link: None, leaf: Leaf::Text(span.text().to_owned()) };
        self.words(&spans.iter().map(strong).collect::<Vec<_>>())
    }

    fn code(&self, language: Option<&str>, text: &str, inside: bool) -> Vec<String> {
        let lines = text.split('\n').map(str::to_owned);
        if inside {
            // Only at the beginning of a line it would be one.
            return lines.collect();
        }
        let fence = format!("{FENCE}{}", language.unwrap_or_default());
        std::iter::once(fence).chain(lines).chain([FENCE.to_owned()]).collect()
    }
}
