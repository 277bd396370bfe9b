// SPDX-License-Identifier: EUPL-1.2
//! What a room's presence says of one of the people in it (XEP-0045 §7). Pure, and lenient: rooms of every age send these.

use dreiklang_model::{Address, DisplayName, Network, Reason, Standing};
use minidom::Element;

use crate::{
    address,
    condition::Refusal,
    envelope::Envelope,
    xml::{child, namespace},
};

/// One presence of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// The nick that it is about.
    pub(super) nick: String,
    /// It is about whom it was sent to.
    pub(super) own: bool,
    /// What happened.
    pub(super) what: Change,
}

/// What happened with somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// He is there.
    Here {
        /// Who he is, where the room tells.
        real: Option<Address>,
        /// How he stands.
        standing: Standing,
    },
    /// He bears another nick from now on.
    Renamed(String),
    /// He is gone.
    Gone(Going),
    /// Whoever wanted to come in cannot.
    Refused(Refusal),
}

/// Why somebody is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Going {
    /// By himself, or his connection broke.
    Left,
    /// He was sent out, and may come again.
    Kicked(Option<String>),
    /// He was sent out for good, or the room is only for others now.
    Banned(Option<String>),
    /// The server that holds the room ends.
    Shutdown,
    /// There is no room any more.
    Destroyed,
}

/// [`None`]: it is no presence of a room.
pub(super) fn read(envelope: &Envelope<'_>, stanza: &Element) -> Option<Seen> {
    let (_, nick) = envelope.from.split_once('/').unwrap_or((envelope.from, ""));
    if envelope.kind_of == Some("error") {
        return Some(Seen { nick: nick.to_owned(), own: true, what: Change::Refused(Refusal::read(stanza)) });
    }
    let x = child(stanza, "x", namespace::MUC_USER)?;
    let item = child(x, "item", namespace::MUC_USER);
    let status = |code: &str| x.children().any(|one| one.is("status", namespace::MUC_USER) && one.attr("code") == Some(code));
    let attr = |name| item.and_then(|item| item.attr(name));
    let reason = || {
        let reason = item.and_then(|item| child(item, "reason", namespace::MUC_USER)).map(Element::text);
        reason.map(|text| DisplayName::new(&text).as_str().to_owned()).filter(|text| !text.is_empty())
    };
    let what = match envelope.kind_of {
        None => {
            Change::Here { real: attr("jid").and_then(address::person), standing: standing(attr("role"), attr("affiliation")) }
        }
        Some("unavailable") if status("303") => Change::Renamed(attr("nick")?.to_owned()),
        Some("unavailable") => Change::Gone(if child(x, "destroy", namespace::MUC_USER).is_some() {
            Going::Destroyed
        } else if status("301") || status("321") || status("322") {
            Going::Banned(reason())
        } else if status("332") {
            Going::Shutdown
        } else if status("307") && !status("333") {
            Going::Kicked(reason())
        } else {
            Going::Left
        }),
        Some(_) => return None,
    };
    Some(Seen { nick: nick.to_owned(), own: status("110"), what })
}

fn standing(role: Option<&str>, affiliation: Option<&str>) -> Standing {
    match (role, affiliation) {
        (_, Some("owner")) => Standing::Owner,
        (_, Some("admin")) | (Some("moderator"), _) => Standing::Moderator,
        (Some("visitor"), _) => Standing::Visitor,
        _ => Standing::Member,
    }
}

/// Who somebody in a room is: himself where the room tells, else somebody who is only known by his place in it.
pub(super) fn identity(room: &str, nick: &str, real: Option<&Address>) -> Option<Address> {
    real.cloned().or_else(|| Address::new(Network::XMPP, format!("{room}/{nick}")).ok())
}

/// Why nobody of ours can come in, for whoever asked for it.
pub(super) fn reason(refusal: &Refusal) -> Reason {
    match refusal.condition {
        "item-not-found" | "gone" | "remote-server-not-found" => Reason::UnknownRecipient,
        "registration-required" | "not-authorized" | "forbidden" | "not-allowed" => Reason::Rejected,
        _ => refusal.reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(attributes: &str, content: &str) -> Option<Seen> {
        let stanza: Element =
            format!("<presence xmlns='jabber:component:accept' from='team@muc.x/Bob' to='gw' {attributes}>{content}</presence>")
                .parse()
                .unwrap();
        read(&Envelope::read(&stanza).unwrap(), &stanza)
    }

    fn x(content: &str) -> String {
        format!("<x xmlns='http://jabber.org/protocol/muc#user'>{content}</x>")
    }

    #[test]
    fn who_is_there_and_who_went() {
        let bob = Address::new(Network::XMPP, "bob@xmpp.example").unwrap();
        let here = |real: Option<&Address>, standing| Change::Here { real: real.cloned(), standing };
        for (attributes, content, own, what) in [
            ("", x("<item affiliation='none' role='participant'/>"), false, here(None, Standing::Member)),
            (
                "",
                x("<item affiliation='owner' role='moderator' jid='Bob@xmpp.example/R'/>"),
                false,
                here(Some(&bob), Standing::Owner),
            ),
            ("", x("<item affiliation='none' role='moderator'/><status code='110'/>"), true, here(None, Standing::Moderator)),
            ("", x("<item role='visitor'/>"), false, here(None, Standing::Visitor)),
            ("", x(""), false, here(None, Standing::Member)),
            ("type='unavailable'", x("<item role='none'/>"), false, Change::Gone(Going::Left)),
            ("type='unavailable'", x("<item nick='Rob'/><status code='303'/>"), false, Change::Renamed("Rob".into())),
            (
                "type='unavailable'",
                x("<item><reason>be kind</reason></item><status code='307'/><status code='110'/>"),
                true,
                Change::Gone(Going::Kicked(Some("be kind".into()))),
            ),
            ("type='unavailable'", x("<status code='307'/><status code='333'/>"), false, Change::Gone(Going::Left)),
            ("type='unavailable'", x("<status code='301'/>"), false, Change::Gone(Going::Banned(None))),
            ("type='unavailable'", x("<status code='332'/><status code='110'/>"), true, Change::Gone(Going::Shutdown)),
            ("type='unavailable'", x("<destroy/>"), false, Change::Gone(Going::Destroyed)),
        ] {
            assert_eq!(seen(attributes, &content), Some(Seen { nick: "Bob".into(), own, what }), "{content}");
        }
        assert_eq!(seen("", ""), None, "a presence of a person");
        let refused =
            seen("type='error'", "<error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
        assert!(matches!(refused, Some(Seen { what: Change::Refused(Refusal { condition: "conflict", .. }), .. })));
    }
}
