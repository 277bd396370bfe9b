// SPDX-License-Identifier: EUPL-1.2
//! A room was replaced by another one (Client-Server API § Room upgrades): the bot goes there, what is said goes on there, and the ghosts
//! follow. Everything is a duty: after a crash it is done again, and what was done stays done.

use dreiklang_engine::{Hub, port::Bound};
use ruma::{OwnedRoomId, OwnedServerName, api::client::membership::leave_room};
use serde::{Deserialize, Serialize};

use super::{entering, membership, survey};
use crate::{
    client::{As, CallError},
    reconcile::{self, Since},
    service::{Service, Trouble, bound_room, chat_id},
};

/// A room that is replaced, and by which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Upgrade {
    pub(crate) from: OwnedRoomId,
    pub(crate) to: OwnedRoomId,
    /// A server that is in the new one.
    pub(crate) via: Option<OwnedServerName>,
}

/// The note of the room that this one replaces, while the bot waits for being let in.
pub(crate) fn awaited(to: &OwnedRoomId) -> String {
    format!("upgrade/{to}")
}

/// Follows a room to the one that replaces it.
///
/// # Errors
/// [`Trouble`].
pub(crate) async fn follow(service: &Service, hub: &Hub, upgrade: &Upgrade) -> Result<(), Trouble> {
    let Upgrade { from, to, via } = upgrade;
    let bot = service.ghosts.ensure(&service.client, hub, service.ours.bot(), None).await?;
    if let Some(leg) = bound_room(hub, from).await? {
        match entering::join(service, bot.identity(), to, via.iter().cloned().collect()).await {
            Ok(()) => {}
            Err(CallError::Refused(refusal)) if !refusal.identity => {
                // Whoever upgrades a closed room asks its members in one by one.
                tracing::info!(%refusal, "the room that replaces another one is not open to the gateway yet");
                return Ok(hub.set_note(&awaited(to), Some(&serde_json::to_string(upgrade).unwrap_or_default())).await?);
            }
            Err(error) => return Err(error.into()),
        }
        // What was said to the last.
        reconcile::read_room(service, hub, from, Since::Entered).await?;
        if hub.bind_room(leg.conversation, leg.chat.as_ref(), chat_id(to).as_ref()).await? != Bound::Yes {
            return Ok(());
        }
    }
    let Some(leg) = bound_room(hub, to).await? else { return Ok(()) };
    hub.set_note(&awaited(to), None).await?;
    // Whoever came before the bot may have spoken already.
    reconcile::read_room(service, hub, to, Since::Ever).await?;
    survey::tell(service, hub, to).await?;
    membership::refresh(service, hub, &leg).await;
    match depart(service, from).await {
        Err(trouble) if trouble.is_final() => Ok(()),
        done => done,
    }
}

/// Everybody of ours leaves a room, the bot at last.
pub(super) async fn depart(service: &Service, room: &OwnedRoomId) -> Result<(), Trouble> {
    membership::leave_all(service, room).await?;
    service.client.call(As::User(service.ours.bot()), leave_room::v3::Request::new(room.clone())).await?;
    Ok(())
}

/// The bot was asked into a room. That may be one that it waits for.
///
/// # Errors
/// [`Trouble`].
pub(crate) async fn asked_in(service: &Service, hub: &Hub, room: &OwnedRoomId) -> Result<(), Trouble> {
    let Some(note) = hub.note(&awaited(room)).await? else { return Ok(()) };
    match serde_json::from_str(&note) {
        Ok(upgrade) => follow(service, hub, &upgrade).await,
        Err(error) => {
            tracing::error!(%error, "an upgrade cannot be read");
            Ok(hub.set_note(&awaited(room), None).await?)
        }
    }
}
