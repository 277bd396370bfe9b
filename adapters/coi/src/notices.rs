// SPDX-License-Identifier: EUPL-1.2
//! What senders of refused mail are told where the mailbox's server cannot refuse it: durable before the mail counts as read,
//! kept until the submission server took it. The store is the queue: nothing here is needed to recover.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dreiklang_engine::{Hub, port::StoreError};
use dreiklang_model::{Reason, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    address::Domain,
    outward::{Fate, Notice, Words, notice},
    transport::{Envelope, SendError, Submission},
};

/// Under which keys notices wait.
const PREFIX: &str = "notice/";
/// How many notices may wait for the submission server.
const MOST_WAITING: usize = 1000;
/// How many notices are taken on in a minute at most: forged mail comes in floods.
const PER_MINUTE: usize = 100;
/// Of how many mails it is remembered that their sender was told.
const REMEMBERED: usize = 4000;
/// Pause before the second attempt at a notice; doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// A notice as it waits.
#[derive(Serialize, Deserialize)]
struct Waiting {
    /// Who is told.
    to: String,
    /// To whom he had written.
    recipient: String,
    /// His mail's Message-ID.
    about: Option<String>,
    reason: Reason,
    at: Timestamp,
}

/// The notices of one adapter.
pub(crate) struct Notices {
    domain: Domain,
    submission: Arc<Submission>,
    told: Mutex<Told>,
    more: Notify,
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notices({})", self.domain.as_str())
    }
}

impl Notices {
    pub(crate) fn new(domain: Domain, submission: Arc<Submission>) -> Self {
        Self { domain, submission, told: Mutex::default(), more: Notify::new() }
    }

    /// Takes on to tell `to` that his mail (`about`: its Message-ID) does not reach `recipient`: once, never one of our own ghosts, and
    /// not in floods. When this answers, the notice is durable, or counted as untold.
    ///
    /// # Errors
    /// [`StoreError`]: it is not durable; the mail must not count as read.
    pub(crate) async fn tell(
        &self,
        hub: &Hub,
        about: Option<String>,
        to: &str,
        recipient: &str,
        reason: Reason,
    ) -> Result<(), StoreError> {
        let named = about.as_deref().unwrap_or(to);
        // Who forges a sender names many recipients; the one who hears of it may have nothing to do with it.
        let forged = reason == Reason::NotAuthenticated;
        let subject = if forged { named.to_owned() } else { format!("{named}\n{recipient}") };
        let subject = blake3::hash(subject.as_bytes()).to_hex().to_string();
        let now = hub.now();
        let may_tell = !self.domain.holds(to) && self.told().may_tell(&subject, now);
        if !may_tell || hub.notes(PREFIX).await?.len() >= MOST_WAITING {
            hub.dropped("untold");
            return Ok(());
        }
        let waiting = Waiting { to: to.to_owned(), recipient: recipient.to_owned(), about, reason, at: now };
        let value = serde_json::to_string(&waiting).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        hub.set_note(&format!("{PREFIX}{subject}"), Some(&value)).await?;
        self.told().remember(subject, now);
        self.more.notify_one();
        Ok(())
    }

    /// Sends what waits, until `stop`.
    pub(crate) async fn run(&self, hub: &Hub, stop: &CancellationToken) {
        let mut attempts = HashMap::new();
        loop {
            let pause = tokio::select! {
                () = stop.cancelled() => return,
                pause = self.send_due(hub, &mut attempts) => pause,
            };
            let due = async {
                match pause {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.more.notified() => {}
                () = due => {}
            }
        }
    }

    /// Tries everything that is due; answers after which time something is due again.
    async fn send_due(&self, hub: &Hub, attempts: &mut HashMap<String, Attempts>) -> Option<Duration> {
        let waiting = match hub.notes(PREFIX).await {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::error!(%error, "the notices that wait cannot be read");
                return Some(FIRST_PAUSE);
            }
        };
        let keys: HashSet<&String> = waiting.iter().map(|(key, _)| key).collect();
        attempts.retain(|key, _| keys.contains(key));
        let mut next: Option<Duration> = None;
        for (key, value) in &waiting {
            let now = hub.now();
            let known = attempts.get(key).copied().unwrap_or_default();
            let mut wait = known.due.map_or(Duration::ZERO, |due| due.since(now));
            if wait.is_zero() {
                match self.send(hub, key, value).await {
                    Ok(()) => match hub.set_note(key, None).await {
                        Ok(()) => continue,
                        Err(error) => tracing::error!(%error, "a notice was sent and stays stored; it will be repeated"),
                    },
                    Err(error) => tracing::debug!(%error, "a notice waits"),
                }
                wait = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(known.number).unwrap_or(u32::MAX)).min(LONGEST_PAUSE);
                attempts
                    .insert(key.clone(), Attempts { number: known.number.saturating_add(1).min(16), due: Some(now.plus(wait)) });
            }
            next = Some(next.map_or(wait, |next| next.min(wait)));
        }
        next
    }

    /// Sends one notice. `Ok`: it need not wait any longer.
    async fn send(&self, hub: &Hub, key: &str, value: &str) -> Result<(), SendError> {
        let untold = || {
            hub.dropped("untold");
            Ok(())
        };
        let Ok(waiting) = serde_json::from_str::<Waiting>(value) else { return untold() };
        if hub.now().since(waiting.at) > hub.organisation().policy.give_up_after {
            return untold();
        }
        let note = Notice {
            id: format!("notice.{}@{}", key.trim_start_matches(PREFIX), self.domain.as_str()),
            to: &waiting.to,
            recipient: &waiting.recipient,
            about: waiting.about.as_deref(),
            fate: Fate::Failed(waiting.reason),
            at: waiting.at,
        };
        let written = notice(&note, &self.domain, Words::of(hub.organisation()));
        let (Some(envelope), Ok(raw)) = (Envelope::new(None, &waiting.to), written) else { return untold() };
        match self.submission.send(&envelope, &raw).await {
            Err(SendError::Refused(refusal)) if !refusal.is_transient() => untold(),
            // Where nobody knows, a repeat with the same Message-ID is better than nothing.
            outcome => outcome,
        }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often a notice was tried, and when it is due again.
#[derive(Debug, Clone, Copy, Default)]
struct Attempts {
    number: u32,
    due: Option<Timestamp>,
}

/// What was told lately.
#[derive(Debug, Default)]
struct Told {
    about: VecDeque<String>,
    minute: VecDeque<Timestamp>,
}

impl Told {
    /// Was this not told before, and are there not too many already?
    fn may_tell(&mut self, about: &str, now: Timestamp) -> bool {
        self.minute.retain(|at| now.since(*at) < Duration::from_secs(60));
        self.minute.len() < PER_MINUTE && !self.about.iter().any(|known| known == about)
    }

    fn remember(&mut self, about: String, now: Timestamp) {
        self.minute.push_back(now);
        self.about.push_back(about);
        if self.about.len() > REMEMBERED {
            self.about.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mail_is_told_once_and_floods_are_not() {
        let mut told = Told::default();
        let start = Timestamp::from_millis(1_000_000);
        assert!(told.may_tell("a", start));
        // Not yet durable: it may be tried again.
        assert!(told.may_tell("a", start));
        told.remember("a".into(), start);
        assert!(!told.may_tell("a", start));
        for number in 1..PER_MINUTE {
            assert!(told.may_tell(&number.to_string(), start));
            told.remember(number.to_string(), start);
        }
        assert!(!told.may_tell("more", start.plus(Duration::from_secs(59))));
        assert!(told.may_tell("more", start.plus(Duration::from_secs(60))));
        for number in 0..REMEMBERED {
            told.remember(format!("later {number}"), start);
        }
        assert!(told.about.len() <= REMEMBERED);
    }
}
