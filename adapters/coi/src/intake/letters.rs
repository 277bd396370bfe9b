// SPDX-License-Identifier: EUPL-1.2
//! Taking in a letter: what it says becomes events, one for each recipient and thing; its files are kept until they are delivered, and what
//! threads need to know is remembered.

use dreiklang_engine::{
    Hub,
    port::{Freshness, Proof, Received, Recipient, SourceKey, StoreError, Verdict},
};
use dreiklang_model::{Attachment, MediaSource, Message, NativeId, Network, What};

use super::{Intake, Outcome};
use crate::{inward::Letter, spool::SpoolName, thread::Heard};

impl Intake {
    /// Hands in what a letter says, and keeps what it carries; one answer for each recipient.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn letter(
        &self,
        hub: &Hub,
        letter: &Letter,
        recipients: &[String],
        freshness: Freshness,
        seal: Seal,
    ) -> Result<Vec<Outcome>, StoreError> {
        let admitted = hub.organisation().policy.admits(&letter.from).is_ok();
        let mut received = Vec::new();
        let mut numbers = Vec::with_capacity(recipients.len());
        let mut kept = Vec::with_capacity(recipients.len());
        let mut before = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            let heard = Heard::of(hub, letter.from.as_str(), &recipient.to_lowercase()).await?;
            // A subject says something when the thread begins with it or it changes.
            let news = !letter.subject.is_empty() && heard.as_ref().is_none_or(|heard| heard.subject != letter.subject);
            before.push(heard.clone());
            // Whoever may not write here writes nothing to the disk either.
            let files = if admitted { self.keep(hub, letter, recipient).await? } else { Vec::new() };
            let attachments = files.iter().map(|(attachment, _)| attachment.clone()).collect();
            let says = with_files(with_subject(&letter.says, news.then_some(letter.subject.as_str())), attachments);
            numbers.push(says.len());
            kept.push(files);
            for (index, what) in says.into_iter().enumerate() {
                received.push(Received {
                    key: source_key(letter, recipient, index),
                    native: letter.id.clone(),
                    from: letter.from.clone(),
                    name: letter.name.clone(),
                    to: Recipient::Ghost(recipient.clone()),
                    sent_at: letter.sent_at,
                    freshness,
                    proof: Some(seal.proof()),
                    wants_receipt: false,
                    what,
                });
            }
        }
        let mut verdicts = hub.accept(received).await?.into_iter();
        let mut outcomes = Vec::with_capacity(recipients.len());
        for (((recipient, number), files), before) in recipients.iter().zip(numbers).zip(kept).zip(before) {
            let verdicts: Vec<Verdict> = verdicts.by_ref().take(number).collect();
            let stored = verdicts.contains(&Verdict::Stored);
            if !stored {
                self.let_go(files).await;
            }
            if stored && letter.says.iter().any(|what| matches!(what, What::Message(_))) {
                let sealed = seal != Seal::Clear && letter.chat;
                let (last, subject) = (letter.id.as_str().to_owned(), letter.subject.clone());
                let heard = Heard { last, at: hub.now(), subject, sealed, asks: letter.asks, asked: Vec::new() };
                Heard::after(before, heard).remember(hub, letter.from.as_str(), &recipient.to_lowercase()).await?;
            }
            let refused = verdicts.into_iter().find_map(|verdict| match verdict {
                Verdict::Refused(reason) => Some(reason),
                Verdict::Stored | Verdict::Duplicate => None,
            });
            outcomes.push(refused.map_or(Outcome::Done, Outcome::Refused));
        }
        Ok(outcomes)
    }

    /// Keeps the files of a letter for one recipient; `true`: it was there before.
    async fn keep(&self, hub: &Hub, letter: &Letter, recipient: &str) -> Result<Vec<(Attachment, bool)>, StoreError> {
        let mut kept = Vec::with_capacity(letter.files.len());
        if letter.files.is_empty() {
            return Ok(kept);
        }
        let key = self.spool.key(hub).await?;
        for (index, file) in letter.files.iter().enumerate() {
            let between = [letter.from.as_str(), &recipient.to_lowercase()];
            let name = SpoolName::new(letter.id.as_str(), between, index, &file.bytes);
            let there = self.spool.keep(key, &name, &file.bytes).await;
            let there = there.map_err(|error| StoreError::Failed(format!("the spool: {error}")))?;
            let attachment = Attachment {
                kind: file.kind,
                name: file.name.clone(),
                media_type: file.media_type.clone(),
                size: Some(file.bytes.len() as u64),
                dimensions: None,
                blurhash: None,
                duration: file.duration,
                source: MediaSource { network: Network::MAIL, locator: name.as_str().to_owned() },
                link: None,
            };
            kept.push((attachment, there));
        }
        Ok(kept)
    }

    /// Lets files go that nothing waits for: what was there before belongs to the same mail, which waits still.
    async fn let_go(&self, files: Vec<(Attachment, bool)>) {
        for (attachment, _) in files.iter().filter(|(_, there)| !there) {
            if let Some(name) = SpoolName::read(&attachment.source.locator) {
                self.spool.release(&name).await;
            }
        }
    }
}

/// How a letter came, as far as it proves who wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seal {
    /// Open; his domain vouches for him.
    Clear,
    /// Encrypted.
    Sealed(Proof),
}

impl Seal {
    pub(super) fn proof(self) -> Proof {
        match self {
            Self::Clear => Proof::Aligned,
            Self::Sealed(proof) => proof,
        }
    }
}

/// By what one thing that a letter says is known again. Message-IDs are their author's: nobody makes another's mail a repeat of his own by
/// giving his the same one.
pub(super) fn source_key(letter: &Letter, recipient: &str, index: usize) -> SourceKey {
    let suffix = if index == 0 { String::new() } else { format!("#{index}") };
    SourceKey {
        scope: format!("message-id/{}/{}", letter.from.as_str(), recipient.to_lowercase()),
        id: format!("{}{suffix}", letter.id.as_str()),
        at: letter.dated,
    }
}

/// The subject goes with the first message.
fn with_subject(says: &[What<NativeId>], subject: Option<&str>) -> Vec<What<NativeId>> {
    let mut says = says.to_vec();
    if let (Some(What::Message(message)), Some(subject)) = (says.first_mut(), subject)
        && message.text != subject
    {
        message.subject = Some(subject.to_owned());
    }
    says
}

/// Files go with the first message; without one they are a message.
fn with_files(mut says: Vec<What<NativeId>>, attachments: Vec<Attachment>) -> Vec<What<NativeId>> {
    match says.first_mut() {
        _ if attachments.is_empty() => {}
        Some(What::Message(message)) => message.attachments = attachments,
        _ => says.insert(0, What::Message(Message { attachments, ..Message::text("") })),
    }
    says
}
