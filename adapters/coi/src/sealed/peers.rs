// SPDX-License-Identifier: EUPL-1.2
//! The keys of people: by fingerprint, with the address under which the gateway knows their owner and how he was met. The first key of
//! an address binds it; another one is another person until an invitation proves the contrary.

use std::sync::Arc;

use dreiklang_engine::{
    Hub,
    port::{Proof, StoreError},
};
use dreiklang_model::Address;
use dreiklang_openpgp::{Certificate, Fingerprint};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::keys::blocking;
use crate::address::canonical;

/// How many people's keys are kept ready in memory.
const READY: u64 = 10_000;
/// To how many of his addresses a mail goes.
const MOST_ADDRESSES: usize = 5;

/// How somebody's key became known. In order: each is worth more than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Met {
    /// Somebody else handed it on, as gossip or as a contact. Good enough to write to him, not to believe him.
    Told,
    /// It stood in clear mail of his.
    Clear,
    /// He wrote mail that is encrypted and signed with it.
    Sealed,
    /// He opened an invitation.
    Invited,
}

/// Somebody whose key is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) certificate: Certificate,
    /// Under which address the gateway knows him, wherever he writes from.
    pub(crate) account: Address,
    /// Where he wrote from last.
    pub(crate) seen: Address,
    pub(crate) met: Met,
    /// He asked to be answered with encryption in his clear mail.
    pub(crate) mutual: bool,
}

/// A peer as he is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    key: String,
    account: String,
    seen: String,
    met: Met,
    #[serde(default)]
    mutual: bool,
}

/// A key that was seen with an address.
#[derive(Debug, Clone)]
pub(crate) struct Sighting {
    pub(crate) address: Address,
    pub(crate) certificate: Certificate,
    pub(crate) met: Met,
    pub(crate) mutual: bool,
}

impl Peer {
    /// Mail for him is sealed.
    pub(crate) fn wants_sealed(&self) -> bool {
        self.met != Met::Clear || self.mutual
    }

    /// What his signature proves.
    pub(crate) fn proof(&self) -> Proof {
        if self.met == Met::Invited { Proof::Verified } else { Proof::Signed }
    }

    /// Where mail for him goes: to all addresses that he signed into his key, or else to the one he wrote from.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let relays = self.certificate.relays();
        let mut addresses: Vec<String> = relays.iter().map(|address| address.as_str().to_owned()).collect();
        addresses.truncate(MOST_ADDRESSES);
        if addresses.is_empty() { vec![self.seen.as_str().to_owned()] } else { addresses }
    }
}

/// The people whose keys one organisation knows.
pub(crate) struct Peers {
    ready: Cache<Fingerprint, Arc<Peer>>,
    bound: Cache<Address, Fingerprint>,
    /// Who changes something holds it: two mails must not bind one address to two keys.
    changing: Mutex<()>,
}

impl Default for Peers {
    fn default() -> Self {
        Self { ready: Cache::new(READY), bound: Cache::new(READY), changing: Mutex::default() }
    }
}

impl Peers {
    /// Whose key is known for an address, as far as that needs no look into the database.
    pub(crate) fn known(&self, address: &Address) -> Option<Arc<Peer>> {
        self.ready.get(&self.bound.get(address)?)
    }

    /// Whose key is known for an address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn of(&self, hub: &Hub, address: &Address) -> Result<Option<Arc<Peer>>, StoreError> {
        if let Some(fingerprint) = self.bound.get(address) {
            return self.owner(hub, &fingerprint).await;
        }
        let Some(bound) = hub.note(&binding(address)).await? else { return Ok(None) };
        let fingerprint = Fingerprint::parse(&bound).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        self.bound.insert(address.clone(), fingerprint);
        self.owner(hub, &fingerprint).await
    }

    /// Whose key it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn owner(&self, hub: &Hub, fingerprint: &Fingerprint) -> Result<Option<Arc<Peer>>, StoreError> {
        if let Some(ready) = self.ready.get(fingerprint) {
            return Ok(Some(ready));
        }
        let Some(note) = hub.note(&record(fingerprint)).await? else { return Ok(None) };
        let corrupt = |what: &str| StoreError::Corrupt(format!("a person's key: {what}"));
        let stored: Stored = serde_json::from_str(&note).map_err(|error| corrupt(&error.to_string()))?;
        let certificate = blocking(move || Certificate::from_base64(&stored.key)).await?;
        let peer = Arc::new(Peer {
            certificate: certificate.map_err(|error| corrupt(&error.to_string()))?,
            account: canonical(&stored.account).ok_or_else(|| corrupt("no account"))?,
            seen: canonical(&stored.seen).ok_or_else(|| corrupt("no address"))?,
            met: stored.met,
            mutual: stored.mutual,
        });
        self.ready.insert(*fingerprint, Arc::clone(&peer));
        Ok(Some(peer))
    }

    /// Remembers a key that was seen with an address, merged with what is known of it. [`None`]: another key is bound to the address,
    /// and nothing was changed. A key that only others told of gives way; one that was met by an invitation wins.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn meet(&self, hub: &Hub, sighting: Sighting) -> Result<Option<Arc<Peer>>, StoreError> {
        let Sighting { address, certificate, met, mutual } = sighting;
        let _changing = self.changing.lock().await;
        let fingerprint = certificate.fingerprint();
        let bound = self.of(hub, &address).await?;
        let other = bound.filter(|bound| bound.certificate.fingerprint() != fingerprint);
        if let Some(other) = &other {
            let gives_way = other.met == Met::Told && met > Met::Told;
            if !gives_way && met != Met::Invited {
                return Ok(None);
            }
        }
        let known = self.owner(hub, &fingerprint).await?;
        let peer = match &known {
            Some(known) if known.certificate == certificate => Peer {
                seen: if met > Met::Told { address.clone() } else { known.seen.clone() },
                met: known.met.max(met),
                mutual: mutual || known.mutual,
                ..(**known).clone()
            },
            Some(known) => {
                let before = known.certificate.clone();
                let merged = blocking(move || before.merged(certificate)).await?;
                Peer {
                    certificate: merged.map_err(|error| StoreError::Failed(error.to_string()))?,
                    seen: if met > Met::Told { address.clone() } else { known.seen.clone() },
                    met: known.met.max(met),
                    mutual: mutual || known.mutual,
                    account: known.account.clone(),
                }
            }
            None => Peer { certificate, account: address.clone(), seen: address.clone(), met, mutual },
        };
        let peer = Arc::new(peer);
        if known.as_ref() != Some(&peer) {
            let stored = Stored {
                key: peer.certificate.to_base64(),
                account: peer.account.as_str().to_owned(),
                seen: peer.seen.as_str().to_owned(),
                met: peer.met,
                mutual: peer.mutual,
            };
            let stored = serde_json::to_string(&stored).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            hub.set_note(&record(&fingerprint), Some(&stored)).await?;
            self.ready.insert(fingerprint, Arc::clone(&peer));
        }
        if self.bound.get(&address) != Some(fingerprint) {
            hub.set_note(&binding(&address), Some(&fingerprint.lower())).await?;
            self.bound.insert(address, fingerprint);
        }
        Ok(Some(peer))
    }
}

fn record(fingerprint: &Fingerprint) -> String {
    format!("peer/{}", fingerprint.lower())
}

fn binding(address: &Address) -> String {
    format!("peer-of/{}", address.as_str())
}

#[cfg(test)]
mod tests {
    use dreiklang_openpgp::{MailAddress, Randomness, SecretKey};

    use super::*;

    fn peer(met: Met, mutual: bool) -> Peer {
        let at = dreiklang_model::Timestamp::from_millis(1_800_000_000_000);
        let address = MailAddress::new("carol@relay.example").unwrap();
        let key = SecretKey::generate(&address, at, &mut Randomness::from_seed([9; 32])).unwrap();
        let account = canonical("carol@mail.example").unwrap();
        Peer { certificate: key.public().clone(), seen: account.clone(), account, met, mutual }
    }

    #[test]
    fn who_wrote_in_clear_is_answered_in_clear_unless_he_asks_for_more() {
        for (met, mutual, sealed, proof) in [
            (Met::Clear, false, false, Proof::Signed),
            (Met::Clear, true, true, Proof::Signed),
            (Met::Told, false, true, Proof::Signed),
            (Met::Sealed, false, true, Proof::Signed),
            (Met::Invited, false, true, Proof::Verified),
        ] {
            let peer = peer(met, mutual);
            assert_eq!((peer.wants_sealed(), peer.proof()), (sealed, proof), "{met:?} {mutual}");
        }
    }

    #[test]
    fn mail_goes_to_the_addresses_in_the_key() {
        assert_eq!(peer(Met::Sealed, true).addresses(), ["carol@relay.example"]);
    }
}
