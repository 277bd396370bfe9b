// SPDX-License-Identifier: EUPL-1.2
//! Durable accept: from a homeserver's transaction to our 200, over HTTP, at a thousand messages a second. The homeserver is a
//! stub that agrees with everything; the far side is in memory.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Json, Router, http::Uri};
use dreiklang_engine::{
    Engine,
    port::{Adapter, Clock, Store, SystemClock},
};
use dreiklang_identity::{AliasKey, Plan};
use dreiklang_loopback::Loopback;
use dreiklang_matrix::MatrixAdapter;
use dreiklang_model::{Address, ChatId, Network};
use dreiklang_store::{Seal, Sqlite};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::town;

const RATE: usize = 1000;
const SECONDS: usize = 20;
/// Answers that are not counted: the gateway has just started and still asks each room what it missed.
const WARM_UP: usize = RATE;
const ROOMS: usize = 100;
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

pub(crate) async fn run(on: &Path) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let homeserver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let homeserver_url = format!("http://{}", homeserver.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(homeserver, Router::new().fallback(agree)).await });

    let directory = tempfile::tempdir_in(on).unwrap();
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&directory.path().join("bench.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap());
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (far, mut people) = Loopback::new(Network::XMPP);
    tokio::spawn(async move { while people.hear().await.is_some() {} });
    let engine = engine(store, homeserver_url, port, far).await;
    let hub = engine.hub(&town::organisation(), &Network::MATRIX).unwrap();
    let alice = Address::new(Network::MATRIX, "@alice:hs.example").unwrap();
    for room in 0..ROOMS {
        let leg = hub.open_direct(&alice, &format!("@_xmpp_bob{room}=40xmpp.example:hs.example")).await.unwrap().unwrap();
        hub.bind(leg.conversation, None, Some(&ChatId::new(format!("!room{room}:hs.example")).unwrap())).await.unwrap();
    }
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (engine, stop) = (engine.clone(), stop.clone());
        async move { engine.run(stop).await.unwrap() }
    });
    let client = reqwest::Client::builder().build().unwrap();
    let base = format!("http://{port}/_matrix/app/v1/transactions");
    while client.put(format!("{base}/hello")).bearer_auth(TOKEN).json(&serde_json::json!({"events": []})).send().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let mut pace = tokio::time::interval(Duration::from_secs(1) / u32::try_from(RATE).unwrap());
    let all = WARM_UP + RATE * SECONDS;
    let mut answers = Vec::with_capacity(all);
    for number in 0..all {
        pace.tick().await;
        let (client, url) = (client.clone(), format!("{base}/{number}"));
        answers.push(tokio::spawn(async move {
            let now = SystemClock.now().as_millis();
            let event = serde_json::json!({
                "type": "m.room.message", "event_id": format!("$event{number}:hs.example"), "sender": "@alice:hs.example",
                "room_id": format!("!room{}:hs.example", number % ROOMS), "origin_server_ts": now,
                "content": {"msgtype": "m.text", "body": "A message of the length that people write to each other."},
            });
            let begun = Instant::now();
            let answer = client.put(url).bearer_auth(TOKEN).json(&serde_json::json!({"events": [event]})).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            begun.elapsed()
        }));
    }
    let mut times = Vec::with_capacity(answers.len());
    for answer in answers {
        times.push(answer.await.unwrap());
    }
    times.drain(..WARM_UP);
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!(
        "accept: transaction to 200 at {RATE} messages/s: p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    stop.cancel();
    running.await.unwrap();
}

pub(crate) async fn engine(store: Arc<dyn Store>, homeserver: String, listen: std::net::SocketAddr, far: Loopback) -> Engine {
    let plan = Plan::new(AliasKey::new([7; 32])).matrix("hs.example").unwrap();
    let plan = plan.component(Network::MATRIX, "matrix.gw.example").unwrap();
    let tls = rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let matrix = MatrixAdapter::new(dreiklang_matrix::Config {
        homeserver,
        listen,
        url: format!("http://{listen}"),
        server_name: "hs.example".to_owned(),
        as_token: SecretString::from(TOKEN.replace('0', "f")),
        hs_token: SecretString::from(TOKEN),
        networks: vec![Network::XMPP],
        tls: Arc::new(tls),
    })
    .unwrap();
    let adapters: Vec<Arc<dyn Adapter>> = vec![Arc::new(matrix), Arc::new(far)];
    town::engine(store, plan, adapters).await
}

/// A homeserver that agrees with everything.
pub(crate) async fn agree(uri: Uri) -> Json<serde_json::Value> {
    Json(match uri.path() {
        path if path.ends_with("/ping") => serde_json::json!({"duration_ms": 1}),
        path if path.ends_with("/messages") => serde_json::json!({"chunk": [], "start": "s"}),
        path if path.ends_with("/register") => serde_json::json!({"user_id": "@dreiklang:hs.example"}),
        path if path.contains("/send/") => serde_json::json!({"event_id": "$sent"}),
        _ => serde_json::json!({}),
    })
}
