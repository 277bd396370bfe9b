// SPDX-License-Identifier: EUPL-1.2
//! Taking part in a room that exists on Matrix: the bot joins, and looks who and what is there.

use std::{sync::Arc, time::Duration};

use dreiklang_engine::{
    Hosting, Hub,
    port::{Entered, EntryError},
};
use dreiklang_model::{Address, Entry, Reason, RoomAddress};
use ruma::{
    OwnedRoomAliasId, OwnedRoomId, OwnedServerName, RoomId, RoomOrAliasId, ServerName,
    api::client::{
        alias::get_alias,
        membership::{join_room_by_id_or_alias, leave_room},
    },
};

use super::{guests, survey};
use crate::{
    client::{As, CallError},
    service::{Service, Trouble, bound_room, chat_id},
};

/// Longest that whoever asked is kept waiting.
const PATIENCE: Duration = Duration::from_secs(28);

/// See [`dreiklang_engine::port::Adapter::enter`].
pub(crate) async fn enter(
    service: &Service,
    hub: &Hub,
    address: &RoomAddress,
    for_whom: Option<&Address>,
) -> Result<Entered, EntryError> {
    match tokio::time::timeout(PATIENCE, entered(service, hub, address, for_whom)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(EntryError::NotNow { cause: "no answer of the homeserver in time".to_owned() }),
    }
}

async fn entered(service: &Service, hub: &Hub, address: &RoomAddress, for_whom: Option<&Address>) -> Result<Entered, EntryError> {
    let (room, via) = resolved(service, address).await?;
    let bot = service.ghosts.ensure(&service.client, hub, service.ours.bot(), None).await.map_err(postponed)?;
    let chat = chat_id(&room).ok_or_else(|| refused(Reason::UnknownRecipient, "no id of a room"))?;
    let direct = hub.leg_of_chat(&chat).await.map_err(postponed)?;
    let known = bound_room(hub, &room).await.map_err(postponed)?;
    if direct.is_some() || known.is_some_and(|leg| leg.hosting == Hosting::Ours) {
        return Err(refused(Reason::Forbidden, "a room that the gateway made"));
    }
    // From now on changes of who is in it are looked after, though it is not bound yet.
    service.rooms.entering.insert(room.clone(), ());
    if let Err(error) = join(service, bot.identity(), &room, via).await {
        return Err(unjoined(service, hub, error).await);
    }
    let survey = survey::read(service, &room).await.map_err(postponed)?;
    if survey.encrypted {
        leave(service, bot.identity(), &room).await;
        return Err(refused(Reason::EncryptedRoom, "the room is encrypted"));
    }
    if let Some(who) = for_whom.filter(|_| survey.details.entry == Entry::Invited)
        && !guests::is_guest(service, hub, &room, who).await.map_err(postponed)?
    {
        return Err(refused(Reason::InvitedOnly, "whoever asks was not asked into the room"));
    }
    service.rooms.powers.insert(room, Arc::new(survey.powers));
    Ok(Entered { chat, details: survey.details, people: survey.people })
}

/// The room's id, and the servers through which it may be joined. Room ids are opaque since version 12; before they name a server.
async fn resolved(service: &Service, address: &RoomAddress) -> Result<(OwnedRoomId, Vec<OwnedServerName>), EntryError> {
    let nothing = || refused(Reason::UnknownRecipient, "no address of a room");
    if let Ok(alias) = OwnedRoomAliasId::try_from(address.as_str()) {
        return match service.client.call(As::Service, get_alias::v3::Request::new(alias)).await {
            Ok(answer) => Ok((answer.room_id, answer.servers)),
            Err(CallError::Refused(refusal)) => Err(refused(Reason::UnknownRecipient, &refusal.to_string())),
            Err(error) => Err(postponed(error)),
        };
    }
    let room = OwnedRoomId::try_from(address.as_str()).map_err(|_| nothing())?;
    let via = room.server_name().map(ServerName::to_owned).into_iter().collect();
    Ok((room, via))
}

/// Joins a room by its id. Idempotent.
pub(super) async fn join(service: &Service, identity: As<'_>, room: &RoomId, via: Vec<OwnedServerName>) -> Result<(), CallError> {
    let mut request = join_room_by_id_or_alias::v3::Request::new(<&RoomOrAliasId>::from(room).to_owned());
    request.via = via;
    service.client.call(identity, request).await.map(drop)
}

async fn leave(service: &Service, identity: As<'_>, room: &RoomId) {
    if let Err(error) = service.client.call(identity, leave_room::v3::Request::new(room.to_owned())).await {
        tracing::debug!(%error, "a room cannot be left");
    }
}

/// What it means that the bot cannot join.
async fn unjoined(service: &Service, hub: &Hub, error: CallError) -> EntryError {
    let CallError::Refused(refusal) = &error else { return postponed(error) };
    if refusal.identity {
        if let Err(trouble) = service.ghosts.forget(hub, service.ours.bot()).await {
            return postponed(trouble);
        }
        return postponed(error);
    }
    match refusal.code.as_str() {
        "M_NOT_FOUND" | "M_UNKNOWN" => refused(Reason::UnknownRecipient, &error.to_string()),
        "M_FORBIDDEN" => refused(Reason::InvitedOnly, &error.to_string()),
        _ => refused(Reason::Rejected, &error.to_string()),
    }
}

fn refused(reason: Reason, cause: &str) -> EntryError {
    EntryError::Refused { reason, cause: cause.to_owned() }
}

fn postponed(trouble: impl Into<Trouble>) -> EntryError {
    let trouble: Trouble = trouble.into();
    EntryError::NotNow { cause: trouble.to_string() }
}
