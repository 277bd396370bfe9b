// SPDX-License-Identifier: EUPL-1.2
//! Words that stand for people and messages in log lines, and the digests by which received things are recognised.

use dreiklang_model::Network;

use crate::port::{SeenKey, SourceKey};

const MINUTE: i64 = 60 * 1000;

/// Keyed hashes: the same thing gets the same word on this installation, and nobody without the key learns more.
#[derive(Clone)]
pub struct Pseudonyms {
    log: [u8; 32],
    seen: [u8; 32],
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pseudonyms(…)")
    }
}

impl Pseudonyms {
    /// From the installation's key, which stays the same over restarts.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { log: blake3::derive_key("dreiklang 2026 log", key), seen: blake3::derive_key("dreiklang 2026 seen", key) }
    }

    /// Twelve hexadecimal digits that stand for `of`.
    #[must_use]
    pub fn of(&self, of: &str) -> String {
        blake3::keyed_hash(&self.log, of.as_bytes()).to_hex()[..12].to_owned()
    }

    pub(crate) fn seen(&self, network: &Network, key: &SourceKey) -> SeenKey {
        let mut hasher = blake3::Hasher::new_keyed(&self.seen);
        for part in [network.as_str(), &key.scope, &key.id] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        let mut digest = [0; 16];
        digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        SeenKey { slot: key.at.map_or(0, |at| at.as_millis() / MINUTE), digest }
    }
}
