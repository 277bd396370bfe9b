// SPDX-License-Identifier: EUPL-1.2
//! The adapter as the engine sees it.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use dreiklang_engine::{
    Ghost, Hub, Leg, RoomLeg,
    port::{
        Adapter, AdapterError, Deliverable, Delivered, DeliveryError, Entered, EntryError, Finding, Media, RoomDelivery, Signal,
    },
};
use dreiklang_model::{
    Address, Capabilities, DisplayName, MediaSource, Network, RoomAddress, Support,
    words::{self, Text},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    check,
    config::{Config, ConfigError},
    delivery, duties, health, rooms,
    server::{Door, router, serve},
    service::Service,
    signals,
};

/// An event may have 64 KiB as JSON, with everything around the text; a text may need escapes.
const LONGEST_TEXT: usize = 24 * 1024;
/// What a Matrix room can express, whoever is in it.
const CAPABILITIES: Capabilities =
    Capabilities { expiry: Support::AsText, subject: Support::AsText, longest_text: LONGEST_TEXT, ..Capabilities::FULL };
/// How long calls of the homeserver that are under way may take when the gateway stops.
const FAREWELL: Duration = Duration::from_secs(5);
/// Pause before the bot is tried again.
const BOT_PAUSE: Duration = Duration::from_secs(10);

/// One organisation's application service.
#[derive(Clone)]
pub struct MatrixAdapter {
    service: Arc<Service>,
}

impl fmt::Debug for MatrixAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MatrixAdapter").field(&self.service.config).finish()
    }
}

impl MatrixAdapter {
    /// An adapter; nothing is listened on or asked yet.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Ok(Self { service: Service::new(config)? })
    }
}

#[async_trait]
impl Adapter for MatrixAdapter {
    fn network(&self) -> Network {
        Network::MATRIX
    }

    async fn run(&self, hub: Hub, stop: CancellationToken) -> Result<(), AdapterError> {
        let service = &self.service;
        let listen = service.config.listen;
        let listener = TcpListener::bind(listen).await.map_err(|error| AdapterError {
            what: format!("the homeserver cannot be listened to on {listen}"),
            cause: error.into(),
        })?;
        if let Err(error) = duties::resume(service, &hub).await {
            // Whoever starts the adapter again tries again.
            tracing::error!(%error, "the duties of a former run cannot be read");
            return Ok(());
        }
        let ended = CancellationToken::new();
        let _ended = ended.clone().drop_guard();
        let door = Door { service: Arc::clone(service), hub: hub.clone() };
        let serving = serve(listener, router(door), stop.clone().cancelled_owned());
        let duties = tokio::spawn(duties::run(Arc::clone(service), hub.clone(), ended.clone()));
        let until_stopped = async {
            tokio::join!(
                health::watch(service, &hub, &stop),
                introduce(service, &hub, &stop),
                rooms::keep(service, &hub, &stop),
                signals::keep_present(service, &stop)
            );
        };
        let served = async {
            let farewell = async {
                stop.cancelled().await;
                tokio::time::sleep(FAREWELL).await;
            };
            tokio::select! {
                served = serving => served,
                () = farewell => Ok(()),
            }
        };
        let (served, ()) = tokio::join!(served, async {
            tokio::join!(until_stopped, service.watermarks.keep_written(&hub, &stop));
        });
        ended.cancel();
        if let Err(error) = duties.await {
            tracing::error!(%error, "the duties ended badly");
        }
        served.map_err(|error| AdapterError { what: format!("listening on {listen} failed"), cause: error.into() })
    }

    async fn deliver(&self, hub: &Hub, delivery: &Deliverable) -> Result<Delivered, DeliveryError> {
        delivery::deliver(&self.service, hub, delivery).await
    }

    fn capabilities(&self, _leg: &Leg) -> Capabilities {
        CAPABILITIES
    }

    async fn enter(&self, hub: &Hub, room: &RoomAddress, for_whom: Option<&Address>) -> Result<Entered, EntryError> {
        rooms::enter(&self.service, hub, room, for_whom).await
    }

    async fn deliver_to_room(&self, hub: &Hub, delivery: &RoomDelivery) -> Result<Delivered, DeliveryError> {
        rooms::deliver(&self.service, hub, delivery).await
    }

    fn room_capabilities(&self, _room: &RoomLeg) -> Capabilities {
        CAPABILITIES
    }

    async fn refresh_room(&self, hub: &Hub, room: &RoomLeg) {
        rooms::refresh(&self.service, hub, room).await;
    }

    async fn leave_room(&self, _hub: &Hub, room: &RoomLeg) {
        rooms::leave(&self.service, room).await;
    }

    async fn signal(&self, _hub: &Hub, signal: &Signal) -> bool {
        signals::show(&self.service, signal).await
    }

    async fn portray(&self, hub: &Hub, ghost: &Ghost) {
        let service = &self.service;
        let Ok(user) = ruma::OwnedUserId::try_from(ghost.written.as_str()) else { return };
        // Whoever does not exist yet is made as he is then.
        if !service.ghosts.exists(hub, &user).await {
            return;
        }
        if let Err(trouble) = service.ghosts.ensure(&service.client, hub, &user, Some(&ghost.name)).await {
            tracing::debug!(%trouble, "a ghost keeps its old name until it speaks");
        }
        service.ghosts.dress(service, hub, &user, &ghost.address, ghost.picture.as_ref()).await;
    }

    async fn open(&self, _hub: &Hub, source: &MediaSource) -> Result<Media, DeliveryError> {
        self.service.repository.open(&source.locator).await
    }

    async fn check(&self) -> Vec<Finding> {
        check::check(&self.service).await
    }
}

/// Sees to it that people find the bot under its name.
async fn introduce(service: &Service, hub: &Hub, stop: &CancellationToken) {
    let organisation = hub.organisation().name.clone();
    let name = DisplayName::new(&words::say(hub.language(), &Text::GatewayName { organisation: &organisation }));
    while let Err(trouble) = service.ghosts.ensure(&service.client, hub, service.ours.bot(), Some(&name)).await {
        tracing::debug!(%trouble, "the bot cannot be made yet");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(BOT_PAUSE) => {}
        }
    }
}
