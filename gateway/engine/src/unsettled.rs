// SPDX-License-Identifier: EUPL-1.2
//! Deliveries that are made and whose fate is not durable yet. A far side can refuse what it took before we have stored that it did:
//! whoever brings such a refusal waits here until there is something to find.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use dreiklang_model::DeliveryId;
use tokio::sync::watch;

/// Deliveries between their attempt and the commit.
#[derive(Default)]
pub(crate) struct Unsettled {
    deliveries: Mutex<HashSet<DeliveryId>>,
    settled: watch::Sender<()>,
}

/// One attempt; it ends when this is dropped.
pub(crate) struct Attempt<'a> {
    board: &'a Unsettled,
    delivery: DeliveryId,
}

impl Unsettled {
    /// An attempt begins.
    pub(crate) fn begin(&self, delivery: DeliveryId) -> Attempt<'_> {
        self.deliveries().insert(delivery);
        Attempt { board: self, delivery }
    }

    /// Waits until no attempt to make this delivery is under way.
    pub(crate) async fn settled(&self, delivery: DeliveryId) {
        let mut settled = self.settled.subscribe();
        while self.deliveries().contains(&delivery) && settled.changed().await.is_ok() {}
    }

    fn deliveries(&self) -> MutexGuard<'_, HashSet<DeliveryId>> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.board.deliveries().remove(&self.delivery);
        self.board.settled.send_replace(());
    }
}
