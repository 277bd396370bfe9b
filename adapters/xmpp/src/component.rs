// SPDX-License-Identifier: EUPL-1.2
//! One component for as long as the gateway runs: connects, serves, connects again.

use std::{
    collections::VecDeque,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dreiklang_engine::{Hub, port::Health};
use dreiklang_model::Network;
use secrecy::SecretString;
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    acquaintances::{self, Met},
    chat_states::Knowing,
    config::ComponentDomain,
    foreign::{Events, Foreign},
    hosted::{self, Desk, Hosted, Keeper},
    inward::{self, Acceptor},
    media::{Services, Web},
    senders::Senders,
    service::{self, Present, Resources, Service},
    transport::{self, BackOff, Books, Connection, End, OpenError, Order, Ports, Questions, Task},
};

/// How much of each kind may wait. What is received and not durable yet dies with the process, so it is little.
const ORDERS: usize = 256;
const ANSWERS: usize = 256;
const MESSAGES: usize = 128;
const TASKS: usize = 128;
/// A connection that lasted so long was a good one.
const GOOD: Duration = Duration::from_secs(10);
/// How long what was received may take to become durable after the end.
const LAST_WORK: Duration = Duration::from_secs(3);

/// A component and the way into its connection.
pub(crate) struct Component {
    pub(crate) domain: ComponentDomain,
    pub(crate) network: Network,
    orders: RwLock<Option<mpsc::Sender<Order>>>,
    tasks: RwLock<Option<mpsc::Sender<Task>>>,
}

/// What all components of an organisation share.
pub(crate) struct Shared {
    pub(crate) server: String,
    pub(crate) secret: SecretString,
    pub(crate) own: Vec<ComponentDomain>,
    pub(crate) components: Arc<Vec<(ComponentDomain, Network)>>,
    pub(crate) senders: Arc<Senders>,
    /// Who knows chat states.
    pub(crate) knowing: Arc<Knowing>,
    /// How ghosts are there, by bare JID.
    pub(crate) present: Present,
    /// How people are there.
    pub(crate) resources: Resources,
    /// Who was asked lately how he looks.
    pub(crate) met: Met,
    /// Counts chat states: their ids.
    pub(crate) states: AtomicU64,
    /// The rooms that are hosted.
    pub(crate) hosted: Arc<Hosted>,
    pub(crate) books: Arc<Books>,
    pub(crate) questions: Arc<Questions>,
    /// The service that takes uploads, if the administrator named one.
    pub(crate) upload: Option<String>,
    pub(crate) services: Services,
    pub(crate) web: Web,
    /// Rooms of other servers, and where news of them goes.
    pub(crate) foreign: Arc<Foreign>,
    pub(crate) news: Events,
    /// Who listens in them.
    pub(crate) listener: Arc<str>,
}

impl Shared {
    /// An id for a chat state.
    pub(crate) fn next_state(&self) -> String {
        format!("state-{}", self.states.fetch_add(1, Ordering::Relaxed))
    }
}

impl Component {
    pub(crate) fn new(domain: ComponentDomain, network: Network) -> Self {
        Self { domain, network, orders: RwLock::new(None), tasks: RwLock::new(None) }
    }

    /// The way into the connection, while there is one.
    pub(crate) fn orders(&self) -> Option<mpsc::Sender<Order>> {
        self.orders.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_orders(&self, orders: Option<mpsc::Sender<Order>>) {
        *self.orders.write().unwrap_or_else(PoisonError::into_inner) = orders;
    }

    /// The way to the service, while it runs.
    pub(crate) fn tasks(&self) -> Option<mpsc::Sender<Task>> {
        self.tasks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The connection's name for administrators.
    pub(crate) fn part(&self) -> String {
        format!("component {}", self.domain)
    }

    /// Serves until `stop` is cancelled.
    pub(crate) async fn run(self: &Arc<Self>, shared: &Arc<Shared>, hub: &Hub, stop: &CancellationToken) {
        let (answers, to_write) = mpsc::channel(ANSWERS);
        let (messages, to_accept) = mpsc::channel(MESSAGES);
        let (tasks, to_serve) = mpsc::channel(TASKS);
        *self.tasks.write().unwrap_or_else(PoisonError::into_inner) = Some(tasks.clone());
        let unserved = Unserved(self);
        let farewell = CancellationToken::new();
        let mut workers = JoinSet::new();
        let (newcomers, coming) = mpsc::channel(acquaintances::WAITING);
        let (desk, asked) = mpsc::channel(hosted::WAITING);
        let desk = Desk::new(desk);
        let acceptor = Acceptor {
            hub: hub.clone(),
            own: shared.own.clone(),
            senders: Arc::clone(&shared.senders),
            knowing: Arc::clone(&shared.knowing),
            met: shared.met.clone(),
            newcomers,
            foreign: Arc::clone(&shared.foreign),
            news: shared.news.clone(),
            listener: Arc::clone(&shared.listener),
            hosted: Arc::clone(&shared.hosted),
            desk: desk.clone(),
            answers: answers.clone(),
        };
        workers.spawn(inward::accept(acceptor, to_accept, stop.clone()));
        let service = Service {
            hub: hub.clone(),
            domain: self.domain.clone(),
            network: self.network.clone(),
            components: Arc::clone(&shared.components),
            since: hub.now(),
            present: shared.present.clone(),
            resources: shared.resources.clone(),
            met: shared.met.clone(),
            foreign: Arc::clone(&shared.foreign),
            news: shared.news.clone(),
            listener: Arc::clone(&shared.listener),
            answers: answers.clone(),
        };
        let keeper = Keeper {
            hub: hub.clone(),
            component: Arc::clone(self),
            hosted: Arc::clone(&shared.hosted),
            service: service.clone(),
            answers,
        };
        workers.spawn(hosted::keep(keeper, asked));
        let rooms = (desk, Arc::clone(&shared.hosted));
        workers.spawn(service::serve(service, rooms, to_serve, stop.clone(), farewell.clone()));
        workers.spawn(acquaintances::meet(Arc::clone(self), Arc::clone(shared), hub.clone(), coming));
        let counter = hub.clone();
        let mut ports = Ports {
            answers: to_write,
            again: VecDeque::new(),
            messages,
            service: tasks,
            own: shared.own.clone(),
            books: Arc::clone(&shared.books),
            questions: Arc::clone(&shared.questions),
            dropped: Box::new(move |why| counter.dropped(why)),
            farewell,
        };
        tokio::select! {
            () = self.stay_connected(shared, hub, &mut ports, stop) => {}
            Some(died) = workers.join_next() => {
                tracing::error!(component = %self.domain, panicked = died.is_err(), "a part died; the component is started again");
                return;
            }
        }
        // The workers end when nothing more can come; what they still answer nobody can write.
        drop((ports, unserved));
        let finished = async { while workers.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_WORK, finished).await.is_err() {
            tracing::error!(component = %self.domain, "what was received last could not be stored in time");
        }
    }

    async fn stay_connected(&self, shared: &Shared, hub: &Hub, ports: &mut Ports, stop: &CancellationToken) {
        let mut back_off = BackOff::new();
        while !stop.is_cancelled() {
            let opened = tokio::select! {
                opened = transport::open(&shared.server, &self.domain, &shared.secret) => opened,
                () = stop.cancelled() => break,
            };
            let conflict = match opened {
                Ok(connection) => {
                    let since = Instant::now();
                    let end = self.session(connection, hub, ports, stop).await;
                    if since.elapsed() > GOOD {
                        back_off.reset();
                    }
                    if end == End::Stopped {
                        break;
                    }
                    self.offline(hub, &end_in_words(&end));
                    end == End::Conflict
                }
                Err(error) => {
                    self.offline(hub, &error.to_string());
                    matches!(error, OpenError::Conflict)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(back_off.next(conflict)) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn session(&self, connection: Connection, hub: &Hub, ports: &mut Ports, stop: &CancellationToken) -> End {
        let (orders, to_deliver) = mpsc::channel(ORDERS);
        self.set_orders(Some(orders));
        let _closed = Closed(self);
        tracing::info!(component = %self.domain, "connected");
        hub.health(&self.part(), &Health::Online);
        transport::serve(connection, &self.domain, to_deliver, ports, stop).await
    }

    fn offline(&self, hub: &Hub, why: &str) {
        tracing::warn!(component = %self.domain, why, "not connected");
        hub.health(&self.part(), &Health::Offline(why.to_owned()));
    }
}

/// Closes the way to a service that ends, however it does.
struct Unserved<'a>(&'a Component);

impl Drop for Unserved<'_> {
    fn drop(&mut self) {
        *self.0.tasks.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Closes the way into a connection that is gone, however it went.
struct Closed<'a>(&'a Component);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.set_orders(None);
    }
}

fn end_in_words(end: &End) -> String {
    match end {
        End::Stopped => "ended".to_owned(),
        End::Conflict => "another program has connected as this component: only one may".to_owned(),
        End::Broken(why) => why.clone(),
    }
}
