// SPDX-License-Identifier: EUPL-1.2
//! One act of a ghost in one room, so that a repeat is recognised or changes nothing. What it is, is `outward.rs`.

use dreiklang_model::{Emoji, NativeId, Timestamp};
use ruma::{
    EventId, MilliSecondsSinceUnixEpoch, OwnedEventId, RoomId, UInt,
    api::client::{
        message::send_message_event, receipt::create_receipt, redact::redact_event,
        relations::get_relating_events_with_rel_type_and_event_type,
    },
    events::{MessageLikeEventType, TimelineEventType, receipt::ReceiptThread, relation::RelationType},
    serde::Raw,
};
use serde_json::Value;

use crate::{
    client::{CallError, Client},
    ghosts::Puppet,
    outward,
};

/// How many reactions to one message are looked at for those of the ghost.
const REACTIONS: u32 = 500;

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
    send_as(client, ghost, room, MessageLikeEventType::RoomMessage, outgoing).await
}

async fn send_as(
    client: &Client,
    ghost: &Puppet,
    room: &RoomId,
    kind: MessageLikeEventType,
    outgoing: Outgoing<'_>,
) -> Result<OwnedEventId, CallError> {
    let body = Raw::new(outgoing.content).map_err(|error| CallError::Unclear(error.to_string()))?.cast_unchecked();
    let mut request = send_message_event::v3::Request::new_raw(room.to_owned(), outgoing.transaction.into(), kind, body);
    let at = outgoing.at.and_then(|at| UInt::try_from(at.as_millis()).ok());
    request.timestamp = at.map(MilliSecondsSinceUnixEpoch);
    Ok(client.call(ghost.identity(), request).await?.event_id)
}

/// Takes events back. Idempotent: what is gone stays gone, and what the ghost may not touch is left.
pub(crate) async fn redact(
    client: &Client,
    ghost: &Puppet,
    room: &RoomId,
    transaction: &str,
    events: &[NativeId],
) -> Result<(), CallError> {
    for event in events {
        let Ok(event) = OwnedEventId::try_from(event.as_str()) else { continue };
        // Named by what it does: when a part is done, what is left has other places in the list.
        let transaction = format!("{transaction}-x{}", event.as_str());
        let request = redact_event::v3::Request::new(room.to_owned(), event, transaction.into());
        match client.call(ghost.identity(), request).await {
            Ok(_) => {}
            Err(error) if error.code() == Some("M_NOT_FOUND") => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Brings the ghost's reactions to an event to these: adds what is missing and takes back what is too much. Idempotent.
pub(crate) async fn react(
    client: &Client,
    ghost: &Puppet,
    room: &RoomId,
    transaction: &str,
    to: &NativeId,
    wanted: &[Emoji],
) -> Result<(), CallError> {
    let Ok(event) = OwnedEventId::try_from(to.as_str()) else { return Ok(()) };
    let standing = reactions(client, ghost, room, &event).await?;
    for emoji in wanted {
        if !standing.iter().any(|(_, stands)| stands == emoji) {
            let content = outward::annotation(to, emoji);
            let transaction = format!("{transaction}-r{}", emoji.as_str());
            let outgoing = Outgoing { transaction: &transaction, content: &content, at: None };
            send_as(client, ghost, room, MessageLikeEventType::Reaction, outgoing).await?;
        }
    }
    let excess: Vec<NativeId> =
        standing.into_iter().filter(|(_, emoji)| !wanted.contains(emoji)).map(|(event, _)| event).collect();
    redact(client, ghost, room, transaction, &excess).await
}

/// The ghost's own reactions to an event.
async fn reactions(client: &Client, ghost: &Puppet, room: &RoomId, to: &EventId) -> Result<Vec<(NativeId, Emoji)>, CallError> {
    let mut request = get_relating_events_with_rel_type_and_event_type::v1::Request::new(
        room.to_owned(),
        to.to_owned(),
        RelationType::Annotation,
        TimelineEventType::Reaction,
    );
    request.limit = Some(UInt::from(REACTIONS));
    let answer = client.call(ghost.identity(), request).await?;
    let own = answer.chunk.iter().filter_map(|event| {
        let event: Value = serde_json::from_str(event.json().get()).ok()?;
        if event.get("sender")?.as_str()? != ghost.user.as_str() {
            return None;
        }
        let emoji = Emoji::new(event.get("content")?.get("m.relates_to")?.get("key")?.as_str()?)?;
        Some((NativeId::new(event.get("event_id")?.as_str()?).ok()?, emoji))
    });
    Ok(own.collect())
}

/// Says that the ghost has read everything up to an event. Idempotent.
pub(crate) async fn read(client: &Client, ghost: &Puppet, room: &RoomId, up_to: &NativeId) -> Result<(), CallError> {
    let Ok(event) = OwnedEventId::try_from(up_to.as_str()) else { return Ok(()) };
    let mut request = create_receipt::v3::Request::new(room.to_owned(), create_receipt::v3::ReceiptType::Read, event);
    request.thread = ReceiptThread::Unthreaded;
    client.call(ghost.identity(), request).await.map(drop)
}
