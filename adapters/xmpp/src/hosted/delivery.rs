// SPDX-License-Identifier: EUPL-1.2
//! What is said in a room, brought to everybody of XMPP who is in it: what the other networks say through their ghosts, and what one of
//! XMPP said, to all of them alike (XEP-0045 §7.4). It is delivered when the server has routed it to all; a room that nobody is in has it at
//! once.

use dreiklang_engine::{
    Author, Hub, Member, RoomLeg,
    port::{Delivered, DeliveryError, RoomContent, RoomDelivery},
};
use dreiklang_model::{
    Capabilities, DeliveryId, DisplayName, Entry, NativeId, Placed, Reason, Report, Support, What, words, words::Text,
};
use minidom::Element;
use tokio::sync::oneshot;

use super::{
    Hosted,
    keeper::{SHOWN, change_room},
    messages::reflected,
    note,
    occupants::Room,
    speech::Speech,
};
use crate::{
    component::{Component, Shared},
    inward::stamp,
    outward::{self, Outside, Where},
    sharing::{Asking, handed_out},
};

/// What a room can express: what a chat with one person can, except that only in a group everybody is told how far somebody has read.
pub(crate) fn capabilities(room: &RoomLeg, direct: Capabilities) -> Capabilities {
    let read = match room.details.entry {
        Entry::Invited => direct.read,
        Entry::Open => Support::No,
    };
    Capabilities { read, ..direct }
}

/// See [`dreiklang_engine::port::Adapter::deliver_to_room`].
pub(crate) async fn deliver(
    component: &Component,
    shared: &Shared,
    hub: &Hub,
    delivery: &RoomDelivery,
) -> Result<Delivered, DeliveryError> {
    let hosted = &shared.hosted;
    let Some(jid) = delivery.room.chat.as_ref().map(dreiklang_model::ChatId::as_str) else {
        return Err(DeliveryError::Never { reason: Reason::NotConnected, cause: "the room is bound to nothing".to_owned() });
    };
    if hosted.ids.get().is_none() {
        return Err(DeliveryError::later("it is not known yet who is in the room"));
    }
    let delivered = Delivered { native: NativeId::new(delivery.id.to_string()).ok(), ..Delivered::default() };
    if hosted.rooms().get(jid).is_none_or(Room::is_empty) {
        return Ok(delivered);
    }
    let Some(orders) = component.orders() else {
        return Err(DeliveryError::later(format!("{} is not connected", component.part())));
    };
    let mut without = None;
    let speech = match &delivery.content {
        RoomContent::Echo(echo) => {
            let late = delivery.late.then(|| stamp(delivery.sent_at)).flatten();
            let Some(stanza) = reflected(jid, echo, delivery.id, late.as_deref()) else {
                return Err(DeliveryError::Never { reason: Reason::Unreadable, cause: "an unreadable echo".to_owned() });
            };
            let author = match &delivery.author {
                Author::Own { address } => Some(address.as_str().to_owned()),
                Author::Ghost(_) | Author::Gateway => None,
            };
            Speech::Echo { stanza, id: delivery.id.to_string(), author }
        }
        RoomContent::Event(what) => match (&**what, &delivery.author) {
            (What::Report { report: Report::Delivered, .. }, _) => return Ok(delivered),
            (What::Report { report, .. }, Author::Own { address }) => {
                Speech::Aside(address.clone(), news(hub, jid, delivery.id, report))
            }
            (what, author) => {
                let asking = Asking { component, orders: &orders, shared };
                let (stanzas, missing) = said(&asking, hub, jid, delivery, what, author).await?;
                without = missing;
                let taken_back = match what {
                    What::Retract { of } => Some(of.by),
                    _ => None,
                };
                Speech::Said { stanzas, author: author.clone(), taken_back }
            }
        },
    };
    let (done, proved) = oneshot::channel();
    let known = change_room(component, hosted, jid, done, |room| ((), speech.copies(jid, room))).await;
    if known.is_none() {
        return Ok(delivered);
    }
    match proved.await {
        Ok(outcome) => outcome?,
        Err(_) => return Err(DeliveryError::Unknown { cause: "the connection ended".to_owned() }),
    }
    Ok(Delivered { without, ..delivered })
}

/// The stanzas of something said; with the reason, where a file does not come with it and people read that instead.
async fn said(
    asking: &Asking<'_>,
    hub: &Hub,
    jid: &str,
    delivery: &RoomDelivery,
    what: &What<Placed>,
    author: &Author,
) -> Result<(Vec<Element>, Option<Reason>), DeliveryError> {
    let gateway = DisplayName::new("");
    let (name, ghost) = match author {
        Author::Ghost(Member { nick, ghost, .. }) => (nick, ghost.written.as_str()),
        Author::Own { .. } | Author::Gateway => (&gateway, asking.component.domain.as_str()),
    };
    let place = Where::Room(jid);
    let outside = Outside { id: delivery.id, place, from: jid.to_owned(), name, sent_at: delivery.sent_at, late: delivery.late };
    let language = hub.language();
    let files = match what {
        What::Message(message) => message.attachments.as_slice(),
        _ => &[],
    };
    if files.is_empty() {
        return Ok((outward::said(outside, what, None, &[], language), None));
    }
    let placed = asking.place(hub, ghost, None, files).await;
    match handed_out(hub, placed, files).await {
        Ok(places) => Ok((outward::said(outside, what, None, &places, language), None)),
        Err(DeliveryError::Never { reason, .. }) => {
            let missing = files.iter().map(|file| outward::missing(outside.clone(), file, &reason, language)).collect();
            Ok((missing, Some(reason)))
        }
        Err(error) => Err(error),
    }
}

/// What became of a message, told to its author alone by the room itself.
fn news(hub: &Hub, jid: &str, id: DeliveryId, report: &Report) -> Element {
    let text = match report {
        Report::Failed(reason) => Text::Failed { reason },
        Report::Reduced(feature) => Text::Reduced { feature: *feature },
        Report::Delivered | Report::Delayed => Text::Delayed,
    };
    let said = words::say(hub.language(), &text);
    let message = crate::xml::element("message", crate::xml::namespace::COMPONENT).attr("type", "groupchat");
    message.attr("from", jid).attr("id", &id.to_string()).text_child("body", &said).build()
}

/// See [`dreiklang_engine::port::Adapter::refresh_room`].
pub(crate) async fn refresh(component: &Component, hosted: &Hosted, hub: &Hub, room: &RoomLeg) {
    let Some(jid) = room.chat.as_ref().map(dreiklang_model::ChatId::as_str) else { return };
    if hosted.rooms().get(jid).is_none_or(Room::is_empty) {
        return;
    }
    let wanted = match hub.wanted(room.conversation, SHOWN).await {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return,
        Err(error) => {
            tracing::error!(%error, "it cannot be read who is in a room");
            return;
        }
    };
    let (done, proved) = oneshot::channel();
    let changed = change_room(component, hosted, jid, done, |room| ((), room.show(wanted))).await;
    if changed.is_some()
        && !matches!(proved.await, Ok(Ok(())))
        && let Some(room) = hosted.rooms().get_mut(jid)
    {
        room.uncertain = true;
    }
}

/// See [`dreiklang_engine::port::Adapter::leave_room`].
pub(crate) async fn abandon(component: &Component, hosted: &Hosted, hub: &Hub, room: &RoomLeg) {
    let Some(jid) = room.chat.as_ref().map(dreiklang_model::ChatId::as_str) else { return };
    let (done, _proved) = oneshot::channel();
    let devices = change_room(component, hosted, jid, done, |room| {
        let copies = room.destroy();
        let devices: Vec<_> = copies.iter().flat_map(|copies| copies.to.iter().cloned()).collect();
        (devices, copies)
    });
    let Some(devices) = devices.await else { return };
    hosted.rooms().remove(jid);
    for device in devices {
        if let Err(error) = hub.set_note(&note(jid, &device), None).await {
            tracing::error!(%error, "who was in a room is not forgotten");
        }
    }
}
