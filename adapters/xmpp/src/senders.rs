// SPDX-License-Identifier: EUPL-1.2
//! From which device a message came and under which address it was sent, for as long as its outcome may interest that device.
//!
//! Servers throw errors away that are addressed to a bare JID (RFC 6121 §8.5.2.1.1), so an error needs the device. It is
//! kept in memory only: later, or after a restart, the outcome is told by a chat message.

use std::time::Duration;

use dreiklang_model::NativeId;
use moka::sync::Cache;

/// How long a device is expected to be still there.
const KEEP: Duration = Duration::from_secs(10 * 60);
/// How many messages are remembered.
const MOST: u64 = 20_000;

/// Where a message came from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The sender's full JID, as written.
    pub(crate) device: String,
    /// To whom he wrote, as written.
    pub(crate) to: String,
}

/// The devices of the last minutes.
pub(crate) struct Senders(Cache<(String, NativeId), Origin>);

impl Senders {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(KEEP).build())
    }

    /// Remembers where a message of `user` (a bare JID in canonical form) came from.
    pub(crate) fn remember(&self, user: &str, message: &NativeId, origin: Origin) {
        self.0.insert((user.to_owned(), message.clone()), origin);
    }

    /// Where a message of `user` came from, if that is still known.
    pub(crate) fn origin(&self, user: &str, message: &NativeId) -> Option<Origin> {
        self.0.get(&(user.to_owned(), message.clone()))
    }
}
