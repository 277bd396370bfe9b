// SPDX-License-Identifier: EUPL-1.2
//! A lock per key: what concerns one conversation happens one after the other, and no neighbour waits.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::OwnedMutexGuard;

/// Locks that exist while somebody holds or awaits them.
#[derive(Debug)]
pub(crate) struct KeyedLock<K> {
    locks: Mutex<HashMap<K, Weak<tokio::sync::Mutex<()>>>>,
}

impl<K> Default for KeyedLock<K> {
    fn default() -> Self {
        Self { locks: Mutex::default() }
    }
}

impl<K: Eq + Hash> KeyedLock<K> {
    /// Waits for its turn. First come, first served.
    pub(crate) async fn lock(&self, key: K) -> OwnedMutexGuard<()> {
        self.of(key).lock_owned().await
    }

    fn of(&self, key: K) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(&key).and_then(Weak::upgrade) {
            return lock;
        }
        if locks.len() == locks.capacity() {
            locks.retain(|_, lock| lock.strong_count() > 0);
        }
        let lock = Arc::default();
        locks.insert(key, Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_key_waits_the_other_does_not() {
        let locks = KeyedLock::default();
        let first = locks.lock(1).await;
        let _other = locks.lock(2).await;
        assert!(futures::poll!(Box::pin(locks.lock(1))).is_pending());
        drop(first);
        let _again = locks.lock(1).await;
        for key in 10..10_000 {
            drop(locks.lock(key).await);
        }
        assert!(locks.locks.lock().unwrap().len() < 100);
    }
}
