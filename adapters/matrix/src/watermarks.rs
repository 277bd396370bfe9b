// SPDX-License-Identifier: EUPL-1.2
//! The last event known of each bound room: where reconciliation stops. Written lazily: a mark that is too old costs a few
//! events more to ask for, and recognition makes them harmless.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use dreiklang_engine::{Hub, port::StoreError};
use ruma::{EventId, OwnedEventId, OwnedRoomId, RoomId};
use tokio_util::sync::CancellationToken;

const PAUSE: Duration = Duration::from_secs(5);

/// Marks that are newer than the database's.
#[derive(Debug, Default)]
pub(crate) struct Watermarks {
    unwritten: Mutex<HashMap<OwnedRoomId, OwnedEventId>>,
}

impl Watermarks {
    /// Everything in the room up to this event is durable or was refused.
    pub(crate) fn reached(&self, room: &RoomId, event: &EventId) {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).insert(room.to_owned(), event.to_owned());
    }

    /// The last event known.
    pub(crate) async fn of(&self, hub: &Hub, room: &RoomId) -> Result<Option<OwnedEventId>, StoreError> {
        let unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).get(room).cloned();
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
        let marks = std::mem::take(&mut *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner));
        for (room, event) in marks {
            if let Err(error) = hub.set_note(&key(&room), Some(event.as_str())).await {
                tracing::warn!(%error, "a watermark cannot be written");
                self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).entry(room).or_insert(event);
            }
        }
    }
}

fn key(room: &RoomId) -> String {
    format!("seen/{room}")
}
