// SPDX-License-Identifier: EUPL-1.2
//! One message into one room, so that a repeat is recognised. What it says is `outward.rs`.

use dreiklang_model::Timestamp;
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedEventId, RoomId, UInt, api::client::message::send_message_event,
    events::MessageLikeEventType, serde::Raw,
};
use serde_json::Value;

use crate::{
    client::{CallError, Client},
    ghosts::Puppet,
};

/// A message and what it needs to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    /// Unique among everything that any of our users ever sends into the room: the homeserver's memory of transaction ids
    /// does not look at the user.
    pub(crate) transaction: &'a str,
    pub(crate) content: &'a Value,
    /// The time to show instead of now (Application Service API § Timestamp massaging).
    pub(crate) at: Option<Timestamp>,
}

/// Sends a message. Idempotent by its transaction id, for a day and over restarts of the homeserver.
pub(crate) async fn send(
    client: &Client,
    ghost: &Puppet,
    room: &RoomId,
    outgoing: Outgoing<'_>,
) -> Result<OwnedEventId, CallError> {
    let body = Raw::new(outgoing.content).map_err(|error| CallError::Unclear(error.to_string()))?.cast_unchecked();
    let kind = MessageLikeEventType::RoomMessage;
    let mut request = send_message_event::v3::Request::new_raw(room.to_owned(), outgoing.transaction.into(), kind, body);
    let at = outgoing.at.and_then(|at| UInt::try_from(at.as_millis()).ok());
    request.timestamp = at.map(MilliSecondsSinceUnixEpoch);
    Ok(client.call(ghost.identity(), request).await?.event_id)
}
