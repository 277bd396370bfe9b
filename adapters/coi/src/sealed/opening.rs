// SPDX-License-Identifier: EUPL-1.2
//! Opening an encrypted mail with the keys of the ghosts it may be for, and finding in it what the envelope did not say.

use std::sync::Arc;

use dreiklang_engine::{Hub, Lookup, port::StoreError};
use dreiklang_model::{Address, Reason};
use dreiklang_openpgp::{
    Certificate, Envelope, Fingerprint, Limits, Lock, Misdirected, OpenError, Opened, Opener, SecretKey, Signed, unsealed,
};

use super::{Vault, keys::blocking, peers::Peer};
use crate::inward::{Mail, recipients};

/// How many keys are made ready at once when nobody knows for whom a mail is, and how many tries that may cost in all (0.1 ms each).
const AT_ONCE: usize = 500;
const MOST_TRIALS: usize = 50_000;

/// An opened mail.
pub(crate) struct Unsealed {
    /// The mail as its author wrote it.
    pub(crate) readable: Vec<u8>,
    pub(crate) opened: Arc<Opened>,
    /// Whom the mail around it proves to be its author.
    pub(crate) vouched: Option<Address>,
}

/// Why there is no opened mail.
#[derive(Debug)]
pub(crate) enum NotOpened {
    /// It is not encrypted in this way.
    Clear,
    /// It is a handshake that no invitation fits: that invitation has ended.
    Uninvited,
    /// Nobody here can read it.
    Unreadable(Reason),
    /// The database failed.
    Failed(StoreError),
}

impl From<StoreError> for NotOpened {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl std::fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unsealed({} bytes)", self.readable.len())
    }
}

impl Unsealed {
    /// Which of our keys opened it.
    pub(crate) fn opener(&self) -> Option<Fingerprint> {
        match self.opened.opener() {
            Opener::Key(fingerprint) => Some(fingerprint),
            Opener::Secret(_) => None,
        }
    }
}

impl Vault {
    /// Opens a mail. `named`: for whom its envelope says it is; when it says nothing, everybody's key is tried.
    ///
    /// # Errors
    /// [`NotOpened`].
    pub(crate) async fn open(&self, hub: &Hub, raw: &[u8], named: &[String]) -> Result<Unsealed, NotOpened> {
        let limits = Limits::default();
        let envelope = match Envelope::of(raw, &limits) {
            Ok(envelope) => Arc::new(envelope),
            Err(OpenError::NotSealed) => return Err(NotOpened::Clear),
            Err(error) => return Err(NotOpened::Unreadable(reason(error))),
        };
        let lock = envelope.lock().map_err(|error| NotOpened::Unreadable(reason(error)))?;
        let ghosts = self.ghosts(hub, named).await?;
        let opened = match lock {
            Lock::Secret => self.open_handshake(hub, envelope, &ghosts, limits).await?,
            Lock::Keys if ghosts.is_empty() => self.try_everybody(hub, envelope, limits).await?,
            Lock::Keys => {
                let mut keys = Vec::with_capacity(ghosts.len());
                for ghost in &ghosts {
                    keys.extend(self.keys.existing(hub, ghost).await?);
                }
                open(envelope, keys, limits).await?
            }
        };
        let readable = unsealed(raw, opened.content()).into_owned();
        Ok(Unsealed { readable, opened: Arc::new(opened), vouched: None })
    }

    /// The ghosts that an envelope names, as they are written.
    async fn ghosts(&self, hub: &Hub, named: &[String]) -> Result<Vec<String>, StoreError> {
        let mut ghosts = Vec::with_capacity(named.len());
        for name in named {
            if let Lookup::Ghost(ghost) = hub.ghost_at(name).await? {
                ghosts.push(ghost.written.as_str().to_owned());
            }
        }
        Ok(ghosts)
    }

    async fn open_handshake(
        &self,
        hub: &Hub,
        envelope: Arc<Envelope>,
        ghosts: &[String],
        limits: Limits,
    ) -> Result<Opened, NotOpened> {
        let may_be = |ghost: &String| ghosts.is_empty() || ghosts.contains(ghost);
        let open = self.invitations.open(hub).await?;
        let secrets: Vec<_> = open.iter().filter(|one| may_be(&one.ghost)).map(super::invitations::Open::secret).collect();
        let opened = blocking(move || envelope.open_with(&secrets, &limits)).await?;
        opened.map_err(|error| match error {
            OpenError::NoKey => NotOpened::Uninvited,
            error => NotOpened::Unreadable(reason(error)),
        })
    }

    /// Tries all keys there are, some at a time.
    async fn try_everybody(&self, hub: &Hub, envelope: Arc<Envelope>, limits: Limits) -> Result<Opened, NotOpened> {
        let owners = self.keys.owners(hub).await?;
        let limits = Limits { trials: MOST_TRIALS / owners.len().div_ceil(AT_ONCE).max(1), ..limits };
        for some in owners.chunks(AT_ONCE) {
            let mut keys = Vec::with_capacity(some.len());
            for owner in some {
                keys.extend(self.keys.existing(hub, owner).await?);
            }
            match open(Arc::clone(&envelope), keys, limits).await {
                Err(NotOpened::Unreadable(Reason::WrongKey)) => {}
                outcome => return outcome,
            }
        }
        Err(NotOpened::Unreadable(Reason::WrongKey))
    }

    /// For whom an opened mail is, where the envelope was lost: the ghosts to whose keys its author says he wrote, or else those that he
    /// names, or else the one whose key opened it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn recipients(
        &self,
        hub: &Hub,
        mail: &Mail<'_>,
        unsealed: &Unsealed,
        signed: &Result<Signed, Misdirected>,
    ) -> Result<Vec<String>, StoreError> {
        let intended: &[Fingerprint] = match signed {
            Ok(Signed::By(signer)) => &signer.recipients,
            _ => &[],
        };
        let mut ghosts = Vec::new();
        for fingerprint in intended {
            ghosts.extend(self.keys.owner(hub, fingerprint).await?);
        }
        if ghosts.is_empty() {
            ghosts = recipients(mail, &self.domain);
        }
        if let (true, Some(opener)) = (ghosts.is_empty(), unsealed.opener()) {
            ghosts.extend(self.keys.owner(hub, &opener).await?);
        }
        Ok(ghosts)
    }

    /// Whose signature an opened mail bears: that of somebody whose key is known for the address, or of the key that it carries itself.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn signed(
        &self,
        hub: &Hub,
        unsealed: &Unsealed,
        bound: Option<Arc<Peer>>,
        own: Option<Certificate>,
    ) -> Result<Result<Signed, Misdirected>, StoreError> {
        let (opened, now) = (Arc::clone(&unsealed.opened), hub.now());
        blocking(move || {
            let candidates: Vec<&Certificate> =
                bound.as_ref().map(|bound| &bound.certificate).into_iter().chain(own.as_ref()).collect();
            opened.signed(&candidates, now)
        })
        .await
    }
}

async fn open(envelope: Arc<Envelope>, keys: Vec<Arc<SecretKey>>, limits: Limits) -> Result<Opened, NotOpened> {
    let opened = blocking(move || envelope.open(keys.iter().map(AsRef::as_ref), &limits)).await?;
    opened.map_err(|error| NotOpened::Unreadable(reason(error)))
}

/// Why, for the sender.
fn reason(error: OpenError) -> Reason {
    match error {
        OpenError::NoKey => Reason::WrongKey,
        OpenError::TooLarge => Reason::TooLarge,
        OpenError::NotSealed | OpenError::Malformed | OpenError::Changed => Reason::Unreadable,
    }
}
