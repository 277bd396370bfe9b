// SPDX-License-Identifier: EUPL-1.2
//! From tags and text to the tree, without building a document first: a stack of open elements that never grows beyond a bound, so that
//! neither depth nor number of tags costs more than reading them.

use std::borrow::Cow;

use dreiklang_model::{
    Address, Marks, Rich,
    rich::{Builder, Href},
};

use super::{
    Anchor, Habit, Mentions, css,
    element::{Attribute, Element, element},
    gap::Gap,
};

/// How many elements are open at once, at most. What is opened beyond means nothing.
const MOST_OPEN: usize = 200;
/// How the programs that write mail mark signatures: classes, and ids.
const SIGNATURES: &[&str] =
    &["moz-signature", "gmail_signature", "gmail_signature_prefix", "Signature", "ms-outlook-mobile-signature"];

/// An open element.
struct Open {
    element: Element,
    name: Box<str>,
    /// How words were marked, and where they led, before it.
    marks: Marks,
    link: Option<Href>,
    /// It opened something in the tree that is to be closed.
    opened: bool,
    /// What it contains is not shown.
    hidden: bool,
}

/// Reads tags and text in the order in which they come.
pub struct Reader<'a> {
    habit: Habit,
    mentions: Mentions<'a>,
    builder: Builder,
    open: Vec<Open>,
    /// How many elements are open beyond [`MOST_OPEN`].
    beyond: usize,
    marks: Marks,
    link: Option<Href>,
    hidden: usize,
    gap: Gap,
    /// Nothing was said yet in this line.
    fresh: bool,
    mention: Option<(Address, String)>,
    preformatted: Option<Preformatted>,
}

#[derive(Default)]
struct Preformatted {
    text: String,
    language: Option<String>,
    code: bool,
}

impl<'a> Reader<'a> {
    /// Nothing read yet.
    #[must_use]
    pub fn new(habit: Habit, mentions: Mentions<'a>) -> Self {
        Self {
            habit,
            mentions,
            builder: Builder::new(),
            open: Vec::new(),
            beyond: 0,
            marks: Marks::NONE,
            link: None,
            hidden: 0,
            gap: Gap::default(),
            fresh: true,
            mention: None,
            preformatted: None,
        }
    }

    /// An element begins.
    pub fn start(&mut self, name: &str, attribute: &dyn Fn(Attribute) -> Option<String>) {
        let Some(element) = element(name) else { return };
        if self.single(element, attribute) {
            return;
        }
        self.end_implied(element);
        if self.open.len() >= MOST_OPEN {
            self.beyond += 1;
            return;
        }
        let before = (self.marks, self.link.clone());
        let hidden = element == Element::Nothing || self.is_hidden(attribute);
        self.hidden += usize::from(hidden);
        let opened = self.hidden == 0 && self.begin(element, attribute);
        let (marks, link) = before;
        self.open.push(Open { element, name: name.into(), marks, link, opened, hidden });
    }

    /// An element ends.
    pub fn end(&mut self, name: &str) {
        match element(name) {
            None | Some(Element::Break | Element::Rule | Element::Image | Element::Input) => return,
            Some(_) if self.beyond > 0 => {
                self.beyond -= 1;
                return;
            }
            Some(_) => {}
        }
        let in_table = matches!(element(name), Some(Element::Table | Element::Rows(_) | Element::Row | Element::Cell(_)));
        let barrier = |open: &&Open| !in_table && matches!(open.element, Element::Cell(_));
        let reachable = self.open.iter().rev().take_while(|open| !barrier(open));
        if let Some(above) = reachable.map(|open| &*open.name).position(|open| open == name) {
            self.end_down_to(self.open.len() - above - 1);
        }
    }

    /// Text between tags.
    pub fn text(&mut self, text: &str) {
        if self.hidden > 0 {
            return;
        }
        if let Some(preformatted) = &mut self.preformatted {
            // The line feed after the tag is none (HTML § 13.2.6.4.7).
            let text = if preformatted.text.is_empty() { text.strip_prefix('\n').unwrap_or(text) } else { text };
            preformatted.text.push_str(text);
            return;
        }
        if let Some((_, name)) = &mut self.mention {
            name.push_str(text);
            return;
        }
        let mut words = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                ' ' | '\t' | '\n' | '\r' | '\u{c}' => self.gap.soft(),
                '\u{a0}' => self.gap.hard(),
                c => {
                    words.push_str(&self.gap.take(self.fresh));
                    words.push(c);
                    self.fresh = false;
                }
            }
        }
        if !words.is_empty() {
            self.builder.text(&words, self.marks, self.link.as_ref());
        }
    }

    /// The tree.
    #[must_use]
    pub fn finish(mut self) -> Rich {
        self.end_down_to(0);
        self.builder.finish()
    }

    /// An element that has no content. True when it was one.
    fn single(&mut self, element: Element, attribute: &dyn Fn(Attribute) -> Option<String>) -> bool {
        if !matches!(element, Element::Break | Element::Rule | Element::Image | Element::Input) {
            return false;
        }
        if self.hidden > 0 {
            return true;
        }
        match (&mut self.preformatted, element) {
            (Some(preformatted), Element::Break) => preformatted.text.push('\n'),
            (Some(_), _) => {}
            (None, Element::Break) => {
                self.builder.line_break();
                self.new_line();
            }
            (None, Element::Rule) => {
                self.builder.rule();
                self.new_line();
            }
            // A picture of the homeserver's stands for words (custom emoji); any other may be a counting pixel.
            (None, Element::Image) => {
                let source = attribute(Attribute::Src).unwrap_or_default();
                if self.habit == Habit::Matrix && source.starts_with("mxc:") {
                    self.text(&attribute(Attribute::Alt).unwrap_or_default());
                }
            }
            (None, _) => {
                if attribute(Attribute::Type).is_some_and(|kind| kind.eq_ignore_ascii_case("checkbox")) {
                    self.text(if attribute(Attribute::Checked).is_some() { "☑ " } else { "☐ " });
                }
            }
        }
        true
    }

    fn is_hidden(&self, attribute: &dyn Fn(Attribute) -> Option<String>) -> bool {
        if self.habit != Habit::Mail {
            return false;
        }
        let signature =
            |value: Option<String>| value.is_some_and(|value| value.split_whitespace().any(|word| SIGNATURES.contains(&word)));
        signature(attribute(Attribute::Class))
            || signature(attribute(Attribute::Id))
            || attribute(Attribute::Style).is_some_and(|style| css::read(&style).hidden)
    }

    /// What an element changes when it begins. True when it opened something in the tree.
    fn begin(&mut self, element: Element, attribute: &dyn Fn(Attribute) -> Option<String>) -> bool {
        if let Some(preformatted) = &mut self.preformatted {
            if element == Element::Marked(Marks::CODE) {
                preformatted.code = true;
                let class = attribute(Attribute::Class).unwrap_or_default();
                preformatted.language =
                    class.split_whitespace().find_map(|word| word.strip_prefix("language-")).map(str::to_owned);
            }
            return false;
        }
        if self.habit != Habit::Matrix
            && let Some(style) = attribute(Attribute::Style)
        {
            let style = css::read(&style);
            // Links are underlined by habit.
            let linked = element == Element::Link || self.link.is_some() || self.mention.is_some();
            let adds = if linked { style.adds.without(Marks::UNDERLINE) } else { style.adds };
            self.marks = self.marks.with(adds).without(style.removes);
        }
        match element {
            Element::Marked(marks) => self.marks = self.marks.with(marks),
            Element::Span => {
                if let Some(reason) = attribute(Attribute::Spoiler).filter(|_| self.habit == Habit::Matrix) {
                    if !reason.trim().is_empty() {
                        self.text(&format!("{reason}: "));
                    }
                    self.marks = self.marks.with(Marks::SPOILER);
                }
            }
            Element::Link => self.lead(attribute),
            Element::Block => self.end_line(),
            Element::Paragraph | Element::Rows(_) | Element::Nothing => self.end_paragraph(),
            Element::Heading(level) => {
                self.builder.heading(level);
                self.new_line();
            }
            Element::Preformatted => {
                self.end_paragraph();
                self.preformatted = Some(Preformatted::default());
            }
            Element::Quote => return self.enter(Builder::quote),
            Element::Bullets => return self.enter(|builder| builder.list(None)),
            Element::Numbers => {
                let start = attribute(Attribute::Start).and_then(|start| start.trim().parse().ok()).unwrap_or(1);
                return self.enter(|builder| builder.list(Some(start)));
            }
            Element::Table => {
                let bordered = attribute(Attribute::Border).is_some_and(|width| !matches!(width.trim(), "" | "0"));
                let certain = self.habit != Habit::Mail || bordered;
                return self.enter(|builder| builder.table(certain));
            }
            Element::Item => self.within(|open| matches!(open, Element::Bullets | Element::Numbers), Builder::item),
            Element::Row => {
                let head = self.open.last().is_some_and(|open| open.element == Element::Rows(true));
                self.within(|open| open == Element::Table, |builder| builder.row(head));
            }
            Element::Cell(head) => self.within(|open| open == Element::Table, |builder| builder.cell(head)),
            Element::Break | Element::Rule | Element::Image | Element::Input => {}
        }
        false
    }

    fn enter(&mut self, open: impl FnOnce(&mut Builder) -> bool) -> bool {
        let opened = open(&mut self.builder);
        self.new_line();
        opened
    }

    /// Tells the list or table about its next part, if it is one of the tree.
    fn within(&mut self, container: impl Fn(Element) -> bool, next: impl FnOnce(&mut Builder)) {
        let of_tree = |element| matches!(element, Element::Quote | Element::Bullets | Element::Numbers | Element::Table);
        let innermost = self.open.iter().rev().find(|open| of_tree(open.element));
        if innermost.is_some_and(|open| open.opened && container(open.element)) {
            next(&mut self.builder);
            self.new_line();
        } else {
            self.end_line();
        }
    }

    fn lead(&mut self, attribute: &dyn Fn(Attribute) -> Option<String>) {
        let href = attribute(Attribute::Href).unwrap_or_default();
        let class = attribute(Attribute::Class).unwrap_or_default();
        self.link = None;
        match (self.mentions)(Anchor { href: &href, class: &class }) {
            Some(who) => self.mention = Some((who, String::new())),
            None => self.link = Href::new(&href),
        }
    }

    /// Ends what ends by itself when `next` begins.
    fn end_implied(&mut self, next: Element) {
        let ends = |open: Element| match next {
            Element::Item => open == Element::Item,
            Element::Row => matches!(open, Element::Row | Element::Cell(_)),
            Element::Cell(_) => matches!(open, Element::Cell(_)),
            Element::Rows(_) => matches!(open, Element::Rows(_) | Element::Row | Element::Cell(_)),
            Element::Link => open == Element::Link,
            Element::Marked(_) | Element::Span | Element::Nothing => false,
            _ => open == Element::Paragraph,
        };
        let stops = |open: Element| match next {
            Element::Item => matches!(open, Element::Bullets | Element::Numbers | Element::Cell(_)),
            Element::Row | Element::Cell(_) | Element::Rows(_) => open == Element::Table,
            _ => matches!(open, Element::Quote | Element::Item | Element::Cell(_)),
        };
        let above = self.open.iter().rposition(|open| stops(open.element)).map_or(0, |at| at + 1);
        let scope = self.open.get(above..).unwrap_or_default();
        if let Some(first) = scope.iter().position(|open| ends(open.element)) {
            self.end_down_to(above + first);
        }
    }

    fn end_down_to(&mut self, length: usize) {
        while self.open.len() > length {
            let Some(open) = self.open.pop() else { break };
            self.hidden -= usize::from(open.hidden);
            if self.hidden == 0 && !open.hidden {
                self.finish_element(&open);
            }
            self.marks = open.marks;
            self.link = open.link;
        }
    }

    fn finish_element(&mut self, open: &Open) {
        if self.preformatted.is_some() && open.element != Element::Preformatted {
            return;
        }
        match open.element {
            Element::Link => {
                if let Some((who, name)) = self.mention.take() {
                    let space = self.gap.take(self.fresh);
                    self.builder.text(&space, Marks::NONE, None);
                    self.builder.mention(who, &name, self.marks);
                    self.fresh = false;
                }
            }
            Element::Block => self.end_line(),
            Element::Paragraph | Element::Rows(_) | Element::Item | Element::Row | Element::Cell(_) => self.end_paragraph(),
            Element::Heading(_) => {
                self.builder.end_heading();
                self.new_line();
            }
            Element::Preformatted => self.end_preformatted(),
            Element::Quote | Element::Bullets | Element::Numbers | Element::Table => {
                self.builder.close_if(open.opened);
                self.new_line();
            }
            _ => {}
        }
    }

    fn end_preformatted(&mut self) {
        let Some(Preformatted { text, language, code }) = self.preformatted.take() else { return };
        if code || self.habit != Habit::Mail {
            self.builder.code(language.as_deref(), &text);
        } else {
            let text = if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(&text) };
            self.builder.text(&text, self.marks, None);
            self.builder.end_paragraph();
        }
        self.new_line();
    }

    fn end_paragraph(&mut self) {
        self.builder.end_paragraph();
        self.new_line();
    }

    /// The line ends here, if something was said in it.
    fn end_line(&mut self) {
        if !self.fresh {
            self.builder.line_break();
        }
        self.new_line();
    }

    fn new_line(&mut self) {
        self.gap = Gap::default();
        self.fresh = true;
    }
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({:?}, {} open)", self.habit, self.open.len())
    }
}
