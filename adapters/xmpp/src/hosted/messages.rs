// SPDX-License-Identifier: EUPL-1.2
//! What somebody sends to a room or to somebody in it (XEP-0045 §7.4–7.9): what is said to all, what goes to one, and what it looks like
//! when the room gives it to everybody. Pure.

use std::sync::Arc;

use dreiklang_engine::port::Recipient;
use dreiklang_model::{ChatId, DeliveryId, Echo, Language, Reason, words, words::Text};
use minidom::{Element, Node};
use rxml::bytes::BytesMut;

use super::{
    nick::Nick,
    occupants::{Behind, Room, bare, from_occupant},
    presence::occupant_id,
};
use crate::{
    address,
    condition::Condition,
    envelope::{Envelope, Says},
    inward::{Meaning, Said, content},
    xml::{self, child, element, in_stanza_namespace, namespace, set_attr, stanza_child},
};

/// What follows from something that was sent to a room.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Somebody said something, to all or to a ghost.
    Said(Box<Said>, Recipient),
    /// The room answers or passes it on by itself.
    Answers(Vec<Element>),
    /// It concerns who is in the room.
    Concerns,
    /// It cannot be carried, and its sender must hear why.
    Refused(Reason),
    /// It carries nothing; by one word, for the count.
    Nothing(&'static str),
}

/// Reads a message stanza to the room `jid`, which may be known or not.
pub(super) fn heard(jid: &str, room: Option<&Room>, stanza: &Element, envelope: &Envelope<'_>, language: Language) -> Heard {
    if envelope.kind_of == Some("error") {
        return Heard::Concerns;
    }
    let joined = room.and_then(|room| room.nick_of(envelope.from).map(|nick| (room, nick)));
    let Some((room, nick)) = joined else {
        let text = words::say(language, &Text::RoomNotJoined);
        return refusal(jid, envelope, Condition::NotAcceptable, Some(Says { language: language.tag(), text: &text }));
    };
    let to = envelope.to.split_once('/').map(|(_, to)| to);
    match (envelope.kind_of, to) {
        (Some("groupchat"), None) => to_all(jid, room, nick, stanza, envelope, language),
        (Some("groupchat"), Some(_)) => refusal(jid, envelope, Condition::BadRequest, None),
        (_, None) => match invited(jid, stanza, envelope) {
            Some(invitation) => Heard::Answers(vec![invitation]),
            None => refusal(jid, envelope, Condition::BadRequest, None),
        },
        (_, Some(to)) => match room.behind(to) {
            None => refusal(jid, envelope, Condition::ItemNotFound, None),
            Some(Behind::Ghost(ghost)) => match content(stanza, envelope, language) {
                Meaning::Said(said) => Heard::Said(said, Recipient::Ghost(ghost)),
                other => otherwise(jid, envelope, other),
            },
            Some(Behind::Person(devices)) => Heard::Answers(private(jid, nick, stanza, &devices)),
        },
    }
}

fn to_all(jid: &str, room: &Room, nick: &Nick, stanza: &Element, envelope: &Envelope<'_>, language: Language) -> Heard {
    if stanza_child(stanza, "subject").is_some() && stanza_child(stanza, "body").is_none() {
        let text = words::say(language, &Text::RoomElsewhere);
        return refusal(jid, envelope, Condition::Forbidden, Some(Says { language: language.tag(), text: &text }));
    }
    let echo = || echo(jid, nick, &room.occupant_id(&bare(envelope.from)), stanza);
    match content(stanza, envelope, language) {
        Meaning::Said(said) => match (ChatId::new(jid), written(&echo())) {
            (Ok(chat), Some(echo)) => Heard::Said(said, Recipient::Room { chat, echo: Some(echo) }),
            _ => refusal(jid, envelope, Condition::BadRequest, None),
        },
        // Whatever a client tells the others without words they are given at once; nobody else has a use for it.
        Meaning::Writing(_) | Meaning::Nothing(_) => {
            let echo = echo();
            let copy = |to: Arc<str>| {
                let mut copy = echo.clone();
                set_attr(&mut copy, "to", &to);
                copy
            };
            Heard::Answers(room.everybody().into_iter().map(copy).collect())
        }
        other => otherwise(jid, envelope, other),
    }
}

fn otherwise(jid: &str, envelope: &Envelope<'_>, meaning: Meaning) -> Heard {
    match meaning {
        Meaning::Refused(reason) => Heard::Refused(reason),
        Meaning::Unservable(condition) => refusal(jid, envelope, condition, None),
        Meaning::Nothing(word) => Heard::Nothing(word),
        Meaning::Writing(_) => Heard::Nothing("chat_state"),
        Meaning::Said(_) | Meaning::Refusal(_) | Meaning::Announced(_) => Heard::Nothing("room"),
    }
}

/// The room refuses something (it says so itself: `by`).
fn refusal(jid: &str, envelope: &Envelope<'_>, condition: Condition, says: Option<Says<'_>>) -> Heard {
    Heard::Answers(refused(jid, envelope, condition, says).into_iter().collect())
}

/// An error that names the room as who raised it (RFC 6120 §8.3.1).
pub(super) fn refused(jid: &str, envelope: &Envelope<'_>, condition: Condition, says: Option<Says<'_>>) -> Option<Element> {
    let mut answer = envelope.refuse(condition, says)?;
    for child in answer.children_mut().filter(|child| child.name() == "error") {
        set_attr(child, "by", jid);
    }
    Some(answer)
}

/// What the others are given: what was sent, from its author's place in the room, without what only the room may say.
fn echo(jid: &str, nick: &Nick, occupant: &str, stanza: &Element) -> Element {
    let mut echo = element("message", namespace::COMPONENT).attr("type", "groupchat").maybe_attr("id", stanza.attr("id"));
    if let Some(tag) = stanza.attr_ns(namespace::XML, "lang") {
        echo = echo.lang(tag);
    }
    let mut echo = echo.children(kept(jid, stanza)).child(occupant_id(occupant)).build();
    from_occupant(&mut echo, jid, nick);
    echo
}

/// The children of a stanza that people may be given: none that claim to come from the room.
fn kept<'a>(jid: &'a str, stanza: &'a Element) -> impl Iterator<Item = Element> + 'a {
    let forged = move |child: &Element| {
        let by_us = |name| child.attr(name).is_some_and(|by| address::person(by).is_some_and(|by| by.as_str() == jid));
        (child.is("stanza-id", namespace::SID) && by_us("by"))
            || child.is("occupant-id", namespace::OCCUPANT_ID)
            || (child.is("delay", namespace::DELAY) && by_us("from"))
            || child.has_ns(namespace::MUC_USER)
            || child.has_ns(namespace::MUC)
    };
    stanza.children().filter(move |child| !forged(child)).map(own_namespace)
}

/// The same in the namespace of our stream, where it stood in that of another kind of stream.
fn own_namespace(child: &Element) -> Element {
    if child.has_ns(namespace::COMPONENT) || !in_stanza_namespace(child) {
        return child.clone();
    }
    let mut own = Element::bare(child.name(), namespace::COMPONENT);
    *own.attrs_mut() = child.attrs().clone();
    for node in child.nodes() {
        own.append_node(match node {
            Node::Element(element) => Node::Element(own_namespace(element)),
            Node::Text(text) => Node::Text(text.clone()),
        });
    }
    own
}

fn written(echo: &Element) -> Option<Echo> {
    let mut bytes = BytesMut::new();
    xml::write(echo, &mut bytes).ok()?;
    String::from_utf8(bytes.to_vec()).ok().map(Echo)
}

/// What somebody wrote, as everybody is given it: with the room's name for it (XEP-0359), and the time if it is late.
pub(super) fn reflected(jid: &str, echo: &Echo, id: DeliveryId, late: Option<&str>) -> Option<Element> {
    let mut stanza: Element = echo.0.parse().ok()?;
    stanza.append_child(stanza_id(jid, &id.to_string()));
    if let Some(stamp) = late {
        stanza.append_child(element("delay", namespace::DELAY).attr("from", jid).attr("stamp", stamp).build());
    }
    Some(stanza)
}

/// XEP-0359.
pub(super) fn stanza_id(jid: &str, id: &str) -> Element {
    element("stanza-id", namespace::SID).attr("by", jid).attr("id", id).build()
}

/// To one person of XMPP in the room, through it (§7.5).
fn private(jid: &str, nick: &Nick, stanza: &Element, devices: &[Arc<str>]) -> Vec<Element> {
    let copy = |to: &Arc<str>| {
        let private = element("message", namespace::COMPONENT)
            .attr("type", "chat")
            .attr("to", to)
            .maybe_attr("id", stanza.attr("id"))
            .children(kept(jid, stanza))
            .child(element("x", namespace::MUC_USER));
        let mut private = private.build();
        from_occupant(&mut private, jid, nick);
        private
    };
    devices.iter().map(copy).collect()
}

/// An invitation that the room passes on (§7.8.2), with the direct form for clients that know only that (XEP-0249).
fn invited(jid: &str, stanza: &Element, envelope: &Envelope<'_>) -> Option<Element> {
    let invite = child(child(stanza, "x", namespace::MUC_USER)?, "invite", namespace::MUC_USER)?;
    let to = address::person(invite.attr("to")?)?;
    let reason = child(invite, "reason", namespace::MUC_USER).map(Element::text).filter(|reason| !reason.is_empty());
    let said = reason.as_ref().map(|reason| element("reason", namespace::MUC_USER).text(reason));
    let invite = element("invite", namespace::MUC_USER).attr("from", envelope.from).children(said);
    let direct = element("x", namespace::CONFERENCE).attr("jid", jid).maybe_attr("reason", reason.as_deref());
    let invitation = element("message", namespace::COMPONENT)
        .attr("from", jid)
        .attr("to", to.as_str())
        .maybe_attr("id", envelope.id)
        .child(element("x", namespace::MUC_USER).child(invite))
        .child(direct);
    Some(invitation.build())
}
