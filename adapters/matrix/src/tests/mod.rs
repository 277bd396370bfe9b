// SPDX-License-Identifier: EUPL-1.2
//! The adapter as a whole: a real engine and database, a homeserver in memory on one side and a network in memory on the
//! other. What real servers show is proved end to end elsewhere; here are the faults they show rarely.

mod door;
mod flows;
mod homeserver;
mod rooms;

use std::{sync::Arc, time::Duration};

use dreiklang_engine::{
    Engine, Hub, Organisation, Policy, Pseudonyms, Wiring,
    port::{
        Adapter, AdapterError, Clock, Entropy, Freshness, NoEntropy, NoMeter, Received, Recipient, SourceKey, Store, Verdict,
    },
};
use dreiklang_identity::{AliasKey, Book, Plan};
use dreiklang_loopback::{Loopback, People};
use dreiklang_model::{Address, Language, Message, NativeId, Network, OrganisationId, Placed, Timestamp, What};
use dreiklang_store::{Seal, Sqlite};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::homeserver::Homeserver;
use crate::{Config, MatrixAdapter};

const ALICE: &str = "@alice:hs.example";
const BOB: &str = "bob@xmpp.example";
const GHOST: &str = "@_xmpp_bob=40xmpp.example:hs.example";

/// A clock with which events of the homeserver in memory are fresh, until days are let pass.
#[derive(Default)]
struct Still {
    days: i64,
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_900_000_100_000 + self.days * 86_400_000)
    }
}

#[derive(Default)]
struct Counting(std::sync::atomic::AtomicU64);

impl Entropy for Counting {
    fn random(&self) -> u128 {
        u128::from(self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
    }

    fn seed(&self) -> Result<[u8; 32], NoEntropy> {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_le_bytes());
        Ok(seed)
    }
}

struct Gateway {
    homeserver: Homeserver,
    url: String,
    store: Arc<Sqlite>,
    xmpp: People,
    hub: Hub,
    /// The same gateway seen from the other network.
    there: Hub,
    stop: CancellationToken,
    running: Option<JoinHandle<Result<(), AdapterError>>>,
    base: String,
    transactions: std::sync::atomic::AtomicU64,
    directory: tempfile::TempDir,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Gateway {
    async fn start() -> Self {
        let (homeserver, base) = Homeserver::start().await;
        homeserver.world.lock().unwrap().users.insert(ALICE.to_owned());
        Self::start_with(homeserver, base, Still::default(), tempfile::tempdir().unwrap()).await
    }

    /// Stops and starts again some days later.
    async fn away(mut self, days: i64) -> Self {
        self.stop.cancel();
        self.running.take().unwrap().await.unwrap().unwrap();
        let directory = std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap());
        Self::start_with(self.homeserver.clone(), self.base.clone(), Still { days }, directory).await
    }

    async fn start_with(homeserver: Homeserver, base: String, clock: Still, directory: tempfile::TempDir) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = Config::example(&base, free);
        let url = config.url.clone();
        let plan = Plan::new(AliasKey::new([7; 32])).matrix("hs.example").unwrap();
        let plan = plan.component(Network::MATRIX, "matrix.gw.example").unwrap();
        let organisation = Organisation {
            id: OrganisationId::new("town").unwrap(),
            name: "Town".to_owned(),
            language: Language::English,
            book: Arc::new(Book::new(plan)),
            policy: Policy { longest_text: 1000, deny: vec!["eve@*".to_owned()], ..Policy::default() },
        };
        let store = Arc::new(Sqlite::open(&directory.path().join("gateway.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap());
        let (loopback, xmpp) = Loopback::new(Network::XMPP);
        let adapters: Vec<Arc<dyn Adapter>> = vec![Arc::new(MatrixAdapter::new(config).unwrap()), Arc::new(loopback)];
        let engine = Engine::new(Wiring {
            store: Arc::<Sqlite>::clone(&store),
            clock: Arc::new(clock),
            entropy: Arc::new(Counting::default()),
            meter: Arc::new(NoMeter),
            links: None,
            pseudonyms: Pseudonyms::new(&[7; 32]),
            organisations: vec![(organisation.clone(), adapters)],
        })
        .await
        .unwrap();
        let hub = engine.hub(&organisation.id, &Network::MATRIX).unwrap();
        let there = engine.hub(&organisation.id, &Network::XMPP).unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let stop = stop.clone();
            async move { engine.run(stop).await }
        });
        let gateway = Self {
            homeserver,
            url,
            store,
            xmpp,
            hub,
            there,
            stop,
            running: Some(running),
            base,
            transactions: 0.into(),
            directory,
        };
        let http = reqwest_client();
        until(async || http.get(&gateway.url).send().await.is_ok()).await;
        gateway
    }

    /// A transaction of the homeserver.
    async fn push(&self, events: &[&Value]) -> u16 {
        self.push_as(self.transactions.fetch_add(1, std::sync::atomic::Ordering::SeqCst), events).await
    }

    async fn push_as(&self, id: u64, events: &[&Value]) -> u16 {
        let url = format!("{}/_matrix/app/v1/transactions/{id}", self.url);
        let body = json!({ "events": events }).to_string();
        let answer = reqwest_client().put(url).bearer_auth("hs-secret").body(body).send().await.unwrap();
        answer.status().as_u16()
    }

    /// Bob says something to Alice.
    async fn bob_says(&self, id: &str, text: &str) {
        self.bob_does(id, What::Message(Message::text(text))).await;
    }

    /// Bob does something in his chat with Alice.
    async fn bob_does(&self, id: &str, what: What<NativeId>) {
        let received = Received {
            key: SourceKey { scope: "id".to_owned(), id: id.to_owned(), at: None },
            native: NativeId::new(id).unwrap(),
            from: Address::new(Network::XMPP, BOB).unwrap(),
            name: None,
            to: Recipient::Ghost("alice%hs.example@matrix.gw.example".to_owned()),
            sent_at: Still::default().now(),
            freshness: Freshness::Asked,
            proof: None,
            wants_receipt: false,
            what,
        };
        assert_eq!(self.xmpp.say(received).await, Some(Verdict::Stored));
    }

    /// The next thing Bob hears.
    async fn bob_hears(&mut self) -> What<Placed> {
        tokio::time::timeout(Duration::from_secs(10), self.xmpp.hear()).await.expect("nothing is heard").unwrap().what
    }

    async fn bob_hears_texts(&mut self, texts: &[&str]) {
        for text in texts {
            match self.bob_hears().await {
                What::Message(message) => assert_eq!(message.text, *text),
                other => panic!("{other:?} instead of {text}"),
            }
        }
    }

    /// A direct room of Alice with Bob's ghost, bound.
    async fn bound(&mut self, room: &str) {
        let invitation = self.homeserver.room(room, ALICE, GHOST);
        let first = self.homeserver.say(room, ALICE, "first");
        assert_eq!(self.push(&[&invitation, &first]).await, 200);
        self.bob_hears_texts(&["first"]).await;
    }
}

fn reqwest_client() -> reqwest::Client {
    let tls = Config::example("http://unused", "127.0.0.1:1".parse().unwrap()).tls;
    reqwest::Client::builder().tls_backend_preconfigured((*tls).clone()).no_proxy().build().unwrap()
}

async fn until(mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within ten seconds");
}
