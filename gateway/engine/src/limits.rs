// SPDX-License-Identifier: EUPL-1.2
//! How much one sender may send: a bucket of messages per person that refills evenly.

use std::sync::{Arc, Mutex, PoisonError};

use dreiklang_model::{PersonaId, Timestamp};
use moka::sync::Cache;

/// One bucket per person. The buckets of people who are quiet are forgotten: they are full.
pub(crate) struct Limits {
    per_minute: u32,
    buckets: Cache<PersonaId, Arc<Mutex<Bucket>>>,
}

struct Bucket {
    /// Messages left, in thousandths.
    left: u64,
    at: Timestamp,
}

impl Limits {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { per_minute, buckets: Cache::new(10_000) }
    }

    /// Takes one message out of the bucket; `false`: there is none left.
    pub(crate) fn take(&self, who: PersonaId, now: Timestamp) -> bool {
        let full = u64::from(self.per_minute) * 1000;
        let bucket = self.buckets.get_with(who, || Arc::new(Mutex::new(Bucket { left: full, at: now })));
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = u64::try_from(now.since(bucket.at).as_millis()).unwrap_or(u64::MAX).min(60_000);
        bucket.left = full.min(bucket.left + passed * u64::from(self.per_minute) / 60);
        bucket.at = now;
        if bucket.left < 1000 {
            return false;
        }
        bucket.left -= 1000;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_empties_and_refills_and_is_nobody_elses() {
        let limits = Limits::new(2);
        let start = Timestamp::from_millis(1_000_000);
        let (alice, bob) = (PersonaId(1), PersonaId(2));
        assert!(limits.take(alice, start) && limits.take(alice, start));
        assert!(!limits.take(alice, start));
        assert!(limits.take(bob, start));
        assert!(!limits.take(alice, start.plus(Duration::from_secs(29))));
        assert!(limits.take(alice, start.plus(Duration::from_secs(31))));
    }
}
