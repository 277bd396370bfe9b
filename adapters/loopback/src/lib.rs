// SPDX-License-Identifier: EUPL-1.2
//! A network in memory: the smallest adapter that keeps the adapter specification. It is the reference for
//! `docs/adapter-spec.md`, the far side of the engine's tests, and the stub partner of the benchmarks.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use dreiklang_engine::{
    Ghost, Hub, Leg, RoomLeg,
    port::{
        Adapter, AdapterError, Deliverable, Delivered, DeliveryError, Entered, EntryError, Finding, Health, Invitation, Media,
        Received, RoomDelivery, Signal, StoreError, Verdict, Wanted,
    },
};
use dreiklang_model::{Address, Capabilities, ChatId, MediaSource, NativeId, Network, Reason, RoomAddress, RoomDetails, What};
use futures::{StreamExt, stream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How much may lie in the network's air before whoever sends must wait.
const AIR: usize = 4096;

/// One thing that somebody on this network does, and where the gateway's verdict goes.
type Said = (Received, oneshot::Sender<Verdict>);

/// What the network does with a delivery.
#[derive(Debug, Clone)]
pub enum Fate {
    /// Takes it.
    Take,
    /// Fails it.
    Fail(DeliveryError),
    /// Panics, as no adapter should.
    Panic,
}

/// The network.
#[derive(Debug)]
pub struct Loopback {
    network: Network,
    say: mpsc::Sender<Said>,
    said: tokio::sync::Mutex<mpsc::Receiver<Said>>,
    heard: mpsc::UnboundedSender<Deliverable>,
    in_rooms: mpsc::UnboundedSender<RoomDelivery>,
    wanted: mpsc::UnboundedSender<Wanted>,
    seen: mpsc::UnboundedSender<Signal>,
    portrayed: mpsc::UnboundedSender<Ghost>,
    file: Mutex<Bytes>,
    fates: Mutex<VecDeque<Fate>>,
    /// [`None`]: this network holds no files.
    unopened: Mutex<Option<VecDeque<DeliveryError>>>,
    capabilities: Capabilities,
}

/// The people on the network, all in one: they say things and hear what is delivered.
#[derive(Debug)]
pub struct People {
    say: mpsc::Sender<Said>,
    heard: mpsc::UnboundedReceiver<Deliverable>,
    in_rooms: mpsc::UnboundedReceiver<RoomDelivery>,
    wanted: mpsc::UnboundedReceiver<Wanted>,
    seen: mpsc::UnboundedReceiver<Signal>,
    portrayed: mpsc::UnboundedReceiver<Ghost>,
}

impl Loopback {
    /// A network and its people.
    #[must_use]
    pub fn new(network: Network) -> (Self, People) {
        let (say, said) = mpsc::channel(AIR);
        let (heard, hearing) = mpsc::unbounded_channel();
        let (seen, seeing) = mpsc::unbounded_channel();
        let (portrayed, portraying) = mpsc::unbounded_channel();
        let (in_rooms, in_rooms_heard) = mpsc::unbounded_channel();
        let (wanted, wanted_heard) = mpsc::unbounded_channel();
        let people = People {
            say: say.clone(),
            heard: hearing,
            in_rooms: in_rooms_heard,
            wanted: wanted_heard,
            seen: seeing,
            portrayed: portraying,
        };
        let said = tokio::sync::Mutex::new(said);
        (
            Self {
                network,
                say,
                said,
                heard,
                in_rooms,
                wanted,
                seen,
                portrayed,
                file: Mutex::default(),
                fates: Mutex::default(),
                unopened: Mutex::default(),
                capabilities: Capabilities::PLAIN,
            },
            people,
        )
    }

    /// The same with other capabilities than a plain chat has.
    #[must_use]
    pub fn with(self, capabilities: Capabilities) -> Self {
        Self { capabilities, ..self }
    }

    /// What happens to the next deliveries, in order; afterwards everything is taken.
    pub fn plan(&self, fates: impl IntoIterator<Item = Fate>) {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner).extend(fates);
    }

    /// What happens to those who next open a file of this network, in order; afterwards every file is there, and empty. Without this the
    /// network holds no files.
    pub fn plan_files(&self, errors: impl IntoIterator<Item = DeliveryError>) {
        *self.unopened.lock().unwrap_or_else(PoisonError::into_inner) = Some(errors.into_iter().collect());
    }

    /// What every file of this network holds from now on.
    pub fn hold_file(&self, bytes: &[u8]) {
        self.plan_files([]);
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Bytes::copy_from_slice(bytes);
    }

    /// Another mouth for the people.
    #[must_use]
    pub fn mouth(&self) -> Mouth {
        Mouth { say: self.say.clone() }
    }
}

/// Somebody who only speaks.
#[derive(Debug, Clone)]
pub struct Mouth {
    say: mpsc::Sender<Said>,
}

impl Mouth {
    /// Says something and waits for the gateway's verdict; [`None`]: the gateway is gone.
    pub async fn say(&self, what: Received) -> Option<Verdict> {
        say(&self.say, what).await
    }
}

impl People {
    /// Says something and waits for the gateway's verdict; [`None`]: the gateway is gone.
    pub async fn say(&self, what: Received) -> Option<Verdict> {
        say(&self.say, what).await
    }

    /// The next thing that was delivered to anybody here; [`None`]: the gateway is gone.
    pub async fn hear(&mut self) -> Option<Deliverable> {
        self.heard.recv().await
    }

    /// The next thing that was delivered into a room here; [`None`]: the gateway is gone.
    pub async fn hear_in_rooms(&mut self) -> Option<RoomDelivery> {
        self.in_rooms.recv().await
    }

    /// How a room here is to look like next; [`None`]: the gateway is gone.
    pub async fn room_wanted(&mut self) -> Option<Wanted> {
        self.wanted.recv().await
    }

    /// The next ghost that looks or is called otherwise than before; [`None`]: the gateway is gone.
    pub async fn portrayed(&mut self) -> Option<Ghost> {
        self.portrayed.recv().await
    }

    /// The next signal that was shown to anybody here; [`None`]: the gateway is gone.
    pub async fn see(&mut self) -> Option<Signal> {
        self.seen.recv().await
    }
}

async fn say(air: &mpsc::Sender<Said>, what: Received) -> Option<Verdict> {
    let (answer, verdict) = oneshot::channel();
    air.send((what, answer)).await.ok()?;
    verdict.await.ok()
}

#[async_trait]
impl Adapter for Loopback {
    fn network(&self) -> Network {
        self.network.clone()
    }

    async fn run(&self, hub: Hub, stop: CancellationToken) -> Result<(), AdapterError> {
        hub.health("air", &Health::Online);
        let mut said = self.said.lock().await;
        let mut batch = Vec::new();
        loop {
            let number = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                number = said.recv_many(&mut batch, 512) => number,
            };
            if number == 0 {
                stop.cancelled().await;
                return Ok(());
            }
            let (received, answers): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
            // Whoever speaks while the database fails gets no verdict: the answer is dropped, nothing is acknowledged.
            let verdicts = hub.accept(received).await.unwrap_or_default();
            for (answer, verdict) in answers.into_iter().zip(verdicts) {
                // Nobody may be waiting for it; that is his affair.
                let _ = answer.send(verdict);
            }
        }
    }

    async fn signal(&self, _: &Hub, signal: &Signal) -> bool {
        self.seen.send(signal.clone()).is_ok()
    }

    async fn portray(&self, _: &Hub, ghost: &Ghost) {
        // Nobody may be looking; that is their affair.
        let _ = self.portrayed.send(ghost.clone());
    }

    async fn invite(&self, hub: &Hub, ghost: &Ghost) -> Result<Option<Invitation>, StoreError> {
        let link = format!("loopback:{}/{}", self.network, ghost.written.as_str());
        Ok(Some(Invitation { link, expires: hub.now().plus(Duration::from_secs(24 * 60 * 60)) }))
    }

    async fn deliver(&self, hub: &Hub, delivery: &Deliverable) -> Result<Delivered, DeliveryError> {
        let fate = self.fates.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match fate {
            Some(Fate::Fail(error)) => return Err(error),
            #[expect(clippy::panic, reason = "tests ask for it, to show that the engine survives it")]
            Some(Fate::Panic) => panic!("asked to"),
            Some(Fate::Take) | None => {}
        }
        let mut heard = delivery.clone();
        let files = match &mut heard.what {
            What::Message(message) | What::Edit { to: message, .. } => message.attachments.as_mut_slice(),
            _ => &mut [],
        };
        for file in files {
            let (seen, mut media) = hub.open(file).await?;
            *file = seen;
            while let Some(piece) = media.bytes.next().await {
                piece.map_err(|error| DeliveryError::later(error.to_string()))?;
            }
        }
        let native = NativeId::new(format!("{}/{}", self.network, delivery.id));
        let gone = |_| DeliveryError::later("nobody is there any more");
        self.heard.send(heard).map_err(gone)?;
        Ok(Delivered { native: native.ok(), ..Delivered::default() })
    }

    /// Every room of this network exists, is called as its address says, and nobody is in it.
    async fn enter(&self, _: &Hub, room: &RoomAddress, _: Option<&Address>) -> Result<Entered, EntryError> {
        let chat = ChatId::new(format!("chat of {}", room.as_str()));
        let chat = chat.map_err(|error| EntryError::NotNow { cause: error.to_string() })?;
        Ok(Entered { chat, details: RoomDetails::default(), people: Vec::new() })
    }

    async fn deliver_to_room(&self, _: &Hub, delivery: &RoomDelivery) -> Result<Delivered, DeliveryError> {
        if let Some(Fate::Fail(error)) = self.fates.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
            return Err(error);
        }
        self.in_rooms.send(delivery.clone()).map_err(|_| DeliveryError::later("nobody is there any more"))?;
        Ok(Delivered { native: NativeId::new(format!("{}/{}", self.network, delivery.id)).ok(), leg: None, without: None })
    }

    async fn refresh_room(&self, hub: &Hub, room: &RoomLeg) {
        if let Ok(Some(wanted)) = hub.wanted(room.conversation, 1000).await {
            // Nobody may be looking; that is their affair.
            let _ = self.wanted.send(wanted);
        }
    }

    fn room_capabilities(&self, _: &RoomLeg) -> Capabilities {
        self.capabilities
    }

    async fn open(&self, _: &Hub, _: &MediaSource) -> Result<Media, DeliveryError> {
        match self.unopened.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(VecDeque::pop_front) {
            Some(None) => {
                let bytes = self.file.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Ok(Media { size: Some(bytes.len() as u64), bytes: stream::once(async move { Ok(bytes) }).boxed() })
            }
            Some(Some(error)) => Err(error),
            None => {
                Err(DeliveryError::Never { reason: Reason::FileUnavailable, cause: "this network holds no files".to_owned() })
            }
        }
    }

    fn capabilities(&self, _: &Leg) -> Capabilities {
        self.capabilities
    }

    fn concurrency(&self) -> usize {
        1024
    }

    async fn check(&self) -> Vec<Finding> {
        vec![Finding { fine: true, what: "loopback".to_owned(), says: "always there".to_owned() }]
    }
}
