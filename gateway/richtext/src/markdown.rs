// SPDX-License-Identifier: EUPL-1.2
//! Markdown: CommonMark with tables and strike-through to read, for whoever says that this is what he sends; to write, only the marks that
//! people read easily, for programs that show them as they are.

use dreiklang_model::{
    Marks, Rich, Text,
    rich::{Builder, Hand, Href, Leaf, Level, Span},
};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::{
    guard::guarded,
    nesting::{Line, Piece, lines, nested},
};

/// Marks and what stands before and after them.
const SIGNS: [(Marks, &str); 4] = [(Marks::STRIKE, "~~"), (Marks::STRONG, "**"), (Marks::EMPHASIS, "_"), (Marks::CODE, "`")];
/// The line before and after a block of code.
const FENCE: &str = "```";

/// The tree that a Markdown document says. HTML in it is text.
#[must_use]
pub fn read(text: &str) -> Rich {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    guarded(text, || {
        let mut reader = Reader::default();
        Parser::new_ext(text, options).for_each(|event| reader.take(event));
        reader.builder.finish()
    })
}

#[derive(Default)]
struct Reader {
    builder: Builder,
    /// How often each mark is open.
    strong: usize,
    emphasis: usize,
    strike: usize,
    link: Option<Href>,
    /// What of the lists, quotes and tables that are open was opened in the tree.
    open: Vec<bool>,
    /// The block of code that is open.
    code: Option<(Option<String>, String)>,
}

impl Reader {
    fn marks(&self) -> Marks {
        let on = |mark, depth| if depth > 0 { mark } else { Marks::NONE };
        on(Marks::STRONG, self.strong).with(on(Marks::EMPHASIS, self.emphasis)).with(on(Marks::STRIKE, self.strike))
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some((_, code)) => code.push_str(&text),
                None => self.say(&text, Marks::NONE),
            },
            Event::Code(text) => self.say(&text, Marks::CODE),
            Event::Html(text) | Event::InlineHtml(text) => self.say(&text, Marks::NONE),
            Event::SoftBreak | Event::HardBreak => self.builder.line_break(),
            Event::Rule => self.builder.rule(),
            Event::TaskListMarker(done) => self.say(if done { "☑ " } else { "☐ " }, Marks::NONE),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.say(&text, Marks::CODE),
            Event::FootnoteReference(_) => {}
        }
    }

    fn say(&mut self, text: &str, mark: Marks) {
        self.builder.text(text, self.marks().with(mark), self.link.as_ref());
    }

    fn inside_tree(&self) -> bool {
        self.open.last().copied().unwrap_or(true)
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.builder.end_paragraph(),
            Tag::Heading { level, .. } => self.builder.heading(Level::from(level as u8)),
            Tag::BlockQuote(_) => {
                let opened = self.builder.quote();
                self.open.push(opened);
            }
            Tag::CodeBlock(kind) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split_whitespace().next().map(str::to_owned),
                    CodeBlockKind::Indented => None,
                };
                self.code = Some((language, String::new()));
            }
            Tag::List(start) => {
                let opened = self.builder.list(start.map(|start| u32::try_from(start).unwrap_or(1)));
                self.open.push(opened);
            }
            Tag::Item if self.inside_tree() => self.builder.item(),
            Tag::Table(_) => {
                let opened = self.builder.table(true);
                self.open.push(opened);
            }
            Tag::TableHead if self.inside_tree() => self.builder.row(true),
            Tag::TableRow if self.inside_tree() => self.builder.row(false),
            Tag::TableCell if self.inside_tree() => self.builder.cell(false),
            Tag::Strong => self.strong += 1,
            Tag::Emphasis => self.emphasis += 1,
            Tag::Strikethrough => self.strike += 1,
            Tag::Link { dest_url, .. } => self.link = Href::new(&dest_url),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock | TagEnd::Item | TagEnd::TableRow | TagEnd::TableHead | TagEnd::TableCell => {
                self.builder.end_paragraph();
            }
            TagEnd::Heading(_) => self.builder.end_heading(),
            TagEnd::CodeBlock => {
                if let Some((language, text)) = self.code.take() {
                    self.builder.code(language.as_deref(), &text);
                }
            }
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Table => {
                let opened = self.open.pop().unwrap_or(false);
                self.builder.close_if(opened);
            }
            TagEnd::Strong => self.strong = self.strong.saturating_sub(1),
            TagEnd::Emphasis => self.emphasis = self.emphasis.saturating_sub(1),
            TagEnd::Strikethrough => self.strike = self.strike.saturating_sub(1),
            TagEnd::Link => self.link = None,
            _ => {}
        }
    }
}

/// A text with light marks, for programs that show text as it is. A plain text is not changed.
#[must_use]
pub fn light(text: &Text) -> String {
    text.rich().map_or_else(|| text.reading().into_owned(), |rich| rich.laid_out(&Light))
}

struct Light;

impl Light {
    fn line(line: &[Line<'_>]) -> String {
        let sign = |mark: Marks| SIGNS.iter().find(|(known, _)| *known == mark).map_or("", |(_, sign)| sign);
        let mut out = String::new();
        for piece in nested(line, &SIGNS.map(|(mark, _)| mark), |_| true) {
            match piece {
                Piece::Open(mark) | Piece::Close(mark) => out.push_str(sign(mark)),
                Piece::Words(words) => out.push_str(words),
            }
        }
        out
    }
}

impl Hand for Light {
    fn words(&self, spans: &[Span]) -> String {
        lines(spans).iter().map(|line| Self::line(line)).collect::<Vec<_>>().join("\n")
    }

    fn heading(&self, spans: &[Span]) -> String {
        let strong =
            |span: &Span| Span { marks: span.marks.with(Marks::STRONG), link: None, leaf: Leaf::Text(span.text().to_owned()) };
        self.words(&spans.iter().map(strong).collect::<Vec<_>>())
    }

    fn code(&self, language: Option<&str>, text: &str, _: bool) -> Vec<String> {
        let fence = format!("{FENCE}{}", language.unwrap_or_default());
        std::iter::once(fence).chain(text.split('\n').map(str::to_owned)).chain([FENCE.to_owned()]).collect()
    }
}
