// SPDX-License-Identifier: EUPL-1.2
//! How a body is formatted: styled text (XEP-0393), XHTML-IM (XEP-0071) beside it, or not at all. Pure.

use dreiklang_model::{Format, Text};
use dreiklang_richtext::{
    html::{self, Attribute, Habit},
    styling,
};
use minidom::{Element, Node};

use super::references::Answer;
use crate::{
    mention,
    xml::{child, namespace},
};

/// The text of a body, of which `answer` is left without what it answers.
pub(super) fn text(stanza: &Element, body: &str, answer: impl Fn(&str) -> Answer) -> (Text, Answer) {
    let (marked, mentions) = mention::taken_out(stanza, body);
    let answered = answer(&marked);
    let plain = answer(body);
    // What stands in for an answer stands in XHTML, too, where nobody says which part of it that is.
    if plain.text == body
        && let Some(text) = xhtml(stanza)
    {
        return (text, plain);
    }
    if child(stanza, "unstyled", namespace::STYLING).is_some() {
        return (mention::put_back(Text::plain(answered.text), &mentions), plain);
    }
    let styled = mention::put_back(styling::read(&answered.text).into(), &mentions);
    // Without formatting it is what was typed, to the last space; and so it is when only a quote would move to a line of its own.
    let only_quotes = styled.formats() == Format::Quote.into() && styled.reading() != plain.text;
    let text = if styled.rich().is_some() && !only_quotes { styled } else { Text::plain(plain.text.clone()) };
    (text, plain)
}

/// The formatted text beside the body, if it has any formatting.
fn xhtml(stanza: &Element) -> Option<Text> {
    let body = child(child(stanza, "html", namespace::XHTML_IM)?, "body", namespace::XHTML)?;
    let mut reader = html::Reader::new(Habit::Xhtml, &html::nobody);
    walk(body, &mut reader);
    let text = Text::from(reader.finish());
    text.rich().is_some().then_some(text)
}

/// Stanzas are at most 64 elements deep.
fn walk(element: &Element, reader: &mut html::Reader<'_>) {
    for node in element.nodes() {
        match node {
            Node::Text(text) => reader.text(text),
            Node::Element(child) => {
                reader.start(child.name(), &|attribute: Attribute| child.attr(attribute.name()).map(str::to_owned));
                walk(child, reader);
                reader.end(child.name());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use dreiklang_model::Formats;

    use super::*;
    use crate::inward::references;

    fn read(content: &str, body: &str) -> (String, Formats) {
        let stanza: Element = format!("<message xmlns='jabber:component:accept'>{content}</message>").parse().unwrap();
        let (text, _) = text(&stanza, body, |body| references::answer(&stanza, body));
        (text.reading().into_owned(), text.formats())
    }

    #[test]
    fn styling_and_its_absence() {
        let unstyled = "<unstyled xmlns='urn:xmpp:styling:0'/>";
        let code = "```\nlet x;\n```";
        for (content, body, text, formats) in [
            ("", "*strong* words", "strong words", Format::Strong.into()),
            (unstyled, "*strong* words", "*strong* words", Formats::NONE),
            ("", " 2 * 3 * 4  ", " 2 * 3 * 4  ", Formats::NONE),
            ("", code, "let x;", Format::CodeBlock.into()),
            (unstyled, code, code, Formats::NONE),
            ("", "> old\n\nyes", "> old\n\nyes", Format::Quote.into()),
            ("", "so:\n> old", "so:\n> old", Format::Quote.into()),
            ("", "> old\nyes", "> old\nyes", Formats::NONE),
            ("", "```", "```", Formats::NONE),
        ] {
            assert_eq!(read(content, body), (text.to_owned(), formats), "{content} {body}");
        }
    }

    #[test]
    fn what_is_answered_is_left_out_first() {
        let reply = "<reply xmlns='urn:xmpp:reply:0' id='1'/><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>\
                     <body start='0' end='9'/></fallback>";
        assert_eq!(read(reply, "> *old*\n\n*new*"), ("new".to_owned(), Format::Strong.into()));
        let mention = "<mention xmlns='urn:xmpp:mentions:0' begin='9' end='12' jid='a@b'/>";
        assert_eq!(read(&format!("{reply}{mention}"), "> *old*\n\nBob"), ("Bob".to_owned(), Format::Mention.into()));
    }

    #[test]
    fn xhtml_im_beside_the_body() {
        let html = |inner: &str| {
            format!(
                "<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>{inner}</body></html>"
            )
        };
        for (inner, text, formats) in [
            ("<p><span style='font-weight: bold;'>x</span></p>", "x", Format::Strong.into()),
            ("<p>a<br/><a href='https://x.example/'>b</a></p>", "a\nb (https://x.example/)", Format::Link.into()),
            ("<p>no formatting</p>", "as typed", Formats::NONE),
            ("<script>x</script><p onclick='x'>y</p>", "as typed", Formats::NONE),
        ] {
            assert_eq!(read(&html(inner), "as typed"), (text.to_owned(), formats), "{inner}");
        }
    }
}
