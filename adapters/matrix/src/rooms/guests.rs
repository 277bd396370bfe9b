// SPDX-License-Identifier: EUPL-1.2
//! Closed rooms: whoever of another network comes into one was asked in on Matrix, through his ghost, by somebody who is in it. That holds
//! until he is thrown out, however often he comes and goes.

use dreiklang_engine::{Hub, Lookup, port::StoreError};
use dreiklang_model::{Address, Language, Network, Reason, words};
use ruma::{OwnedRoomId, OwnedUserId, RoomId, api::client::membership::invite_user};

use super::{entering, survey};
use crate::{
    chats,
    client::{As, CallError},
    ghosts::Puppet,
    inward::Membership,
    notices, people,
    service::{Service, Trouble},
};

/// The note that somebody of ours was asked into a room.
pub(super) fn guest(room: &RoomId, user: &str) -> String {
    format!("guest/{room}/{user}")
}

/// A ghost was asked into a room of many, and is in it: the gateway takes part through it, if it can. Answers why not, in words for whoever
/// asked. Idempotent.
///
/// # Errors
/// [`Trouble`].
pub(crate) async fn welcome(
    service: &Service,
    hub: &Hub,
    ghost: &Puppet,
    room: &OwnedRoomId,
) -> Result<Result<(), String>, Trouble> {
    let language: Language = hub.language();
    let bot = service.ghosts.ensure(&service.client, hub, service.ours.bot(), None).await?;
    if chats::membership(service, ghost.identity(), room, &bot.user).await? != Membership::Join {
        let recipient = invite_user::v3::InvitationRecipient::UserId(invite_user::v3::InviteUserId::new(bot.user.clone()));
        match service.client.call(ghost.identity(), invite_user::v3::Request::new(room.clone(), recipient)).await {
            Ok(_) => {}
            Err(CallError::Refused(refusal)) if !refusal.identity => return Ok(Err(notices::direct_only(language).to_owned())),
            Err(error) => return Err(error.into()),
        }
        entering::join(service, bot.identity(), room, Vec::new()).await?;
    }
    if survey::is_encrypted(service, room).await? {
        return Ok(Err(words::reason(language, &Reason::EncryptedRoom)));
    }
    hub.set_note(&guest(room, ghost.user.as_str()), Some("")).await?;
    Ok(Ok(()))
}

/// Was somebody of another network asked into the room?
///
/// # Errors
/// [`Trouble`].
pub(super) async fn is_guest(service: &Service, hub: &Hub, room: &OwnedRoomId, who: &Address) -> Result<bool, Trouble> {
    if *who.network() == Network::MATRIX {
        return Ok(true);
    }
    let Some(user) = ghost_of(hub, who).await? else { return Ok(false) };
    if hub.note(&guest(room, user.as_str())).await?.is_some() {
        return Ok(true);
    }
    let there = chats::membership(service, As::User(service.ours.bot()), room, &user).await?;
    Ok(there != Membership::Out)
}

async fn ghost_of(hub: &Hub, who: &Address) -> Result<Option<OwnedUserId>, StoreError> {
    Ok(match hub.resolve(&people::pasted(who.network(), who.as_str())).await? {
        Lookup::Ghost(ghost) if ghost.address == *who => OwnedUserId::try_from(ghost.written.as_str()).ok(),
        Lookup::Ghost(_) | Lookup::Nobody(_) => None,
    })
}
