// SPDX-License-Identifier: EUPL-1.2
//! A conversation moves from one room to another because the person opened the other one.

use dreiklang_engine::Hub;
use dreiklang_model::{
    Timestamp,
    words::{self, Text},
};
use ruma::{
    OwnedRoomId, RoomId, UserId,
    api::client::membership::{kick_user, leave_room},
};
use serde_json::Value;

use crate::{
    chats,
    client::CallError,
    duties::Leaving,
    ghosts::Puppet,
    inward::{self, Membership},
    outward, reconcile,
    sending::{Outgoing, send},
    service::{Service, Trouble},
};

/// How many pages of an unread room are carried over.
const PAGES: usize = 5;

/// What is to be done about the old room, after everything that must be in the new one first was put there: a person who was
/// only asked into the old one has read nothing of it.
pub(crate) async fn prepare(
    service: &Service,
    ghost: &Puppet,
    user: &UserId,
    old: &OwnedRoomId,
    new: &OwnedRoomId,
) -> Result<Leaving, Trouble> {
    let there = whereabouts(service, ghost, user, old).await?;
    if there == Membership::Invite {
        carry_over(service, ghost, old, new).await?;
    }
    Ok(Leaving { room: old.clone(), told: there == Membership::Join })
}

/// Says again in the new room what the ghost said in the old one, in order and with its time. A repeat says nothing twice.
async fn carry_over(service: &Service, ghost: &Puppet, old: &RoomId, new: &RoomId) -> Result<(), Trouble> {
    let mut said = Vec::new();
    let mut from = None;
    for _ in 0..PAGES {
        let (events, next) = reconcile::backwards(service, old, ghost.identity(), from).await?;
        let more = !events.is_empty();
        said.extend(events.into_iter().filter(|event| is_said_by(event, &ghost.user)));
        from = next.filter(|_| more);
        if from.is_none() {
            break;
        }
    }
    for event in said.iter().rev() {
        let (Some(mark), Some(content)) = (inward::delivery_mark(event), event.get("content")) else { continue };
        let transaction = format!("moved-{mark}");
        let at = event.get("origin_server_ts").and_then(Value::as_i64).map(Timestamp::from_millis);
        send(&service.client, ghost, new, Outgoing { transaction: &transaction, content, at }).await?;
    }
    Ok(())
}

fn is_said_by(event: &Value, ghost: &UserId) -> bool {
    event.get("type").and_then(Value::as_str) == Some("m.room.message")
        && event.get("sender").and_then(Value::as_str) == Some(ghost.as_str())
}

/// Leaves the old room: says where the conversation goes on, or takes the invitation back. What was said there to the last
/// is not lost. The new room is bound already. Idempotent.
pub(crate) async fn depart(
    service: &Service,
    hub: &Hub,
    ghost: &Puppet,
    user: &UserId,
    leaving: &Leaving,
    new: &OwnedRoomId,
) -> Result<(), Trouble> {
    let old = &leaving.room;
    let link = new.matrix_to_uri_via([service.ours.server().to_owned()]).to_string();
    let text = words::say(hub.language(), &Text::ChatMoved { link: &link });
    // He may have come in at the last moment.
    let told = leaving.told || whereabouts(service, ghost, user, old).await? == Membership::Join;
    if told {
        let transaction = format!("left-for-{new}");
        let content = outward::notice(&text);
        let outgoing = Outgoing { transaction: &transaction, content: &content, at: None };
        unless_refused(send(&service.client, ghost, old, outgoing).await)?;
    } else {
        let mut withdraw = kick_user::v3::Request::new(old.clone(), user.to_owned());
        withdraw.reason = Some(text.clone());
        unless_refused(service.client.call(ghost.identity(), withdraw).await)?;
    }
    let mut leave = leave_room::v3::Request::new(old.clone());
    leave.reason = Some(text);
    unless_refused(service.client.call(ghost.identity(), leave).await)?;
    match reconcile::left_behind(service, hub, old, new, &ghost.user, ghost.identity()).await {
        Err(trouble) if trouble.is_final() => Ok(()),
        done => done,
    }
}

async fn whereabouts(service: &Service, ghost: &Puppet, user: &UserId, room: &RoomId) -> Result<Membership, Trouble> {
    match chats::membership(service, ghost.identity(), room, user).await {
        Ok(there) => Ok(there),
        Err(error) if error.is_absent() => Ok(Membership::Out),
        Err(error) => Err(error.into()),
    }
}

/// The ghost may have left before, or the room may be gone.
fn unless_refused<T>(outcome: Result<T, CallError>) -> Result<(), Trouble> {
    match outcome {
        Ok(_) | Err(CallError::Refused(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
