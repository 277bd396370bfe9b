// SPDX-License-Identifier: EUPL-1.2
//! Chat state notifications (XEP-0085): read, written, and shown only to those who showed that they know them (§5.1).

use std::time::Duration;

use dreiklang_model::Typing;
use minidom::Element;
use moka::sync::Cache;

use crate::{
    address,
    xml::{element, namespace},
};

/// How many people are remembered, and for how long without a word.
const MOST: u64 = 20_000;
const KEEP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The state that a stanza tells, alone or beside a text. Whoever only looks, or has looked away, is not writing.
pub(crate) fn read(stanza: &Element) -> Option<Typing> {
    stanza.children().filter(|child| child.has_ns(namespace::CHAT_STATES)).find_map(|state| match state.name() {
        "composing" => Some(Typing::Started),
        "active" | "paused" | "inactive" | "gone" => Some(Typing::Paused),
        _ => None,
    })
}

/// The stanza that shows a ghost as writing or not; nothing where a message has said it already. Not to be stored (XEP-0334 §4.4).
pub(crate) fn stanza(ghost: &str, user: &str, id: &str, typing: Typing) -> Option<Element> {
    let state = match typing {
        Typing::Started => "composing",
        Typing::Paused => "paused",
        Typing::Sent => return None,
    };
    let stanza = element("message", namespace::COMPONENT)
        .attr("type", "chat")
        .attr("from", &address::full(ghost))
        .attr("to", user)
        .attr("id", id)
        .child(element(state, namespace::CHAT_STATES))
        .child(element("no-store", namespace::HINTS));
    Some(stanza.build())
}

/// Marks messages as said by somebody who is there (§5.1: the first message asks in this way whether the other one knows states).
pub(crate) fn mark(stanzas: &mut [Element]) {
    for stanza in stanzas {
        stanza.append_child(element("active", namespace::CHAT_STATES).build());
    }
}

/// Who knows chat states, as far as he showed it in what he sent last, to whomever: it is his program that knows them.
pub(crate) struct Knowing(Cache<String, bool>);

impl Knowing {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_idle(KEEP).build())
    }

    /// `user` (a bare JID) sent a message or a state.
    pub(crate) fn heard(&self, user: &str, knows: bool) {
        self.0.insert(user.to_owned(), knows);
    }

    /// [`None`]: he has not said anything lately.
    pub(crate) fn knows(&self, user: &str) -> Option<bool> {
        self.0.get(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::child;

    #[test]
    fn states() {
        for (content, typing) in [
            ("<composing xmlns='http://jabber.org/protocol/chatstates'/>", Some(Typing::Started)),
            ("<active xmlns='http://jabber.org/protocol/chatstates'/>", Some(Typing::Paused)),
            ("<paused xmlns='http://jabber.org/protocol/chatstates'/>", Some(Typing::Paused)),
            ("<inactive xmlns='http://jabber.org/protocol/chatstates'/>", Some(Typing::Paused)),
            ("<gone xmlns='http://jabber.org/protocol/chatstates'/>", Some(Typing::Paused)),
            ("<dancing xmlns='http://jabber.org/protocol/chatstates'/>", None),
            ("<composing/>", None),
            ("", None),
        ] {
            let stanza = format!("<message xmlns='jabber:component:accept'>{content}</message>").parse().unwrap();
            assert_eq!(read(&stanza), typing, "{content}");
        }
        let writes = stanza("alice%hs@gw", "bob@x", "1", Typing::Started).unwrap();
        assert_eq!((read(&writes), writes.attr("from")), (Some(Typing::Started), Some("alice%hs@gw/gw")));
        assert!(child(&writes, "no-store", namespace::HINTS).is_some());
        assert_eq!(read(&stanza("alice%hs@gw", "bob@x", "1", Typing::Paused).unwrap()), Some(Typing::Paused));
        assert_eq!(stanza("alice%hs@gw", "bob@x", "1", Typing::Sent), None);
    }

    #[test]
    fn what_he_sent_last_counts() {
        let knowing = Knowing::new();
        assert_eq!(knowing.knows("bob@x"), None);
        knowing.heard("bob@x", true);
        knowing.heard("bob@x", false);
        assert_eq!(knowing.knows("bob@x"), Some(false));
        assert_eq!(knowing.knows("carol@x"), None);
    }
}
