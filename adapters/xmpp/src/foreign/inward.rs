// SPDX-License-Identifier: EUPL-1.2
//! What a room of another server sends: what its people say, the echo of what ours said, its subject, and pieces of its archive.

use dreiklang_engine::{
    Hub,
    port::{Freshness, Received, Recipient, SourceKey},
};
use dreiklang_model::{Address, ChatId, DeliveryId, DisplayName, NativeId, Reason, RoomDetails, Topic, What};
use minidom::Element;

use super::seats::Foreign;
use crate::{
    address,
    condition::Refusal,
    envelope::Envelope,
    inward::{Meaning, content, time_of},
    xml::{child, in_stanza_namespace, namespace, set_attr},
};

/// What a message of a room was.
pub(crate) enum Heard {
    /// Somebody said something.
    Said(Box<Received>),
    /// It is done with; by one word for the count where nobody has heard of it.
    Done(Option<&'static str>),
    /// It is meant for somebody of ours alone.
    Private,
}

/// Takes a message from a room that we know; `to_listener`: it is not a copy for one of our ghosts.
pub(crate) async fn hear(foreign: &Foreign, hub: &Hub, envelope: &Envelope<'_>, stanza: &Element, to_listener: bool) -> Heard {
    let room = address::bare(envelope.from);
    match (envelope.kind_of, envelope.id) {
        (Some("error"), Some(id)) => {
            let refusal = Refusal::read(stanza);
            foreign.settled(room, id, Err(refusal.into_error()));
            return Heard::Done(None);
        }
        (Some("error"), None) => return Heard::Done(Some("error")),
        _ if !to_listener => {
            return if envelope.kind_of == Some("groupchat") { Heard::Done(None) } else { Heard::Private };
        }
        _ => {}
    }
    if let Some(result) = child(stanza, "result", namespace::MAM) {
        if let (Some(id), Some(known)) = (result.attr("id"), foreign.rooms().get_mut(room)) {
            known.archived.push((id.to_owned(), result.clone()));
        }
        return Heard::Done(None);
    }
    if envelope.kind_of != Some("groupchat") {
        return Heard::Private;
    }
    if foreign.hold(room, stanza) {
        return Heard::Done(None);
    }
    read(foreign, hub, stanza, None).await
}

/// What a message of a room says; `archived`: its name in the archive, and it was asked for.
pub(super) async fn read(foreign: &Foreign, hub: &Hub, stanza: &Element, archived: Option<&str>) -> Heard {
    let Some(envelope) = Envelope::read(stanza) else { return Heard::Done(Some("malformed")) };
    let (room, nick) = envelope.from.split_once('/').unwrap_or((envelope.from, ""));
    let Some(chat) = foreign.rooms().get(room).map(|known| known.chat.clone()) else { return Heard::Done(Some("no_room")) };
    let given = archived.or_else(|| stanza_id(stanza, room)).and_then(|id| NativeId::new(id).ok());
    if let (Some(id), Some(name)) = (envelope.id, &given) {
        foreign.named(room, nick, id, name);
    }
    if is_ours(foreign, hub, room, &envelope, given.as_ref()).await {
        return Heard::Done(None);
    }
    if let Some(subject) = subject(stanza) {
        describe(hub, &chat, &subject).await;
        return Heard::Done(None);
    }
    let said = match content(stanza, &envelope, hub.language()) {
        Meaning::Said(said) => said,
        Meaning::Nothing(word) => return Heard::Done(Some(word)),
        Meaning::Refused(Reason::Encrypted(_)) => return Heard::Done(Some("encrypted")),
        _ => return Heard::Done(Some("unreadable")),
    };
    let author = match author(foreign, room, nick, stanza) {
        Some(author) => author,
        None => return Heard::Done(Some("nobody")),
    };
    let what = refer(said.what, |id| foreign.name_of(room, nick, id.as_str()));
    let Some(native) = given.or(said.id) else { return Heard::Done(Some("nameless")) };
    let now = hub.now();
    let by_nick = author.as_str().contains('/');
    // Who is known by himself is called in the room as he likes; elsewhere he is called as he is.
    let unnamed = !by_nick && matches!(hub.name_of(&author).await, Ok(None));
    Heard::Said(Box::new(Received {
        key: SourceKey { scope: format!("muc\n{room}"), id: format!("{nick}\n{}", native.as_str()), at: None },
        native,
        from: author,
        name: (by_nick || unnamed).then(|| DisplayName::new(nick)),
        to: Recipient::Room { chat, echo: None },
        sent_at: said.sent_at.unwrap_or(now).min(now),
        freshness: Freshness::Asked,
        proof: None,
        wants_receipt: false,
        what,
    }))
}

/// The message that lies in a result of the archive, with the time at which it was said (XEP-0313 §4.2, XEP-0297).
pub(super) fn unwrapped(result: &Element, to: &str) -> Option<Element> {
    let forwarded = child(result, "forwarded", namespace::FORWARD)?;
    let inner = forwarded
        .children()
        .find(|one| one.name() == "message" && (in_stanza_namespace(one) || one.has_ns(namespace::CLIENT)))?;
    let mut message = in_component_namespace(inner);
    set_attr(&mut message, "to", to);
    let delay = child(forwarded, "delay", namespace::DELAY).filter(|delay| delay.attr("stamp").and_then(time_of).is_some());
    if let Some(delay) = delay.filter(|_| child(&message, "delay", namespace::DELAY).is_none()) {
        message.append_child(delay.clone());
    }
    Some(message)
}

/// The same with the stanza's own elements in the component's namespace, as if it had come over the stream.
fn in_component_namespace(element: &Element) -> Element {
    let own = element.has_ns(namespace::CLIENT) || in_stanza_namespace(element);
    let mut out = Element::bare(element.name(), if own { namespace::COMPONENT.to_owned() } else { element.ns() });
    for ((space, name), value) in element.attrs() {
        out.set_attr(space.clone(), name.clone(), value.to_owned());
    }
    for node in element.nodes() {
        match node {
            minidom::Node::Element(child) => {
                out.append_child(in_component_namespace(child));
            }
            minidom::Node::Text(text) => out.append_text(text.clone()),
        }
    }
    out
}

/// The name that the room gave (XEP-0359); anybody can write one in another's name.
fn stanza_id<'a>(stanza: &'a Element, room: &str) -> Option<&'a str> {
    let mut ids = stanza.children().filter(|one| one.is("stanza-id", namespace::SID));
    ids.find(|one| one.attr("by").is_some_and(|by| by.eq_ignore_ascii_case(room)))?.attr("id")
}

/// A room gives everybody everything, us included: a message of ours that it has given to all is delivered.
async fn is_ours(foreign: &Foreign, hub: &Hub, room: &str, envelope: &Envelope<'_>, given: Option<&NativeId>) -> bool {
    let Some(id) = envelope.id else { return false };
    // Parts beside the first bear a number behind a point.
    let Ok(delivery) = id.split('.').next().unwrap_or(id).parse::<DeliveryId>() else { return false };
    let name = given.cloned().or_else(|| NativeId::new(id).ok());
    let waited = name.is_some_and(|name| foreign.settled(room, id, Ok(name)));
    // Another gateway of our kind may sit in the same room.
    waited || hub.is_ours(delivery).await.unwrap_or(true)
}

fn author(foreign: &Foreign, room: &str, nick: &str, stanza: &Element) -> Option<Address> {
    // A moderation comes from the room itself, and names who did it (XEP-0425 §4).
    let moderated = stanza.children().find_map(|retract| child(retract, "moderated", namespace::MODERATE_1));
    match (moderated.and_then(|by| by.attr("by")), nick) {
        (Some(by), "") => foreign.who(room, by.split_once('/')?.1),
        (_, "") => None,
        _ => foreign.who(room, nick),
    }
}

/// Corrections name a message as its author does; everything else as the room does.
fn refer(what: What<NativeId>, name: impl Fn(&NativeId) -> Option<NativeId>) -> What<NativeId> {
    match what {
        What::Edit { of, to } => What::Edit { of: name(&of).unwrap_or(of), to },
        other => other,
    }
}

/// A message that only sets the subject (XEP-0045 §8.1).
fn subject(stanza: &Element) -> Option<String> {
    let subject = child(stanza, "subject", namespace::COMPONENT)?;
    let alone = child(stanza, "body", namespace::COMPONENT).is_none() && child(stanza, "thread", namespace::COMPONENT).is_none();
    alone.then(|| subject.text())
}

async fn describe(hub: &Hub, chat: &ChatId, subject: &str) {
    let known = match hub.room_of_chat(chat).await {
        Ok(Some(leg)) => leg.details,
        Ok(None) => return,
        Err(error) => return tracing::error!(%error, "a room cannot be read"),
    };
    let details = RoomDetails { topic: Topic::new(subject), ..known };
    if let Err(error) = hub.describe_room(chat, &details).await {
        tracing::error!(%error, "a room's subject cannot be stored");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(xml: &str) -> Element {
        xml.parse().unwrap()
    }

    #[test]
    fn only_the_rooms_own_name_counts() {
        let stanza = parse(
            "<message xmlns='jabber:component:accept'><stanza-id xmlns='urn:xmpp:sid:0' by='eve@x' id='forged'/>\
             <stanza-id xmlns='urn:xmpp:sid:0' by='team@muc.x' id='right'/></message>",
        );
        assert_eq!(stanza_id(&stanza, "team@muc.x"), Some("right"));
        assert_eq!(stanza_id(&stanza, "other@muc.x"), None);
    }

    #[test]
    fn a_piece_of_the_archive_is_a_message_with_its_time() {
        let result = parse(
            "<result xmlns='urn:xmpp:mam:2' id='a1'><forwarded xmlns='urn:xmpp:forward:0'>\
             <delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>\
             <message xmlns='jabber:client' from='team@muc.x/Bob' type='groupchat' id='1'><body>hi</body>\
             <x xmlns='urn:other'><body>no</body></x></message></forwarded></result>",
        );
        let message = unwrapped(&result, "gw").unwrap();
        assert_eq!(child(&message, "body", namespace::COMPONENT).unwrap().text(), "hi");
        assert_eq!((message.attr("to"), message.attr("from")), (Some("gw"), Some("team@muc.x/Bob")));
        assert_eq!(child(&message, "delay", namespace::DELAY).unwrap().attr("stamp"), Some("2026-01-01T00:00:00Z"));
        assert!(child(&message, "x", "urn:other").unwrap().get_child("body", "urn:other").is_some());
    }

    #[test]
    fn a_subject_stands_alone() {
        let of = |content: &str| subject(&parse(&format!("<message xmlns='jabber:component:accept'>{content}</message>")));
        assert_eq!(of("<subject>plans</subject>").as_deref(), Some("plans"));
        assert_eq!(of("<subject/>").as_deref(), Some(""));
        assert_eq!(of("<subject>plans</subject><body>said</body>"), None);
        assert_eq!(of("<body>said</body>"), None);
    }

    #[test]
    fn only_corrections_are_named_as_their_author_does() {
        let name = |text: &str| NativeId::new(text).unwrap();
        let given = |id: &NativeId| (id.as_str() == "1").then(|| name("room-1"));
        let edit = What::Edit { of: name("1"), to: dreiklang_model::Message::text("x") };
        assert!(matches!(refer(edit, given), What::Edit { of, .. } if of == name("room-1")));
        let retract = What::Retract { of: name("1") };
        assert!(matches!(refer(retract, given), What::Retract { of } if of == name("1")));
    }
}
