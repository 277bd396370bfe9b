// SPDX-License-Identifier: EUPL-1.2
//! What holds only for a moment, on two networks in memory: it reaches who is concerned, past the outbox, and makes nothing known.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{sync::Arc, time::Duration};

use dreiklang_contract::world::{World, left, right, saying};
use dreiklang_engine::{
    Hub, Policy,
    port::{Adapter, Clock, DeliveryError, Received, Recipient, RowId, Sensed, Signal, Store, Verdict},
};
use dreiklang_loopback::{Fate, Loopback, People};
use dreiklang_model::{Address, Availability, Capabilities, NativeId, Network, OrganisationId, Presence, Support, Typing, What};
use dreiklang_store::{Seal, Sqlite};
use tempfile::TempDir;

struct Town {
    _directory: TempDir,
    store: Arc<dyn Store>,
    world: World,
    left: People,
    right: People,
}

async fn town(policy: Policy, fates: Vec<Fate>) -> Town {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&directory.path().join("dreiklang.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap());
    let reads = Capabilities { read: Support::Native, ..Capabilities::PLAIN };
    let ((left_network, left), (right_network, right)) = (Loopback::new(left()), Loopback::new(right()));
    right_network.plan(fates);
    let adapters: Vec<Arc<dyn Adapter>> = vec![Arc::new(left_network.with(reads)), Arc::new(right_network.with(reads))];
    let world = World::start(Arc::clone(&store), adapters, policy).await;
    Town { _directory: directory, store, world, left, right }
}

impl Town {
    fn hub(&self, network: &Network) -> Hub {
        self.world.engine.hub(&OrganisationId::new("town").unwrap(), network).unwrap()
    }

    fn types(&self, typing: Typing) {
        let from = Address::new(left(), "alice").unwrap();
        self.hub(&left()).signal(Sensed::Typing { from, to: Recipient::Ghost("right|bob".to_owned()), typing });
    }

    async fn says(&self, id: &str) {
        let said = saying((&left(), "alice"), "right|bob", id, "hello", self.world.clock.now());
        assert_eq!(self.left.say(said).await, Some(Verdict::Stored));
    }

    async fn seen(&mut self) -> (String, Typing) {
        match tokio::time::timeout(Duration::from_secs(20), self.right.see()).await.expect("something to see").unwrap() {
            Signal::Typing { leg, typing } => (format!("{} to {}", leg.ghost.as_str(), leg.user.address.as_str()), typing),
            other @ Signal::Presence { .. } => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn typing_crosses_where_people_know_each_other_and_ends_with_the_message() {
    let mut town = town(Policy::default(), Vec::new()).await;
    let carol = Address::new(left(), "carol").unwrap();
    let unknown = Sensed::Typing { from: carol.clone(), to: Recipient::Ghost("right|bob".to_owned()), typing: Typing::Started };
    town.hub(&left()).signal(unknown);
    town.says("1").await;
    town.right.hear().await.unwrap();
    town.types(Typing::Started);
    assert_eq!(town.seen().await, ("left|alice to bob".to_owned(), Typing::Started));
    town.types(Typing::Paused);
    assert_eq!(town.seen().await.1, Typing::Paused);
    town.types(Typing::Started);
    assert_eq!(town.seen().await.1, Typing::Started);
    town.says("2").await;
    assert_eq!(town.seen().await.1, Typing::Sent);
    let organisation = town.store.organisation(&OrganisationId::new("town").unwrap()).await.unwrap();
    assert_eq!(town.store.known_persona(organisation, &carol).await.unwrap(), None, "typing makes nobody known");
}

#[tokio::test]
async fn typing_waits_for_no_message_and_is_not_stored() {
    let held_up = vec![Fate::Take, Fate::Fail(DeliveryError::later("down"))];
    let mut town = town(Policy::default(), held_up).await;
    town.says("1").await;
    town.right.hear().await.unwrap();
    town.says("2").await;
    town.types(Typing::Started);
    assert_eq!(town.seen().await.1, Typing::Started);
    let rows = town.store.waiting(RowId(0), 10).await.unwrap();
    assert!(rows.iter().all(|row| matches!(row.new.event.what, What::Message(_))));
}

#[tokio::test]
async fn what_the_rules_switch_off_is_not_shown() {
    let mut town = town(Policy { typing: false, read_receipts: false, ..Policy::default() }, Vec::new()).await;
    town.says("1").await;
    let heard = town.right.hear().await.unwrap();
    town.types(Typing::Started);
    town.says("2").await;
    town.right.hear().await.unwrap();
    let read = Received {
        what: What::Read { up_to: NativeId::new(format!("right/{}", heard.id)).unwrap() },
        ..saying((&right(), "bob"), "left|alice", "3", "", town.world.clock.now())
    };
    assert_eq!(town.right.say(read).await, Some(Verdict::Stored));
    let answer = saying((&right(), "bob"), "left|alice", "4", "hi", town.world.clock.now());
    assert_eq!(town.right.say(answer).await, Some(Verdict::Stored));
    assert!(matches!(town.left.hear().await.unwrap().what, What::Message(_)), "the receipt would have come first");
    town.world.stop().await;
    assert_eq!(town.right.see().await, None);
}

#[tokio::test]
async fn presence_is_shown_only_where_the_rules_say_so() {
    let policy = Policy { presence: true, ..Policy::default() };
    let mut town = town(policy, Vec::new()).await;
    let presence = |availability| Presence::new(availability, Some("at lunch"));
    let there = |availability| Sensed::Presence { of: Address::new(left(), "alice").unwrap(), presence: presence(availability) };
    town.says("1").await;
    town.right.hear().await.unwrap();
    town.hub(&left()).signal(there(Availability::Away));
    let Some(Signal::Presence { ghost, presence: shown }) = town.right.see().await else { panic!() };
    assert_eq!((ghost.written.as_str(), shown), ("left|alice", presence(Availability::Away)));
}
