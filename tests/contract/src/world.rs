// SPDX-License-Identifier: EUPL-1.2
//! A whole gateway in a test: the engine, the networks `left` and `right` in memory, a store, and a clock that stands
//! still until it is moved.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use dreiklang_engine::{
    Engine, Organisation, Policy, Pseudonyms, Wiring,
    port::{Adapter, Clock, Entropy, Freshness, NoEntropy, NoMeter, Received, Recipient, SourceKey, Store},
};
use dreiklang_model::{Address, Language, Message, NativeId, Network, OrganisationId, Timestamp, What};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::book::PlainBook;

/// A clock that a test moves.
#[derive(Debug, Default)]
pub struct StillClock(AtomicI64);

impl StillClock {
    /// Moves it forward.
    pub fn pass(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + self.0.load(Ordering::SeqCst))
    }
}

/// Random bits that count.
#[derive(Debug, Default)]
pub struct Counting(AtomicU64);

impl Entropy for Counting {
    fn random(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::SeqCst))
    }

    fn seed(&self) -> Result<[u8; 32], NoEntropy> {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.0.fetch_add(1, Ordering::SeqCst).to_le_bytes());
        Ok(seed)
    }
}

/// The network `left`.
#[must_use]
pub fn left() -> Network {
    Network::new("left").unwrap()
}

/// The network `right`.
#[must_use]
pub fn right() -> Network {
    Network::new("right").unwrap()
}

/// A running gateway.
pub struct World {
    /// Its engine.
    pub engine: Engine,
    /// Its clock.
    pub clock: Arc<StillClock>,
    /// Its store.
    pub store: Arc<dyn Store>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

impl World {
    /// Starts a gateway over a store.
    pub async fn start(store: Arc<dyn Store>, adapters: Vec<Arc<dyn Adapter>>, policy: Policy) -> Self {
        Self::start_at(store, adapters, policy, Arc::default(), Counting::default()).await
    }

    /// Starts a gateway at a given time, with given randomness (a restarted one must not repeat its ids).
    pub async fn start_at(
        store: Arc<dyn Store>,
        adapters: Vec<Arc<dyn Adapter>>,
        policy: Policy,
        clock: Arc<StillClock>,
        entropy: Counting,
    ) -> Self {
        let organisation = Organisation {
            id: OrganisationId::new("town").unwrap(),
            name: "Town".to_owned(),
            language: Language::English,
            book: Arc::new(PlainBook { networks: adapters.iter().map(|adapter| adapter.network()).collect() }),
            policy,
        };
        let engine = Engine::new(Wiring {
            store: Arc::clone(&store),
            clock: Arc::<StillClock>::clone(&clock),
            entropy: Arc::new(entropy),
            meter: Arc::new(NoMeter),
            links: None,
            pseudonyms: Pseudonyms::new(&[7; 32]),
            organisations: vec![(organisation, adapters)],
        })
        .await
        .unwrap();
        let stop = CancellationToken::new();
        let running = {
            let (engine, stop) = (engine.clone(), stop.clone());
            tokio::spawn(async move { engine.run(stop).await.unwrap() })
        };
        Self { engine, clock, store, stop, running }
    }

    /// Ends it in order: what runs is finished or left for the next start.
    pub async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }

    /// Ends it as `kill -9` does: nothing is finished.
    pub fn kill(self) {
        self.running.abort();
    }
}

/// Somebody on `from` says `text` to `to`, a ghost there; `id` is his network's name for it.
#[must_use]
pub fn saying(from: (&Network, &str), to: &str, id: &str, text: &str, at: Timestamp) -> Received {
    Received {
        key: SourceKey { scope: "id".to_owned(), id: id.to_owned(), at: None },
        native: NativeId::new(id).unwrap(),
        from: Address::new(from.0.clone(), from.1).unwrap(),
        name: None,
        to: Recipient::Ghost(to.to_owned()),
        sent_at: at,
        freshness: Freshness::Pushed,
        proof: None,
        wants_receipt: false,
        what: What::Message(Message::text(text)),
    }
}
