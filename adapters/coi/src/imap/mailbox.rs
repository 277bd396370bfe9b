// SPDX-License-Identifier: EUPL-1.2
//! Reading a mailbox for as long as the gateway runs, over connections that come and go. What is done with its mails is
//! `visit.rs`.

use std::{sync::Arc, time::Duration};

use dreiklang_engine::{
    Hub,
    port::{Finding, Health},
};
use tokio_util::sync::CancellationToken;

use super::{
    session::{Broken, Session},
    visit::Visit,
    watermark::Watermark,
};
use crate::{
    config::{ConfigError, ImapConfig},
    intake::Intake,
    transport::Connector,
};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A mailbox.
#[derive(Debug)]
pub(crate) struct Mailbox {
    config: ImapConfig,
    connector: Connector,
}

impl Mailbox {
    pub(crate) fn new(config: ImapConfig, tls: Arc<rustls::ClientConfig>) -> Result<Self, ConfigError> {
        let connector = Connector::new("mail.imap.server", &config.server, config.security, tls)?;
        Ok(Self { config, connector })
    }

    /// Receives until `stop`.
    pub(crate) async fn run(&self, hub: &Hub, intake: &Intake, stop: &CancellationToken) {
        let mut pause = FIRST_PAUSE;
        while !stop.is_cancelled() {
            let ended = tokio::select! {
                () = stop.cancelled() => return,
                ended = self.connected(hub, intake, stop, &mut pause) => ended,
            };
            if let Err(Broken(cause)) = ended {
                tracing::warn!(cause, "the mailbox cannot be read");
                hub.health("imap", &Health::Offline(format!("{}: {cause}", self.connector.server())));
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
        }
    }

    async fn connected(&self, hub: &Hub, intake: &Intake, stop: &CancellationToken, pause: &mut Duration) -> Result<(), Broken> {
        let mut session = Session::open(&self.connector, &self.config).await?;
        let selected = session.select(&self.config.mailbox).await?;
        let validity = selected.uid_validity.ok_or_else(|| Broken("the mailbox has no UIDVALIDITY".to_owned()))?;
        let note = hub.note(&self.note(hub)).await.map_err(|error| Broken(error.to_string()))?;
        let known = note.as_deref().and_then(Watermark::read).filter(|mark| mark.validity == validity);
        // What lay here before the place was known may be history; what comes from now on is new.
        let history = if known.is_some() { 0 } else { selected.uid_next.map_or(0, |next| next.saturating_sub(1)) };
        let mark = known.unwrap_or_else(|| Watermark::start(validity));
        let mut visit = Visit::new(hub, intake, self.note(hub), mark, history);
        hub.health("imap", &Health::Online);
        *pause = FIRST_PAUSE;
        loop {
            visit.catch_up(&mut session).await?;
            match session.listen(visit.idle(), stop).await? {
                Some(listened) => session = listened,
                None => return Ok(()),
            }
        }
    }

    fn note(&self, hub: &Hub) -> String {
        let account = format!("{} {} {}", self.connector.server(), self.config.user, self.config.mailbox);
        format!("imap/{}", hub.pseudonym(&account))
    }

    /// Logs in once and says what there is.
    pub(crate) async fn check(&self) -> Finding {
        let what = format!("mailbox {} at {}", self.config.mailbox, self.connector.server());
        let outcome = async {
            let mut session = Session::open(&self.connector, &self.config).await?;
            let selected = session.select(&self.config.mailbox).await?;
            let idles = session.idles();
            session.close().await;
            Ok::<_, Broken>((selected.exists, idles))
        };
        match outcome.await {
            Ok((mails, true)) => Finding { fine: true, what, says: format!("{mails} mails; new mail is announced (IDLE)") },
            Ok((mails, false)) => {
                let says = format!("{mails} mails; the server cannot announce new mail (no IDLE): it is asked every few seconds");
                Finding { fine: true, what, says }
            }
            Err(Broken(cause)) => {
                let says = format!("{cause}. Check mail.imap: server, security, user, password and the mailbox's name.");
                Finding { fine: false, what, says }
            }
        }
    }
}
