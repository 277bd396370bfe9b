// SPDX-License-Identifier: EUPL-1.2
//! The administrator's HTTP port: liveness, readiness of each leg, metrics, status; and the media endpoint, if there is one. It tells
//! nothing about people and changes nothing.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use dreiklang_engine::{
    Connection, Engine,
    port::{Clock, Counts, Health, LetterState, Store},
};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    media::{self, Giving},
    metrics::Metrics,
};

/// What the port shows.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How many connections there must be before the gateway counts as ready.
    pub(crate) legs: usize,
    /// The media endpoint, if files are given.
    pub(crate) giving: Option<Giving>,
}

/// The state of the whole, as `/status` answers it and `dreiklang status` reads it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) ready: bool,
    pub(crate) version: String,
    pub(crate) connections: Vec<Link>,
    pub(crate) queue: Vec<Queued>,
}

/// A connection.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) organisation: String,
    pub(crate) network: String,
    pub(crate) part: String,
    pub(crate) online: bool,
    /// What is wrong and what to do.
    pub(crate) says: Option<String>,
}

/// Messages in the queue.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Queued {
    pub(crate) organisation: String,
    pub(crate) network: String,
    pub(crate) state: String,
    pub(crate) number: u64,
    pub(crate) oldest_seconds: u64,
}

impl From<Connection> for Link {
    fn from(connection: Connection) -> Self {
        let (online, says) = match connection.health {
            Health::Online => (true, None),
            Health::Offline(says) => (false, Some(says)),
        };
        Self {
            organisation: connection.organisation.to_string(),
            network: connection.network.to_string(),
            part: connection.part,
            online,
            says,
        }
    }
}

pub(crate) fn queued(count: &Counts, now: dreiklang_model::Timestamp) -> Queued {
    let state = match count.state {
        LetterState::Waiting => "waiting",
        LetterState::Held => "held",
        LetterState::Dead => "dead",
    };
    Queued {
        organisation: count.organisation.to_string(),
        network: count.network.to_string(),
        state: state.to_owned(),
        number: count.number,
        oldest_seconds: now.since(count.oldest).as_secs(),
    }
}

impl Admin {
    /// Listens until stopped.
    pub(crate) async fn serve(self, listen: SocketAddr, stop: CancellationToken) -> anyhow::Result<()> {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("gateway.admin_listen: cannot listen on {listen}; is a gateway running already?"))?;
        let files =
            self.giving.clone().map(|giving| Router::new().route("/media/{token}/{name}", get(media::give)).with_state(giving));
        let router = Router::new()
            .route("/livez", get(|| async { "alive\n" }))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .route("/status", get(status))
            .with_state(self)
            .merge(files.unwrap_or_default());
        axum::serve(listener, router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
            .context("the administrator's port failed")
    }

    async fn status(&self) -> Result<Status, dreiklang_engine::port::StoreError> {
        let connections: Vec<Link> = self.engine.connections().into_iter().map(Link::from).collect();
        let now = self.clock.now();
        let queue = self.store.counts().await?.iter().map(|count| queued(count, now)).collect();
        let ready = self.all_online(&connections);
        Ok(Status { ready, version: env!("CARGO_PKG_VERSION").to_owned(), connections, queue })
    }

    fn all_online(&self, connections: &[Link]) -> bool {
        let mut legs: Vec<(&str, &str)> =
            connections.iter().map(|link| (link.organisation.as_str(), link.network.as_str())).collect();
        legs.dedup();
        legs.len() >= self.legs && connections.iter().all(|link| link.online)
    }
}

async fn ready(State(admin): State<Admin>) -> Response {
    let connections: Vec<Link> = admin.engine.connections().into_iter().map(Link::from).collect();
    let lines = connections.iter().map(|link| {
        let says = link.says.as_deref().unwrap_or("online");
        format!("{} {} {}: {says}\n", link.organisation, link.network, link.part)
    });
    let text: String = lines.collect();
    let code = if admin.all_online(&connections) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, text).into_response()
}

async fn metrics(State(admin): State<Admin>) -> Response {
    let counts = match admin.store.counts().await {
        Ok(counts) => counts,
        Err(error) => return (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    };
    match admin.metrics.text(&counts, &admin.engine.connections(), admin.clock.now()) {
        Ok(text) => {
            ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn status(State(admin): State<Admin>) -> Response {
    match admin.status().await.map(|status| serde_json::to_string(&status)) {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
