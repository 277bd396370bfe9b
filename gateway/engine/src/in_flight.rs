// SPDX-License-Identifier: EUPL-1.2
//! Deliveries that are made and whose fate is not durable yet. The far side can answer or refuse a message before we have stored how its
//! network names it: whoever brings such news waits here for what is on its way.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use dreiklang_model::DeliveryId;
use tokio::sync::watch;

use crate::port::LaneKey;

/// Deliveries on their way.
#[derive(Default)]
pub(crate) struct InFlight {
    lanes: Mutex<HashMap<LaneKey, DeliveryId>>,
    /// Counts deliveries whose fate was stored.
    settled: watch::Sender<u64>,
}

/// One delivery on its way; it ends when this is dropped.
pub(crate) struct Flight<'a> {
    board: &'a InFlight,
    lane: LaneKey,
}

impl InFlight {
    /// A delivery begins; a lane has one at a time.
    pub(crate) fn begin(&self, lane: &LaneKey, delivery: DeliveryId) -> Flight<'_> {
        self.lanes().insert(lane.clone(), delivery);
        Flight { board: self, lane: lane.clone() }
    }

    /// Is something on its way in this lane?
    pub(crate) fn holds(&self, lane: &LaneKey) -> bool {
        self.lanes().contains_key(lane)
    }

    /// Waits until this delivery is not on its way.
    pub(crate) async fn landed(&self, delivery: DeliveryId) {
        let mut settled = self.settled();
        let flies = || self.lanes().values().any(|one| *one == delivery);
        while flies() && settled.changed().await.is_ok() {}
    }

    /// Changes whenever the fate of a delivery was stored.
    pub(crate) fn settled(&self) -> watch::Receiver<u64> {
        self.settled.subscribe()
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<LaneKey, DeliveryId>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.board.lanes().remove(&self.lane);
        self.board.settled.send_modify(|settled| *settled += 1);
    }
}
