// SPDX-License-Identifier: EUPL-1.2
//! Formatted text in mail, HTML or Markdown, as lines: so that quotations, introductions and signatures are found in it as in any other
//! (`reply.rs`), and what is left is put together again. Pure.

use dreiklang_model::{
    Address, Network, Rich, Text,
    rich::{Block, Builder, Span},
};
use dreiklang_richtext::{
    html::{self, Anchor, Habit},
    markdown,
};

use crate::{
    address,
    flowed::{self, Line},
};

/// The line above what is answered, as plain text has it (`reply.rs`).
const RULE: &str = "________________________________";

/// Blocks of which lines are shown; a paragraph is as many of them as it has lines.
#[derive(Debug, Default)]
pub(super) struct Blocks(Vec<Block>);

impl Blocks {
    /// The lines of an HTML text.
    pub(super) fn html(&mut self, html: &str) -> Vec<Line> {
        self.lines(&html::read(html, Habit::Mail, &mentioned))
    }

    /// The lines of a Markdown text.
    pub(super) fn markdown(&mut self, text: &str) -> Vec<Line> {
        self.lines(&markdown::read(text))
    }

    fn lines(&mut self, rich: &Rich) -> Vec<Line> {
        let mut lines = Vec::new();
        for block in rich.blocks() {
            if !lines.is_empty() {
                lines.push(Line { depth: 0, text: String::new(), block: None });
            }
            match block {
                Block::Paragraph(spans) => {
                    for line in lines_of(spans) {
                        let block = Block::Paragraph(line);
                        let text = Rich::new(vec![block.clone()]).reading();
                        lines.push(self.line(0, text, block));
                    }
                }
                Block::Rule => {
                    let line = self.line(0, RULE.to_owned(), Block::Rule);
                    lines.push(line);
                }
                Block::Quote(_) => {
                    let number = self.add(block.clone());
                    let reading = Rich::new(vec![block.clone()]).reading();
                    lines.extend(flowed::fixed(&reading).into_iter().map(|line| Line { block: Some(number), ..line }));
                }
                block => {
                    let number = self.add(block.clone());
                    let reading = Rich::new(vec![block.clone()]).reading();
                    lines.extend(reading.split('\n').map(|text| Line { depth: 0, text: text.to_owned(), block: Some(number) }));
                }
            }
        }
        lines
    }

    fn add(&mut self, block: Block) -> usize {
        self.0.push(block);
        self.0.len() - 1
    }

    fn line(&mut self, depth: usize, text: String, block: Block) -> Line {
        Line { depth, text, block: Some(self.add(block)) }
    }

    /// What is left of a text of which there were `all` lines: formatted, unless a part of a block was left out.
    pub(super) fn text(&self, left: &[Line], all: &[Line]) -> Text {
        let plain = || Text::plain(flowed::shown(left).trim_start_matches('\n').trim_end());
        let mut counts = vec![0_usize; self.0.len()];
        let count = |lines: &[Line], counts: &mut Vec<usize>, add: bool| {
            for number in lines.iter().filter_map(|line| line.block) {
                if let Some(count) = counts.get_mut(number) {
                    *count = if add { *count + 1 } else { count.saturating_sub(1) };
                }
            }
        };
        count(all, &mut counts, true);
        count(left, &mut counts, false);
        let cut = left.iter().filter_map(|line| line.block).any(|number| counts.get(number).is_some_and(|missing| *missing > 0));
        if cut || left.iter().all(|line| line.block.is_none()) {
            return plain();
        }
        let mut builder = Builder::new();
        let mut last = None;
        for line in left {
            match line.block.and_then(|number| self.0.get(number)) {
                None => {
                    builder.text(&line.shown(), dreiklang_model::Marks::NONE, None);
                    builder.line_break();
                }
                Some(Block::Paragraph(spans)) => {
                    builder.spans(spans);
                    builder.line_break();
                }
                Some(_) if last == line.block => {}
                Some(block) => builder.blocks(std::slice::from_ref(block)),
            }
            last = line.block;
        }
        let text = Text::from(builder.finish());
        if text.rich().is_some() { text } else { plain() }
    }
}

/// The spans of each line of a paragraph.
fn lines_of(spans: &[Span]) -> Vec<Vec<Span>> {
    let mut lines = vec![Vec::new()];
    for span in spans {
        let dreiklang_model::rich::Leaf::Text(text) = &span.leaf else {
            lines.last_mut().into_iter().for_each(|line| line.push(span.clone()));
            continue;
        };
        for (number, text) in text.split('\n').enumerate() {
            if number > 0 {
                lines.push(Vec::new());
            }
            if let Some(line) = lines.last_mut().filter(|_| !text.is_empty()) {
                line.push(Span { leaf: dreiklang_model::rich::Leaf::Text(text.to_owned()), ..span.clone() });
            }
        }
    }
    lines
}

/// Whom a link mentions (COI, "Mentions").
fn mentioned(anchor: Anchor<'_>) -> Option<Address> {
    let address = anchor.href.strip_prefix("mailto:")?;
    anchor.class.split_whitespace().any(|class| class == "mention").then_some(())?;
    address::canonical(address).filter(|address| *address.network() == Network::MAIL)
}

/// Do two forms of a text say the same, but for signs and the addresses of links, which programs write out or not?
pub(super) fn says_the_same(one: &Text, other: &Text) -> bool {
    let words = |text: &Text| -> String {
        let reading = text.reading();
        let words = reading.split_whitespace().map(|word| word.trim_start_matches(|c: char| !c.is_alphanumeric()));
        let said = words.filter(|word| !["http:", "https:", "mailto:"].iter().any(|scheme| word.starts_with(scheme)));
        said.flat_map(str::chars).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    words(one) == words(other)
}

#[cfg(test)]
mod tests {
    use dreiklang_model::{Format, Formats};

    use super::*;
    use crate::inward::reply;

    fn read(html: &str, answers: bool) -> (String, Formats) {
        let mut blocks = Blocks::default();
        let lines = blocks.html(html);
        let text = blocks.text(&reply::letter(lines.clone(), answers), &lines);
        (text.reading().into_owned(), text.formats())
    }

    #[test]
    fn what_is_answered_is_found_in_html() {
        let gmail = "<div>Yes, <b>at eight</b>.</div><br><div class=\"gmail_quote\"><div>On Mon, 23 Nov 2026 at 10:00, Bob &lt;b@x.example&gt; \
            wrote:<br></div><blockquote class=\"gmail_quote\"><div>old</div></blockquote></div>";
        let thunderbird = "<p>Yes, <b>at eight</b>.</p><div class=\"moz-cite-prefix\">Am 23.11.26 um 10:00 schrieb Bob:<br></div>\
            <blockquote type=\"cite\"><pre class=\"moz-quote-pre\">old</pre></blockquote><div class=\"moz-signature\">-- <br>Carol</div>";
        let outlook = "<p class=MsoNormal>Yes, <b>at eight</b>.</p><hr><p class=MsoNormal><b>Von:</b> Bob<br><b>Gesendet:</b> Montag<br>\
            <b>An:</b> Carol<br><b>Betreff:</b> Plan</p><p>old</p>";
        for html in [gmail, thunderbird, outlook] {
            assert_eq!(read(html, true), ("Yes, at eight.".to_owned(), Format::Strong.into()), "{html}");
        }
        // Cut within a block the text stays and its formatting goes.
        let cut = "<ul><li><b>one</b></li></ul><p>Sent from <b>here</b><br>Sent from my iPhone</p>";
        assert_eq!(read(cut, false), ("• one\n\nSent from here".to_owned(), Formats::of(&[Format::Strong, Format::List])));
        assert_eq!(read("<p>Dear <b>Bob</b><br>two</p><p>three</p>", false).0, "Dear Bob\ntwo\n\nthree");
    }

    #[test]
    fn forms_of_the_same_text() {
        let same = |one: &str, html: &str| {
            let mut blocks = Blocks::default();
            let lines = blocks.html(html);
            says_the_same(&Text::plain(one), &blocks.text(&lines, &lines))
        };
        assert!(same("see *this* <https://x.example/> now", "see <b>this</b> <a href='https://y.example/'>now</a>"));
        assert!(same("  * one\n  * two", "<ul><li>one<li>two</ul>"));
        assert!(!same("see", "see <b>this</b>"));
    }

    #[test]
    fn a_mention_is_a_link_that_says_so() {
        let mut blocks = Blocks::default();
        let lines =
            blocks.html("<a class='mention' href='mailto:Matrix.A=hs@GW.example'>A</a> <a href='mailto:x@y.example'>X</a>");
        let text = blocks.text(&lines, &lines);
        assert!(text.formats().has(Formats::of(&[Format::Mention, Format::Link])));
    }
}
