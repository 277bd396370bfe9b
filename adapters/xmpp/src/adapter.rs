// SPDX-License-Identifier: EUPL-1.2
//! The adapter as the engine sees it.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicU64},
};

use async_trait::async_trait;
use dreiklang_engine::{
    Author, Ghost, Hosting, Hub, Leg, RoomLeg,
    port::{
        Adapter, AdapterError, Deliverable, Delivered, DeliveryError, Entered, EntryError, Finding, Media, RoomContent,
        RoomDelivery, Signal,
    },
};
use dreiklang_model::{
    Address, Capabilities, Format, Formats, MediaSource, NativeId, Network, Reason, RoomAddress, Support, What,
};
use dreiklang_richtext::styling;
use tokio::{
    io::AsyncWriteExt,
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    acquaintances::{self, Met},
    address,
    avatars::Place,
    chat_states::{self, Knowing},
    component::{Component, Shared},
    config::{Config, ConfigError},
    foreign::{self, Happened, Reach},
    hosted,
    media::{LARGEST, Services, Web},
    outward, reach,
    senders::Senders,
    service::{Present, Resources},
    sharing::{Asking, Reachable, handed_out},
    signals,
    transport::{self, OpenError, Order, Task},
};

/// What servers take in one stanza by default is 64 KiB; the rest of it is envelope.
const LONGEST_TEXT: usize = 58 * 1024;
/// What clients show: styled text and whom it mentions.
const FORMATS: Formats = styling::FORMATS.and(&[Format::Mention]);

/// What a chat can express.
const CAPABILITIES: Capabilities = Capabilities {
    notice: Support::AsText,
    caption: Support::No,
    longest_text: LONGEST_TEXT,
    largest_file: LARGEST,
    formats: FORMATS,
    ..Capabilities::FULL
};

/// Of how many ghosts it is remembered how they are there.
const MOST_PRESENT: u64 = 20_000;

/// XMPP by external components (XEP-0114): one for each foreign network.
pub struct XmppAdapter {
    shared: Arc<Shared>,
    components: Arc<BTreeMap<String, Arc<Component>>>,
    /// News of rooms of other servers; taken by the run of the adapter.
    news: tokio::sync::Mutex<mpsc::Receiver<Happened>>,
}

impl std::fmt::Debug for XmppAdapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "XmppAdapter({:?})", self.components.keys())
    }
}

impl XmppAdapter {
    /// An adapter that is not connected yet.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        let own = config.domains.values().cloned().collect();
        let components = config.domains.iter().map(|(network, domain)| (domain.clone(), network.clone())).collect();
        let (tell, news) = mpsc::channel(foreign::NEWS);
        let listener = config.domains.get(&Network::MATRIX).or_else(|| config.domains.values().next());
        let listener = listener.map(|domain| domain.as_str().to_owned()).unwrap_or_default();
        let shared = Shared {
            components: Arc::new(components),
            server: config.server,
            secret: config.secret,
            own,
            senders: Arc::new(Senders::new()),
            knowing: Arc::new(Knowing::new()),
            present: Present::new(MOST_PRESENT),
            resources: Resources::default(),
            met: Met::new(),
            states: AtomicU64::new(1),
            hosted: Arc::default(),
            books: Arc::default(),
            questions: Arc::default(),
            upload: config.upload,
            services: Services::new(),
            foreign: Arc::default(),
            news: tell,
            listener: listener.into(),
            web: Web::new(&config.tls, &config.fetch_allow).map_err(|error| ConfigError::Http(error.to_string()))?,
        };
        let component = |(network, domain): (Network, crate::ComponentDomain)| {
            (domain.as_str().to_owned(), Arc::new(Component::new(domain, network)))
        };
        let components = Arc::new(config.domains.into_iter().map(component).collect());
        Ok(Self { shared: Arc::new(shared), components, news: tokio::sync::Mutex::new(news) })
    }

    fn reach(&self) -> Reach {
        Reach::new(Arc::clone(&self.components), Arc::clone(&self.shared))
    }

    /// The component that hosts a room.
    fn host_of(&self, room: &RoomLeg) -> Option<&Arc<Component>> {
        let ours = room.chat.as_ref().filter(|_| room.hosting == Hosting::Ours)?;
        self.components.get(address::domain(ours.as_str()))
    }

    /// Where the files of something said in a room of another server can be had.
    async fn files_for_room(&self, hub: &Hub, delivery: &RoomDelivery) -> Result<Vec<Reachable>, DeliveryError> {
        let (RoomContent::Event(what), Author::Ghost(member)) = (&delivery.content, &delivery.author) else {
            return Ok(Vec::new());
        };
        let What::Message(message) = &**what else { return Ok(Vec::new()) };
        if message.attachments.is_empty() {
            return Ok(Vec::new());
        }
        let ghost = member.ghost.written.as_str();
        let component = self.components.get(address::domain(ghost));
        let Some((component, orders)) = component.and_then(|component| Some((component, component.orders()?))) else {
            return Err(DeliveryError::later("the component is not connected"));
        };
        let asking = Asking { component, orders: &orders, shared: &self.shared };
        let placed = asking.place(hub, ghost, None, &message.attachments).await;
        handed_out(hub, placed, &message.attachments).await
    }
}

#[async_trait]
impl Adapter for XmppAdapter {
    fn network(&self) -> Network {
        Network::XMPP
    }

    async fn run(&self, hub: Hub, stop: CancellationToken) -> Result<(), AdapterError> {
        if let Err(error) = self.shared.hosted.load(&hub).await {
            tracing::error!(%error, "it cannot be read who is in which room");
            return Ok(());
        }
        let mut running = JoinSet::new();
        let mut news = self.news.lock().await;
        let keeping = foreign::keep(self.reach(), hub.clone(), &mut news, stop.clone());
        let components = async {
            for component in self.components.values() {
                let (component, shared) = (Arc::clone(component), Arc::clone(&self.shared));
                let (hub, stop) = (hub.clone(), stop.clone());
                running.spawn(async move { component.run(&shared, &hub, &stop).await });
            }
            while let Some(ended) = running.join_next().await {
                if !stop.is_cancelled() {
                    tracing::error!(panicked = ended.is_err(), "a component ended by itself; all are started again");
                    return;
                }
            }
        };
        tokio::pin!(keeping);
        tokio::select! {
            () = components => {}
            () = async { keeping.await; std::future::pending::<()>().await } => {}
        }
        Ok(())
    }

    async fn enter(&self, hub: &Hub, room: &RoomAddress, _: Option<&Address>) -> Result<Entered, EntryError> {
        foreign::enter(&self.reach(), hub, room).await
    }

    async fn deliver_to_room(&self, hub: &Hub, delivery: &RoomDelivery) -> Result<Delivered, DeliveryError> {
        match delivery.room.hosting {
            Hosting::Theirs => {
                let files = self.files_for_room(hub, delivery).await?;
                foreign::deliver(&self.reach(), hub, delivery, &files).await
            }
            Hosting::Ours => match self.host_of(&delivery.room) {
                Some(component) => hosted::deliver(component, &self.shared, hub, delivery).await,
                None => {
                    let cause = "no component hosts this room".to_owned();
                    Err(DeliveryError::Never { reason: Reason::NotConnected, cause })
                }
            },
        }
    }

    async fn refresh_room(&self, hub: &Hub, room: &RoomLeg) {
        if room.hosting == Hosting::Theirs {
            foreign::refresh(&self.reach(), hub, room).await;
        } else if let Some(component) = self.host_of(room) {
            hosted::refresh(component, &self.shared.hosted, hub, room).await;
        }
    }

    async fn leave_room(&self, hub: &Hub, room: &RoomLeg) {
        if room.hosting == Hosting::Theirs {
            foreign::leave(&self.reach(), hub, room).await;
        } else if let Some(component) = self.host_of(room) {
            hosted::abandon(component, &self.shared.hosted, hub, room).await;
        }
    }

    fn room_capabilities(&self, room: &RoomLeg) -> Capabilities {
        match room.hosting {
            Hosting::Theirs => Capabilities { read: Support::No, ..CAPABILITIES },
            Hosting::Ours => hosted::capabilities(room, CAPABILITIES),
        }
    }

    async fn deliver(&self, hub: &Hub, delivery: &Deliverable) -> Result<Delivered, DeliveryError> {
        let never = |cause: &str| DeliveryError::Never { reason: Reason::NotConnected, cause: cause.to_owned() };
        let Some(component) = self.components.get(address::domain(delivery.leg.ghost.as_str())) else {
            return Err(never("no component shows this network any more"));
        };
        let Some(orders) = component.orders() else {
            return Err(DeliveryError::later(format!("{} is not connected", component.part())));
        };
        let user = &delivery.leg.user.address;
        let origin = match &delivery.what {
            What::Report { of, .. } => self.shared.senders.origin(user.as_str(), of),
            _ => None,
        };
        let id = delivery.id.to_string();
        let asking = Asking { component, orders: &orders, shared: &self.shared };
        let mut without = None;
        let mut stanzas = match &delivery.what {
            What::Message(message) if !message.attachments.is_empty() => {
                let placed = asking
                    .place(hub, delivery.leg.ghost.as_str(), Some(address::domain(user.as_str())), &message.attachments)
                    .await;
                match handed_out(hub, placed, &message.attachments).await {
                    Ok(places) => outward::stanzas(delivery, None, &places, hub.language()),
                    Err(DeliveryError::Never { reason, .. }) => {
                        let missing = message.attachments.iter();
                        let missing =
                            missing.map(|file| outward::missing_file(delivery, file, &reason, hub.language())).collect();
                        without = Some(reason);
                        missing
                    }
                    Err(error) => return Err(error),
                }
            }
            _ => outward::stanzas(delivery, origin.as_ref(), &[], hub.language()),
        };
        let shows_states = hub.organisation().policy.typing && matches!(delivery.what, What::Message(_));
        if shows_states && self.shared.knowing.knows(user.as_str()) != Some(false) {
            chat_states::mark(&mut stanzas);
        }
        let (done, outcome) = oneshot::channel();
        if orders.send(Order { id: id.clone(), to: user.clone(), stanzas, copies: Vec::new(), done }).await.is_err() {
            return Err(DeliveryError::later(format!("{} is not connected", component.part())));
        }
        match outcome.await {
            Ok(outcome) => {
                outcome?;
                Ok(Delivered { native: NativeId::new(id).ok(), leg: None, without })
            }
            Err(_) => Err(DeliveryError::Unknown { cause: "the connection ended".to_owned() }),
        }
    }

    async fn signal(&self, _hub: &Hub, signal: &Signal) -> bool {
        let ghost = match signal {
            Signal::Typing { leg, .. } => &leg.ghost,
            Signal::Presence { ghost, .. } => &ghost.written,
        };
        match self.components.get(address::domain(ghost.as_str())) {
            Some(component) => signals::show(component, &self.shared, signal).await,
            None => false,
        }
    }

    async fn portray(&self, _hub: &Hub, ghost: &Ghost) {
        let component = self.components.get(address::domain(ghost.written.as_str()));
        if let Some(tasks) = component.and_then(|component| component.tasks()) {
            // A service that ends shows everything anew when it begins.
            let _ = tasks.send(Task::Portrayed(ghost.written.as_str().to_owned())).await;
        }
    }

    fn capabilities(&self, _leg: &Leg) -> Capabilities {
        CAPABILITIES
    }

    async fn open(&self, _hub: &Hub, source: &MediaSource) -> Result<Media, DeliveryError> {
        let Some(place) = Place::read(&source.locator) else { return self.shared.web.open(&source.locator).await };
        match self.components.get(address::domain(&place.asker)) {
            Some(component) => acquaintances::open(component, &self.shared, &place).await,
            None => Err(DeliveryError::Never { reason: Reason::NotConnected, cause: "nobody is there to ask".to_owned() }),
        }
    }

    /// Never says yes: no server tells whether a person exists. It says no for domains that the server does not reach.
    async fn reaches(&self, who: &Address) -> Option<bool> {
        let (component, orders) = self.components.values().find_map(|one| Some((one, one.orders()?)))?;
        let domain = address::domain(who.as_str());
        let asking = Asking { component, orders: &orders, shared: &self.shared };
        let from = component.domain.as_str();
        reach::verdict(&asking.ask(domain, |id| reach::question(from, domain, id)).await?)
    }

    async fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::with_capacity(self.components.len());
        for component in self.components.values() {
            let opened = transport::open(&self.shared.server, &component.domain, &self.shared.secret).await;
            let (fine, says) = match opened {
                Ok(mut connection) => {
                    // Best effort: the server also notices by itself that we are gone.
                    let _ = connection.socket.write_all(b"</stream:stream>").await;
                    (true, "works".to_owned())
                }
                Err(OpenError::Conflict) => (true, "in use, by a gateway that runs already".to_owned()),
                Err(error) => (false, error.to_string()),
            };
            findings.push(Finding { fine, what: format!("{} at {}", component.part(), self.shared.server), says });
        }
        findings
    }
}
