// SPDX-License-Identifier: EUPL-1.2
//! Saying something in a room of another server, as the ghost of whoever said it. It is delivered when the room has given it to everybody:
//! its echo to the listener proves that, and bears the name by which the room knows it from then on.

use std::time::Duration;

use dreiklang_engine::{
    Author, Hub, Member,
    port::{Delivered, DeliveryError, RoomContent, RoomDelivery},
};
use dreiklang_model::{DeliveryId, DisplayName, NativeId, Placed, Reason, What};

use super::{nick, seating::Reach};
use crate::{
    outward::{self, Outside, Where},
    sharing::Reachable,
    xml::set_attr,
};

/// Longest wait for a room to give a message to everybody.
const ECHO: Duration = Duration::from_secs(30);

/// See [`dreiklang_engine::port::Adapter::deliver_to_room`].
pub(crate) async fn deliver(
    reach: &Reach,
    hub: &Hub,
    delivery: &RoomDelivery,
    files: &[Reachable],
) -> Result<Delivered, DeliveryError> {
    let (Some(chat), RoomContent::Event(what)) = (&delivery.room.chat, &delivery.content) else {
        return Err(DeliveryError::Never { reason: Reason::NotConnected, cause: "no such room".to_owned() });
    };
    let room = chat.as_str();
    let Some(listener) = reach.listener_jid() else { return Err(DeliveryError::later("no component")) };
    if reach.shared.foreign.is_closed(room) {
        return Err(DeliveryError::Never { reason: Reason::Rejected, cause: "the gateway was sent out of the room".to_owned() });
    }
    if reach.shared.foreign.nick_of(room, listener).is_none() || is_catching_up(reach, room) {
        return Err(DeliveryError::later("the gateway is not in the room"));
    }
    match &delivery.author {
        Author::Ghost(member) => {
            let who = member.ghost.written.as_str();
            let nicks = nick::candidates(&member.nick, member.ghost.address.as_str(), member.ghost.address.network().as_str());
            reach.sit_noted(hub, room, who, &nicks).await.map_err(super::seating::Unseated::into_error)?;
            let outcome = say(reach, hub, room, (who, Some(member)), delivery, what, files).await;
            if let Err(DeliveryError::Never { cause, .. }) = &outcome
                && cause.ends_with("not-acceptable")
            {
                // The room does not know the ghost any more: it sits down again for the next attempt.
                reach.shared.foreign.rise(room, who);
                return Err(DeliveryError::later("the ghost was not in the room any more"));
            }
            outcome
        }
        Author::Gateway => say(reach, hub, room, (listener, None), delivery, what, files).await,
        Author::Own { address } => {
            // What became of somebody's message is nobody else's affair.
            if let Some(nick) = reach.shared.foreign.nick_of_person(room, address) {
                let to = format!("{room}/{nick}");
                let outside = Outside {
                    id: delivery.id,
                    place: Where::Direct { user: &to, ghost: listener },
                    from: crate::address::full(listener),
                    name: &DisplayName::new(&hub.organisation().name),
                    sent_at: delivery.sent_at,
                    late: false,
                };
                let stanzas = outward::said(outside, what, None, &[], hub.language());
                match reach.send(listener, room, &delivery.id.to_string(), stanzas).await?.await {
                    Ok(outcome) => outcome?,
                    Err(_) => return Err(DeliveryError::Unknown { cause: "the connection ended".to_owned() }),
                }
            }
            Ok(Delivered::default())
        }
    }
}

async fn say(
    reach: &Reach,
    hub: &Hub,
    room: &str,
    (who, member): (&str, Option<&Member>),
    delivery: &RoomDelivery,
    what: &What<Placed>,
    files: &[Reachable],
) -> Result<Delivered, DeliveryError> {
    let id = delivery.id.to_string();
    let delivered = |native: NativeId| Delivered { native: Some(native), leg: None, without: None };
    let foreign = &reach.shared.foreign;
    // A repeat: it may have been given to everybody before we heard of it.
    if let Some(name) = foreign.own_name(room, &id) {
        return Ok(delivered(name));
    }
    let own = DisplayName::new(&hub.organisation().name);
    let outside = Outside {
        id: delivery.id,
        place: Where::Room(room),
        from: crate::address::full(who),
        name: member.map_or(&own, |member| &member.ghost.name),
        sent_at: delivery.sent_at,
        late: delivery.late,
    };
    let what = corrected(what, delivery.replaces);
    let stanzas = outward::said(outside, &what, None, files, hub.language());
    let addressed = |mut stanza| {
        set_attr(&mut stanza, "to", room);
        stanza
    };
    let stanzas: Vec<_> = stanzas.into_iter().map(addressed).collect();
    let Some(first) = stanzas.first().and_then(|stanza| stanza.attr("id")).map(str::to_owned) else {
        return Ok(Delivered::default());
    };
    let echoed =
        matches!(what, What::Message(_) | What::Edit { .. } | What::Place(_) | What::Retract { .. } | What::React { .. });
    let Some(echo) = foreign.wait(room, &first) else { return Err(DeliveryError::later("the gateway is not in the room")) };
    let routed = reach.send(who, room, &id, stanzas).await?;
    match routed.await {
        Ok(outcome) => outcome?,
        Err(_) => return Err(DeliveryError::Unknown { cause: "the connection ended".to_owned() }),
    }
    if !echoed {
        return NativeId::new(id).map(delivered).map_err(|error| DeliveryError::later(error.to_string()));
    }
    match tokio::time::timeout(ECHO, echo).await {
        Ok(Ok(outcome)) => outcome.map(delivered),
        Ok(Err(_)) => Err(DeliveryError::Unknown { cause: "another attempt took its place".to_owned() }),
        Err(_) => Err(DeliveryError::Unknown { cause: "the room has not given it to everybody".to_owned() }),
    }
}

/// A new version names the old one as its author did, not as the room does (XEP-0308 §4).
fn corrected(what: &What<Placed>, replaces: Option<DeliveryId>) -> What<Placed> {
    match (what.clone(), replaces.and_then(|first| NativeId::new(first.to_string()).ok())) {
        (What::Edit { of, to }, Some(native)) => What::Edit { of: Placed { native, ..of }, to },
        (what, _) => what,
    }
}

fn is_catching_up(reach: &Reach, room: &str) -> bool {
    reach.shared.foreign.rooms().get(room).is_none_or(|known| known.held.is_some())
}
