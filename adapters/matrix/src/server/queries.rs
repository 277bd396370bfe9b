// SPDX-License-Identifier: EUPL-1.2
//! Does a user or a room exist? (Application Service API § Querying) The homeserver's user waits for the answer.

use axum::{
    extract::{Path, State},
    response::Response,
};
use dreiklang_engine::Lookup;
use dreiklang_model::Reason;
use ruma::{OwnedRoomAliasId, OwnedUserId};
use serde_json::json;

use super::{Door, Refused, fine};
use crate::{client::CallError, rooms::portal, service::Trouble};

/// A ghost exists as soon as somebody asks for it by its one written form.
pub(super) async fn user(State(door): State<Door>, Path(user): Path<String>) -> Result<Response, Refused> {
    let Ok(user) = OwnedUserId::try_from(user) else { return Err(Refused::NOTHING) };
    let ghost = match door.hub.ghost_at(user.as_str()).await? {
        Lookup::Ghost(ghost) if ghost.written.as_str() == user.as_str() => ghost,
        Lookup::Ghost(_) | Lookup::Nobody(_) => return Err(Refused::NOTHING),
    };
    match door.service.ghosts.ensure(&door.service.client, &door.hub, &user, Some(&ghost.name)).await {
        Ok(_) => Ok(fine(&json!({}))),
        Err(Trouble::Store(error)) => Err(error.into()),
        Err(Trouble::Call(error)) => {
            tracing::warn!(%error, "a ghost that was asked for cannot be made");
            Err(if matches!(error, CallError::Refused(_)) { Refused::NOTHING } else { Refused::AGAIN })
        }
    }
}

/// A room of another network appears here as soon as somebody asks for its one alias.
pub(super) async fn alias(State(door): State<Door>, Path(alias): Path<String>) -> Result<Response, Refused> {
    let Ok(alias) = OwnedRoomAliasId::try_from(alias) else { return Err(Refused::NOTHING) };
    let Door { service, hub } = door;
    if hub.room_named(alias.as_str()).is_none() {
        return Err(Refused::NOTHING);
    }
    let leg = match hub.room_at(alias.as_str(), None).await? {
        Ok(leg) => leg,
        Err(Reason::Unreachable) => return Err(Refused::AGAIN),
        Err(_) => return Err(Refused::NOTHING),
    };
    // The homeserver may hang up; what was begun is finished all the same, so that its repeat finds it done.
    let opened = tokio::spawn(async move { portal::open(&service, &hub, &leg, &alias).await });
    match opened.await {
        Ok(Ok(_)) => Ok(fine(&json!({}))),
        Ok(Err(Trouble::Store(error))) => Err(error.into()),
        Ok(Err(Trouble::Call(error))) => {
            tracing::warn!(%error, "a room that was asked for cannot be made");
            Err(if matches!(error, CallError::Refused(_)) { Refused::NOTHING } else { Refused::AGAIN })
        }
        Err(error) => {
            tracing::error!(panicked = error.is_panic(), "a room that was asked for was not made");
            Err(Refused::AGAIN)
        }
    }
}
