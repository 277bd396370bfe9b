// SPDX-License-Identifier: EUPL-1.2
//! What is done with the mails of a mailbox while one connection lasts: what is new is taken in, in order, and only then the
//! place is moved on; a mail of which nobody can say now who wrote it is left, and tried again.

use std::time::Duration;

use dreiklang_engine::{Hub, port::Freshness};
use dreiklang_model::{Reason, Timestamp};
use futures::{StreamExt as _, stream};

use super::{
    session::{Broken, Entry, Session},
    watermark::{Left, MOST_LEFT, Watermark},
};
use crate::{
    address::Domain,
    intake::{Delivery, Found, Intake, LARGEST, Outcome, Read, ReturnPath, Undecided},
    inward::{Mail, Reading, recipients},
};

/// How many mails, and how many bytes of them, are read at once.
const BATCH: usize = 50;
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// For how many mails DNS is asked at once.
const ASKED_AT_ONCE: usize = 16;
/// How many mails that were left are fetched again at once.
const LEFT_AT_ONCE: usize = 4;
/// How long what was left waits before it is tried again; doubles as long as nothing comes of it.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// A mailbox while a connection lasts.
pub(super) struct Visit<'a> {
    hub: &'a Hub,
    intake: &'a Intake,
    /// Under which key the place is kept.
    note: String,
    mark: Watermark,
    /// The highest UID that may be history.
    history: u32,
    wait: Duration,
    due: Timestamp,
    /// How many domains to pass over, so that each has its turn.
    turn: usize,
}

/// A mail, and for whom and whence it came.
struct Arrived {
    uid: u32,
    delivery: Delivery,
    about: Option<String>,
    read: Result<Read, Undecided>,
}

impl<'a> Visit<'a> {
    pub(super) fn new(hub: &'a Hub, intake: &'a Intake, note: String, mark: Watermark, history: u32) -> Self {
        Self { hub, intake, note, mark, history, wait: FIRST_WAIT, due: Timestamp::default(), turn: 0 }
    }

    /// How long nothing needs to be done here unless something new comes; [`None`]: nothing waits.
    pub(super) fn idle(&self) -> Option<Duration> {
        (!self.mark.left.is_empty()).then(|| self.due.since(self.hub.now()).max(Duration::from_secs(1)))
    }

    /// Tries what was left, when it is due, and takes in everything above the mark.
    pub(super) async fn catch_up(&mut self, session: &mut Session) -> Result<(), Broken> {
        if !self.mark.left.is_empty() && self.due <= self.hub.now() {
            self.try_again(session).await?;
        }
        let entries = session.above(self.mark.uid).await?;
        let mut rest = entries.as_slice();
        while let Some(last) = rest.get(..batch(rest)).and_then(<[Entry]>::last) {
            let (now, later) = rest.split_at(batch(rest));
            rest = later;
            let (small, large): (Vec<Entry>, Vec<Entry>) = now.iter().partition(|entry| entry.size <= LARGEST);
            for entry in large {
                if let Some(head) = session.head(entry.uid).await? {
                    self.too_large(&head).await?;
                }
            }
            let uids: Vec<u32> = small.iter().map(|entry| entry.uid).collect();
            if !uids.is_empty() {
                let mails = session.whole(&uids).await?;
                for arrived in self.read(mails, self.history).await {
                    self.take(arrived).await?;
                }
            }
            self.mark.uid = last.uid;
            self.remember().await?;
            session.seen(&now.iter().map(|entry| entry.uid).collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    /// Reads mails, in order; those for nobody are left out.
    async fn read(&self, mails: Vec<(u32, Vec<u8>)>, history: u32) -> Vec<Arrived> {
        let read = stream::iter(mails).map(|(uid, raw)| async move {
            let freshness = if uid <= history { Freshness::Pushed } else { Freshness::Asked };
            let Some(head) = Mail::parse(&raw) else {
                self.hub.dropped("malformed");
                return None;
            };
            let delivery = self.delivery(&head, freshness);
            // Encrypted mail hides for whom it is.
            if delivery.recipients.is_empty() && !head.is_multipart() {
                self.hub.dropped("unaddressed");
                return None;
            }
            let about = head.message_id();
            drop(head);
            let read = self.intake.read(self.hub, &raw, &delivery).await;
            Some(Arrived { uid, delivery, about, read })
        });
        read.buffered(ASKED_AT_ONCE).filter_map(std::future::ready).collect().await
    }

    /// Takes in one new mail, or leaves it.
    async fn take(&mut self, arrived: Arrived) -> Result<(), Broken> {
        let Arrived { uid, delivery, about, read } = arrived;
        let found = match read {
            Ok(Read { asked: Some(domain), found: Found::Open(Reading::Letter(_)) | Found::Sealed(_) })
                if self.waits_for(&domain) =>
            {
                self.leave(uid, &domain);
                return Ok(());
            }
            Ok(read) => read.found,
            Err(undecided) if self.mark.left.len() < MOST_LEFT => {
                tracing::warn!("DNS does not answer for the author of a mail; it stays in the mailbox and is tried again");
                self.leave(uid, &undecided.domain);
                return Ok(());
            }
            Err(undecided) => Found::Open(Reading::Rejected(undecided.otherwise)),
        };
        self.settle(&delivery, about, found).await
    }

    fn waits_for(&self, domain: &Domain) -> bool {
        self.mark.waits_for(&self.hub.pseudonym(domain.as_str()))
    }

    fn leave(&mut self, uid: u32, domain: &Domain) {
        let now = self.hub.now();
        if self.mark.left.is_empty() {
            (self.wait, self.due) = (FIRST_WAIT, now.plus(FIRST_WAIT));
        }
        let domain = self.hub.pseudonym(domain.as_str());
        self.mark.left.push(Left { uid, since: now, domain, history: uid <= self.history });
    }

    /// Tries what was left: of each domain the first, and when that is decided the next.
    async fn try_again(&mut self, session: &mut Session) -> Result<(), Broken> {
        let give_up_after = self.hub.organisation().policy.give_up_after;
        loop {
            let mut firsts = self.mark.first_of_each();
            let turn = self.turn.checked_rem(firsts.len()).unwrap_or_default();
            firsts.rotate_left(turn);
            firsts.truncate(LEFT_AT_ONCE);
            let uids: Vec<u32> = firsts.iter().map(|left| left.uid).collect();
            if uids.is_empty() {
                break;
            }
            let mails = session.whole(&uids).await?;
            let history = firsts.iter().filter(|left| left.history).map(|left| left.uid).max().unwrap_or_default();
            let mut arrived = self.read(mails, history).await;
            let mut decided = 0;
            for left in &firsts {
                let found = arrived.iter().position(|one| one.uid == left.uid).map(|at| arrived.swap_remove(at));
                match found {
                    // Somebody took it out of the mailbox.
                    None => {}
                    Some(Arrived { read: Err(_), .. }) if self.hub.now().since(left.since) <= give_up_after => continue,
                    Some(Arrived { delivery, about, read, .. }) => {
                        let rejected = |undecided: Undecided| Found::Open(Reading::Rejected(undecided.otherwise));
                        let found = read.map_or_else(rejected, |read| read.found);
                        self.settle(&delivery, about, found).await?;
                    }
                }
                self.mark.settled(left.uid);
                decided += 1;
            }
            self.turn = turn + firsts.len() - decided;
            if decided == 0 {
                self.wait = self.wait.saturating_mul(2).min(LONGEST_WAIT);
                break;
            }
            self.wait = FIRST_WAIT;
            self.remember().await?;
        }
        self.due = self.hub.now().plus(self.wait);
        Ok(())
    }

    async fn settle(&self, delivery: &Delivery, about: Option<String>, found: Found) -> Result<(), Broken> {
        let outcomes = self.intake.take(self.hub, found, delivery).await.map_err(|error| Broken(error.to_string()))?;
        for (recipient, outcome) in delivery.recipients.iter().zip(outcomes) {
            if let Outcome::Refused(reason) = outcome {
                self.tell(delivery, about.clone(), recipient, reason).await?;
            }
        }
        Ok(())
    }

    async fn too_large(&self, head: &[u8]) -> Result<(), Broken> {
        self.hub.dropped("large");
        let Some(head) = Mail::parse(head) else { return Ok(()) };
        let delivery = self.delivery(&head, Freshness::Asked);
        for recipient in &delivery.recipients {
            self.tell(&delivery, head.message_id(), recipient, Reason::TooLarge).await?;
        }
        Ok(())
    }

    async fn tell(&self, delivery: &Delivery, about: Option<String>, to: &str, reason: Reason) -> Result<(), Broken> {
        self.intake.tell(self.hub, about, delivery, to, reason).await.map_err(|error| Broken(error.to_string()))
    }

    /// What the mailbox's server noted of the envelope.
    fn delivery(&self, head: &Mail<'_>, freshness: Freshness) -> Delivery {
        let return_path = head.header("Return-Path").map_or(ReturnPath::Unknown, |path| ReturnPath::new(&path));
        Delivery { recipients: recipients(head, &self.intake.reader().domain), return_path, freshness }
    }

    async fn remember(&self) -> Result<(), Broken> {
        self.hub.set_note(&self.note, Some(&self.mark.write())).await.map_err(|error| Broken(error.to_string()))
    }
}

/// How many entries from the front make one batch.
fn batch(entries: &[Entry]) -> usize {
    let mut bytes = 0_usize;
    let fits = entries.iter().take(BATCH).take_while(|entry| {
        bytes = bytes.saturating_add(if entry.size > LARGEST { 0 } else { entry.size });
        bytes <= BATCH_BYTES
    });
    fits.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_bounded_by_number_and_size() {
        let entries = |sizes: &[usize]| sizes.iter().zip(1..).map(|(size, uid)| Entry { uid, size: *size }).collect::<Vec<_>>();
        assert_eq!(batch(&entries(&[1; 200])), BATCH);
        assert_eq!(batch(&entries(&[BATCH_BYTES - 1, 1, 1])), 2);
        assert_eq!(batch(&entries(&[BATCH_BYTES + 1, 1])), 1);
        assert_eq!(batch(&entries(&[LARGEST + 1, 1])), 2);
        assert_eq!(batch(&entries(&[])), 1);
    }
}
