// SPDX-License-Identifier: EUPL-1.2
//! Reading an event of a transaction, for the fuzz targets alone: this is in no other build.

use dreiklang_model::Network;
use serde_json::Value;

use crate::{
    inward::{delivery_mark, read as read_event, readable, receipts},
    namespace::Namespace,
};

/// Reads bytes as an event of a room, and as one of the ephemeral ones.
pub fn read(bytes: &[u8]) {
    let Some(ours) = Namespace::new("hs.example", &[Network::XMPP, Network::MAIL]) else { return };
    let Ok(event) = serde_json::from_slice::<Value>(bytes) else { return };
    let _ = (read_event(&event, &ours), readable(&event), delivery_mark(&event));
    let _ = receipts(std::slice::from_ref(&event), &ours);
}
