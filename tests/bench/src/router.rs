// SPDX-License-Identifier: EUPL-1.2
//! The whole way in memory, durable: said on one network, routed, stored, delivered on the other, settled.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use dreiklang_contract::world::{World, left, right, saying};
use dreiklang_engine::{
    Policy,
    port::{Adapter, Clock, Store, Verdict},
};
use dreiklang_loopback::Loopback;
use dreiklang_store::{Seal, Sqlite};

const MESSAGES: usize = 100_000;
/// People who speak at once; each waits until what he said is durable.
const SPEAKERS: usize = 256;

pub(crate) async fn run(on: &Path) {
    for conversations in [1, 64, 1024] {
        let directory = tempfile::tempdir_in(on).unwrap();
        let store: Arc<dyn Store> =
            Arc::new(Sqlite::open(&directory.path().join("bench.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap());
        let (left_network, left_people) = Loopback::new(left());
        let (right_network, mut right_people) = Loopback::new(right());
        let mouth = left_network.mouth();
        let adapters: Vec<Arc<dyn Adapter>> = vec![Arc::new(left_network), Arc::new(right_network)];
        let policy = Policy { messages_per_minute: u32::MAX, ..Policy::default() };
        let world = World::start(store, adapters, policy).await;
        let messages = if conversations == 1 { MESSAGES / 20 } else { MESSAGES };
        let now = world.clock.now();
        // Everybody has met: first contact is not what is measured.
        for who in 0..conversations {
            let hello =
                saying((&left(), &format!("person{who}")), &format!("right|friend{who}"), &format!("h{who}"), "hello", now);
            assert_eq!(left_people.say(hello).await, Some(Verdict::Stored));
            right_people.hear().await.unwrap();
        }
        let begun = Instant::now();
        let speakers: Vec<_> = (0..SPEAKERS)
            .map(|speaker| {
                let mouth = mouth.clone();
                tokio::spawn(async move {
                    for number in (speaker..messages).step_by(SPEAKERS) {
                        let who = number % conversations;
                        let from = format!("person{who}");
                        let said =
                            saying((&left(), &from), &format!("right|friend{who}"), &format!("m{number}"), "hello again", now);
                        assert_eq!(mouth.say(said).await, Some(Verdict::Stored));
                    }
                })
            })
            .collect();
        for _ in 0..messages {
            tokio::time::timeout(Duration::from_secs(60), right_people.hear()).await.expect("a message").unwrap();
        }
        let rate = messages as f64 / begun.elapsed().as_secs_f64();
        println!("router: {conversations} conversations: {rate:.0} messages/s, durable at both ends");
        for speaker in speakers {
            speaker.await.unwrap();
        }
        world.stop().await;
    }
}
