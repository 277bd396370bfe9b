// SPDX-License-Identifier: EUPL-1.2
//! The engine put together: organisations, their adapters, the dispatcher, retention.

use std::{fmt, sync::Arc, time::Duration};

use dreiklang_model::{Network, OrganisationId, Reason};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    Hub, Organisation, Pseudonyms,
    dispatcher::Dispatcher,
    invitations::{self, Invited, Whom},
    linking,
    organisation::{Live, Parts},
    port::{Adapter, AdapterError, Clock, Entropy, Health, MediaLinks, Meter, Store, StoreError},
    portraits, refreshing, retention, signals,
};

/// Pause before an adapter that ended without being asked to is started again.
const RESTART: Duration = Duration::from_secs(1);

/// What an engine is made of.
pub struct Wiring {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Who counts.
    pub meter: Arc<dyn Meter>,
    /// Who gives files to people whose network has no place for them; [`None`]: nobody.
    pub links: Option<Arc<dyn MediaLinks>>,
    /// Words for the log.
    pub pseudonyms: Pseudonyms,
    /// The organisations with their adapters, one for each connected network.
    pub organisations: Vec<(Organisation, Vec<Arc<dyn Adapter>>)>,
}

impl fmt::Debug for Wiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wiring({} organisations)", self.organisations.len())
    }
}

/// How one connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Whose.
    pub organisation: OrganisationId,
    /// On which network.
    pub network: Network,
    /// Which of the adapter's connections.
    pub part: String,
    /// Its state.
    pub health: Health,
}

/// The engine.
#[derive(Clone)]
pub struct Engine {
    store: Arc<dyn Store>,
    lives: Vec<Arc<Live>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({} organisations)", self.lives.len())
    }
}

impl Engine {
    /// Puts an engine together; nothing runs yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn new(wiring: Wiring) -> Result<Self, StoreError> {
        let mut lives = Vec::with_capacity(wiring.organisations.len());
        for (organisation, adapters) in wiring.organisations {
            let key = wiring.store.organisation(&organisation.id).await?;
            lives.push(Arc::new(Live::new(Parts {
                organisation,
                key,
                store: Arc::clone(&wiring.store),
                clock: Arc::clone(&wiring.clock),
                entropy: Arc::clone(&wiring.entropy),
                meter: Arc::clone(&wiring.meter),
                links: wiring.links.clone(),
                pseudonyms: wiring.pseudonyms.clone(),
                health: Arc::default(),
                adapters,
            })));
        }
        Ok(Self { store: wiring.store, lives })
    }

    /// The hub of an organisation's adapter.
    #[must_use]
    pub fn hub(&self, organisation: &OrganisationId, network: &Network) -> Option<Hub> {
        let live = self.live(organisation)?;
        live.adapters.contains_key(network).then(|| Hub::new(Arc::clone(live), network.clone()))
    }

    /// An invitation to somebody's ghost; [`None`]: everybody can write to him unasked. The inner error is the reason for people.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn invite(
        &self,
        organisation: &OrganisationId,
        whom: Whom<'_>,
    ) -> Result<Result<Option<Invited>, Reason>, StoreError> {
        let Some(live) = self.live(organisation) else { return Ok(Err(Reason::NotConnected)) };
        match invitations::person(live, whom, &Network::GATEWAY).await? {
            Ok(person) => invitations::invite(live, &person).await.map(Ok),
            Err(reason) => Ok(Err(reason)),
        }
    }

    /// Takes back every invitation to somebody; answers how many there were. The inner error is the reason for people.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke_invitations(
        &self,
        organisation: &OrganisationId,
        whom: Whom<'_>,
    ) -> Result<Result<usize, Reason>, StoreError> {
        let Some(live) = self.live(organisation) else { return Ok(Err(Reason::NotConnected)) };
        match invitations::person(live, whom, &Network::GATEWAY).await? {
            Ok(person) => invitations::revoke(live, &person).await.map(Ok),
            Err(reason) => Ok(Err(reason)),
        }
    }

    fn live(&self, organisation: &OrganisationId) -> Option<&Arc<Live>> {
        self.lives.iter().find(|live| live.organisation.id == *organisation)
    }

    /// How every connection is.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        let of = |live: &Arc<Live>| {
            let organisation = live.organisation.id.clone();
            let connection =
                move |(network, part, health)| Connection { organisation: organisation.clone(), network, part, health };
            live.health.all().into_iter().map(connection).collect::<Vec<_>>()
        };
        self.lives.iter().flat_map(of).collect()
    }

    /// Receives and delivers until `stop` is cancelled, then ends what runs and closes the store.
    ///
    /// # Errors
    /// [`AdapterError`] when an adapter cannot run at all.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), AdapterError> {
        let stop = stop.child_token();
        let _stop_all = stop.clone().drop_guard();
        let mut adapters = JoinSet::new();
        for live in &self.lives {
            for adapter in live.adapters.values() {
                let hub = Hub::new(Arc::clone(live), adapter.network());
                adapters.spawn(keep_running(Arc::clone(adapter), hub, stop.clone()));
            }
        }
        let mut beside = JoinSet::new();
        for live in &self.lives {
            beside.spawn(portraits::run(Arc::clone(live), stop.clone()));
            beside.spawn(refreshing::work(Arc::clone(live), stop.clone()));
            beside.spawn(linking::work(Arc::clone(live), stop.clone()));
            for network in live.adapters.keys() {
                beside.spawn(signals::run(Arc::clone(live), network.clone(), stop.clone()));
            }
        }
        let dispatcher = tokio::spawn(Dispatcher::new(Arc::clone(&self.store), &self.lives, stop.clone()).run());
        let retention = tokio::spawn(retention::run(self.lives.clone(), stop.clone()));
        let mut failed = Ok(());
        while let Some(ended) = adapters.join_next().await {
            if let Ok(Err(error)) = ended {
                failed = Err(error);
                stop.cancel();
            }
        }
        stop.cancelled().await;
        for task in [dispatcher, retention] {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task ended badly");
            }
        }
        self.store.close().await;
        failed
    }
}

/// Runs an adapter; one that panics or ends by itself is started again.
async fn keep_running(adapter: Arc<dyn Adapter>, hub: Hub, stop: CancellationToken) -> Result<(), AdapterError> {
    let network = adapter.network();
    while !stop.is_cancelled() {
        let running = {
            let (adapter, hub, stop) = (Arc::clone(&adapter), hub.clone(), stop.clone());
            tokio::spawn(async move { adapter.run(hub, stop).await })
        };
        match running.await {
            Ok(Ok(())) if stop.is_cancelled() => break,
            Ok(Ok(())) => tracing::error!(%network, "an adapter ended by itself; it is started again"),
            Ok(Err(error)) => return Err(error),
            Err(error) => tracing::error!(%network, panicked = error.is_panic(), "an adapter died; it is started again"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(RESTART) => {}
        }
    }
    Ok(())
}
