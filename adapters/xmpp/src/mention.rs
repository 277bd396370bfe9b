// SPDX-License-Identifier: EUPL-1.2
//! Mentions: ranges of a body that name somebody (XEP-0372 §3.2 and XEP-0513 §3.1, written both, read either). While a body is read or
//! written as styled text, a mention stands in it as characters that no text has (Unicode noncharacters), so that its place is kept.

use dreiklang_model::{
    Address, Text,
    rich::{Leaf, Span},
};
use minidom::Element;
use percent_encoding::percent_decode_str;

use crate::{
    address,
    xml::{Builder, element, namespace},
};

/// The first of the characters that stand for mentions, and how many there are.
const FIRST: u32 = 0xfdd0;
const MOST: u32 = 32;

/// Somebody named in a body.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Mention {
    who: Address,
    name: String,
}

impl std::fmt::Debug for Mention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mention(…)")
    }
}

fn stand_in(number: usize) -> Option<char> {
    u32::try_from(number).ok().filter(|number| *number < MOST).and_then(|number| char::from_u32(FIRST + number))
}

fn number(c: char) -> Option<usize> {
    u32::from(c).checked_sub(FIRST).filter(|number| *number < MOST).and_then(|number| usize::try_from(number).ok())
}

/// The body of a stanza with a stand-in for each character of a mention, and the mentions in the order of their stand-ins.
pub(crate) fn taken_out(stanza: &Element, body: &str) -> (String, Vec<Mention>) {
    let mut characters: Vec<char> = body.chars().collect();
    let mut mentions: Vec<Mention> = Vec::new();
    if characters.iter().any(|c| number(*c).is_some()) {
        return (body.to_owned(), mentions);
    }
    for child in stanza.children() {
        let Some((who, begin, end)) = named(child) else { continue };
        let Some(sign) = stand_in(mentions.len()) else { break };
        let Some(range) = characters.get_mut(begin..end).filter(|range| range.iter().all(|c| number(*c).is_none() && *c != '\n'))
        else {
            continue;
        };
        let name: String = range.iter().collect();
        if !name.trim().is_empty() {
            range.fill(sign);
            mentions.push(Mention { who, name });
        }
    }
    (characters.into_iter().collect(), mentions)
}

/// Whom an element mentions, and where.
fn named(child: &Element) -> Option<(Address, usize, usize)> {
    let who = if child.is("reference", namespace::REFERENCE) && child.attr("type") == Some("mention") {
        let uri = child.attr("uri")?.strip_prefix("xmpp:")?;
        let jid = percent_decode_str(uri.split(['?', ';', '#']).next()?).decode_utf8().ok()?;
        address::person(&jid)?
    } else if child.is("mention", namespace::MENTIONS) && child.attr("mentions").is_none() {
        address::person(child.attr("jid")?)?
    } else {
        return None;
    };
    let bound = |name| child.attr(name).and_then(|number| number.parse::<usize>().ok());
    Some((who, bound("begin")?, bound("end")?)).filter(|(_, begin, end)| begin < end)
}

/// A text with stand-ins, with the mentions in their place.
pub(crate) fn put_back(text: Text, mentions: &[Mention]) -> Text {
    if mentions.is_empty() {
        return text;
    }
    text.map_spans(&mut |span| {
        let Leaf::Text(words) = &span.leaf else { return vec![span] };
        let mut out = Vec::new();
        let mut rest = words.as_str();
        while let Some(c) = rest.chars().next() {
            let same = number(c);
            let length = rest.find(|c| number(c) != same || same.is_none() && number(c).is_some()).unwrap_or(rest.len());
            let (piece, after) = rest.split_at(length);
            rest = after;
            let leaf = match same.and_then(|number| mentions.get(number)) {
                Some(Mention { who, name }) => Leaf::Mention { who: who.clone(), name: name.clone() },
                None => Leaf::Text(piece.to_owned()),
            };
            out.push(Span { leaf, ..span.clone() });
        }
        out
    })
}

/// A text with one stand-in for each mention.
pub(crate) fn stood_in(text: Text) -> (Text, Vec<Mention>) {
    let mut mentions = Vec::new();
    if text.reading().contains(|c| number(c).is_some()) {
        return (text, mentions);
    }
    let text = text.map_spans(&mut |span| {
        let Leaf::Mention { who, name } = &span.leaf else { return vec![span] };
        let leaf = match stand_in(mentions.len()) {
            Some(sign) => {
                mentions.push(Mention { who: who.clone(), name: name.clone() });
                Leaf::Text(sign.to_string())
            }
            None => Leaf::Text(name.clone()),
        };
        vec![Span { leaf, ..span }]
    });
    (text, mentions)
}

/// A body with the names in it, and the elements that say whose they are.
pub(crate) fn written(body: &str, mentions: &[Mention]) -> (String, Vec<Builder>) {
    let mut out = String::with_capacity(body.len());
    let mut at = 0;
    let mut elements = Vec::new();
    for c in body.chars() {
        let Some(Mention { who, name }) = number(c).and_then(|number| mentions.get(number)) else {
            out.push(c);
            at += 1;
            continue;
        };
        out.push_str(name);
        let (begin, end) = (at.to_string(), (at + name.chars().count()).to_string());
        at += name.chars().count();
        let range = |element: Builder| element.attr("begin", &begin).attr("end", &end);
        let uri = format!("xmpp:{}", percent_encoding::utf8_percent_encode(who.as_str(), RESERVED));
        elements.push(range(element("reference", namespace::REFERENCE)).attr("type", "mention").attr("uri", &uri));
        elements.push(range(element("mention", namespace::MENTIONS)).attr("jid", who.as_str()));
    }
    (out, elements)
}

/// What a JID may contain and an XMPP address of a URI may not (RFC 5122 §2.2).
const RESERVED: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b';');

#[cfg(test)]
mod tests {
    use dreiklang_richtext::styling;

    use super::*;

    fn stanza(content: &str) -> Element {
        format!("<message xmlns='jabber:component:accept'>{content}</message>").parse().unwrap()
    }

    fn read(content: &str, body: &str) -> Text {
        let (body, mentions) = taken_out(&stanza(content), body);
        put_back(styling::read(&body).into(), &mentions)
    }

    fn who(text: &Text) -> Vec<(String, String)> {
        let spans = text.rich().map(|rich| rich.spans()).unwrap_or_default();
        let mentions = spans.iter().filter_map(|span| match &span.leaf {
            Leaf::Mention { who, name } => Some((who.as_str().to_owned(), name.clone())),
            Leaf::Text(_) => None,
        });
        mentions.collect()
    }

    #[test]
    fn ranges_name_people() {
        let reference = "<reference xmlns='urn:xmpp:reference:0' type='mention' begin='3' end='6' uri='xmpp:alice%25hs@gw'/>";
        let mention = "<mention xmlns='urn:xmpp:mentions:0' begin='3' end='6' jid='alice%hs@gw'/>";
        for content in [reference.to_owned(), mention.to_owned(), format!("{reference}{mention}")] {
            let text = read(&content, "😀, Bob: *now*");
            assert_eq!(who(&text), [("alice%hs@gw".to_owned(), "Bob".to_owned())], "{content}");
            assert_eq!(text.reading(), "😀, Bob: now");
        }
        for nothing in [
            "<reference xmlns='urn:xmpp:reference:0' type='data' begin='0' end='3' uri='xmpp:a@b'/>",
            "<reference xmlns='urn:xmpp:reference:0' type='mention' begin='0' end='99' uri='xmpp:a@b'/>",
            "<reference xmlns='urn:xmpp:reference:0' type='mention' begin='3' end='1' uri='xmpp:a@b'/>",
            "<reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:a@b'/>",
            "<reference xmlns='urn:xmpp:reference:0' type='mention' begin='0' end='3' uri='https://x'/>",
            "<mention xmlns='urn:xmpp:mentions:0' begin='0' end='3' mentions='urn:xmpp:mentions:0#channel' jid='a@b'/>",
        ] {
            assert_eq!(read(nothing, "Bob: now"), "Bob: now", "{nothing}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let reference = "<reference xmlns='urn:xmpp:reference:0' type='mention' begin='4' end='7' uri='xmpp:a%5C20b%25hs@gw'/>";
        let text = read(reference, "*hi Bob!* bye");
        assert_eq!(who(&text), [("a\\20b%hs@gw".to_owned(), "Bob".to_owned())]);
        let (stood, mentions) = stood_in(text.clone());
        let styled = styling::write(&stood);
        let (body, elements) = written(&styled.body, &mentions);
        assert_eq!((body.as_str(), styled.unstyled, elements.len()), ("*hi Bob!* bye", false, 2));
        let elements: Vec<Element> = elements.into_iter().map(Element::from).collect();
        let mut stanza = stanza("");
        elements.into_iter().for_each(|element| {
            stanza.append_child(element);
        });
        let (body, mentions) = taken_out(&stanza, &body);
        assert_eq!(put_back(styling::read(&body).into(), &mentions), text);
    }
}
