// SPDX-License-Identifier: EUPL-1.2
//! Mail for somebody who is reached at several addresses (Delta Chat's relays): it arrives when one of them takes it, so one that bounces is
//! no failure of the message, and all of them are. Only keyed hashes of the addresses are kept, and not for longer than mail bounces.

use std::time::Duration;

use dreiklang_engine::{Hub, port::StoreError};
use dreiklang_model::{Address, DeliveryId, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

/// Under which keys it is kept where a mail may still arrive.
const PREFIX: &str = "relayed/";
/// Whoever changes what is kept holds it: two reports on one mail come at the same time, on two connections.
static CHANGING: Mutex<()> = Mutex::const_new(());
/// How long after it was sent a mail can bounce: mail servers try for five days.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What became of a mail at each address, as keyed hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Relayed {
    /// Where it may have arrived.
    left: Vec<String>,
    /// Where it did not.
    failed: Vec<String>,
}

/// Remembers which addresses took a mail; a repeat replaces it. One address alone needs no memory.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn sent(hub: &Hub, delivery: DeliveryId, to: &[String]) -> Result<(), StoreError> {
    if to.len() > 1 {
        let left = to.iter().map(|address| hub.pseudonym(address)).collect();
        return write(hub, delivery, &Relayed { left, failed: Vec::new() }).await;
    }
    match hub.note(&key(delivery)).await? {
        Some(_) => hub.set_note(&key(delivery), None).await,
        None => Ok(()),
    }
}

/// Is there an address left at which a mail may have arrived, now that it failed for these? `failed`: as the report names one recipient, in
/// the one or the other way; a report that names none that is known counts for any one of them.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn may_still_arrive(hub: &Hub, delivery: DeliveryId, failed: &[Address]) -> Result<bool, StoreError> {
    let _changing = CHANGING.lock().await;
    let Some(mut relayed) = read(hub, delivery).await? else { return Ok(false) };
    let failed: Vec<String> = failed.iter().map(|address| hub.pseudonym(address.as_str())).collect();
    relayed.fail(&failed);
    write(hub, delivery, &relayed).await?;
    Ok(!relayed.left.is_empty())
}

/// May a mail arrive at more than one address?
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn has_several(hub: &Hub, delivery: DeliveryId) -> Result<bool, StoreError> {
    Ok(read(hub, delivery).await?.is_some_and(|relayed| relayed.left.len() > 1))
}

/// Forgets what cannot bounce any more.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn sweep(hub: &Hub) -> Result<(), StoreError> {
    let now = hub.now();
    for (name, _) in hub.notes(PREFIX).await? {
        let sent = name.strip_prefix(PREFIX).and_then(|id| id.parse::<DeliveryId>().ok()).map(made_at);
        if sent.is_none_or(|sent| now.since(sent) > LONGEST) {
            hub.set_note(&name, None).await?;
        }
    }
    Ok(())
}

impl Relayed {
    fn fail(&mut self, named: &[String]) {
        if named.iter().any(|name| self.failed.contains(name)) {
            // A report that comes again.
            return;
        }
        let at = self.left.iter().position(|one| named.contains(one)).unwrap_or(0);
        if at < self.left.len() {
            self.failed.push(self.left.remove(at));
        }
    }
}

async fn read(hub: &Hub, delivery: DeliveryId) -> Result<Option<Relayed>, StoreError> {
    let note = hub.note(&key(delivery)).await?;
    note.map(|note| serde_json::from_str(&note).map_err(|error| StoreError::Corrupt(error.to_string()))).transpose()
}

async fn write(hub: &Hub, delivery: DeliveryId, relayed: &Relayed) -> Result<(), StoreError> {
    let note = serde_json::to_string(relayed).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    hub.set_note(&key(delivery), Some(&note)).await
}

fn key(delivery: DeliveryId) -> String {
    format!("{PREFIX}{delivery}")
}

/// When the event of a delivery was accepted: its id begins with that.
fn made_at(delivery: DeliveryId) -> Timestamp {
    let [a, b, c, d, e, f, ..] = delivery.event.to_bytes();
    Timestamp::from_millis(i64::from_be_bytes([0, 0, a, b, c, d, e, f]))
}

#[cfg(test)]
mod tests {
    use dreiklang_model::EventId;

    use super::*;

    #[test]
    fn all_addresses_fail_before_the_mail_does() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let mut relayed = Relayed { left: words(&["a", "b", "c"]), failed: Vec::new() };
        for (failed, left) in [
            (words(&["b", "elsewhere"]), words(&["a", "c"])),
            // The same report again.
            (words(&["b", "elsewhere"]), words(&["a", "c"])),
            (words(&["nobody we know"]), words(&["c"])),
            (words(&["c"]), words(&[])),
            (words(&["c"]), words(&[])),
            (words(&[]), words(&[])),
        ] {
            relayed.fail(&failed);
            assert_eq!(relayed.left, left, "{failed:?}");
        }
    }

    #[test]
    fn a_delivery_tells_when_it_was_made() {
        let at = Timestamp::from_millis(1_800_000_000_123);
        assert_eq!(made_at(DeliveryId { event: EventId::from_parts(at, 7), part: 1 }), at);
    }
}
