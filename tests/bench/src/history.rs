// SPDX-License-Identifier: EUPL-1.2
//! Does a message cost more when a million were there before it? Accepted and settled, in batches as under load.

use std::{path::Path, sync::Arc, time::Instant};

use dreiklang_engine::port::{OrganisationKey, Role, RowId, Settlement, Store};
use dreiklang_model::{NativeId, OrganisationId, Timestamp};
use dreiklang_store::{Seal, Sqlite};

use crate::commit::arrival;

const BATCH: u64 = 250;
/// Messages over which a cost is taken.
const WINDOW: u64 = 20_000;

pub(crate) async fn run(on: &Path) {
    let directory = tempfile::tempdir_in(on).unwrap();
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&directory.path().join("bench.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap());
    let organisation = store.organisation(&OrganisationId::new("bench").unwrap()).await.unwrap();
    let mut next = 0;
    for history in [1_000_u64, 10_000, 100_000, 300_000, 1_000_000] {
        next = fill(&store, organisation, next, history).await;
        let begun = Instant::now();
        next = fill(&store, organisation, next, next + WINDOW).await;
        let cost = begun.elapsed().as_secs_f64() * 1e6 / WINDOW as f64;
        println!("history: after {history} messages: {cost:.1} µs for each message accepted and settled");
    }
    store.close().await;
}

async fn fill(store: &Arc<dyn Store>, organisation: OrganisationKey, mut next: u64, until: u64) -> u64 {
    while next < until {
        let arrivals = (next..next + BATCH).map(|number| arrival(organisation, number)).collect();
        store.accept(arrivals).await.unwrap();
        let rows = store.waiting(RowId(0), 1000).await.unwrap();
        let settling: Vec<_> = rows
            .into_iter()
            .map(|row| {
                let store = Arc::clone(store);
                let native = NativeId::new(row.new.delivery.to_string()).ok();
                let at = Timestamp::from_millis(0);
                tokio::spawn(async move {
                    store
                        .settle(Settlement::Delivered { row: row.id, native, role: Role::Itself, notes: None, at, follow: None })
                        .await
                        .unwrap();
                })
            })
            .collect();
        for settled in settling {
            settled.await.unwrap();
        }
        next += BATCH;
    }
    next
}
