// SPDX-License-Identifier: EUPL-1.2
//! The OpenPGP keys of ghosts and the bot: one for each address, made when it is first needed, sealed at rest, never made again. A
//! second key for the same address would be a second person to everybody who wrote to the first.

use std::sync::Arc;

use dreiklang_engine::{Hub, port::StoreError};
use dreiklang_openpgp::{Fingerprint, MailAddress, Randomness, SecretKey};
use moka::sync::Cache;
use secrecy::ExposeSecret as _;
use tokio::{sync::Semaphore, task::spawn_blocking};

/// How much key work runs at once.
static SLOTS: Semaphore = Semaphore::const_new(4);
/// How many keys are kept ready in memory; each takes about 12 KiB.
const READY: u64 = 2_000;
/// Under which keys the directory of fingerprints is kept. What stands there is public.
const DIRECTORY: &str = "ghost-key/";

/// The keys of one organisation's ghosts.
pub(crate) struct Keys {
    ready: Cache<MailAddress, Arc<SecretKey>>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { ready: Cache::new(READY) }
    }
}

impl Keys {
    /// The key of a ghost, made if there is none. Safe against two processes making it at once: the first one stays.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] also for an address that can have no key.
    pub(crate) async fn of(&self, hub: &Hub, ghost: &str) -> Result<Arc<SecretKey>, StoreError> {
        let address = address(ghost)?;
        if let Some(existing) = self.existing(hub, ghost).await? {
            return Ok(existing);
        }
        let mut randomness = Randomness::from_seed(hub.seed()?);
        let (at, owner) = (hub.now(), address.clone());
        let made = blocking(move || SecretKey::generate(&owner, at, &mut randomness).and_then(|key| key.to_bytes())).await?;
        let made = made.map_err(|error| StoreError::Failed(error.to_string()))?;
        let stands = hub.keep_secret(&name(&address), made).await?;
        self.take(hub, address, stands).await
    }

    /// The key of a ghost, if it was ever made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn existing(&self, hub: &Hub, ghost: &str) -> Result<Option<Arc<SecretKey>>, StoreError> {
        let Ok(address) = address(ghost) else { return Ok(None) };
        if let Some(ready) = self.ready.get(&address) {
            return Ok(Some(ready));
        }
        match hub.secret(&name(&address)).await? {
            Some(stands) => self.take(hub, address, stands).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whose key it is, if it is one of ours.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn owner(&self, hub: &Hub, fingerprint: &Fingerprint) -> Result<Option<String>, StoreError> {
        hub.note(&entry(fingerprint)).await
    }

    /// Everybody who has a key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn owners(&self, hub: &Hub) -> Result<Vec<String>, StoreError> {
        Ok(hub.notes(DIRECTORY).await?.into_iter().map(|(_, owner)| owner).collect())
    }

    /// Makes a stored key ready. The directory is written here, so that a crash between key and entry heals at the next use.
    async fn take(
        &self,
        hub: &Hub,
        address: MailAddress,
        stands: secrecy::SecretSlice<u8>,
    ) -> Result<Arc<SecretKey>, StoreError> {
        let key = blocking(move || SecretKey::from_bytes(stands.expose_secret())).await?;
        let key = Arc::new(key.map_err(|error| StoreError::Corrupt(error.to_string()))?);
        let entry = entry(&key.fingerprint());
        if hub.note(&entry).await?.is_none() {
            hub.set_note(&entry, Some(address.as_str())).await?;
        }
        self.ready.insert(address, Arc::clone(&key));
        Ok(key)
    }
}

/// Key work takes the processor for a while; whoever else waits for this thread should not wait for it.
/// Only some of it runs at once, so that a flood of encrypted mail does not take every processor.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    let _slot = SLOTS.acquire().await.map_err(|error| StoreError::Failed(error.to_string()))?;
    spawn_blocking(work).await.map_err(|error| StoreError::Failed(error.to_string()))
}

fn address(ghost: &str) -> Result<MailAddress, StoreError> {
    MailAddress::new(ghost).map_err(|_| StoreError::Corrupt("an address that can have no key".to_owned()))
}

fn name(address: &MailAddress) -> String {
    format!("key/{}", address.as_str())
}

fn entry(fingerprint: &Fingerprint) -> String {
    format!("{DIRECTORY}{}", fingerprint.lower())
}
