// SPDX-License-Identifier: EUPL-1.2
//! Asking for what was missed: homeservers lose events for application services. Everything that is found goes the way of
//! what is pushed; recognition by event id makes it harmless.

use std::{collections::BTreeSet, time::Duration};

use dreiklang_engine::{Hub, port::Freshness};
use dreiklang_model::ChatId;
use futures::StreamExt;
use ruma::{OwnedEventId, OwnedRoomId, RoomId, UInt, UserId, api::client::message::get_message_events};
use serde_json::Value;

use crate::{
    client::{As, CallError},
    inbox,
    inward::{self, Inward, Said, Sent},
    openings::Meanwhile,
    service::{Service, Trouble, bound_room, chat_id, ghost_of, room_id},
};

/// Events asked for at once.
const PAGE: u32 = 100;
/// How many pages are read at most.
const PAGES: usize = 20;
/// How many rooms are asked for at once.
const AT_ONCE: usize = 4;

/// Longest that a transaction waits for what is missing before it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Catches up on every bound room. `false`: some could not be asked; come again.
pub(crate) async fn all(service: &Service, hub: &Hub) -> Result<bool, Trouble> {
    service.watermarks.take_unread();
    let rooms = hub.rooms().await?.into_iter().filter_map(|room| room.chat);
    Ok(each(service, hub, hub.chats().await?.into_iter().chain(rooms).collect()).await)
}

/// Catches up on the rooms in which something was pushed: between two pushed events one may have been lost.
pub(crate) async fn unread(service: &Service, hub: &Hub) -> bool {
    let rooms = service.watermarks.take_unread();
    each(service, hub, rooms.iter().filter_map(chat_id).collect()).await
}

/// Something is missing before these events: what is said in their rooms is read in order, as far as that goes quickly.
pub(crate) async fn before(service: &Service, hub: &Hub, events: &[Inward]) {
    let rooms: BTreeSet<&OwnedRoomId> = events.iter().filter_map(Inward::spoken_in).collect();
    let chats = rooms.into_iter().filter_map(chat_id).collect();
    if tokio::time::timeout(PATIENCE, each(service, hub, chats)).await != Ok(true) {
        tracing::warn!("what is missing before a transaction comes later");
    }
}

async fn each(service: &Service, hub: &Hub, chats: Vec<ChatId>) -> bool {
    let rooms = chats.len();
    let outcomes = futures::stream::iter(chats).map(async |chat| one(service, hub, &chat).await).buffer_unordered(AT_ONCE);
    let failed = outcomes.filter(|outcome| std::future::ready(outcome.is_err())).count().await;
    tracing::debug!(rooms, failed, "reconciled");
    failed == 0
}

async fn one(service: &Service, hub: &Hub, chat: &ChatId) -> Result<(), Trouble> {
    let Some(room) = room_id(chat) else { return Ok(()) };
    let caught_up = match hub.leg_of_chat(chat).await?.as_ref().and_then(ghost_of) {
        Some(ghost) => catch_up(service, hub, &room, As::User(&ghost), Since::Asked(&ghost)).await,
        None if bound_room(hub, &room).await?.is_some() => read_room(service, hub, &room, Since::Entered).await,
        None => return Ok(()),
    };
    match caught_up {
        // The ghost is not there any more: the next delivery sees to it.
        Err(trouble) if trouble.is_final() => Ok(()),
        done => done,
    }
}

/// Where reading backwards ends at the latest.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Since<'a> {
    /// Where this ghost was asked in: what came before is none of his.
    Asked(&'a UserId),
    /// Where the bot came in.
    Entered,
    /// At the room's beginning, whatever was read before.
    Ever,
}

/// Takes what was said in a room of many, read by the bot.
pub(crate) async fn read_room(service: &Service, hub: &Hub, room: &RoomId, since: Since<'_>) -> Result<(), Trouble> {
    catch_up(service, hub, room, As::User(service.ours.bot()), since).await
}

/// Opens a room that was just bound: what was said before goes first, what was held meanwhile after it.
pub(crate) async fn open(
    service: &Service,
    hub: &Hub,
    room: &OwnedRoomId,
    ghost: &UserId,
    identity: As<'_>,
) -> Result<(), Trouble> {
    let since = Since::Asked(ghost);
    catch_up(service, hub, room, identity, since).await?;
    loop {
        match service.openings.meanwhile(room) {
            Meanwhile::Nothing => return Ok(()),
            Meanwhile::Said(events) => inbox::take(service, hub, events, Freshness::Asked).await?,
            Meanwhile::TooMuch => catch_up(service, hub, room, identity, since).await?,
        }
    }
}

/// Takes everything in the room after the last event read, but nothing from before `since`.
async fn catch_up(service: &Service, hub: &Hub, room: &RoomId, identity: As<'_>, since: Since<'_>) -> Result<(), Trouble> {
    let Missed { events, newest } = missed(service, hub, room, identity, since).await?;
    inbox::take(service, hub, events, Freshness::Asked).await?;
    if let Some(newest) = newest {
        service.watermarks.reached(room, &newest);
    }
    Ok(())
}

/// Takes what was said in a room that the ghost has left, as said in the one where the conversation goes on.
pub(crate) async fn left_behind(
    service: &Service,
    hub: &Hub,
    old: &RoomId,
    new: &RoomId,
    ghost: &UserId,
    identity: As<'_>,
) -> Result<(), Trouble> {
    let moved = |event| match event {
        Inward::Said(Said { sent, what }) => Some(Inward::Said(Said { sent: Sent { room: new.to_owned(), ..sent }, what })),
        _ => None,
    };
    let events = missed(service, hub, old, identity, Since::Asked(ghost)).await?.events.into_iter().filter_map(moved).collect();
    Ok(inbox::take(service, hub, events, Freshness::Asked).await?)
}

/// What may have been missed in a room.
struct Missed {
    /// In order.
    events: Vec<Inward>,
    /// Up to where the room was read.
    newest: Option<OwnedEventId>,
}

async fn missed(service: &Service, hub: &Hub, room: &RoomId, identity: As<'_>, since: Since<'_>) -> Result<Missed, Trouble> {
    let known = match since {
        Since::Ever => None,
        Since::Asked(_) | Since::Entered => service.watermarks.of(hub, room).await?,
    };
    let begins = |event: &Value| match since {
        Since::Asked(ghost) => inward::invites(event, ghost),
        Since::Entered => inward::enters(event, service.ours.bot()),
        Since::Ever => false,
    };
    let mut read = Vec::new();
    let mut newest = None;
    let mut from = None;
    'pages: for page in 0.. {
        if page == PAGES {
            tracing::warn!(room = hub.pseudonym(room.as_str()), "more was missed in a room than is asked for");
            hub.dropped("history");
            break;
        }
        let (events, next) = backwards(service, room, identity, from).await?;
        for event in &events {
            let id = event.get("event_id").and_then(Value::as_str);
            newest = newest.or_else(|| id.and_then(|id| OwnedEventId::try_from(id).ok()));
            if known.as_ref().is_some_and(|known| id == Some(known.as_str())) || begins(event) {
                break 'pages;
            }
            read.push(inward::read(event, &service.ours));
        }
        match next {
            Some(next) if !events.is_empty() => from = Some(next),
            _ => break,
        }
    }
    read.reverse();
    // What is dropped was counted when it was pushed.
    read.retain(|event| !matches!(event, Inward::Dropped(_)));
    Ok(Missed { events: read, newest })
}

/// One page of a room's events, newest first, and where the next one begins.
pub(crate) async fn backwards(
    service: &Service,
    room: &RoomId,
    identity: As<'_>,
    from: Option<String>,
) -> Result<(Vec<Value>, Option<String>), CallError> {
    let mut request = get_message_events::v3::Request::backward(room.to_owned());
    request.from = from;
    request.limit = UInt::from(PAGE);
    let answer = service.client.call(identity, request).await?;
    let events = answer.chunk.iter().filter_map(|event| serde_json::from_str(event.json().get()).ok()).collect();
    Ok((events, answer.end))
}
