// SPDX-License-Identifier: EUPL-1.2
//! What senders of refused mail are told where the mailbox's server cannot refuse it: once for each mail, and not in floods. That it
//! survives a crash is the business of `posts.rs`.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dreiklang_engine::{Hub, port::StoreError};
use dreiklang_model::{Reason, Timestamp};
use dreiklang_openpgp::Certificate;

use crate::{
    address::Domain,
    outward::{Fate, Notice, Speaker, Words, notice},
    posts::{Post, Posts},
    sealed::{NotSealed, Vault},
};

/// How many notices are taken on in a minute at most: forged mail comes in floods.
const PER_MINUTE: usize = 100;
/// Of how many mails it is remembered that their sender was told.
const REMEMBERED: usize = 4000;

/// The notices of one adapter.
pub(crate) struct Notices {
    domain: Domain,
    posts: Arc<Posts>,
    vault: Arc<Vault>,
    told: Mutex<Told>,
}

/// What a sender is told.
pub(crate) struct Refused<'a> {
    /// Who is told.
    pub(crate) to: &'a str,
    /// To whom he had written.
    pub(crate) recipient: &'a str,
    /// His mail's Message-ID.
    pub(crate) about: Option<String>,
    pub(crate) reason: Reason,
    /// His key, when his program shows nothing that is not encrypted; the recipient then tells him.
    pub(crate) key: Option<Certificate>,
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notices({})", self.domain.as_str())
    }
}

impl Notices {
    pub(crate) fn new(domain: Domain, posts: Arc<Posts>, vault: Arc<Vault>) -> Self {
        Self { domain, posts, vault, told: Mutex::default() }
    }

    /// Takes on to tell somebody that his mail does not reach a recipient: once, never one of our own ghosts, and not in floods. When
    /// this answers, the notice is durable, or counted as untold.
    ///
    /// # Errors
    /// [`StoreError`]: it is not durable; the mail must not count as read.
    pub(crate) async fn tell(&self, hub: &Hub, refused: Refused<'_>) -> Result<(), StoreError> {
        let named = refused.about.as_deref().unwrap_or(refused.to);
        // Who forges a sender names many recipients; the one who hears of it may have nothing to do with it.
        let forged = refused.reason == Reason::NotAuthenticated;
        let subject = if forged { named.to_owned() } else { format!("{named}\n{}", refused.recipient) };
        let subject = blake3::hash(subject.as_bytes()).to_hex().to_string();
        let now = hub.now();
        let may_tell = !self.domain.holds(refused.to) && self.told().may_tell(&subject, now);
        let post = if may_tell { self.write(hub, &refused, &subject, now).await? } else { None };
        let taken = match &post {
            Some(post) => self.posts.put(hub, &format!("notice/{subject}"), post).await?,
            None => false,
        };
        if taken {
            self.told().remember(subject, now);
        } else {
            hub.dropped("untold");
        }
        Ok(())
    }

    /// The notice; [`None`] when it cannot be written.
    async fn write(&self, hub: &Hub, refused: &Refused<'_>, subject: &str, now: Timestamp) -> Result<Option<Post>, StoreError> {
        let speaker = if refused.key.is_some() { Speaker::Ghost(refused.recipient) } else { Speaker::MailSystem };
        let note = Notice {
            id: format!("notice.{subject}@{}", self.domain.as_str()),
            to: refused.to,
            recipient: refused.recipient,
            about: refused.about.as_deref(),
            fate: Fate::Failed(refused.reason.clone()),
            at: now,
            speaker,
        };
        let Ok(written) = notice(&note, &self.domain, Words::of(hub.organisation())) else { return Ok(None) };
        let (from, mail) = match &refused.key {
            None => (None, written),
            Some(key) => match self.vault.seal(hub, refused.recipient, key, written).await {
                Ok(mail) => (Some(refused.recipient.to_owned()), mail),
                Err(NotSealed::Failed(error)) => return Err(error),
                Err(NotSealed::Impossible(_)) => return Ok(None),
            },
        };
        Ok(String::from_utf8(mail).ok().map(|mail| Post { from, to: refused.to.to_owned(), mail, at: now }))
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

crate::opaque::opaque!(Refused<'_>);

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
