// SPDX-License-Identifier: EUPL-1.2
//! Does a user or a room exist? (Application Service API § Querying) The homeserver's user waits for the answer.

use axum::{
    extract::{Path, State},
    response::Response,
};
use dreiklang_engine::Lookup;
use ruma::OwnedUserId;
use serde_json::json;

use super::{Door, Refused, fine};
use crate::service::Trouble;

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
            Err(if matches!(error, crate::client::CallError::Refused(_)) { Refused::NOTHING } else { Refused::AGAIN })
        }
    }
}

/// No room of another network has an alias here.
pub(super) async fn alias() -> Refused {
    Refused::NOTHING
}
