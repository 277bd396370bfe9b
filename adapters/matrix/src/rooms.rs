// SPDX-License-Identifier: EUPL-1.2
//! Rooms of many: those that exist on Matrix and are joined from elsewhere, and those of other networks that appear here as portals.
//! What is shared by the files below; direct chats are `chats.rs`, what is said is read by `inward.rs` for both.

mod delivering;
mod entering;
pub(crate) mod events;
pub(crate) mod guests;
mod membership;
pub(crate) mod portal;
mod standing;
mod survey;
pub(crate) mod upgrades;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dreiklang_engine::{Hub, Member, RoomLeg};
use dreiklang_model::{ConversationId, DisplayName};
use moka::sync::Cache;
use ruma::{OwnedRoomId, OwnedUserId, RoomId};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    keyed_lock::KeyedLock,
    service::{Service, room_id},
};

pub(crate) use delivering::deliver;
pub(crate) use entering::enter;
pub(crate) use membership::refresh;
use standing::Powers;

/// How long a room that is being entered may stay unbound.
const ENTERING: Duration = Duration::from_secs(60);
/// How many of our users join or leave in a second, in all rooms together: homeservers work long at each, and messages go before.
const CHANGES_A_SECOND: u32 = 10;

/// What is remembered of rooms; nothing is lost with it.
pub(crate) struct Rooms {
    /// Who may do what, as far as it was read lately.
    powers: Cache<OwnedRoomId, Arc<Powers>>,
    /// How often who is in a room has changed: whoever reads the whole of it sees whether it changed meanwhile.
    changes: Cache<OwnedRoomId, u64>,
    /// Rooms that were joined and may not be bound yet.
    entering: Cache<OwnedRoomId, ()>,
    /// Telling the engine who is in a room.
    telling: KeyedLock<OwnedRoomId>,
    /// Reading a room as a whole.
    reading: KeyedLock<OwnedRoomId>,
    /// Bringing a room to what is wanted.
    refreshing: KeyedLock<ConversationId>,
    /// When the next of our users may join or leave.
    next: tokio::sync::Mutex<Option<Instant>>,
    wanting: Mutex<Wanting>,
    wanted: Notify,
}

#[derive(Default)]
struct Wanting {
    all: bool,
    some: BTreeSet<ConversationId>,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            powers: Cache::new(20_000),
            changes: Cache::new(20_000),
            entering: Cache::builder().max_capacity(10_000).time_to_live(ENTERING).build(),
            telling: KeyedLock::default(),
            reading: KeyedLock::default(),
            refreshing: KeyedLock::default(),
            next: tokio::sync::Mutex::default(),
            wanting: Mutex::default(),
            wanted: Notify::new(),
        }
    }
}

impl Rooms {
    /// A room is to be brought to what is wanted, for a reason that the engine does not know.
    fn want(&self, room: ConversationId) {
        self.wanting.lock().unwrap_or_else(PoisonError::into_inner).some.insert(room);
        self.wanted.notify_one();
    }

    /// The homeserver was away: what was to be changed meanwhile was not.
    pub(crate) fn want_all(&self) {
        self.wanting.lock().unwrap_or_else(PoisonError::into_inner).all = true;
        self.wanted.notify_one();
    }

    /// Waits until the next of our users may join or leave.
    async fn pace(&self) {
        let mut next = self.next.lock().await;
        let now = Instant::now();
        let at = next.map_or(now, |next| next.max(now));
        *next = Some(at + Duration::from_secs(1) / CHANGES_A_SECOND);
        drop(next);
        tokio::time::sleep_until(at).await;
    }

    /// Who is in the room changed.
    fn changed(&self, room: &RoomId) {
        let known = self.changes(room);
        self.changes.insert(room.to_owned(), known.wrapping_add(1));
    }

    fn changes(&self, room: &RoomId) -> u64 {
        self.changes.get(room).unwrap_or_default()
    }
}

/// The Matrix room that the leg is bound to.
fn room_of(leg: &RoomLeg) -> Option<OwnedRoomId> {
    leg.chat.as_ref().and_then(room_id)
}

/// The note that somebody of ours was thrown out of a room: he does not come back by himself.
fn thrown_out(room: &RoomId, user: &str) -> String {
    format!("thrown out/{room}/{user}")
}

fn ghost_user(written: &str) -> Option<OwnedUserId> {
    OwnedUserId::try_from(written).ok()
}

/// See [`dreiklang_engine::port::Adapter::leave_room`].
pub(crate) async fn leave(service: &Service, leg: &RoomLeg) {
    let Some(room) = room_of(leg) else { return };
    if let Err(trouble) = upgrades::depart(service, &room).await {
        tracing::warn!(%trouble, "a room cannot be left");
    }
}

/// How somebody's ghost is called: as he is everywhere, or, where nobody ever told that, as in the room.
fn called(member: &Member) -> &DisplayName {
    let nameless = member.ghost.name.as_str() == member.ghost.address.as_str();
    if nameless { &member.nick } else { &member.ghost.name }
}

/// Brings rooms to what is wanted that the engine does not ask for by itself, until `stop`.
pub(crate) async fn keep(service: &Service, hub: &Hub, stop: &CancellationToken) {
    let work = async {
        loop {
            service.rooms.wanted.notified().await;
            let Wanting { all, some } =
                std::mem::take(&mut *service.rooms.wanting.lock().unwrap_or_else(PoisonError::into_inner));
            let rooms = match hub.rooms().await {
                Ok(rooms) => rooms,
                Err(error) => {
                    tracing::error!(%error, "the rooms cannot be read");
                    continue;
                }
            };
            for room in rooms.iter().filter(|room| all || some.contains(&room.conversation)) {
                refresh(service, hub, room).await;
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}
