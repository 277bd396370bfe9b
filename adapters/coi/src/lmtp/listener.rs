// SPDX-License-Identifier: EUPL-1.2
//! Listening, and how many may be connected at once.

use std::net::SocketAddr;

use dreiklang_engine::{
    Hub,
    port::{AdapterError, Finding, Health},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::intake::Intake;

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
    pub(crate) async fn run(&self, hub: &Hub, _intake: &Intake, stop: &CancellationToken) -> Result<(), AdapterError> {
        let _socket = TcpListener::bind(self.listen).await.map_err(|cause| AdapterError {
            what: format!("mail.lmtp.listen: cannot listen on {}", self.listen),
            cause: cause.into(),
        })?;
        hub.health("lmtp", &Health::Online);
        stop.cancelled().await;
        Ok(())
    }

    pub(crate) async fn check(&self) -> Finding {
        Finding { fine: true, what: format!("LMTP on {}", self.listen), says: "configured".to_owned() }
    }
}
