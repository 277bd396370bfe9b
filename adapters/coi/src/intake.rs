// SPDX-License-Identifier: EUPL-1.2
//! Handing what came in to the gateway, whichever way it came. What senders are told is in `notices.rs`.

use std::fmt;

use dreiklang_engine::{
    Hub,
    port::{Finding, Freshness, Proof, Received, Recipient, SourceKey, StoreError, Verdict},
};
use dreiklang_model::{NativeId, Reason};
use tokio_util::sync::CancellationToken;

use crate::{
    address::Domain,
    dkim::{Signed, Verifier},
    inward::{Bounce, Evidence, Letter, Mail, Reader, Reading, Rejected},
    notices::Notices,
    thread::Heard,
};

/// Largest mail that is looked at, in bytes.
pub(crate) const LARGEST: usize = 50 * 1024 * 1024;

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

/// What a mail means.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) reading: Reading,
    /// Of which domain a signature had to be looked for, because nothing else proved the author.
    pub(crate) asked: Option<Domain>,
}

/// Nobody can say now who wrote a mail: DNS does not answer. Whoever has the mail keeps it and comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undecided {
    /// The author's domain.
    pub(crate) domain: Domain,
    /// What becomes of it when nobody can ever say.
    pub(crate) otherwise: Rejected,
}

/// Takes in mail.
pub(crate) struct Intake {
    reader: Reader,
    verifier: Option<Verifier>,
    notices: Notices,
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Intake({})", self.reader.domain.as_str())
    }
}

impl Intake {
    /// `verifier` checks signatures where nothing else proves an author.
    pub(crate) fn new(reader: Reader, verifier: Option<Verifier>, notices: Notices) -> Self {
        Self { reader, verifier, notices }
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// What a mail means; DNS may have to be asked. Stores nothing.
    ///
    /// # Errors
    /// [`Undecided`].
    pub(crate) async fn read(&self, hub: &Hub, raw: &[u8], return_path: &ReturnPath) -> Result<Read, Undecided> {
        let Some(mail) = Mail::parse(raw) else {
            let rejected = Rejected { reason: Reason::Unreadable, why: "malformed", message_id: None };
            return Ok(Read { reading: Reading::Rejected(rejected), asked: None });
        };
        let read = |evidence| self.reader.read(&mail, raw, *return_path == ReturnPath::Null, evidence, hub.now());
        let (domain, rejected, verifier) = match (read(Evidence::None), &self.verifier) {
            (Reading::Unproved(domain, rejected), Some(verifier)) => (domain, rejected, verifier),
            (reading, _) => return Ok(Read { reading, asked: None }),
        };
        match verifier.speaks_for(&mail, raw, &domain).await {
            Signed::Yes => Ok(Read { reading: read(Evidence::Signature), asked: Some(domain) }),
            Signed::No => Ok(Read { reading: Reading::Rejected(rejected), asked: Some(domain) }),
            Signed::Unknown => Err(Undecided { domain, otherwise: rejected }),
        }
    }

    /// Takes in what was read; one answer for each recipient. When this answers, what is [`Outcome::Done`] is durable.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known of it; hand it in again.
    pub(crate) async fn take(&self, hub: &Hub, reading: Reading, delivery: &Delivery) -> Result<Vec<Outcome>, StoreError> {
        let everybody = |outcome: Outcome| vec![outcome; delivery.recipients.len()];
        match reading {
            Reading::Letter(letter) => self.letter(hub, &letter, delivery).await,
            Reading::Bounce(bounce) => {
                self.bounce(hub, bounce).await?;
                Ok(everybody(Outcome::Done))
            }
            Reading::Ignored(why) => {
                hub.dropped(why);
                Ok(everybody(Outcome::Done))
            }
            Reading::Rejected(rejected) | Reading::Unproved(_, rejected) => {
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

    /// Tells the sender of a mail (`about`: its Message-ID) that it does not reach a recipient; never in answer to a report.
    /// When this answers, that is durable or will not happen.
    ///
    /// # Errors
    /// [`StoreError`]: the mail must not count as read.
    pub(crate) async fn tell(
        &self,
        hub: &Hub,
        about: Option<String>,
        delivery: &Delivery,
        recipient: &str,
        reason: Reason,
    ) -> Result<(), StoreError> {
        match &delivery.return_path {
            ReturnPath::To(to) => self.notices.tell(hub, about, to, recipient, reason).await,
            ReturnPath::Null | ReturnPath::Unknown => {
                hub.dropped("untold");
                Ok(())
            }
        }
    }

    /// Can what is needed to believe anybody be reached?
    pub(crate) async fn check(&self) -> Option<Finding> {
        match &self.verifier {
            Some(verifier) => Some(verifier.check().await),
            None => None,
        }
    }

    /// Sends what senders are told, until `stop`.
    pub(crate) async fn send_notices(&self, hub: &Hub, stop: &CancellationToken) {
        self.notices.run(hub, stop).await;
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
