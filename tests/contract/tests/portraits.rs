// SPDX-License-Identifier: EUPL-1.2
//! Pictures and names of people on two networks in memory: they follow their changes, and what cannot be had holds nothing up.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{sync::Arc, time::Duration};

use dreiklang_contract::world::{World, left, right, saying};
use dreiklang_engine::{
    Ghost, Hub, Policy,
    port::{Adapter, Clock, Store, Verdict},
};
use dreiklang_loopback::{Loopback, People};
use dreiklang_model::{Address, DisplayName, MediaSource, OrganisationId, Portrait};
use dreiklang_store::{Seal, Sqlite};
use tempfile::TempDir;

/// One pixel, as PNG.
const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\0\0\0\x0cIDATx\x9cc\xf8\xcf\xc0\
\0\0\x03\x01\x01\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82";

struct Town {
    _directory: TempDir,
    world: World,
    left: People,
    right: People,
    left_network: Arc<Loopback>,
}

async fn town() -> Town {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&directory.path().join("dreiklang.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap());
    let ((left_network, left), (right_network, right)) = (Loopback::new(left()), Loopback::new(right()));
    let left_network = Arc::new(left_network);
    let adapters: Vec<Arc<dyn Adapter>> = vec![Arc::<Loopback>::clone(&left_network), Arc::new(right_network)];
    let world = World::start(store, adapters, Policy::default()).await;
    let mut town = Town { _directory: directory, world, left, right, left_network };
    let hello = saying((&self::left(), "alice"), "right|bob", "1", "hello", town.world.clock.now());
    assert_eq!(town.left.say(hello).await, Some(Verdict::Stored));
    town.right.hear().await.unwrap();
    town
}

fn alice() -> Address {
    Address::new(left(), "alice").unwrap()
}

fn portrait(version: &str) -> Portrait {
    Portrait { version: version.to_owned(), source: Some(MediaSource { network: left(), locator: version.to_owned() }) }
}

impl Town {
    fn hub(&self) -> Hub {
        self.world.engine.hub(&OrganisationId::new("town").unwrap(), &left()).unwrap()
    }

    /// How Alice's ghost looks and is called after the next change.
    async fn portrayed(&mut self) -> Ghost {
        tokio::time::timeout(Duration::from_secs(20), self.right.portrayed()).await.expect("a change").unwrap()
    }
}

#[tokio::test]
async fn a_picture_is_fetched_once_and_shown_by_the_ghost() {
    let mut town = town().await;
    town.left_network.hold_file(PIXEL);
    assert!(town.hub().portrait(&alice(), portrait("1")).await.unwrap());
    let shown = town.portrayed().await;
    let picture = town.hub().picture(&alice()).await.unwrap().unwrap();
    assert_eq!((shown.written.as_str(), shown.picture.as_ref()), ("left|alice", Some(&picture.hash)));
    assert_eq!(picture.media_type(), "image/jpeg", "it is written anew");
    assert!(!town.hub().portrait(&alice(), portrait("1")).await.unwrap(), "nothing new");
    // The next message says the same.
    let word = saying((&left(), "alice"), "right|bob", "2", "again", town.world.clock.now());
    assert_eq!(town.left.say(word).await, Some(Verdict::Stored));
    assert_eq!(town.right.hear().await.unwrap().leg.ghost_picture, Some(picture.hash));

    town.world.clock.pass(Duration::from_secs(61));
    assert!(town.hub().portrait(&alice(), Portrait::none()).await.unwrap());
    assert_eq!(town.portrayed().await.picture, None);
}

#[tokio::test]
async fn what_is_no_picture_is_not_shown_and_nobody_becomes_known_by_one() {
    let mut town = town().await;
    town.left_network.hold_file(b"GIF89a");
    let nobody = Address::new(left(), "nobody").unwrap();
    assert!(!town.hub().portrait(&nobody, portrait("1")).await.unwrap());
    assert!(town.hub().portrait(&alice(), portrait("1")).await.unwrap());
    assert_eq!(town.portrayed().await.picture, None);
}

#[tokio::test]
async fn a_new_name_is_shown_at_once_and_marked_when_it_could_deceive() {
    let mut town = town().await;
    for (name, shown) in [("Alice", "Alice"), ("Town", "Town (left)"), ("Gateway Town", "Gateway Town (left)")] {
        town.hub().rename(&alice(), &DisplayName::new(name)).await.unwrap();
        assert_eq!(town.portrayed().await.name.as_str(), shown);
    }
}
