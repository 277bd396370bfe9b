// SPDX-License-Identifier: EUPL-1.2
//! How each connection is, and the signal that wakes lanes when a network comes back.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use dreiklang_model::Network;
use tokio::sync::watch;

use crate::port::Health;

/// The state of one organisation's connections.
#[derive(Default)]
pub(crate) struct HealthBoard {
    networks: Mutex<BTreeMap<Network, Entry>>,
}

struct Entry {
    parts: BTreeMap<String, Health>,
    /// Counts how often a connection of the network came back.
    returns: watch::Sender<u64>,
}

impl Default for Entry {
    fn default() -> Self {
        Self { parts: BTreeMap::new(), returns: watch::Sender::new(0) }
    }
}

impl HealthBoard {
    pub(crate) fn set(&self, network: &Network, part: &str, health: &Health) {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = networks.entry(network.clone()).or_default();
        let before = entry.parts.insert(part.to_owned(), health.clone());
        if before.as_ref() == Some(health) {
            return;
        }
        match health {
            Health::Online => {
                tracing::info!(%network, part, "online");
                entry.returns.send_modify(|returns| *returns += 1);
            }
            Health::Offline(why) => tracing::warn!(%network, part, why, "offline"),
        }
    }

    /// Changes whenever a connection of the network comes back.
    pub(crate) fn returns(&self, network: &Network) -> watch::Receiver<u64> {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        networks.entry(network.clone()).or_default().returns.subscribe()
    }

    /// No connection of the network is known to be down.
    pub(crate) fn is_up(&self, network: &Network) -> bool {
        let networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        networks.get(network).is_none_or(|entry| entry.parts.values().all(|health| *health == Health::Online))
    }

    /// Network, part and state of everything.
    pub(crate) fn all(&self) -> Vec<(Network, String, Health)> {
        let networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = |(network, entry): (&Network, &Entry)| {
            entry.parts.iter().map(|(part, health)| (network.clone(), part.clone(), health.clone())).collect::<Vec<_>>()
        };
        networks.iter().flat_map(parts).collect()
    }
}
