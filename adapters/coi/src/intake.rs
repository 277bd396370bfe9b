// SPDX-License-Identifier: EUPL-1.2
//! Handing what came in to the gateway, whichever way it came, and telling senders what will not be carried.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dreiklang_engine::{
    Hub,
    port::{Freshness, Proof, Received, Recipient, SourceKey, StoreError, Verdict},
};
use dreiklang_model::{NativeId, Reason, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    inward::{Bounce, Letter, Mail, Reader, Reading},
    outward::{Fate, Notice, Words, notice},
    thread::Heard,
    transport::{Envelope, SendError, Submission},
};

/// Largest mail that is looked at, in bytes.
pub(crate) const LARGEST: usize = 50 * 1024 * 1024;
/// How many notices may wait for the submission server.
const WAITING: usize = 1000;
/// How many notices are sent in a minute at most: forged mail comes in floods.
const PER_MINUTE: usize = 100;
/// Of how many mails it is remembered that their sender was told.
const REMEMBERED: usize = 4000;
const PAUSE: Duration = Duration::from_secs(5);

/// For whom a mail is, and who wants to hear of failures.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// As the envelope, or what is left of it, names them.
    pub(crate) recipients: Vec<String>,
    pub(crate) return_path: ReturnPath,
    pub(crate) freshness: Freshness,
}

/// Who wants to hear of failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReturnPath {
    /// The envelope is not known.
    Unknown,
    /// Nobody: `<>`.
    Null,
    /// This address.
    To(String),
}

impl ReturnPath {
    /// From what stands in `Return-Path:` or after `MAIL FROM:`.
    pub(crate) fn new(text: &str) -> Self {
        match text.trim().trim_matches(['<', '>']) {
            "" => Self::Null,
            address => Self::To(address.to_owned()),
        }
    }
}

/// What became of a mail for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is durable, or it is for nobody: acknowledge it.
    Done,
    /// It is not carried; its sender is to be told.
    Refused(Reason),
}

/// A notice on its way.
#[derive(Debug)]
struct Pending {
    envelope: Envelope,
    raw: Vec<u8>,
}

/// Takes in mail.
pub(crate) struct Intake {
    reader: Reader,
    submission: Arc<Submission>,
    pending: mpsc::Sender<Pending>,
    waiting: tokio::sync::Mutex<mpsc::Receiver<Pending>>,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    about: VecDeque<String>,
    minute: VecDeque<Timestamp>,
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Intake({})", self.reader.domain.as_str())
    }
}

impl Intake {
    pub(crate) fn new(reader: Reader, submission: Arc<Submission>) -> Self {
        let (pending, waiting) = mpsc::channel(WAITING);
        Self { reader, submission, pending, waiting: tokio::sync::Mutex::new(waiting), told: Mutex::default() }
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Takes in one mail; one answer for each recipient. When this answers, what is [`Outcome::Done`] is durable.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known of it; hand it in again.
    pub(crate) async fn take(&self, hub: &Hub, raw: &[u8], delivery: &Delivery) -> Result<Vec<Outcome>, StoreError> {
        let everybody = |outcome: Outcome| vec![outcome; delivery.recipients.len()];
        let Some(mail) = Mail::parse(raw) else {
            hub.dropped("malformed");
            return Ok(everybody(Outcome::Refused(Reason::Unreadable)));
        };
        let null = delivery.return_path == ReturnPath::Null;
        match self.reader.read(&mail, raw, null, hub.now()) {
            Reading::Letter(letter) => self.letter(hub, &letter, delivery).await,
            Reading::Bounce(bounce) => {
                self.bounce(hub, bounce).await?;
                Ok(everybody(Outcome::Done))
            }
            Reading::Ignored(why) => {
                hub.dropped(why);
                Ok(everybody(Outcome::Done))
            }
            Reading::Rejected(rejected) => {
                hub.dropped(rejected.why);
                Ok(everybody(Outcome::Refused(rejected.reason)))
            }
        }
    }

    async fn letter(&self, hub: &Hub, letter: &Letter, delivery: &Delivery) -> Result<Vec<Outcome>, StoreError> {
        let mut received = Vec::new();
        let mut subjects = Vec::new();
        for recipient in &delivery.recipients {
            let heard = Heard::of(hub, letter.from.as_str(), &recipient.to_lowercase()).await?;
            // A subject says something when the thread begins with it or it changes.
            let news = !letter.subject.is_empty() && heard.is_none_or(|heard| heard.subject != letter.subject);
            subjects.push(news.then(|| letter.subject.clone()));
        }
        for (recipient, subject) in delivery.recipients.iter().zip(subjects) {
            for (index, what) in letter.says.iter().enumerate() {
                let suffix = if index == 0 { String::new() } else { format!("#{index}") };
                received.push(Received {
                    key: SourceKey {
                        scope: format!("message-id/{}", recipient.to_lowercase()),
                        id: format!("{}{suffix}", letter.id.as_str()),
                        at: None,
                    },
                    native: letter.id.clone(),
                    from: letter.from.clone(),
                    name: letter.name.clone(),
                    to: Recipient::Ghost(recipient.clone()),
                    sent_at: letter.sent_at,
                    freshness: delivery.freshness,
                    proof: Some(Proof::Aligned),
                    wants_receipt: false,
                    what: with_subject(what.clone(), subject.as_deref().filter(|_| index == 0)),
                });
            }
        }
        let verdicts = hub.accept(received).await?;
        let mut outcomes = Vec::with_capacity(delivery.recipients.len());
        for (recipient, verdicts) in delivery.recipients.iter().zip(verdicts.chunks(letter.says.len().max(1))) {
            let refused = verdicts.iter().find_map(|verdict| match verdict {
                Verdict::Refused(reason) => Some(reason.clone()),
                Verdict::Stored | Verdict::Duplicate => None,
            });
            if verdicts.contains(&Verdict::Stored) {
                let heard = Heard { last: letter.id.as_str().to_owned(), at: hub.now(), subject: letter.subject.clone() };
                heard.remember(hub, letter.from.as_str(), &recipient.to_lowercase()).await?;
            }
            outcomes.push(refused.map_or(Outcome::Done, Outcome::Refused));
        }
        Ok(outcomes)
    }

    async fn bounce(&self, hub: &Hub, bounce: Bounce) -> Result<(), StoreError> {
        let named = bounce.recipients.iter().filter_map(|text| crate::address::canonical(text));
        // A forwarded mail fails under an address we never wrote to; that the report knows our Message-ID proves enough.
        for from in named.map(Some).chain([None]) {
            if hub.report_back(bounce.delivery, from.as_ref(), bounce.report.clone()).await? {
                return Ok(());
            }
        }
        hub.dropped("report");
        Ok(())
    }

    /// Tells the sender of a mail that it is not carried: once for each mail, never in answer to a report, and not in floods.
    pub(crate) fn tell(&self, hub: &Hub, head: &Mail<'_>, delivery: &Delivery, recipient: &str, reason: Reason) {
        let ReturnPath::To(to) = &delivery.return_path else { return hub.dropped("untold") };
        let about = head.message_id();
        if self.reader.domain.holds(to) || !self.may_tell(about.as_deref(), hub.now()) {
            return hub.dropped("untold");
        }
        let domain = &self.reader.domain;
        let digest = blake3::hash(format!("{}\n{recipient}", about.as_deref().unwrap_or(to)).as_bytes()).to_hex();
        let note = Notice {
            id: format!("notice.{}@{}", digest.as_str(), domain.as_str()),
            to,
            recipient,
            about: about.as_deref(),
            fate: Fate::Failed(reason),
            at: hub.now(),
        };
        let written = notice(&note, domain, Words::of(hub.organisation()));
        let (Some(envelope), Ok(raw)) = (Envelope::new(None, to), written) else { return hub.dropped("untold") };
        if self.pending.try_send(Pending { envelope, raw }).is_err() {
            hub.dropped("untold");
        }
    }

    fn may_tell(&self, about: Option<&str>, now: Timestamp) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(about) = about {
            if told.about.iter().any(|known| known == about) {
                return false;
            }
            told.about.push_back(about.to_owned());
            if told.about.len() > REMEMBERED {
                told.about.pop_front();
            }
        }
        told.minute.retain(|at| now.since(*at) < Duration::from_secs(60));
        if told.minute.len() >= PER_MINUTE {
            return false;
        }
        told.minute.push_back(now);
        true
    }

    /// Sends the notices, in their order, until `stop`.
    pub(crate) async fn send_notices(&self, hub: &Hub, stop: &CancellationToken) {
        let mut waiting = self.waiting.lock().await;
        loop {
            let next = tokio::select! {
                () = stop.cancelled() => return,
                next = waiting.recv() => next,
            };
            let Some(pending) = next else { return };
            loop {
                match self.submission.send(&pending.envelope, &pending.raw).await {
                    Ok(()) | Err(SendError::Lost(_)) => break,
                    Err(SendError::Refused(refusal)) if !refusal.is_transient() => {
                        hub.dropped("untold");
                        break;
                    }
                    Err(error) => tracing::debug!(%error, "a notice waits"),
                }
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        }
    }
}

fn with_subject(what: dreiklang_model::What<NativeId>, subject: Option<&str>) -> dreiklang_model::What<NativeId> {
    use dreiklang_model::What;
    match (what, subject) {
        (What::Message(message), Some(subject)) if message.text != subject => {
            What::Message(dreiklang_model::Message { subject: Some(subject.to_owned()), ..message })
        }
        (what, _) => what,
    }
}
