// SPDX-License-Identifier: EUPL-1.2
//! What happens to a room besides what is said in it: people come and go, and it is called otherwise. What one event says is told to the
//! engine at once; where that is not enough the room is read as a whole, as a duty that outlives a crash.

use std::collections::BTreeSet;

use dreiklang_engine::{
    Attendance, Hub,
    port::{Freshness, StoreError},
};
use ruma::{OwnedEventId, OwnedRoomId};
use serde::{Deserialize, Serialize};

use super::{guests::guest, survey, thrown_out};
use crate::{
    client::CallError,
    duties::{self, Duty},
    inward::{Member, Membership, Sent},
    service::{Service, Trouble, address, bound_room, chat_id},
};

/// A room is to be read because of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reading {
    pub(crate) room: OwnedRoomId,
    pub(crate) because: OwnedEventId,
}

impl Reading {
    /// The notes of all readings of a room begin so.
    pub(crate) fn prefix(room: &OwnedRoomId) -> String {
        format!("{}reading/{room}/", duties::PREFIX)
    }
}

/// Somebody came into a room, or went, or is called otherwise in it.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn member(service: &Service, hub: &Hub, member: &Member, freshness: Freshness) -> Result<(), StoreError> {
    let Member { sent, user, membership, name, .. } = member;
    if bound_room(hub, &sent.room).await?.is_none() {
        if service.rooms.entering.contains_key(&sent.room) && !service.ours.owns(user) {
            return changed(service, hub, sent).await;
        }
        return Ok(());
    }
    if service.ours.owns(user) {
        return of_ours(service, hub, member).await;
    }
    service.rooms.changed(&sent.room);
    let Some(powers) = service.rooms.powers.get(&sent.room).filter(|_| freshness == Freshness::Pushed) else {
        // What is asked for may be long past.
        return changed(service, hub, sent).await;
    };
    let (Some(who), Some(chat)) = (address(user), chat_id(&sent.room)) else { return Ok(()) };
    let standing = (*membership == Membership::Join).then(|| powers.standing(user));
    let _telling = service.rooms.telling.lock(sent.room.clone()).await;
    hub.attend(&chat, vec![Attendance { who, nick: name.clone(), standing }], false).await
}

/// One of our users was thrown out, or may come back.
async fn of_ours(service: &Service, hub: &Hub, member: &Member) -> Result<(), StoreError> {
    let Member { sent, user, membership, .. } = member;
    let by_others = !service.ours.owns(&sent.sender);
    let key = thrown_out(&sent.room, user.as_str());
    match membership {
        Membership::Out if by_others && *user == service.ours.bot() => {
            tracing::warn!(room = hub.pseudonym(sent.room.as_str()), "the gateway was thrown out of a room");
            Ok(())
        }
        Membership::Out if by_others => {
            hub.set_note(&guest(&sent.room, user.as_str()), None).await?;
            hub.set_note(&key, Some("")).await
        }
        // Asked in again by somebody of the room.
        Membership::Invite if by_others => hub.set_note(&key, None).await,
        _ => Ok(()),
    }
}

/// Something about the room changed that one event alone does not tell.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn changed(service: &Service, hub: &Hub, sent: &Sent) -> Result<(), StoreError> {
    // Who may do what may have changed, too.
    service.rooms.powers.invalidate(&sent.room);
    let reading = Reading { room: sent.room.clone(), because: sent.event.clone() };
    duties::undertake(service, hub, &Duty::Reading(reading)).await
}

/// Reads a room because of everything that is noted by now. Idempotent.
///
/// # Errors
/// [`Trouble`].
pub(crate) async fn read(service: &Service, hub: &Hub, reading: &Reading) -> Result<(), Trouble> {
    let room = &reading.room;
    let _reading = service.rooms.reading.lock(room.clone()).await;
    let noted: BTreeSet<String> = hub.notes(&Reading::prefix(room)).await?.into_iter().map(|(key, _)| key).collect();
    // Somebody read it meanwhile, after what this one is because of.
    if !noted.contains(&Duty::Reading(reading.clone()).key()) {
        return Ok(());
    }
    if bound_room(hub, room).await?.is_none() && service.rooms.entering.contains_key(room) {
        return Err(CallError::Unclear("the room is not bound yet".to_owned()).into());
    }
    if bound_room(hub, room).await?.is_some() {
        survey::tell(service, hub, room).await?;
    }
    for key in noted {
        hub.set_note(&key, None).await?;
    }
    Ok(())
}
