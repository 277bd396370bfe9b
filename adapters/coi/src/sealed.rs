// SPDX-License-Identifier: EUPL-1.2
//! Encrypted mail (OpenPGP): the keys of ghosts, the keys of people, invitations and their handshake, opening what comes and sealing
//! what goes. How OpenPGP is written is the business of `dreiklang-openpgp`; what a readable mail says, that of `inward`.

mod author;
mod contact;
mod handshake;
mod invitations;
mod keys;
mod opening;
mod peers;
mod sealing;

use std::fmt;

pub(crate) use author::{Author, Grounds, judged};
pub(crate) use contact::{Handed, contact};
pub(crate) use handshake::Step;
pub(crate) use invitations::Invitations;
pub(crate) use opening::{NotOpened, Unsealed};
pub(crate) use peers::{Met, Peer, Program, Sighting};
pub(crate) use sealing::NotSealed;

use crate::address::Domain;
use keys::Keys;
use peers::Peers;

/// What is known of keys, of our own and of others.
pub(crate) struct Vault {
    domain: Domain,
    pub(crate) keys: Keys,
    pub(crate) peers: Peers,
    pub(crate) invitations: Invitations,
}

impl Vault {
    pub(crate) fn new(domain: Domain) -> Self {
        Self { domain, keys: Keys::default(), peers: Peers::default(), invitations: Invitations }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({})", self.domain.as_str())
    }
}
