// SPDX-License-Identifier: EUPL-1.2
//! How much a text weighs, and cutting it where a message has no room for all of it.

use super::tree::{Block, Leaf, Rich, Row, Span};
use crate::Text;

/// What the tags of one piece weigh, at most.
const TAGS: usize = 64;

impl Rich {
    /// Bytes of its reading and of its HTML, at most.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.0.iter().map(weight).sum()
    }

    /// In pieces of at most `longest` bytes of weight; see [`Text::split`].
    pub(crate) fn split(self, longest: usize) -> Vec<Text> {
        let mut pieces: Vec<Text> = Vec::new();
        let (mut blocks, mut weighs) = (Vec::new(), 0);
        let flush = |blocks: &mut Vec<Block>, weighs: &mut usize, pieces: &mut Vec<Text>| {
            *weighs = 0;
            if !blocks.is_empty() {
                pieces.push(Self(std::mem::take(blocks)).into());
            }
        };
        for block in self.0.into_iter().flat_map(|block| shorter(block, longest)) {
            match block {
                Ok(block) => {
                    let more = weight(&block);
                    if weighs + more > longest {
                        flush(&mut blocks, &mut weighs, &mut pieces);
                    }
                    weighs += more;
                    blocks.push(block);
                }
                Err(text) => {
                    flush(&mut blocks, &mut weighs, &mut pieces);
                    pieces.extend(cut(&text, longest).into_iter().map(Text::plain));
                }
            }
        }
        flush(&mut blocks, &mut weighs, &mut pieces);
        pieces
    }

    /// The same with every text in it changed.
    pub(crate) fn map(self, change: &impl Fn(&str) -> String) -> Self {
        Self::new(self.0.into_iter().map(|block| mapped(block, change)).collect())
    }

    /// The same with every span replaced.
    #[must_use]
    pub fn map_spans(self, change: &mut dyn FnMut(Span) -> Vec<Span>) -> Self {
        let mut blocks = self.0;
        blocks.iter_mut().for_each(|block| change_spans(block, change));
        Self::new(blocks)
    }

    /// Every span of it, in order.
    #[must_use]
    pub fn spans(&self) -> Vec<&Span> {
        let mut found = Vec::new();
        self.0.iter().for_each(|block| find_spans(block, &mut found));
        found
    }
}

fn find_spans<'a>(block: &'a Block, found: &mut Vec<&'a Span>) {
    match block {
        Block::Paragraph(spans) | Block::Heading { text: spans, .. } => found.extend(spans),
        Block::Quote(blocks) => blocks.iter().for_each(|block| find_spans(block, found)),
        Block::List { items, .. } => items.iter().flatten().for_each(|block| find_spans(block, found)),
        Block::Table { head, rows } => found.extend(head.iter().chain(rows.iter().flatten()).flatten()),
        Block::Code { .. } | Block::Rule => {}
    }
}

fn change_spans(block: &mut Block, change: &mut dyn FnMut(Span) -> Vec<Span>) {
    let mut each = |spans: &mut Vec<Span>| *spans = std::mem::take(spans).into_iter().flat_map(&mut *change).collect();
    match block {
        Block::Paragraph(spans) | Block::Heading { text: spans, .. } => each(spans),
        Block::Quote(blocks) => blocks.iter_mut().for_each(|block| change_spans(block, change)),
        Block::List { items, .. } => items.iter_mut().flatten().for_each(|block| change_spans(block, change)),
        Block::Table { head, rows } => head.iter_mut().chain(rows.iter_mut().flatten()).for_each(each),
        Block::Code { .. } | Block::Rule => {}
    }
}

fn mapped(mut block: Block, change: &impl Fn(&str) -> String) -> Block {
    if let Block::Code { text, .. } = &mut block {
        *text = change(text);
        return block;
    }
    if let Block::Quote(blocks) = block {
        return Block::Quote(blocks.into_iter().map(|block| mapped(block, change)).collect());
    }
    if let Block::List { start, items } = block {
        let items = items.into_iter().map(|item| item.into_iter().map(|block| mapped(block, change)).collect());
        return Block::List { start, items: items.collect() };
    }
    change_spans(&mut block, &mut |mut span| {
        let (Leaf::Text(text) | Leaf::Mention { name: text, .. }) = &mut span.leaf;
        *text = change(text);
        vec![span]
    });
    block
}

fn weight(block: &Block) -> usize {
    let row = |row: &Row| TAGS + row.iter().map(|cell| TAGS + inline(cell)).sum::<usize>();
    let inside = |blocks: &[Block]| blocks.iter().map(weight).sum::<usize>();
    TAGS + match block {
        Block::Paragraph(spans) | Block::Heading { text: spans, .. } => inline(spans),
        Block::Code { text, .. } => twice(text),
        // Each line of it is marked in the reading.
        Block::Quote(blocks) => {
            let lines = Rich(blocks.clone()).reading().matches('\n').count();
            inside(blocks) + 2 * (lines + 1)
        }
        Block::List { items, .. } => items.iter().map(|item| 2 * TAGS + inside(item)).sum(),
        Block::Table { head, rows } => std::iter::once(head).chain(rows).map(row).sum(),
        Block::Rule => 0,
    }
}

fn inline(spans: &[Span]) -> usize {
    let link = |span: &Span| span.link.as_ref().map_or(0, |link| twice(link.as_str()));
    let who = |span: &Span| if let Leaf::Mention { who, .. } = &span.leaf { 3 * who.as_str().len() } else { 0 };
    spans.iter().map(|span| TAGS + twice(span.text()) + link(span) + who(span)).sum()
}

/// A text as it is, and as HTML, where `&`, `<` and `"` are longer, and a line break is a tag.
fn twice(text: &str) -> usize {
    let extra = text.bytes().filter(|byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\n')).count();
    text.len() * 2 + extra * 5
}

/// A block that fits, or pieces of it: of code, each with its language; of anything else, its reading.
fn shorter(block: Block, longest: usize) -> Vec<Result<Block, String>> {
    if weight(&block) <= longest {
        return vec![Ok(block)];
    }
    match block {
        Block::Code { language, text } if longest > 4 * TAGS => {
            let piece = |text: String| Block::Code { language: language.clone(), text: text.trim_end_matches('\n').to_owned() };
            let says = |block: &Block| !matches!(block, Block::Code { text, .. } if text.trim().is_empty());
            code(&text, longest - TAGS).into_iter().map(piece).filter(says).map(Ok).collect()
        }
        block => vec![Err(Rich(vec![block]).reading())],
    }
}

/// Code in pieces of whole lines that weigh at most `room` each; a line that does not fit is cut.
fn code(text: &str, room: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let (mut piece, mut weighs) = (String::new(), 0);
    for line in text.split_inclusive('\n') {
        let lines = if twice(line) > room { cut(line, room / 7) } else { vec![line.to_owned()] };
        for line in lines {
            if weighs + twice(&line) > room {
                pieces.push(std::mem::take(&mut piece));
                weighs = 0;
            }
            weighs += twice(&line);
            piece.push_str(&line);
        }
    }
    pieces.push(piece);
    pieces
}

/// Cuts a text into pieces of at most `longest` bytes: at a paragraph, a line, a space or, at worst, between two characters. Nothing is
/// lost: put together, the pieces are the text.
pub(crate) fn cut(text: &str, longest: usize) -> Vec<String> {
    let mut rest = text;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, left) = rest.split_at(place(rest, longest.max(4)));
        rest = left;
        pieces.push(piece.to_owned());
    }
    pieces
}

/// Where to cut: after the last separator in the second half of what fits, else at the last character boundary.
fn place(text: &str, longest: usize) -> usize {
    if text.len() <= longest {
        return text.len();
    }
    let fits = text.floor_char_boundary(longest);
    let window = &text[..fits];
    ["\n\n", "\n", " "]
        .iter()
        .filter_map(|separator| window.rfind(separator).map(|at| at + separator.len()))
        .find(|at| *at > fits / 2)
        .unwrap_or(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Marks;

    fn strong(text: &str) -> Block {
        Block::Paragraph(vec![Span { marks: Marks::STRONG, ..Span::plain(text) }])
    }

    #[test]
    fn a_long_text_is_cut_between_its_blocks() {
        let rich = Rich::new((0..20).map(|number| strong(&format!("paragraph {number}"))).collect());
        let pieces = Text::from(rich.clone()).split(500);
        assert!(pieces.len() > 5 && pieces.iter().all(|piece| piece.weight() <= 500 && piece.rich().is_some()));
        let whole: Vec<Block> = pieces.iter().filter_map(Text::rich).flat_map(|piece| piece.blocks().to_vec()).collect();
        assert_eq!(whole, rich.blocks());
    }

    #[test]
    fn code_stays_code() {
        let code: String = (0..200).map(|number| format!("let x{number} = \"&\";\n")).collect();
        let pieces = Text::from(Rich::new(vec![Block::Code { language: Some("rust".into()), text: code.clone() }])).split(1000);
        assert!(pieces.iter().all(|piece| piece.weight() <= 1000));
        let mut whole = String::new();
        for piece in &pieces {
            let Some([Block::Code { language: Some(language), text }]) = piece.rich().map(Rich::blocks) else { panic!() };
            assert_eq!(language, "rust");
            whole.push_str(text);
            whole.push('\n');
        }
        assert_eq!(whole, code);
    }

    #[test]
    fn what_does_not_fit_loses_its_formatting_and_no_word() {
        let long = "word ".repeat(500);
        let pieces = Text::from(Rich::new(vec![strong("first"), strong(long.trim_end()), strong("last")])).split(600);
        assert!(pieces.iter().all(|piece| piece.weight() <= 600));
        assert_eq!(pieces.iter().filter(|piece| piece.rich().is_some()).count(), 2);
        let words: Vec<String> =
            pieces.iter().flat_map(|piece| piece.reading().split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
        assert_eq!(words.len(), 502);
    }
}
