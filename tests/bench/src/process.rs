// SPDX-License-Identifier: EUPL-1.2
//! The real program with a real configuration: how long it takes to start, and how much memory it needs, with nobody in its database and
//! with a hundred thousand people and ten thousand chats. The homeserver is a stub; the other servers are away, so that every
//! message waits.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use dreiklang_engine::port::{Clock, Store, SystemClock};
use dreiklang_loopback::Loopback;
use dreiklang_model::{Address, ChatId, Network};
use dreiklang_store::{Seal, Sqlite};
use tokio::net::TcpListener;

use crate::{
    accept::{TOKEN, agree, engine},
    town::organisation,
};

const STARTS: usize = 5;
/// Writes under way at once while the database is filled.
const TOGETHER: usize = 256;
/// Events of one transaction, as homeservers send them.
const TRANSACTION: usize = 100;

pub(crate) async fn run(on: &Path, gateway: &Path) {
    let homeserver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let homeserver_url = format!("http://{}", homeserver.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(homeserver, Router::new().fallback(agree)).await });
    for (people, chats) in [(0, 0), (100_000, 10_000)] {
        let directory = tempfile::tempdir_in(on).unwrap();
        let place = Place::new(directory.path(), &homeserver_url).await;
        fill(directory.path(), &homeserver_url, people, chats).await;
        place.start(gateway).await; // The first start makes the keys.
        let mut starts = Vec::new();
        for _ in 0..STARTS {
            starts.push(place.start(gateway).await.since);
        }
        starts.sort_unstable();
        let running = place.start(gateway).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        println!(
            "process: {people} people, {chats} chats: start {:.3} s (median of {STARTS}, best {:.3} s), idle {} MiB",
            starts[STARTS / 2].as_secs_f64(),
            starts[0].as_secs_f64(),
            running.resident()
        );
        if chats > 0 {
            place.say(chats).await;
            println!("process: a message waits in each of {chats} chats: {} MiB", running.resident());
        }
    }
}

/// Where the program runs.
struct Place {
    config: std::path::PathBuf,
    admin: SocketAddr,
    door: SocketAddr,
}

/// The running program; killed when dropped.
struct Running {
    child: Child,
    /// From the start to the first sign of life.
    since: Duration,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Running {
    /// MiB.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }
}

impl Place {
    async fn new(directory: &Path, homeserver: &str) -> Self {
        let (admin, door, lmtp, nobody) = (free().await, free().await, free().await, free().await);
        let secret = directory.join("secret");
        std::fs::write(&secret, TOKEN).unwrap();
        let other = directory.join("other");
        std::fs::write(&other, TOKEN.replace('0', "f")).unwrap();
        let (secret, other) = (secret.display(), other.display());
        let config = directory.join("config.toml");
        let text = format!(
            r#"
[gateway]
state = "{}"
admin_listen = "{admin}"

[[organisation]]
id = "{}"
name = "Bench"
language = "en"

[organisation.matrix]
server_name = "hs.example"
homeserver = "{homeserver}"
listen = "{door}"
url = "http://{door}"
as_token_file = "{other}"
hs_token_file = "{secret}"

[organisation.xmpp]
server = "{nobody}"
domains = {{ matrix = "matrix.gw.example", mail = "mail.gw.example" }}
secret_file = "{secret}"

[organisation.mail]
domain = "gw.example"
lmtp = {{ listen = "{lmtp}" }}
smtp = {{ server = "{nobody}", security = "none", user = "bridge@mail.example", password_file = "{secret}" }}
trusted_authserv_id = "mail.example"

[organisation.policy]
messages_per_minute = 1000000
"#,
            directory.join("state").display(),
            organisation(),
        );
        std::fs::write(&config, text).unwrap();
        Self { config, admin, door }
    }

    async fn start(&self, gateway: &Path) -> Running {
        let begun = Instant::now();
        let child = Command::new(gateway).arg("--config").arg(&self.config).arg("run").stdout(Stdio::null()).spawn().unwrap();
        let mut running = Running { child, since: Duration::ZERO };
        let client = reqwest::Client::new();
        let livez = format!("http://{}/livez", self.admin);
        while client.get(&livez).send().await.is_err() {
            assert!(running.child.try_wait().unwrap().is_none(), "the gateway ended");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        running.since = begun.elapsed();
        running
    }

    /// Somebody says something in each chat.
    async fn say(&self, chats: usize) {
        let client = reqwest::Client::new();
        for first in (0..chats).step_by(TRANSACTION) {
            let now = SystemClock.now().as_millis();
            let event = |number: usize| {
                serde_json::json!({
                    "type": "m.room.message", "event_id": format!("$event{number}:hs.example"), "sender": alice(number),
                    "room_id": format!("!room{number}:hs.example"), "origin_server_ts": now,
                    "content": {"msgtype": "m.text", "body": "A message of the length that people write to each other."},
                })
            };
            let events: Vec<_> = (first..chats.min(first + TRANSACTION)).map(event).collect();
            let url = format!("http://{}/_matrix/app/v1/transactions/t{first}", self.door);
            let answer = client.put(url).bearer_auth(TOKEN).json(&serde_json::json!({ "events": events })).send().await.unwrap();
            assert_eq!(answer.status(), 200);
        }
        let status = format!("http://{}/metrics", self.admin);
        let waiting =
            format!("dreiklang_queue_messages{{organisation=\"{}\",network=\"xmpp\",state=\"waiting\"}} {chats}", organisation());
        while !client.get(&status).send().await.unwrap().text().await.unwrap().contains(&waiting) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

async fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

fn alice(number: usize) -> String {
    format!("@person{number}:hs.example")
}

/// A database with so many people, of whom two each have a chat.
async fn fill(directory: &Path, homeserver: &str, people: usize, chats: usize) {
    std::fs::create_dir_all(directory.join("state")).unwrap();
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&directory.join("state/dreiklang.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap());
    let engine = engine(Arc::clone(&store), homeserver.to_owned(), free().await, Loopback::new(Network::XMPP).0).await;
    let hub = engine.hub(&organisation(), &Network::MATRIX).unwrap();
    let key = store.organisation(&organisation()).await.unwrap();
    let tasks: Vec<_> = (0..TOGETHER)
        .map(|first| {
            let (hub, store) = (hub.clone(), Arc::clone(&store));
            tokio::spawn(async move {
                for number in (first..chats).step_by(TOGETHER) {
                    let who = Address::new(Network::MATRIX, alice(number)).unwrap();
                    let ghost = format!("@_xmpp_bob{number}=40xmpp.example:hs.example");
                    let leg = hub.open_direct(&who, &ghost).await.unwrap().unwrap();
                    let room = ChatId::new(format!("!room{number}:hs.example")).unwrap();
                    hub.bind(leg.conversation, None, Some(&room)).await.unwrap();
                }
                for number in (first..people.saturating_sub(2 * chats)).step_by(TOGETHER) {
                    let who = Address::new(Network::XMPP, format!("somebody{number}@xmpp.example")).unwrap();
                    store.persona(key, &who, None, SystemClock.now()).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    drop(engine);
    store.close().await;
}
