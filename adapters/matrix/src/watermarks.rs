// SPDX-License-Identifier: EUPL-1.2
//! Up to where each bound room was read: where reconciliation stops. Only reading a room moves its mark; a pushed event does
//! not, for one before it may have been lost. Written lazily: a mark that is too old costs a few events more to ask for, and
//! recognition makes them harmless.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dreiklang_engine::{
    Hub,
    port::{Freshness, StoreError},
};
use ruma::{EventId, OwnedEventId, OwnedRoomId, RoomId};
use tokio_util::sync::CancellationToken;

const PAUSE: Duration = Duration::from_secs(5);

/// Marks that are newer than the database's, and rooms that have more to read.
#[derive(Debug, Default)]
pub(crate) struct Watermarks {
    unwritten: Mutex<HashMap<OwnedRoomId, OwnedEventId>>,
    unread: Mutex<HashSet<OwnedRoomId>>,
}

impl Watermarks {
    /// Something was said in the room; when it was pushed, the room is to be read some time.
    pub(crate) fn heard_in(&self, room: &RoomId, freshness: Freshness) {
        if freshness == Freshness::Pushed {
            let mut unread = lock(&self.unread);
            if !unread.contains(room) {
                unread.insert(room.to_owned());
            }
        }
    }

    /// The rooms in which something was pushed since this was last asked.
    pub(crate) fn take_unread(&self) -> HashSet<OwnedRoomId> {
        std::mem::take(&mut lock(&self.unread))
    }

    /// The room was read up to this event, and everything in it is durable or was refused.
    pub(crate) fn reached(&self, room: &RoomId, event: &EventId) {
        lock(&self.unwritten).insert(room.to_owned(), event.to_owned());
    }

    /// The last event read.
    pub(crate) async fn of(&self, hub: &Hub, room: &RoomId) -> Result<Option<OwnedEventId>, StoreError> {
        let unwritten = lock(&self.unwritten).get(room).cloned();
        if unwritten.is_some() {
            return Ok(unwritten);
        }
        Ok(hub.note(&key(room)).await?.and_then(|event| OwnedEventId::try_from(event).ok()))
    }

    /// Writes the marks now and then, and once more at the end.
    pub(crate) async fn keep_written(&self, hub: &Hub, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
            self.write(hub).await;
        }
    }

    async fn write(&self, hub: &Hub) {
        let marks = lock(&self.unwritten).clone();
        for (room, event) in marks {
            if let Err(error) = hub.set_note(&key(&room), Some(event.as_str())).await {
                tracing::warn!(%error, "a watermark cannot be written");
                continue;
            }
            let mut unwritten = lock(&self.unwritten);
            if unwritten.get(&room) == Some(&event) {
                unwritten.remove(&room);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(room: &RoomId) -> String {
    format!("read/{room}")
}
