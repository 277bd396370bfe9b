// SPDX-License-Identifier: EUPL-1.2
//! Converting a message, for the benchmark alone: this is in no other build.

use dreiklang_engine::port::Deliverable;
use dreiklang_model::{Language, NativeId, Network, What};
use serde_json::Value;

use crate::{
    inward::{Inward, Said, read as read_event},
    namespace::Namespace,
    outward::{Act, act, marked},
};

/// What an event of a room says.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<What<NativeId>> {
    let ours = Namespace::new("hs.example", &[Network::XMPP, Network::MAIL])?;
    match read_event(&serde_json::from_slice::<Value>(bytes).ok()?, &ours) {
        Inward::Said(Said { what, .. }) => Some(what),
        _ => None,
    }
}

/// The content of the event for a message.
#[must_use]
pub fn write(delivery: &Deliverable) -> Option<Vec<u8>> {
    match act(&delivery.what, Language::English, delivery.leg.ghost_name.as_str()) {
        Act::Say(content) => serde_json::to_vec(&marked(content, &delivery.id.to_string())).ok(),
        _ => None,
    }
}
