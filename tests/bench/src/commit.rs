// SPDX-License-Identifier: EUPL-1.2
//! The store alone: how many received messages, each with one row to deliver, become durable in a second.

use std::{path::Path, sync::Arc, time::Instant};

use dreiklang_engine::port::{Arrival, LaneKey, NewRow, OrganisationKey, Role, SeenKey, Store};
use dreiklang_model::{
    ConversationId, DeliveryId, Event, EventId, Message, NativeId, Network, OrganisationId, PersonaId, Timestamp, What,
};
use dreiklang_store::{Seal, Sqlite};

const START: i64 = 1_800_000_000_000;
/// As long as a usual message.
const TEXT: &str = "A message of the length that people write to each other on a working day, with a date and a greeting.";

pub(crate) async fn run(on: &Path) {
    for (producers, batch) in [(1, 1), (32, 1), (512, 1), (8, 64)] {
        let directory = tempfile::tempdir_in(on).unwrap();
        let store: Arc<dyn Store> =
            Arc::new(Sqlite::open(&directory.path().join("bench.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap());
        let organisation = store.organisation(&OrganisationId::new("bench").unwrap()).await.unwrap();
        let messages = if producers == 1 { 5_000 } else { 100_000 };
        let each = messages / producers / batch;
        let begun = Instant::now();
        let tasks: Vec<_> = (0..producers)
            .map(|producer| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    for number in 0..each {
                        let first = (producer * each + number) * batch;
                        let arrivals = (first..first + batch).map(|number| arrival(organisation, number as u64)).collect();
                        assert!(store.accept(arrivals).await.unwrap().iter().all(|new| *new));
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let rate = (each * producers * batch) as f64 / begun.elapsed().as_secs_f64();
        println!("commit: {producers} producers, {batch} a call: {rate:.0} messages/s");
        store.close().await;
    }
}

/// Message `number` of an endless stream: ten in a second, in a hundred conversations.
pub(crate) fn arrival(organisation: OrganisationKey, number: u64) -> Arrival {
    let at = Timestamp::from_millis(START + i64::try_from(number).unwrap() * 100);
    let event = EventId::from_parts(at, u128::from(number));
    let conversation = ConversationId::from_parts(Timestamp::from_millis(START), u128::from(number % 100));
    let native = NativeId::new(format!("${number:043}")).unwrap();
    // Network ids are random: spread them over the index as real ones are.
    let spread = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Arrival {
        organisation,
        seen: SeenKey { slot: at.as_millis() / 60_000, digest: spread.to_be_bytes() },
        event,
        conversation,
        network: Network::MATRIX,
        native: native.clone(),
        role: Role::Itself,
        author: Some(PersonaId(1)),
        proof: None,
        reaction: None,
        accepted_at: at,
        rows: vec![NewRow {
            organisation,
            delivery: DeliveryId { event, part: 0 },
            lane: LaneKey { conversation, network: Network::XMPP },
            source: Network::MATRIX,
            native: Some(native),
            event: Event {
                id: event,
                conversation,
                author: Some(PersonaId(1)),
                sent_at: at,
                what: What::Message(Message::text(TEXT)),
                echo: None,
            },
            accepted_at: at,
            wants_receipt: false,
            held: false,
        }],
    }
}
