// SPDX-License-Identifier: EUPL-1.2
//! Mails that the adapter itself sends (notices, handshakes): durable before what they answer counts as read, kept until the submission
//! server took them. The store is the queue: nothing here is needed to recover.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use dreiklang_engine::{Hub, port::StoreError};
use dreiklang_model::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::transport::{Envelope, SendError, Submission};

/// Under which keys mails wait.
const PREFIX: &str = "post/";
/// How many may wait for the submission server.
const MOST_WAITING: usize = 1000;
/// Pause before the second attempt at a mail; doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// A mail as it waits.
#[derive(Serialize, Deserialize)]
pub(crate) struct Post {
    /// The return path; none is the null one.
    pub(crate) from: Option<String>,
    pub(crate) to: String,
    /// The whole mail.
    pub(crate) mail: String,
    /// Since when it waits.
    pub(crate) at: Timestamp,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Post({} bytes)", self.mail.len())
    }
}

/// The mails that wait.
pub(crate) struct Posts {
    submission: Arc<Submission>,
    more: Notify,
}

impl fmt::Debug for Posts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Posts")
    }
}

impl Posts {
    pub(crate) fn new(submission: Arc<Submission>) -> Self {
        Self { submission, more: Notify::new() }
    }

    /// Takes on to send a mail. The same `key` again replaces it. When this answers, it is durable; `false`: too many wait.
    ///
    /// # Errors
    /// [`StoreError`]: it is not durable.
    pub(crate) async fn put(&self, hub: &Hub, key: &str, post: &Post) -> Result<bool, StoreError> {
        if hub.notes(PREFIX).await?.len() >= MOST_WAITING {
            return Ok(false);
        }
        let value = serde_json::to_string(post).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        hub.set_note(&format!("{PREFIX}{key}"), Some(&value)).await?;
        self.more.notify_one();
        Ok(true)
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
                tracing::error!(%error, "the mails that wait cannot be read");
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
                match self.send(hub, value).await {
                    Ok(()) => match hub.set_note(key, None).await {
                        Ok(()) => continue,
                        Err(error) => tracing::error!(%error, "a mail was sent and stays stored; it will be repeated"),
                    },
                    Err(error) => tracing::debug!(%error, "a mail waits"),
                }
                wait = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(known.number).unwrap_or(u32::MAX)).min(LONGEST_PAUSE);
                attempts
                    .insert(key.clone(), Attempts { number: known.number.saturating_add(1).min(16), due: Some(now.plus(wait)) });
            }
            next = Some(next.map_or(wait, |next| next.min(wait)));
        }
        next
    }

    /// Sends one mail. `Ok`: it need not wait any longer.
    async fn send(&self, hub: &Hub, value: &str) -> Result<(), SendError> {
        let untold = || {
            hub.dropped("untold");
            Ok(())
        };
        let Ok(post) = serde_json::from_str::<Post>(value) else { return untold() };
        if hub.now().since(post.at) > hub.organisation().policy.give_up_after {
            return untold();
        }
        let Some(envelope) = Envelope::new(post.from.as_deref(), &post.to) else { return untold() };
        match self.submission.send(&envelope, post.mail.as_bytes()).await {
            Err(SendError::Refused(refusal)) if !refusal.is_transient() => untold(),
            // Where nobody knows, a repeat with the same Message-ID is better than nothing.
            outcome => outcome,
        }
    }
}

/// How often a mail was tried, and when it is due again.
#[derive(Debug, Clone, Copy, Default)]
struct Attempts {
    number: u32,
    due: Option<Timestamp>,
}
