// SPDX-License-Identifier: EUPL-1.2
//! Listening, and how many may be connected at once.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use dreiklang_engine::{
    Hub,
    port::{AdapterError, Finding, Health},
};
use tokio::{
    io::BufReader,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::conversation::serve;
use crate::intake::Intake;

/// How many connections are served at once; more wait.
const MOST_CONNECTIONS: usize = 100;
/// After a failed `accept` (no file descriptors left, say).
const PAUSE: Duration = Duration::from_millis(200);

/// A listener for LMTP.
#[derive(Debug)]
pub(crate) struct Listener {
    listen: SocketAddr,
}

impl Listener {
    pub(crate) fn new(listen: SocketAddr) -> Self {
        Self { listen }
    }

    /// Receives until `stop`.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub(crate) async fn run(&self, hub: &Hub, intake: &Arc<Intake>, stop: &CancellationToken) -> Result<(), AdapterError> {
        let socket = TcpListener::bind(self.listen).await.map_err(|cause| AdapterError {
            what: format!("mail.lmtp.listen: cannot listen on {}", self.listen),
            cause: cause.into(),
        })?;
        hub.health("lmtp", &Health::Online);
        let slots = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        // Dropped at the end, and with it every connection: what was not answered comes again.
        let mut connections = JoinSet::new();
        loop {
            let slot = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                slot = Arc::clone(&slots).acquire_owned() => slot,
            };
            let accepted = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                accepted = socket.accept() => accepted,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok((stream, _)) => {
                    let (hub, intake) = (hub.clone(), Arc::clone(intake));
                    connections.spawn(async move {
                        converse(&hub, &intake, stream).await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection by LMTP could not be taken");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Is it there? A running gateway listens already.
    pub(crate) async fn check(&self) -> Finding {
        let what = format!("LMTP on {}", self.listen);
        match TcpListener::bind(self.listen).await {
            Ok(_) => {
                Finding { fine: true, what, says: "can be listened on; let your mail server deliver the domain there".to_owned() }
            }
            Err(_) if TcpStream::connect(self.listen).await.is_ok() => {
                Finding { fine: true, what, says: "is listened on already: the gateway runs".to_owned() }
            }
            Err(error) => Finding { fine: false, what, says: format!("{error}. Check mail.lmtp.listen.") },
        }
    }
}

async fn converse(hub: &Hub, intake: &Intake, stream: TcpStream) {
    // Several short answers in a row would else wait for one another's acknowledgement (RFC 896).
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection by LMTP answers slowly");
    }
    let (read, write) = stream.into_split();
    if let Err(error) = serve(hub, intake, BufReader::new(read), write).await {
        tracing::debug!(%error, "a connection by LMTP ended");
    }
}
