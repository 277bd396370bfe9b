// SPDX-License-Identifier: EUPL-1.2
//! Reading a mailbox for as long as the gateway runs: what is new is taken in, in order, and only then the place is moved on.

use std::{sync::Arc, time::Duration};

use dreiklang_engine::{
    Hub,
    port::{Finding, Freshness, Health},
};
use dreiklang_model::Reason;
use tokio_util::sync::CancellationToken;

use super::{
    session::{Broken, Entry, Session},
    watermark::Watermark,
};
use crate::{
    config::{ConfigError, ImapConfig},
    intake::{Delivery, Intake, LARGEST, Outcome, ReturnPath},
    inward::{Mail, recipients},
    transport::Connector,
};

/// How many mails, and how many bytes of them, are read at once.
const BATCH: usize = 50;
const BATCH_BYTES: usize = 8 * 1024 * 1024;
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
        let mut mark = known.unwrap_or(Watermark { validity, uid: 0 });
        hub.health("imap", &Health::Online);
        *pause = FIRST_PAUSE;
        loop {
            self.catch_up(&mut session, hub, intake, &mut mark, history).await?;
            match session.listen(stop).await? {
                Some(listened) => session = listened,
                None => return Ok(()),
            }
        }
    }

    /// Takes in everything above the mark.
    async fn catch_up(
        &self,
        session: &mut Session,
        hub: &Hub,
        intake: &Intake,
        mark: &mut Watermark,
        history: u32,
    ) -> Result<(), Broken> {
        let entries = session.above(mark.uid).await?;
        let mut rest = entries.as_slice();
        while let Some(last) = rest.get(..batch(rest)).and_then(<[Entry]>::last) {
            let (now, later) = rest.split_at(batch(rest));
            rest = later;
            let (small, large): (Vec<Entry>, Vec<Entry>) = now.iter().partition(|entry| entry.size <= LARGEST);
            let freshness = |uid: u32| if uid <= history { Freshness::Pushed } else { Freshness::Asked };
            for entry in large {
                if let Some(head) = session.head(entry.uid).await? {
                    too_large(hub, intake, &head).await?;
                }
            }
            let uids: Vec<u32> = small.iter().map(|entry| entry.uid).collect();
            if !uids.is_empty() {
                for (uid, raw) in session.whole(&uids).await? {
                    take(hub, intake, &raw, freshness(uid)).await?;
                }
            }
            mark.uid = last.uid;
            let moved = hub.set_note(&self.note(hub), Some(&mark.write())).await;
            moved.map_err(|error| Broken(error.to_string()))?;
            session.seen(&now.iter().map(|entry| entry.uid).collect::<Vec<_>>()).await?;
        }
        Ok(())
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

/// How many entries from the front make one batch.
fn batch(entries: &[Entry]) -> usize {
    let mut bytes = 0_usize;
    let fits = entries.iter().take(BATCH).take_while(|entry| {
        bytes = bytes.saturating_add(if entry.size > LARGEST { 0 } else { entry.size });
        bytes <= BATCH_BYTES
    });
    fits.count().max(1)
}

async fn take(hub: &Hub, intake: &Intake, raw: &[u8], freshness: Freshness) -> Result<(), Broken> {
    let Some(head) = Mail::parse(raw) else {
        hub.dropped("malformed");
        return Ok(());
    };
    let delivery = delivery(&head, intake, freshness);
    if delivery.recipients.is_empty() {
        hub.dropped("unaddressed");
        return Ok(());
    }
    let outcomes = intake.take(hub, raw, &delivery).await.map_err(|error| Broken(error.to_string()))?;
    for (recipient, outcome) in delivery.recipients.iter().zip(outcomes) {
        if let Outcome::Refused(reason) = outcome {
            intake.tell(hub, &head, &delivery, recipient, reason).await.map_err(|error| Broken(error.to_string()))?;
        }
    }
    Ok(())
}

async fn too_large(hub: &Hub, intake: &Intake, head: &[u8]) -> Result<(), Broken> {
    hub.dropped("large");
    let Some(head) = Mail::parse(head) else { return Ok(()) };
    let delivery = delivery(&head, intake, Freshness::Asked);
    for recipient in &delivery.recipients {
        let told = intake.tell(hub, &head, &delivery, recipient, Reason::TooLarge).await;
        told.map_err(|error| Broken(error.to_string()))?;
    }
    Ok(())
}

/// What the mailbox's server noted of the envelope.
fn delivery(head: &Mail<'_>, intake: &Intake, freshness: Freshness) -> Delivery {
    let return_path = head.header("Return-Path").map_or(ReturnPath::Unknown, |path| ReturnPath::new(&path));
    Delivery { recipients: recipients(head, &intake.reader().domain), return_path, freshness }
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
