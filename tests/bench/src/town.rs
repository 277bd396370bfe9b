// SPDX-License-Identifier: EUPL-1.2
//! The organisation that is measured: an engine over a store for one town, without limits on how much its people say.

use std::sync::Arc;

use dreiklang_engine::{
    Engine, Organisation, Policy, Pseudonyms, Wiring,
    port::{Adapter, NoMeter, Store, SystemClock, SystemEntropy},
};
use dreiklang_identity::{Book, Plan};
use dreiklang_model::{Language, OrganisationId};

pub(crate) fn organisation() -> OrganisationId {
    OrganisationId::new("bench").unwrap()
}

pub(crate) async fn engine(store: Arc<dyn Store>, plan: Plan, adapters: Vec<Arc<dyn Adapter>>) -> Engine {
    let organisation = Organisation {
        id: organisation(),
        name: "Bench".to_owned(),
        language: Language::English,
        book: Arc::new(Book::new(plan)),
        policy: Policy { messages_per_minute: u32::MAX, ..Policy::default() },
    };
    Engine::new(Wiring {
        store,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        meter: Arc::new(NoMeter),
        links: None,
        pseudonyms: Pseudonyms::new(&[7; 32]),
        organisations: vec![(organisation, adapters)],
    })
    .await
    .unwrap()
}
