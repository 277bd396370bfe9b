// SPDX-License-Identifier: EUPL-1.2
//! Subscriptions and presence (RFC 6121 §3 and §4). Pure: what follows from one presence stanza.

use minidom::Element;

use super::disco::Info;
use crate::{
    address,
    outward::nick,
    xml::{Builder, child, element, namespace},
};
use dreiklang_model::{Availability, DisplayName, PictureHash, Presence};

/// What a presence stanza asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// To see the ghost from now on.
    Subscribe,
    /// No longer to see it.
    Unsubscribe,
    /// To see it once.
    Probe,
    /// That the ghost sees him from now on: he allowed it.
    Allowed,
    /// To join a room.
    Join,
    /// Nothing.
    Nothing,
}

impl Asks {
    pub(super) fn read(kind_of: Option<&str>, stanza: &Element) -> Self {
        match kind_of {
            Some("subscribe") => Self::Subscribe,
            Some("unsubscribe") => Self::Unsubscribe,
            Some("probe") => Self::Probe,
            Some("subscribed") => Self::Allowed,
            None if child(stanza, "x", namespace::MUC).is_some() => Self::Join,
            _ => Self::Nothing,
        }
    }
}

/// A change of who may see the ghost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The user may.
    Allow,
    /// The user no longer may.
    Forget,
}

/// How a ghost (or the component) appears to those who may see it.
#[derive(Debug, Clone)]
pub(super) struct Appearance {
    pub(super) jid: String,
    pub(super) name: Option<DisplayName>,
    pub(super) info: Info,
    /// The picture that is shown of him.
    pub(super) picture: Option<PictureHash>,
    /// How he is there, where that is known.
    pub(super) presence: Option<Presence>,
}

impl Appearance {
    /// How he is there. Nobody knows of most ghosts whether the person is: they are available, for messages always reach them. Who
    /// has no picture says so, and clients need not look for one (XEP-0153 §4.2).
    pub(super) fn shown(&self, to: &str) -> Element {
        let availability = self.presence.as_ref().map_or(Availability::Online, |presence| presence.availability);
        let status = self.presence.as_ref().and_then(|presence| presence.status.as_ref());
        if availability == Availability::Offline {
            let gone = presence("unavailable", &address::full(&self.jid), to);
            return gone.children(status.map(status_element)).build();
        }
        let show = match availability {
            Availability::Away => Some("away"),
            Availability::Busy => Some("dnd"),
            Availability::Online | Availability::Offline => None,
        };
        let hash = self.picture.as_ref().map_or("", PictureHash::as_str);
        let photo = element("x", namespace::VCARD_UPDATE).text_child("photo", hash);
        element("presence", namespace::COMPONENT)
            .attr("from", &address::full(&self.jid))
            .attr("to", to)
            .children(show.map(|show| element("show", namespace::COMPONENT).text(show)))
            .children(status.map(status_element))
            .child(self.info.caps())
            .children(self.name.as_ref().map(nick))
            .child(photo)
            .build()
    }
}

fn status_element(status: &DisplayName) -> Builder {
    element("status", namespace::COMPONENT).text(status.as_str())
}

/// How somebody is there with one of his devices, as his presence says (RFC 6121 §4.7).
pub(super) fn read(kind_of: Option<&str>, stanza: &Element) -> Option<Presence> {
    let text = |name| child(stanza, name, namespace::COMPONENT).map(Element::text);
    let availability = match kind_of {
        Some("unavailable") => Availability::Offline,
        None => match text("show").as_deref().map(str::trim) {
            Some("away" | "xa") => Availability::Away,
            Some("dnd") => Availability::Busy,
            _ => Availability::Online,
        },
        Some(_) => return None,
    };
    Some(Presence::new(availability, text("status").as_deref()))
}

/// Asks how somebody is there (RFC 6121 §4.3).
pub(super) fn probe(jid: &str, to: &str) -> Element {
    presence("probe", jid, to).build()
}

/// A ghost that is gone.
pub(super) fn unavailable(jid: &str, to: &str) -> Element {
    presence("unavailable", &address::full(jid), to).build()
}

fn presence(kind_of: &'static str, from: &str, to: &str) -> Builder {
    element("presence", namespace::COMPONENT).attr("type", kind_of).attr("from", from).attr("to", to)
}

/// What is answered, in order, and what changes. `ghost` is who is asked, or why there is nobody, for people; `seen` says
/// whether `user` (a bare JID) may see him already. `asked` and `asker` are the addresses as written.
pub(super) fn follow(
    asks: Asks,
    ghost: Result<&Appearance, &str>,
    seen: bool,
    user: &str,
    asked: &str,
    asker: &str,
) -> (Vec<Element>, Option<Change>) {
    match (asks, ghost) {
        (Asks::Subscribe, Ok(ghost)) => {
            let accepted = presence("subscribed", &ghost.jid, user).build();
            let back = presence("subscribe", &ghost.jid, user).children(ghost.name.as_ref().map(nick)).build();
            (vec![accepted, ghost.shown(user), back], Some(Change::Allow))
        }
        (Asks::Subscribe, Err(why)) => {
            let refused = presence("unsubscribed", address::bare(asked), user).text_child("status", why).build();
            (vec![refused], seen.then_some(Change::Forget))
        }
        // RFC 6121 §3.3.3. Nothing more: by the time that `unsubscribed` arrived it could refuse what was asked for anew.
        (Asks::Unsubscribe, ghost) => {
            let jid = ghost.map_or(address::bare(asked), |ghost| ghost.jid.as_str());
            (vec![unavailable(jid, user)], seen.then_some(Change::Forget))
        }
        (Asks::Probe, Ok(ghost)) if seen => (vec![ghost.shown(asker)], None),
        // RFC 6121 §4.3.2: who may not see is told so.
        (Asks::Probe, _) => (vec![presence("unsubscribed", address::bare(asked), user).build()], seen.then_some(Change::Forget)),
        // Servers pass on what he publishes to those whose capabilities they saw since then (XEP-0163 §4.3.2; ejabberd).
        (Asks::Allowed, Ok(ghost)) if seen => (vec![ghost.shown(user)], None),
        (Asks::Join | Asks::Allowed | Asks::Nothing, _) => (Vec::new(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::disco;

    const GHOST: &str = "alice%hs@matrix.gw";

    fn alice() -> Appearance {
        Appearance {
            jid: GHOST.into(),
            name: Some(DisplayName::new("Alice")),
            info: disco::ghost(),
            presence: None,
            picture: None,
        }
    }

    fn run(asks: Asks, ghost: Result<&Appearance, &str>, seen: bool) -> (Vec<String>, Option<Change>) {
        let (answers, change) = follow(asks, ghost, seen, "bob@x", "\\40alice\\3ahs@matrix.gw", "bob@x/r");
        let short = |answer: &Element| {
            let attr = |name| answer.attr(name).unwrap_or("available").to_owned();
            format!("{} {} {}", attr("type"), attr("from"), attr("to"))
        };
        (answers.iter().map(short).collect(), change)
    }

    #[test]
    fn contacts_come_and_go_and_come_again() {
        let alice = alice();
        for _ in 0..2 {
            let (answers, change) = run(Asks::Subscribe, Ok(&alice), false);
            assert_eq!(
                answers,
                [
                    "subscribed alice%hs@matrix.gw bob@x",
                    "available alice%hs@matrix.gw/gw bob@x",
                    "subscribe alice%hs@matrix.gw bob@x"
                ]
            );
            assert_eq!(change, Some(Change::Allow));
            let (answers, change) = run(Asks::Unsubscribe, Ok(&alice), true);
            assert_eq!(answers, ["unavailable alice%hs@matrix.gw/gw bob@x"]);
            assert_eq!(change, Some(Change::Forget));
        }
    }

    #[test]
    fn nobody_is_refused_with_a_reason() {
        let (answers, change) = follow(Asks::Subscribe, Err("No such address."), false, "bob@x", "no@gw", "bob@x");
        let [refused] = answers.as_slice() else { panic!() };
        assert_eq!(refused.attr("type"), Some("unsubscribed"));
        assert_eq!(child(refused, "status", namespace::COMPONENT).unwrap().text(), "No such address.");
        assert_eq!(change, None);
    }

    #[test]
    fn only_those_who_may_see_are_shown_anything() {
        let alice = alice();
        assert_eq!(run(Asks::Probe, Ok(&alice), true), (vec!["available alice%hs@matrix.gw/gw bob@x/r".into()], None));
        let told = vec!["unsubscribed \\40alice\\3ahs@matrix.gw bob@x".to_owned()];
        assert_eq!(run(Asks::Allowed, Ok(&alice), true), (vec!["available alice%hs@matrix.gw/gw bob@x".into()], None));
        assert_eq!(run(Asks::Allowed, Ok(&alice), false), (vec![], None));
        assert_eq!(run(Asks::Probe, Ok(&alice), false), (told.clone(), None));
        assert_eq!(run(Asks::Probe, Err("gone"), true), (told, Some(Change::Forget)));
        assert_eq!(run(Asks::Nothing, Ok(&alice), true), (vec![], None));
    }

    #[test]
    fn presence_is_shown_and_read_alike() {
        for (availability, kind, show) in [
            (Availability::Online, None, None),
            (Availability::Away, None, Some("away")),
            (Availability::Busy, None, Some("dnd")),
            (Availability::Offline, Some("unavailable"), None),
        ] {
            let presence = Presence::new(availability, Some("at lunch"));
            let stanza = Appearance { presence: Some(presence.clone()), ..alice() }.shown("bob@x");
            assert_eq!(stanza.attr("type"), kind);
            assert_eq!(child(&stanza, "show", namespace::COMPONENT).map(Element::text).as_deref(), show);
            assert_eq!(read(stanza.attr("type"), &stanza), Some(presence));
        }
        let asleep: Element = "<presence xmlns='jabber:component:accept'><show>xa</show></presence>".parse().unwrap();
        assert_eq!(read(None, &asleep), Some(Presence::new(Availability::Away, None)));
        assert_eq!(read(Some("subscribed"), &asleep), None);
    }

    #[test]
    fn odd_presences_ask_for_nothing() {
        let plain = Element::bare("presence", namespace::COMPONENT);
        let join: Element =
            "<presence xmlns='jabber:client'><x xmlns='http://jabber.org/protocol/muc'/></presence>".parse().unwrap();
        for (kind, stanza, asks) in [
            (None, &plain, Asks::Nothing),
            (None, &join, Asks::Join),
            (Some("online"), &plain, Asks::Nothing),
            (Some("error"), &join, Asks::Nothing),
            (Some("unavailable"), &plain, Asks::Nothing),
            (Some("subscribed"), &plain, Asks::Allowed),
            (Some("unsubscribed"), &plain, Asks::Nothing),
            (Some("probe"), &plain, Asks::Probe),
        ] {
            assert_eq!(Asks::read(kind, stanza), asks, "{kind:?}");
        }
    }

    #[test]
    fn available_presence_carries_name_and_capabilities() {
        let presence = alice().shown("bob@x");
        assert_eq!(child(&presence, "nick", namespace::NICK).unwrap().text(), "Alice");
        assert!(child(&presence, "c", namespace::CAPS).unwrap().attr("ver").is_some());
        let update = child(&presence, "x", namespace::VCARD_UPDATE).unwrap();
        assert!(child(update, "photo", namespace::VCARD_UPDATE).unwrap().nodes().len() == 0);
        let hash = PictureHash::new("2fd4e1c67a2d28fced849ee1bb76e7391b93eb12").ok();
        let presence = Appearance { picture: hash.clone(), ..alice() }.shown("bob@x");
        assert_eq!(crate::avatars::in_presence(&presence), Some(hash));
    }
}
