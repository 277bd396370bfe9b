// SPDX-License-Identifier: EUPL-1.2
//! Trees for property tests, and how trees are shown in snapshots.

#![allow(dead_code, reason = "each test uses its own part")]

use dreiklang_model::{
    Address, Format, Formats, Marks, Network, Rich,
    rich::{Block, Href, Leaf, Level, Span},
};
use proptest::{collection::vec, prelude::*};

/// A tree as few characters as can be.
pub(crate) fn shown(rich: &Rich) -> String {
    rich.blocks().iter().map(|one| block(one, "")).collect()
}

fn block(one: &Block, indent: &str) -> String {
    let inner = format!("{indent}  ");
    let inside = |blocks: &[Block]| blocks.iter().map(|one| block(one, &inner)).collect::<String>();
    match one {
        Block::Paragraph(spans) => format!("{indent}p {}\n", line(spans)),
        Block::Heading { level, text } => format!("{indent}h{} {}\n", level.get(), line(text)),
        Block::Code { language, text } => format!("{indent}code {} {text:?}\n", language.as_deref().unwrap_or("-")),
        Block::Quote(blocks) => format!("{indent}quote\n{}", inside(blocks)),
        Block::List { start, items } => {
            let items: String = items.iter().map(|item| format!("{indent} -\n{}", inside(item))).collect();
            format!("{indent}list {}\n{items}", start.map_or("•".to_owned(), |start| start.to_string()))
        }
        Block::Table { head, rows } => {
            let row = |row: &Vec<Vec<Span>>| row.iter().map(|cell| line(cell)).collect::<Vec<_>>().join(" | ");
            let rows: String = rows.iter().map(|one| format!("{inner}{}\n", row(one))).collect();
            format!("{indent}table {}\n{rows}", row(head))
        }
        Block::Rule => format!("{indent}rule\n"),
    }
}

fn line(spans: &[Span]) -> String {
    spans
        .iter()
        .map(|span| {
            let marks = if span.marks.is_none() { String::new() } else { format!("{:?}", span.marks) };
            let link = span.link.as_ref().map_or(String::new(), |link| format!("→{}", link.as_str()));
            let who = match &span.leaf {
                Leaf::Mention { who, .. } => format!("@{}", who.as_str()),
                Leaf::Text(_) => String::new(),
            };
            format!("[{:?}{marks}{link}{who}]", span.text())
        })
        .collect()
}

/// Trees with no formatting but `formats`, of words that a form may find hard.
pub(crate) fn trees(formats: Formats) -> impl Strategy<Value = Rich> {
    vec(blocks(formats, 3), 1..5).prop_map(|blocks| Rich::new(blocks.into_iter().flatten().collect()))
}

fn words() -> BoxedStrategy<String> {
    prop_oneof![
        6 => "[a-zA-Zäß😀]{1,8}",
        2 => "[a-z]{1,4}( {1,3}[a-z]{1,4}){1,2}",
        1 => "[ *_~`>&<\"'#|.\\-0-9a-z]{1,6}",
        1 => Just(" ".to_owned()),
        1 => Just("\n".to_owned()),
    ]
    .boxed()
}

fn spans(formats: Formats) -> impl Strategy<Value = Vec<Span>> {
    let marks = [
        (Format::Strong, Marks::STRONG),
        (Format::Emphasis, Marks::EMPHASIS),
        (Format::Strike, Marks::STRIKE),
        (Format::Underline, Marks::UNDERLINE),
        (Format::Spoiler, Marks::SPOILER),
        (Format::Code, Marks::CODE),
    ];
    let marks: Vec<Marks> = marks.into_iter().filter(|(format, _)| formats.has(*format)).map(|(_, marks)| marks).collect();
    let marks = vec(prop::sample::select([vec![Marks::NONE], marks].concat()), 0..3)
        .prop_map(|all| all.into_iter().fold(Marks::NONE, Marks::with));
    let links = formats.has(Format::Link);
    let link = prop::option::weighted(if links { 0.2 } else { 0.0 }, "https://x\\.example/[a-z?&=\"]{0,8}");
    let mentions = formats.has(Format::Mention);
    let who = prop::option::weighted(if mentions { 0.1 } else { 0.0 }, "@[a-z=_/]{1,8}:hs\\.example");
    vec((words(), marks, link, who), 1..6).prop_map(|all| {
        all.into_iter()
            .map(|(text, marks, link, who)| match who {
                Some(who) => {
                    let who = Address::new(Network::MATRIX, who).unwrap();
                    Span { marks, link: None, leaf: Leaf::Mention { who, name: text } }
                }
                None => Span { marks, link: link.and_then(|link| Href::new(&link)), ..Span::plain(text) },
            })
            .collect()
    })
}

fn blocks(formats: Formats, depth: u32) -> BoxedStrategy<Vec<Block>> {
    let one = |block: BoxedStrategy<Block>| block.prop_map(|block| vec![block]).boxed();
    let mut kinds = vec![one(spans(formats).prop_map(Block::Paragraph).boxed())];
    if formats.has(Format::Heading) {
        kinds.push(one((1u8..7, spans(formats))
            .prop_map(|(level, text)| Block::Heading { level: Level::from(level), text })
            .boxed()));
    }
    if formats.has(Format::CodeBlock) {
        let code = ("([a-z &<>*_\"\n]|  ){0,40}", prop::option::of("[a-z+#]{1,5}"));
        kinds.push(one(code.prop_map(|(text, language)| Block::Code { language, text }).boxed()));
    }
    if formats.has(Format::Rule) {
        kinds.push(one(Just(Block::Rule).boxed()));
    }
    if formats.has(Format::Table) {
        let row = || vec(spans(formats), 2..4);
        let table = (prop::option::of(row()), vec(row(), 1..3));
        kinds.push(one(table.prop_map(|(head, rows)| Block::Table { head: head.unwrap_or_default(), rows }).boxed()));
    }
    if depth > 0 && formats.has(Format::Quote) {
        let inner = vec(blocks(formats, depth - 1), 1..3);
        kinds.push(one(inner.prop_map(|inner| Block::Quote(inner.into_iter().flatten().collect())).boxed()));
    }
    if depth > 0 && formats.has(Format::List) {
        let items = (prop::option::of(0u32..20), vec(blocks(formats, depth - 1), 1..4));
        kinds.push(one(items.prop_map(|(start, items)| Block::List { start, items }).boxed()));
    }
    prop::strategy::Union::new(kinds).boxed()
}
