// SPDX-License-Identifier: EUPL-1.2
//! Messages that vanish, between a network that knows timers and one that does not: people are told once when the timer changes, what they
//! say lasts as long, and what waits here for longer does not arrive.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{sync::Arc, time::Duration};

use dreiklang_contract::world::{World, left, right, saying};
use dreiklang_engine::{
    Policy,
    port::{Adapter, Clock, Deliverable, DeliveryError, LetterState, Received, Store, Verdict},
};
use dreiklang_loopback::{Fate, Loopback, People};
use dreiklang_model::{Capabilities, Feature, Lifetime, Message, Reason, Report, What};
use dreiklang_store::{Seal, Sqlite};
use tempfile::TempDir;

struct Town {
    _directory: TempDir,
    store: Arc<dyn Store>,
    world: World,
    alice: People,
    bob: People,
    right_network: Arc<Loopback>,
}

/// Alice's network knows timers, Bob's does not.
async fn town() -> Town {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&directory.path().join("dreiklang.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap());
    let ((left_network, alice), (right_network, bob)) = (Loopback::new(left()), Loopback::new(right()));
    let left_network = Arc::new(left_network.with(Capabilities::FULL));
    let right_network = Arc::new(right_network);
    let adapters: Vec<Arc<dyn Adapter>> = vec![left_network, Arc::<Loopback>::clone(&right_network)];
    let world = World::start(Arc::clone(&store), adapters, Policy::default()).await;
    Town { _directory: directory, store, world, alice, bob, right_network }
}

impl Town {
    async fn alice_says(&self, id: &str, what: What<dreiklang_model::NativeId>) {
        let said = Received { what, ..saying((&left(), "alice"), "right|bob", id, "", self.world.clock.now()) };
        assert_eq!(self.alice.say(said).await, Some(Verdict::Stored));
    }

    async fn bob_says(&self, id: &str, text: &str) {
        let said = saying((&right(), "bob"), "left|alice", id, text, self.world.clock.now());
        assert_eq!(self.bob.say(said).await, Some(Verdict::Stored));
    }

    async fn bob_hears(&mut self) -> String {
        heard(&tokio::time::timeout(Duration::from_secs(20), self.bob.hear()).await.expect("something to hear").unwrap())
    }

    async fn alice_hears(&mut self) -> Deliverable {
        tokio::time::timeout(Duration::from_secs(20), self.alice.hear()).await.expect("something to hear").unwrap()
    }
}

fn heard(delivery: &Deliverable) -> String {
    match &delivery.what {
        What::Message(message) => message.text.reading().into_owned(),
        other => panic!("{other:?} is no message"),
    }
}

fn vanishing(seconds: u32, text: &str) -> What<dreiklang_model::NativeId> {
    What::Message(Message { expires: Lifetime::new(seconds), ..Message::text(text) })
}

fn lifetime(delivery: &Deliverable) -> Option<u32> {
    match &delivery.what {
        What::Message(message) => message.expires.map(Lifetime::seconds),
        other => panic!("{other:?} is no message"),
    }
}

#[tokio::test]
async fn people_are_told_once_and_what_they_say_lasts_as_long() {
    let mut town = town().await;
    town.alice_says("1", vanishing(3600, "one")).await;
    town.alice_says("2", vanishing(3600, "two")).await;
    assert!(town.bob_hears().await.contains("1 hour"));
    assert_eq!((town.bob_hears().await, town.bob_hears().await), ("one".to_owned(), "two".to_owned()));
    let told = town.alice_hears().await.what;
    assert!(matches!(told, What::Report { report: Report::Reduced(Feature::Expiry), .. }), "{told:?}");
    town.bob_says("b1", "and I").await;
    assert_eq!(lifetime(&town.alice_hears().await), Some(3600));
    town.alice_says("3", What::Timer(Lifetime::new(60))).await;
    assert!(town.bob_hears().await.contains("1 minute"));
    town.alice_says("4", What::Timer(Lifetime::new(60))).await;
    town.alice_says("5", What::Timer(None)).await;
    assert!(town.bob_hears().await.contains("do not vanish"), "what holds already is not said again");
    town.alice_says("6", What::Message(Message::text("stays"))).await;
    assert_eq!(town.bob_hears().await, "stays");
}

#[tokio::test]
async fn what_was_said_long_ago_and_comes_again_changes_nothing() {
    let mut town = town().await;
    town.alice_says("1", vanishing(60, "one")).await;
    town.alice_says("2", What::Timer(Lifetime::new(3600))).await;
    for expected in ["1 minute", "one", "1 hour"] {
        assert!(town.bob_hears().await.contains(expected));
    }
    let again =
        Received { what: vanishing(60, "one"), ..saying((&left(), "alice"), "right|bob", "1", "", town.world.clock.now()) };
    assert_eq!(town.alice.say(again).await, Some(Verdict::Duplicate));
    town.bob_says("b1", "and I").await;
    loop {
        let heard = town.alice_hears().await;
        if matches!(heard.what, What::Message(_)) {
            assert_eq!(lifetime(&heard), Some(3600));
            break;
        }
    }
}

#[tokio::test]
async fn what_waits_longer_than_it_lives_does_not_arrive_and_is_not_kept() {
    let mut town = town().await;
    town.alice_says("0", What::Timer(Lifetime::new(60))).await;
    assert!(town.bob_hears().await.contains("1 minute"));
    town.right_network.plan((0..1000).map(|_| Fate::Fail(DeliveryError::later("down"))));
    town.alice_says("1", vanishing(60, "soon gone")).await;
    let expired = async {
        loop {
            match town.alice_hears().await.what {
                What::Report { of, report: Report::Failed(reason) } => return (of.as_str().to_owned(), reason),
                // That the timer became words; by then it waits.
                What::Report { .. } => town.world.clock.pass(Duration::from_secs(3600)),
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(expired.await, ("1".to_owned(), Reason::Expired));
    assert_eq!(town.store.letters(Some(LetterState::Dead), 10).await.unwrap().len(), 0, "its text is gone");
}
