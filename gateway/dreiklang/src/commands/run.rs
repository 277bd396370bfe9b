// SPDX-License-Identifier: EUPL-1.2
//! `dreiklang run`: the gateway, until it is told to stop.

use std::sync::Arc;

use anyhow::Context as _;
use dreiklang_engine::{
    Engine, Pseudonyms, Wiring,
    port::{Clock, MediaLinks, Store, SystemClock, SystemEntropy},
};
use dreiklang_store::{Seal, Sqlite};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Outcome;
use crate::{admin::Admin, compose, config::Loaded, log, media::Giving, media_links::Links, metrics::Metrics, state::State};

pub(crate) async fn run(loaded: &Loaded) -> anyhow::Result<Outcome> {
    let gateway = &loaded.config.gateway;
    log::start(gateway.log, gateway.log_format);
    let state = State::open(loaded)?;
    let organisations = compose::organisations(loaded, &state.key)?;
    let legs = organisations.iter().map(|(_, adapters)| adapters.len()).sum();
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(&state.database, Seal::new(&state.seal)?).await?);
    let metrics = Arc::new(Metrics::new());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let links = gateway.media_url.as_ref().map(|url| Links::new(url, &state.key)).transpose()?.map(Arc::new);
    let engine = Engine::new(Wiring {
        store: Arc::clone(&store),
        clock: Arc::clone(&clock),
        entropy: Arc::new(SystemEntropy),
        meter: Arc::<Metrics>::clone(&metrics),
        links: links.clone().map(|links| links as Arc<dyn MediaLinks>),
        pseudonyms: Pseudonyms::new(&state.key),
        organisations,
    })
    .await
    .context("the database")?;
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "the gateway starts");
    let giving = links.map(|links| Giving::new(engine.clone(), Arc::clone(&clock), links));
    let admin = Admin { engine: engine.clone(), store, metrics, clock, legs, giving };
    let serving = admin.serve(gateway.admin_listen, stop.clone());
    let running = async {
        let outcome = engine.run(stop.clone()).await;
        stop.cancel();
        outcome.map_err(anyhow::Error::from)
    };
    let serving = async {
        let outcome = serving.await;
        stop.cancel();
        outcome
    };
    let (served, ran) = tokio::join!(serving, running);
    served.and(ran)?;
    tracing::info!("the gateway has stopped");
    Ok(Outcome::Fine)
}

async fn stop_on_signal(stop: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        tracing::error!("signals cannot be received; only SIGKILL will end the gateway");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stop.cancelled() => {}
    }
    stop.cancel();
}
