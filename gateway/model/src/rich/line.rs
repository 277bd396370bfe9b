// SPDX-License-Identifier: EUPL-1.2
//! The normal form of the spans of one paragraph, heading or cell.

use super::{
    Href, Marks,
    tree::{Leaf, Span},
};

/// A piece of a span: a word, white space, or a line break.
enum Atom {
    Solid(Span),
    Space(String),
    Break,
}

/// The spans of a paragraph in normal form. White space between two marked words bears what both have in common, a line break nothing;
/// lines end with no white space; the first one begins with a word. With `breaks` false it is one line.
pub(super) fn normal(spans: Vec<Span>, breaks: bool) -> Vec<Span> {
    let mut atoms = Vec::with_capacity(spans.len());
    for span in spans {
        split(span, breaks, &mut atoms);
    }
    join(atoms)
}

fn split(span: Span, breaks: bool, atoms: &mut Vec<Atom>) {
    let Span { marks, link, leaf } = span;
    let text = match leaf {
        Leaf::Mention { who, name } => {
            let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
            if !name.is_empty() {
                atoms.push(Atom::Solid(Span {
                    marks: marks.without(Marks::CODE),
                    link: None,
                    leaf: Leaf::Mention { who, name },
                }));
            }
            return;
        }
        Leaf::Text(text) => text,
    };
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            atoms.push(if breaks { Atom::Break } else { Atom::Space(" ".to_owned()) });
        }
        let core = line.trim();
        let start = line.len() - line.trim_start().len();
        if start > 0 {
            atoms.push(Atom::Space(line.get(..start).unwrap_or_default().to_owned()));
        }
        if !core.is_empty() {
            atoms.push(Atom::Solid(Span { marks, link: link.clone(), leaf: Leaf::Text(core.to_owned()) }));
            let rest = line.get(start + core.len()..).unwrap_or_default();
            if !rest.is_empty() {
                atoms.push(Atom::Space(rest.to_owned()));
            }
        }
    }
}

fn join(atoms: Vec<Atom>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::with_capacity(atoms.len());
    let (mut space, mut broken) = (String::new(), false);
    for atom in atoms {
        match atom {
            Atom::Space(more) => space.push_str(&more),
            Atom::Break => {
                space.clear();
                broken = !spans.is_empty();
            }
            Atom::Solid(span) => {
                if broken {
                    push(&mut spans, Span::plain(format!("\n{space}")));
                } else if !space.is_empty()
                    && let Some(last) = spans.last()
                {
                    let link = last.link.clone().filter(|link| Some(link) == span.link.as_ref());
                    let marks = last.marks.common(span.marks);
                    push(&mut spans, Span { marks, link, leaf: Leaf::Text(space.clone()) });
                }
                space.clear();
                broken = false;
                push(&mut spans, span);
            }
        }
    }
    without_obvious_links(spans)
}

fn push(spans: &mut Vec<Span>, span: Span) {
    if let Some(Span { marks, link, leaf: Leaf::Text(text) }) = spans.last_mut()
        && let Leaf::Text(more) = &span.leaf
        && *marks == span.marks
        && *link == span.link
    {
        text.push_str(more);
        return;
    }
    spans.push(span);
}

/// A link that any program makes by itself is none of the text's.
fn without_obvious_links(mut spans: Vec<Span>) -> Vec<Span> {
    let obvious = |link: &Option<Href>, text: &str| link.as_ref().is_some_and(|link| link.is_shown_by(text));
    let mut at = 0;
    while let Some(first) = spans.get(at) {
        let link = first.link.clone();
        let length = spans.iter().skip(at).take_while(|span| span.link == link).count();
        let group = spans.get_mut(at..at + length).unwrap_or_default();
        if link.is_some() && obvious(&link, &group.iter().map(Span::text).collect::<String>()) {
            group.iter_mut().for_each(|span| span.link = None);
        }
        at += length.max(1);
    }
    let mut merged = Vec::with_capacity(spans.len());
    for span in spans {
        push(&mut merged, span);
    }
    merged
}
