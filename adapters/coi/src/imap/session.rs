// SPDX-License-Identifier: EUPL-1.2
//! One IMAP connection: every command has its time.

use std::time::Duration;

use async_imap::{
    Client,
    extensions::idle::IdleResponse,
    types::{Mailbox as Selected, UnsolicitedResponse},
};
use futures::TryStreamExt as _;
use secrecy::ExposeSecret as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{ImapConfig, Security},
    transport::{Connector, Stream},
};

/// Longest that one command may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest that reading a batch may take.
const READING: Duration = Duration::from_secs(300);
/// How long to listen before looking again: servers' hints get lost, and so do connections.
const LISTENING: Duration = Duration::from_secs(60);
/// How long to wait where a server cannot tell of new mail.
const POLL: Duration = Duration::from_secs(10);

/// Why a connection ended, in words for an administrator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Broken(pub(super) String);

impl From<async_imap::error::Error> for Broken {
    fn from(error: async_imap::error::Error) -> Self {
        Self(crate::transport::clean(&error.to_string()))
    }
}

/// A mail that is there, and how long it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) uid: u32,
    pub(super) size: usize,
}

/// A connection that is logged in.
pub(super) struct Session {
    inner: async_imap::Session<Box<dyn Stream>>,
    idles: bool,
}

impl Session {
    pub(super) async fn open(connector: &Connector, config: &ImapConfig) -> Result<Self, Broken> {
        limited(PATIENCE, Self::log_in(connector, config)).await?
    }

    async fn log_in(connector: &Connector, config: &ImapConfig) -> Result<Self, Broken> {
        let stream = connector.open().await.map_err(|error| Broken(error.to_string()))?;
        let mut client = Client::new(stream);
        if client.read_response().await.map_err(|error| Broken(error.to_string()))?.is_none() {
            return Err(Broken("the server closed the connection at once".to_owned()));
        }
        if connector.security() == Security::StartTls {
            let begun = client.run_command_and_check_ok("STARTTLS", None).await;
            begun.map_err(|error| Broken(format!("STARTTLS: {}", Broken::from(error))))?;
            let stream = connector.secure(client.into_inner()).await.map_err(|error| Broken(format!("STARTTLS: {error}")))?;
            client = Client::new(stream);
        }
        let login = client.login(&config.user, config.password.expose_secret()).await;
        let mut inner = login.map_err(|(error, _)| Broken(format!("login failed: {}", Broken::from(error))))?;
        let idles = inner.capabilities().await?.has_str("IDLE");
        Ok(Self { inner, idles })
    }

    pub(super) fn idles(&self) -> bool {
        self.idles
    }

    pub(super) async fn select(&mut self, mailbox: &str) -> Result<Selected, Broken> {
        Ok(limited(PATIENCE, self.inner.select(mailbox)).await??)
    }

    /// Was new mail announced since this was asked last? A server says so in its answer to any command, and does not repeat
    /// it when it is listened to (RFC 3501 §7.3.1, RFC 2177 §3).
    fn announced(&self) -> bool {
        let mut news = false;
        while let Ok(response) = self.inner.unsolicited_responses.try_recv() {
            news |= matches!(response, UnsolicitedResponse::Exists(_) | UnsolicitedResponse::Recent(_));
        }
        news
    }

    /// What lies above `uid`, in order.
    pub(super) async fn above(&mut self, uid: u32) -> Result<Vec<Entry>, Broken> {
        // What was announced so far is in the answer; what the answer itself announces is not.
        self.announced();
        let range = format!("{}:*", uid.saturating_add(1));
        let found: Vec<_> =
            limited(READING, async { self.inner.uid_fetch(range, "(UID RFC822.SIZE)").await?.try_collect().await }).await??;
        let entries = found.iter().filter_map(|fetch: &async_imap::types::Fetch| {
            Some(Entry { uid: fetch.uid?, size: usize::try_from(fetch.size?).unwrap_or(usize::MAX) })
        });
        // `n:*` always names the last mail, even when it lies below n.
        let mut entries: Vec<Entry> = entries.filter(|entry| entry.uid > uid).collect();
        entries.sort_by_key(|entry| entry.uid);
        Ok(entries)
    }

    /// Mails as they are, in order; one that is gone meanwhile is missing.
    pub(super) async fn whole(&mut self, uids: &[u32]) -> Result<Vec<(u32, Vec<u8>)>, Broken> {
        self.bodies(uids, "(UID BODY.PEEK[])", async_imap::types::Fetch::body).await
    }

    /// The headers of one mail.
    pub(super) async fn head(&mut self, uid: u32) -> Result<Option<Vec<u8>>, Broken> {
        let found = self.bodies(&[uid], "(UID BODY.PEEK[HEADER])", async_imap::types::Fetch::header).await?;
        Ok(found.into_iter().next().map(|(_, head)| head))
    }

    async fn bodies(
        &mut self,
        uids: &[u32],
        what: &str,
        get: impl Fn(&async_imap::types::Fetch) -> Option<&[u8]>,
    ) -> Result<Vec<(u32, Vec<u8>)>, Broken> {
        let set = set(uids);
        let found: Vec<_> = limited(READING, async { self.inner.uid_fetch(set, what).await?.try_collect().await }).await??;
        let mut mails: Vec<(u32, Vec<u8>)> = found
            .iter()
            .filter_map(|fetch: &async_imap::types::Fetch| Some((fetch.uid?, get(fetch)?.to_vec())))
            .filter(|(uid, _)| uids.contains(uid))
            .collect();
        mails.sort_by_key(|(uid, _)| *uid);
        Ok(mails)
    }

    /// Marks mails as seen.
    pub(super) async fn seen(&mut self, uids: &[u32]) -> Result<(), Broken> {
        let set = set(uids);
        let marking = async {
            let answers = self.inner.uid_store(set, r"+FLAGS.SILENT (\Seen)").await?;
            answers.try_for_each(|_| async { Ok(()) }).await
        };
        Ok(limited(PATIENCE, marking).await??)
    }

    /// Waits until there may be something new, at most `longest`. [`None`]: it is to end.
    pub(super) async fn listen(mut self, longest: Option<Duration>, stop: &CancellationToken) -> Result<Option<Self>, Broken> {
        if self.announced() {
            return Ok(Some(self));
        }
        if !self.idles {
            tokio::select! {
                () = stop.cancelled() => return Ok(None),
                () = tokio::time::sleep(longest.map_or(POLL, |longest| longest.min(POLL))) => {}
            }
            limited(PATIENCE, self.inner.noop()).await??;
            return Ok(Some(self));
        }
        let mut idle = self.inner.idle();
        limited(PATIENCE, idle.init()).await??;
        let ended = {
            let (news, _interrupt) = idle.wait_with_timeout(longest.map_or(LISTENING, |longest| longest.min(LISTENING)));
            tokio::select! {
                () = stop.cancelled() => None,
                news = news => Some(news?),
            }
        };
        if matches!(ended, Some(IdleResponse::ManualInterrupt)) {
            return Err(Broken("the server closed the connection".to_owned()));
        }
        let inner = limited(PATIENCE, idle.done()).await??;
        Ok(ended.map(|_| Self { inner, idles: true }))
    }

    pub(super) async fn close(mut self) {
        // We are leaving anyway.
        let _ = timeout(Duration::from_secs(2), self.inner.logout()).await;
    }
}

fn set(uids: &[u32]) -> String {
    uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

async fn limited<T>(span: Duration, work: impl Future<Output = T>) -> Result<T, Broken> {
    timeout(span, work).await.map_err(|_| Broken("the server does not answer in time".to_owned()))
}
