// SPDX-License-Identifier: EUPL-1.2
//! Legs of rooms that are to be brought to what is wanted: noted when something changes, worked off one after the other for each room.
//! However much changes, a leg is refreshed no more often than it can be: what comes while it is refreshed is refreshed together afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dreiklang_model::{ConversationId, Network};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{Hub, organisation::Live, port::LaneKey, rooms};

/// How long changes are gathered before they are shown: a client that joins and leaves, or a whole class that does.
const GATHER: Duration = Duration::from_millis(100);
/// Longest that one refreshing may take.
const LONGEST: Duration = Duration::from_secs(300);
/// How many rooms are refreshed at once.
const AT_ONCE: usize = 8;

/// What waits.
#[derive(Default)]
pub(crate) struct Refreshing {
    wanted: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Default)]
struct Waiting {
    /// Rooms, and the one network that need not be told, where there is one: the change came from there.
    rooms: BTreeMap<ConversationId, Option<Network>>,
    /// Legs at which somebody works.
    busy: BTreeSet<LaneKey>,
}

impl Refreshing {
    /// A room changed; the network where it did needs no news of it.
    pub(crate) fn want(&self, room: ConversationId, from: Option<Network>) {
        let mut waiting = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        waiting
            .rooms
            .entry(room)
            .and_modify(|known| {
                if *known != from {
                    *known = None;
                }
            })
            .or_insert(from);
        drop(waiting);
        self.changed.notify_one();
    }

    fn take(&self) -> BTreeMap<ConversationId, Option<Network>> {
        std::mem::take(&mut self.wanted.lock().unwrap_or_else(PoisonError::into_inner).rooms)
    }

    /// Somebody begins to work at a leg; `false` when somebody does already.
    fn begin(&self, lane: &LaneKey) -> bool {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).busy.insert(lane.clone())
    }

    fn end(&self, lane: &LaneKey) {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).busy.remove(lane);
    }
}

/// Refreshes whatever is wanted, until `stop`.
pub(crate) async fn work(live: Arc<Live>, stop: CancellationToken) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = live.refreshing.changed.notified() => {}
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(GATHER) => {}
        }
        for (room, from) in live.refreshing.take() {
            for network in live.adapters.keys().filter(|network| from.as_ref() != Some(network)) {
                while tasks.len() >= AT_ONCE {
                    let _ = tasks.join_next().await;
                }
                let lane = LaneKey { conversation: room, network: network.clone() };
                if live.refreshing.begin(&lane) {
                    tasks.spawn(refresh(Arc::clone(&live), lane));
                } else {
                    // It is seen again when the present work is done.
                    live.refreshing.want(room, from.clone());
                }
            }
        }
        while tasks.try_join_next().is_some() {}
    }
    tasks.shutdown().await;
}

async fn refresh(live: Arc<Live>, lane: LaneKey) {
    let _busy = Busy { live: &live, lane: &lane };
    let leg = match rooms::leg(&live, &lane.network, lane.conversation).await {
        Ok(Some(leg)) if leg.chat.is_some() => leg,
        Ok(_) => return,
        Err(error) => {
            tracing::error!(%error, "a room cannot be read");
            return;
        }
    };
    let Some(adapter) = live.adapters.get(&lane.network) else { return };
    let hub = Hub::new(Arc::clone(&live), lane.network.clone());
    if tokio::time::timeout(LONGEST, adapter.refresh_room(&hub, &leg)).await.is_err() {
        tracing::warn!(network = %lane.network, "a room was not brought up to date in time");
    }
}

struct Busy<'a> {
    live: &'a Live,
    lane: &'a LaneKey,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.live.refreshing.end(self.lane);
    }
}
