// SPDX-License-Identifier: EUPL-1.2
//! Which lanes are delivering right now. Somebody can answer a message before we have stored how his network names it: whoever looks
//! for an unknown name waits for what is on its way there.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::port::LaneKey;

/// Deliveries on their way.
#[derive(Default)]
pub(crate) struct InFlight {
    lanes: Mutex<HashSet<LaneKey>>,
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
    pub(crate) fn begin(&self, lane: &LaneKey) -> Flight<'_> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).insert(lane.clone());
        Flight { board: self, lane: lane.clone() }
    }

    /// Is something on its way in this lane?
    pub(crate) fn holds(&self, lane: &LaneKey) -> bool {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).contains(lane)
    }

    /// Changes whenever the fate of a delivery was stored.
    pub(crate) fn settled(&self) -> watch::Receiver<u64> {
        self.settled.subscribe()
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.board.lanes.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.lane);
        self.board.settled.send_modify(|settled| *settled += 1);
    }
}
