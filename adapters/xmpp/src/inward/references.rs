// SPDX-License-Identifier: EUPL-1.2
//! What a stanza refers to: the message it answers, corrects, retracts, reacts to or has read. Pure.

use dreiklang_model::{Emoji, Lifetime, MOST_REACTIONS, NativeId, Reactions, Reply, What};
use minidom::Element;

use crate::xml::{child, in_stanza_namespace, namespace};

/// Longest quote of what is answered, in characters.
const LONGEST_QUOTE: usize = 500;

/// A body, and the message it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) to: Option<Reply<NativeId>>,
}

/// What is left of a body without what stands in it for clients that know no replies (XEP-0461 §3, XEP-0428).
pub(super) fn answer(stanza: &Element, body: &str) -> Answer {
    let Some(to) = child(stanza, "reply", namespace::REPLY).and_then(id) else {
        return Answer { text: body.to_owned(), to: None };
    };
    let (text, quote) = match fallback(stanza, namespace::REPLY) {
        Some((start, end)) => parted(body, start, end),
        None => (body.to_owned(), None),
    };
    Answer { text, to: Some(Reply { to, quote }) }
}

/// The range of the body, in characters, that is a fallback for the given feature; all of it when no range is said.
pub(super) fn fallback(stanza: &Element, of: &str) -> Option<(usize, usize)> {
    let mut fallbacks = stanza.children().filter(|child| child.is("fallback", namespace::FALLBACK));
    let fallback = fallbacks.find(|fallback| fallback.attr("for") == Some(of))?;
    let range = child(fallback, "body", namespace::FALLBACK);
    let bound = |name| range.and_then(|range| range.attr(name)).and_then(|number| number.parse().ok());
    Some((bound("start").unwrap_or(0), bound("end").unwrap_or(usize::MAX)))
}

/// A text without the characters from `start` to `end`, and what they quote.
fn parted(body: &str, start: usize, end: usize) -> (String, Option<String>) {
    let characters = || body.chars().enumerate();
    let left: String = characters().filter(|(at, _)| !(start..end).contains(at)).map(|(_, c)| c).collect();
    let taken: String = characters().filter(|(at, _)| (start..end).contains(at)).map(|(_, c)| c).collect();
    if left.trim().is_empty() {
        // Somebody who only quotes wants that to be read.
        return (body.to_owned(), None);
    }
    let lines = taken.lines().filter_map(|line| line.strip_prefix('>')).map(|line| line.strip_prefix(' ').unwrap_or(line));
    let quote = lines.collect::<Vec<_>>().join("\n");
    let quote: String = quote.trim().chars().take(LONGEST_QUOTE).collect();
    (left.trim_start_matches('\n').to_owned(), (!quote.is_empty()).then_some(quote))
}

/// What stands before the name of a message in the name of the thread that began with it.
pub(crate) const THREAD: &str = "thread-of-";

/// The thread in which a message stands (RFC 6121 §5.2.5, XEP-0201), if it has a name that we gave: others name whatever their client takes
/// for a conversation, usually everything that is said from one login to the next.
pub(super) fn thread(stanza: &Element) -> Option<Reply<NativeId>> {
    let threads = stanza.children().filter(|child| child.name() == "thread" && in_stanza_namespace(child));
    let mut named = threads.map(Element::text);
    let begun = named.find_map(|name| name.trim().strip_prefix(THREAD).and_then(|root| NativeId::new(root).ok()))?;
    Some(Reply { to: begun, quote: None })
}

/// How long it, and what follows it, is to stay after it was read (XEP-0466); nothing inside: for good.
pub(super) fn timer(stanza: &Element) -> Option<Option<Lifetime>> {
    child(stanza, "ephemeral", namespace::EPHEMERAL)?.attr("timer").map(Lifetime::read)
}

/// The message that this one replaces (XEP-0308).
pub(super) fn corrected(stanza: &Element) -> Option<NativeId> {
    child(stanza, "replace", namespace::CORRECT).and_then(id)
}

/// A retraction (XEP-0424, also as it was before version 0.4). The body beside it only says that the client cannot show it.
pub(super) fn retraction(stanza: &Element) -> Option<Result<What<NativeId>, &'static str>> {
    let of = if let Some(retract) = child(stanza, "retract", namespace::RETRACT_1) {
        id(retract)
    } else if let Some(retract) = child(stanza, "retract", namespace::RETRACT_0) {
        id(retract)
    } else {
        let applied = child(stanza, "apply-to", namespace::FASTEN)?;
        child(applied, "retract", namespace::RETRACT_0)?;
        id(applied)
    };
    Some(of.map(|of| What::Retract { of }).ok_or("malformed"))
}

/// Reactions (XEP-0444): always all of the sender's to that message. With a body of its own it is a message.
pub(super) fn reactions(stanza: &Element, body: Option<&str>) -> Option<Result<What<NativeId>, &'static str>> {
    let reactions = child(stanza, "reactions", namespace::REACTIONS)?;
    if body.is_some() && fallback(stanza, namespace::REACTIONS).is_none() {
        return None;
    }
    let Some(to) = id(reactions) else { return Some(Err("malformed")) };
    let emojis = reactions.children().filter(|child| child.is("reaction", namespace::REACTIONS));
    let mut all: Vec<Emoji> = emojis.filter_map(|emoji| Emoji::new(&emoji.text())).collect();
    all.dedup();
    all.truncate(MOST_REACTIONS);
    Some(Ok(What::React { to, with: Reactions::All(all) }))
}

/// How far somebody has read (XEP-0333).
pub(super) fn displayed(stanza: &Element) -> Option<What<NativeId>> {
    child(stanza, "displayed", namespace::MARKERS).and_then(id).map(|up_to| What::Read { up_to })
}

fn id(element: &Element) -> Option<NativeId> {
    NativeId::new(element.attr("id")?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stanza(content: &str) -> Element {
        format!("<message xmlns='jabber:component:accept'>{content}</message>").parse().unwrap()
    }

    fn name(id: &str) -> NativeId {
        NativeId::new(id).unwrap()
    }

    #[test]
    fn answers_lose_what_stands_in_for_them() {
        let reply = "<reply xmlns='urn:xmpp:reply:0' to='a@b' id='1'/>";
        let range = |start: usize, end: usize| {
            format!(
                "{reply}<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='{start}' end='{end}'/></fallback>"
            )
        };
        for (content, body, text, quote) in [
            (range(0, 9), "> Grüße\n\nyes", "yes", Some("Grüße")),
            (range(0, 6), "> 😀 x\nyes", "yes", Some("😀 x")),
            (reply.to_owned(), "yes", "yes", None),
            (range(0, 99), "> only a quote", "> only a quote", None),
            (range(7, 3), "yes and no", "yes and no", None),
        ] {
            let expected = Answer { text: text.into(), to: Some(Reply { to: name("1"), quote: quote.map(str::to_owned) }) };
            assert_eq!(answer(&stanza(&content), body), expected, "{body}");
        }
        assert_eq!(answer(&stanza(""), "> said by hand\nyes").to, None);
        assert_eq!(answer(&stanza("<reply xmlns='urn:xmpp:reply:0' id=''/>"), "yes").to, None);
    }

    #[test]
    fn threads_are_those_that_we_named() {
        for (content, begun) in [
            ("<thread>thread-of-1</thread>", Some("1")),
            ("<thread parent='x'> thread-of-1\n</thread>", Some("1")),
            ("<thread>e0ffe42b28561960c6b12b944a092794b9683a38</thread>", None),
            ("<thread>1</thread><thread>thread-of-2</thread>", Some("2")),
            ("<thread>thread-of-</thread>", None),
            ("<thread xmlns='other'>thread-of-1</thread>", None),
            ("", None),
        ] {
            assert_eq!(thread(&stanza(content)).map(|thread| thread.to), begun.map(name), "{content}");
        }
    }

    #[test]
    fn reactions_are_all_of_the_sender() {
        let read = |content: &str, body| reactions(&stanza(content), body);
        let two = "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>❤️</reaction><reaction>a b</reaction></reactions>";
        let heart = Reactions::All(vec![Emoji::new("❤").unwrap()]);
        assert_eq!(read(two, None), Some(Ok(What::React { to: name("1"), with: heart.clone() })));
        assert_eq!(read(two, Some("> old\n❤️")), None);
        let marked = format!("{two}<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reactions:0'/>");
        assert_eq!(read(&marked, Some("> old\n❤️")), Some(Ok(What::React { to: name("1"), with: heart })));
        let none = "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>";
        assert_eq!(read(none, None), Some(Ok(What::React { to: name("1"), with: Reactions::All(vec![]) })));
        assert_eq!(read("<reactions xmlns='urn:xmpp:reactions:0'/>", None), Some(Err("malformed")));
    }

    #[test]
    fn retractions_old_and_new() {
        for content in [
            "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>",
            "<apply-to xmlns='urn:xmpp:fasten:0' id='1'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>",
        ] {
            assert_eq!(retraction(&stanza(content)), Some(Ok(What::Retract { of: name("1") })), "{content}");
        }
        assert_eq!(retraction(&stanza("<retract xmlns='urn:xmpp:message-retract:1'/>")), Some(Err("malformed")));
        assert_eq!(retraction(&stanza("<body/>")), None);
    }

    proptest! {
        #[test]
        fn any_range_leaves_a_text(body in "\\PC{1,40}", start in 0usize..50, end in 0usize..50) {
            let (text, _) = parted(&body, start, end);
            prop_assert!(!text.is_empty());
        }
    }
}
