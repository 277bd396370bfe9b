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

/// How many people's keys are kept ready in memory; each takes about 15 KiB.
const READY: u64 = 2_000;
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

/// With what somebody reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Program {
    /// A chat program, as Delta Chat.
    #[default]
    Chat,
    /// A mail program: it knows letters, and nothing that is done to them afterwards.
    Letters,
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
    /// With what he wrote last.
    pub(crate) program: Program,
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
    #[serde(default)]
    program: Program,
}

/// A key that was seen with an address.
#[derive(Debug, Clone)]
pub(crate) struct Sighting {
    pub(crate) address: Address,
    pub(crate) certificate: Certificate,
    pub(crate) met: Met,
    pub(crate) mutual: bool,
    /// [`None`]: he did not write this himself.
    pub(crate) program: Option<Program>,
}

impl Peer {
    /// Mail for him is sealed.
    pub(crate) fn wants_sealed(&self) -> bool {
        self.met != Met::Clear || self.mutual
    }

    /// He is written to as chat programs write to each other.
    pub(crate) fn chats(&self) -> bool {
        self.wants_sealed() && self.program == Program::Chat
    }

    /// What his signature proves.
    pub(crate) fn proof(&self) -> Proof {
        if self.met == Met::Invited { Proof::Verified } else { Proof::Signed }
    }

    /// Where mail for him goes: to all addresses that he signed into his key, or else to the one he wrote from. Of a key that only others
    /// told of nobody knows whether it is his: mail goes to the address alone, wherever the key says that he is reached.
    pub(crate) fn addresses(&self) -> Vec<String> {
        if self.met == Met::Told {
            return vec![self.account.as_str().to_owned()];
        }
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
            program: stored.program,
        });
        self.ready.insert(*fingerprint, Arc::clone(&peer));
        Ok(Some(peer))
    }

    /// Remembers a key that was seen with an address, merged with what is known of it. [`None`]: another key is bound to the address, or
    /// the key is somebody else's, and nothing was changed. A key that only others told of gives way; one that was met by an invitation
    /// wins.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn meet(&self, hub: &Hub, sighting: Sighting) -> Result<Option<Arc<Peer>>, StoreError> {
        let Sighting { address, certificate, met, mutual, program } = sighting;
        let _changing = self.changing.lock().await;
        let fingerprint = certificate.fingerprint();
        let bound = self.of(hub, &address).await?;
        let bound_key = bound.as_ref().map(|bound| bound.certificate.fingerprint());
        let other = bound.filter(|bound| bound.certificate.fingerprint() != fingerprint);
        if let Some(other) = &other {
            let gives_way = other.met == Met::Told && met > Met::Told;
            if !gives_way && met != Met::Invited {
                return Ok(None);
            }
        }
        let known = self.owner(hub, &fingerprint).await?;
        let here = bound_key == Some(fingerprint);
        let account = match known.as_ref().map(|known| (known, claim(known, &address, met, here))) {
            Some((_, Claim::Refused)) => return Ok(None),
            Some((known, Claim::Known)) => known.account.clone(),
            Some((known, Claim::Taken)) => {
                self.unbind(hub, &known.account, &fingerprint).await?;
                address.clone()
            }
            None => address.clone(),
        };
        let peer = match &known {
            Some(known) => {
                let merged = match known.certificate == certificate {
                    true => certificate,
                    false => {
                        let before = known.certificate.clone();
                        let merged = blocking(move || before.merged(certificate)).await?;
                        merged.map_err(|error| StoreError::Failed(error.to_string()))?
                    }
                };
                Peer {
                    certificate: merged,
                    seen: if met > Met::Told { address.clone() } else { known.seen.clone() },
                    met: known.met.max(met),
                    mutual: mutual || known.mutual,
                    program: program.unwrap_or(known.program),
                    account,
                }
            }
            None => Peer { certificate, account, seen: address.clone(), met, mutual, program: program.unwrap_or_default() },
        };
        let peer = Arc::new(peer);
        if known.as_ref() != Some(&peer) {
            let stored = Stored {
                key: peer.certificate.to_base64(),
                account: peer.account.as_str().to_owned(),
                seen: peer.seen.as_str().to_owned(),
                met: peer.met,
                mutual: peer.mutual,
                program: peer.program,
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

    /// Somebody wrote from an address in clear and showed no key: what only others told of a key there does not hold any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn wrote_without_key(&self, hub: &Hub, address: &Address) -> Result<(), StoreError> {
        let _changing = self.changing.lock().await;
        match self.of(hub, address).await? {
            Some(told) if told.met == Met::Told => self.unbind(hub, address, &told.certificate.fingerprint()).await,
            _ => Ok(()),
        }
    }

    async fn unbind(&self, hub: &Hub, address: &Address, from: &Fingerprint) -> Result<(), StoreError> {
        let lower = from.lower();
        if hub.note(&binding(address)).await?.is_some_and(|bound| bound == lower) {
            hub.set_note(&binding(address), None).await?;
        }
        self.bound.invalidate(address);
        Ok(())
    }
}

/// Whose a key is that was known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// His under whose address it is known: he wrote from another one, or it is that one.
    Known,
    /// His who shows it now: nobody had proved before that it is his own.
    Taken,
    /// Not his who shows it now: everybody can copy the key of another.
    Refused,
}

/// Whose a known key is, when it is seen with `address`. `here`: it is bound to that address. Only a signature proves that somebody holds
/// the key; until then, who says so for himself counts more than who says so of another.
fn claim(known: &Peer, address: &Address, met: Met, here: bool) -> Claim {
    let holds = |met| met > Met::Clear;
    match () {
        () if known.account == *address || here || holds(known.met) && holds(met) => Claim::Known,
        () if met > known.met => Claim::Taken,
        () => Claim::Refused,
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
    use dreiklang_model::Timestamp;
    use dreiklang_openpgp::{MailAddress, Randomness, SecretKey};

    use super::*;

    fn peer(account: &str, met: Met) -> Peer {
        let own = MailAddress::new("mallory@evil.example").unwrap();
        let mut randomness = Randomness::from_seed([7; 32]);
        let key = SecretKey::generate(&own, Timestamp::from_millis(1_800_000_000_000), &mut randomness).unwrap();
        let account = canonical(account).unwrap();
        Peer { certificate: key.public().clone(), seen: account.clone(), account, met, mutual: true, program: Program::Chat }
    }

    #[test]
    fn nobody_becomes_somebody_else_by_showing_or_telling_of_a_key() {
        let mallory = canonical("mallory@evil.example").unwrap();
        for (known, met, here, expected) in [
            // Mallory's key was told of as Carol's; then he writes with it.
            (Met::Told, Met::Sealed, false, Claim::Taken),
            (Met::Told, Met::Clear, false, Claim::Taken),
            (Met::Told, Met::Told, false, Claim::Refused),
            // Carol's own key, copied.
            (Met::Clear, Met::Clear, false, Claim::Refused),
            (Met::Sealed, Met::Clear, false, Claim::Refused),
            (Met::Sealed, Met::Told, false, Claim::Refused),
            // Her key had been copied by somebody else before she wrote.
            (Met::Clear, Met::Sealed, false, Claim::Taken),
            // Her own second address.
            (Met::Sealed, Met::Sealed, false, Claim::Known),
            (Met::Sealed, Met::Invited, false, Claim::Known),
            (Met::Invited, Met::Clear, true, Claim::Known),
        ] {
            assert_eq!(claim(&peer("carol@mail.example", known), &mallory, met, here), expected, "{known:?} {met:?} {here}");
        }
        let carol = canonical("carol@mail.example").unwrap();
        assert_eq!(claim(&peer("carol@mail.example", Met::Told), &carol, Met::Told, false), Claim::Known);
    }

    #[test]
    fn a_key_that_others_told_of_does_not_say_where_mail_goes() {
        let told = peer("carol@mail.example", Met::Told);
        assert_eq!(told.addresses(), ["carol@mail.example"]);
        // He who proved that it is his says himself where he is reached.
        let relays: Vec<_> = told.certificate.relays().iter().map(|address| address.as_str().to_owned()).collect();
        let expected = if relays.is_empty() { vec!["carol@mail.example".to_owned()] } else { relays };
        assert_eq!(Peer { met: Met::Sealed, ..told }.addresses(), expected);
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
            let peer = Peer { mutual, ..peer("carol@mail.example", met) };
            assert_eq!((peer.wants_sealed(), peer.chats(), peer.proof()), (sealed, sealed, proof), "{met:?} {mutual}");
            let letters = Peer { program: Program::Letters, ..peer };
            assert_eq!((letters.wants_sealed(), letters.chats()), (sealed, false), "{met:?} {mutual}");
        }
    }
}
