// SPDX-License-Identifier: EUPL-1.2
//! Sealing a mail: for whom, and with which ghost's key.

use std::sync::Arc;

use dreiklang_engine::{Hub, port::StoreError};
use dreiklang_model::{Address, Reason};
use dreiklang_openpgp::{Autocrypt, Certificate, MailAddress, Randomness, SealError, seal, seal_letter};

use super::{
    Vault,
    keys::blocking,
    peers::{Peer, Program},
};

/// Why a mail was not sealed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotSealed {
    /// The database failed, or the machine has no randomness.
    #[error(transparent)]
    Failed(#[from] StoreError),
    /// It cannot be.
    #[error(transparent)]
    Impossible(#[from] SealError),
}

impl NotSealed {
    /// Why, for the sender, when trying again does not help.
    pub(crate) fn reason(&self) -> Option<Reason> {
        match self {
            Self::Failed(_) => None,
            Self::Impossible(SealError::Unusable(_)) => Some(Reason::NeedsInvitation),
            Self::Impossible(_) => Some(Reason::Unreadable),
        }
    }
}

impl Vault {
    /// The person at an address, if mail for him is to be sealed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn wants_sealed(&self, hub: &Hub, address: &Address) -> Result<Option<Arc<Peer>>, StoreError> {
        Ok(self.peers.of(hub, address).await?.filter(|peer| peer.wants_sealed()))
    }

    /// Seals a readable mail of a ghost for somebody, and for the ghost itself.
    ///
    /// # Errors
    /// [`NotSealed`].
    pub(crate) async fn seal(&self, hub: &Hub, ghost: &str, to: &Certificate, mail: Vec<u8>) -> Result<Vec<u8>, NotSealed> {
        self.seal_as(hub, ghost, to, Program::Chat, mail).await
    }

    /// The same in the way that suits the program he reads it with.
    ///
    /// # Errors
    /// [`NotSealed`].
    pub(crate) async fn seal_as(
        &self,
        hub: &Hub,
        ghost: &str,
        to: &Certificate,
        program: Program,
        mail: Vec<u8>,
    ) -> Result<Vec<u8>, NotSealed> {
        let key = self.keys.of(hub, ghost).await?;
        let mut randomness = Randomness::from_seed(hub.seed()?);
        let (to, at) = (to.clone(), hub.now());
        let sealing = move || match program {
            Program::Chat => seal(&mail, &key, &[&to], at, &mut randomness),
            Program::Letters => seal_letter(&mail, &key, &[&to], at, &mut randomness),
        };
        Ok(blocking(sealing).await??)
    }

    /// The field that brings a ghost's key to a mail program (Autocrypt Level 1), for mail that lies open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn key_field(&self, hub: &Hub, ghost: &str) -> Result<String, StoreError> {
        let key = self.keys.of(hub, ghost).await?;
        let address = MailAddress::new(ghost).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(Autocrypt { address, mutual: true, certificate: key.public().clone() }.field())
    }
}
