// SPDX-License-Identifier: EUPL-1.2
//! Brings committed rows to their lanes, in order. The store is the queue: nothing here is needed to recover.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use dreiklang_model::Network;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    lane::{AT_HAND, Lane, Rest},
    organisation::Live,
    port::{LaneKey, OrganisationKey, Row, RowId, Settlement, Store},
};
use dreiklang_model::Reason;

/// How many rows are read at once.
const PAGE: usize = 1024;
/// How often the store is asked even if nothing was committed here: an administrator's command is another process.
const ASK_AGAIN: Duration = Duration::from_secs(2);

pub(crate) struct Dispatcher {
    store: Arc<dyn Store>,
    lives: HashMap<OrganisationKey, Arc<Live>>,
    slots: HashMap<(OrganisationKey, Network), Arc<Semaphore>>,
    lanes: Arc<Mutex<HashMap<LaneKey, Entrance>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Where a lane takes rows in.
struct Entrance {
    rows: mpsc::Sender<Row>,
    behind: Arc<AtomicBool>,
}

impl Dispatcher {
    pub(crate) fn new(store: Arc<dyn Store>, lives: &[Arc<Live>], stop: CancellationToken) -> Self {
        let slots = lives
            .iter()
            .flat_map(|live| live.adapters.values().map(move |adapter| (live.key, adapter)))
            .map(|(key, adapter)| ((key, adapter.network()), Arc::new(Semaphore::new(adapter.concurrency()))))
            .collect();
        Self {
            store,
            lives: lives.iter().map(|live| (live.key, Arc::clone(live))).collect(),
            slots,
            lanes: Arc::default(),
            tasks: TaskTracker::new(),
            stop,
        }
    }

    /// Works until stopped; then the lanes end their present attempt or abandon it (it is repeated after the next start).
    pub(crate) async fn run(self) {
        let mut committed = self.store.committed();
        let mut cursor = RowId(0);
        while !self.stop.is_cancelled() {
            committed.mark_unchanged();
            match self.store.waiting(cursor, PAGE).await {
                Ok(page) if !page.is_empty() => {
                    for row in page {
                        cursor = row.id;
                        self.hand_over(row).await;
                    }
                    continue;
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "the outbox cannot be read"),
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                _ = committed.changed() => {}
                () = tokio::time::sleep(ASK_AGAIN) => {}
            }
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn hand_over(&self, row: Row) {
        let key = row.new.lane.clone();
        let Some((live, slots)) = self
            .lives
            .get(&row.new.organisation)
            .and_then(|live| Some((live, self.slots.get(&(row.new.organisation, key.network.clone()))?)))
        else {
            self.nowhere(row).await;
            return;
        };
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entrance) = lanes.get(&key) {
            if !entrance.behind.load(Ordering::Acquire) && entrance.rows.try_send(row).is_err() {
                entrance.behind.store(true, Ordering::Release);
            }
            return;
        }
        let Some(adapter) = live.adapters.get(&key.network) else { return };
        let (sender, receiver) = mpsc::channel(AT_HAND);
        let behind = Arc::new(AtomicBool::new(false));
        let lane = Lane {
            live: Arc::clone(live),
            adapter: Arc::clone(adapter),
            key: key.clone(),
            rows: receiver,
            behind: Arc::clone(&behind),
            slots: Arc::clone(slots),
            stop: self.stop.clone(),
            last: RowId(row.id.0 - 1),
        };
        // The channel is new and has room.
        let _ = sender.try_send(row);
        lanes.insert(key.clone(), Entrance { rows: sender, behind });
        drop(lanes);
        self.tasks.spawn(serve(lane, Arc::clone(&self.lanes)));
    }

    /// A row for a network that was taken out of the configuration.
    async fn nowhere(&self, row: Row) {
        tracing::warn!(network = %row.new.lane.network, "a message waits for a network that is not connected any more");
        let cause = "the network is not connected".to_owned();
        let at = row.new.accepted_at;
        let buried = Settlement::Buried { row: row.id, reason: Reason::NotConnected, cause, at, follow: None };
        if let Err(error) = self.store.settle(buried).await {
            tracing::error!(%error, "the fate of a message cannot be stored");
        }
    }
}

/// Lets a lane work and takes it off the list when nothing is left. Whoever hands rows over holds the same lock, so none
/// is put into a lane that has just ended.
async fn serve(mut lane: Lane, lanes: Arc<Mutex<HashMap<LaneKey, Entrance>>>) {
    while lane.work().await == Rest::Empty {
        let mut lanes = lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if lane.rows.is_empty() && !lane.behind.load(Ordering::Acquire) {
            lanes.remove(&lane.key);
            return;
        }
    }
}
