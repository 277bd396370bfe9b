// SPDX-License-Identifier: EUPL-1.2
//! Handing what came in to the gateway, whichever way it came. What senders are told is in `notices.rs`.

mod encrypted;
mod letters;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use dreiklang_engine::{
    Hub,
    port::{Finding, Freshness, StoreError},
};
use dreiklang_model::{Reason, Report};
use dreiklang_openpgp::Signed;

use letters::Seal;

use crate::{
    address::Domain,
    dkim::{self, Verifier},
    inward::{Bounce, Evidence, Mail, Reader, Reading, Rejected, author},
    notices::{Notices, Refused},
    posts::Posts,
    relays,
    sealed::{Met, NotOpened, Unsealed, Vault},
    spool::Spool,
};

/// Largest mail that is looked at, in bytes.
pub(crate) const LARGEST: usize = 50 * 1024 * 1024;

/// For whom a mail is, and who wants to hear of failures.
#[derive(Clone)]
pub(crate) struct Delivery {
    /// As the envelope, or what is left of it, names them.
    pub(crate) recipients: Vec<String>,
    pub(crate) return_path: ReturnPath,
    pub(crate) freshness: Freshness,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivery({} recipients, {:?})", self.recipients.len(), self.freshness)
    }
}

/// Who wants to hear of failures.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum ReturnPath {
    /// The envelope is not known.
    Unknown,
    /// Nobody: `<>`.
    Null,
    /// This address.
    To(String),
}

impl fmt::Debug for ReturnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "Unknown",
            Self::Null => "Null",
            Self::To(_) => "To(…)",
        })
    }
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

/// What was found in a mail.
#[derive(Debug)]
pub(crate) enum Found {
    /// It lies open.
    Open(Reading),
    /// It was encrypted, and we could open it.
    Sealed(Box<Unsealed>),
    /// It is encrypted, and we could not; its Message-ID.
    Locked(Reason, Option<String>),
    /// The database failed while it was opened.
    Failed(StoreError),
}

/// What a mail means.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) found: Found,
    /// Of which domain a signature had to be looked for, because nothing else proved the author.
    pub(crate) asked: Option<Domain>,
}

impl From<Reading> for Read {
    fn from(reading: Reading) -> Self {
        Self { found: Found::Open(reading), asked: None }
    }
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
    vault: Arc<Vault>,
    posts: Arc<Posts>,
    spool: Spool,
    notices: Notices,
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Intake({})", self.reader.domain.as_str())
    }
}

impl Intake {
    /// `verifier` checks signatures where nothing else proves an author.
    pub(crate) fn new(reader: Reader, verifier: Option<Verifier>, vault: Arc<Vault>, posts: Arc<Posts>, spool: Spool) -> Self {
        let notices = Notices::new(reader.domain.clone(), Arc::clone(&posts), Arc::clone(&vault));
        Self { reader, verifier, vault, posts, spool, notices }
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// What a mail means; DNS may have to be asked. Stores nothing.
    ///
    /// # Errors
    /// [`Undecided`].
    pub(crate) async fn read(&self, hub: &Hub, raw: &[u8], delivery: &Delivery) -> Result<Read, Undecided> {
        let Some(mail) = Mail::parse(raw) else {
            let rejected = Rejected { reason: Reason::Unreadable, why: "malformed", message_id: None };
            return Ok(Reading::Rejected(rejected).into());
        };
        let null = delivery.return_path == ReturnPath::Null;
        let ignored = self.reader.ignores(&mail, null);
        if ignored == Some("loop") {
            return Ok(Reading::Ignored("loop").into());
        }
        match self.vault.open(hub, raw, &delivery.recipients).await {
            Ok(unsealed) => self.vouched(hub, &mail, raw, unsealed).await,
            Err(NotOpened::Clear) if delivery.recipients.is_empty() => Ok(Reading::Ignored("unaddressed").into()),
            Err(NotOpened::Clear) => self.read_clear(hub, &mail, raw, null).await,
            Err(NotOpened::Uninvited) => Ok(Reading::Ignored("uninvited").into()),
            Err(NotOpened::Unreadable(reason)) => match ignored {
                Some(why) => Ok(Reading::Ignored(why).into()),
                None => Ok(Read { found: Found::Locked(reason, mail.message_id()), asked: None }),
            },
            Err(NotOpened::Failed(error)) => Ok(Read { found: Found::Failed(error), asked: None }),
        }
    }

    async fn read_clear(&self, hub: &Hub, mail: &Mail<'_>, raw: &[u8], null: bool) -> Result<Read, Undecided> {
        let read = |evidence| self.reader.read(mail, raw, null, evidence, hub.now());
        let (domain, rejected, verifier) = match (read(Evidence::None), &self.verifier) {
            (Reading::Unproved(domain, rejected), Some(verifier)) => (domain, rejected, verifier),
            (reading, _) => return Ok(reading.into()),
        };
        let reading = match verifier.speaks_for(mail, raw, &domain).await {
            dkim::Signed::Yes => read(Evidence::Signature),
            dkim::Signed::No => Reading::Rejected(rejected),
            dkim::Signed::Unknown => return Err(Undecided { domain, otherwise: rejected }),
        };
        Ok(Read { found: Found::Open(reading), asked: Some(domain) })
    }

    /// Finds out whether the mail around an opened one proves its author, unless his signature will do.
    async fn vouched(&self, hub: &Hub, mail: &Mail<'_>, raw: &[u8], unsealed: Unsealed) -> Result<Read, Undecided> {
        let found = |unsealed, vouched| Found::Sealed(Box::new(Unsealed { vouched, ..unsealed }));
        let Some((from, _)) = author(mail) else { return Ok(Read { found: found(unsealed, None), asked: None }) };
        if self.reader.vouches(mail, &from) {
            return Ok(Read { found: found(unsealed, Some(from)), asked: None });
        }
        let (Some(verifier), Some(domain)) =
            (&self.verifier, from.as_str().rsplit_once('@').and_then(|(_, domain)| Domain::new(domain)))
        else {
            return Ok(Read { found: found(unsealed, None), asked: None });
        };
        match self.is_signed_by_its_author(hub, &unsealed).await {
            Ok(false) => {}
            Ok(true) => return Ok(Read { found: found(unsealed, None), asked: None }),
            Err(error) => return Ok(Read { found: Found::Failed(error), asked: None }),
        }
        let vouched = match verifier.speaks_for(mail, raw, &domain).await {
            dkim::Signed::Yes => Some(from),
            dkim::Signed::No => None,
            dkim::Signed::Unknown => {
                let message_id = mail.message_id();
                let otherwise = Rejected { reason: Reason::NotAuthenticated, why: "forged", message_id };
                return Err(Undecided { domain, otherwise });
            }
        };
        Ok(Read { found: found(unsealed, vouched), asked: Some(domain) })
    }

    async fn is_signed_by_its_author(&self, hub: &Hub, unsealed: &Unsealed) -> Result<bool, StoreError> {
        let inner = Mail::parse(&unsealed.readable).and_then(|mail| author(&mail));
        let Some((from, _)) = inner else { return Ok(false) };
        let Some(bound) = self.vault.peers.of(hub, &from).await?.filter(|bound| bound.met > Met::Told) else { return Ok(false) };
        Ok(matches!(self.vault.signed(hub, unsealed, Some(bound), None).await?, Ok(Signed::By(_))))
    }

    /// Takes in what was read; one answer for each recipient. When this answers, what is [`Outcome::Done`] is durable.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known of it; hand it in again.
    pub(crate) async fn take(&self, hub: &Hub, found: Found, delivery: &Delivery) -> Result<Vec<Outcome>, StoreError> {
        let everybody = |outcome: Outcome| vec![outcome; delivery.recipients.len()];
        match found {
            Found::Open(Reading::Letter(letter)) => {
                self.meet_clear(hub, &letter).await?;
                self.letter(hub, &letter, &delivery.recipients, delivery.freshness, Seal::Clear).await
            }
            Found::Open(Reading::Bounce(bounce)) => {
                self.bounce(hub, bounce).await?;
                Ok(everybody(Outcome::Done))
            }
            Found::Open(Reading::Ignored(why)) => {
                hub.dropped(why);
                Ok(everybody(Outcome::Done))
            }
            Found::Open(Reading::Rejected(rejected) | Reading::Unproved(_, rejected)) => {
                hub.dropped(rejected.why);
                Ok(everybody(Outcome::Refused(rejected.reason)))
            }
            Found::Sealed(unsealed) => self.sealed(hub, &unsealed, delivery).await,
            Found::Locked(reason, about) => {
                hub.dropped("locked");
                let key = self.key_of_sender(hub, delivery).await?;
                self.refuse(hub, delivery, &delivery.recipients, about, &reason, key).await
            }
            Found::Failed(error) => Err(error),
        }
    }

    async fn bounce(&self, hub: &Hub, bounce: Bounce) -> Result<(), StoreError> {
        let named: Vec<_> = bounce.recipients.iter().filter_map(|text| crate::address::canonical(text)).collect();
        let waits = match &bounce.report {
            Report::Failed(_) => relays::may_still_arrive(hub, bounce.delivery, &named).await?,
            _ => relays::has_several(hub, bounce.delivery).await?,
        };
        if waits {
            hub.dropped("relay");
            return Ok(());
        }
        // A forwarded mail fails under an address we never wrote to; that the report knows our Message-ID proves enough.
        for from in named.into_iter().map(Some).chain([None]) {
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
            ReturnPath::To(to) => self.notices.tell(hub, Refused { to, recipient, about, reason, key: None }).await,
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
}
