// SPDX-License-Identifier: EUPL-1.2
//! The mail adapter as the engine sees it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use dreiklang_engine::{
    Ghost, Hub, Leg,
    port::{Adapter, AdapterError, Deliverable, Delivered, DeliveryError, Finding, Invitation, LegChange, Media, StoreError},
};
use dreiklang_model::{
    Capabilities, DeliveryId, Format, Formats, Kind, MediaSource, Message, NativeId, Network, Placed, Reactions, Reason, Report,
    Support, What, words::Text,
};
use dreiklang_openpgp::MailAddress;
use tokio_util::sync::CancellationToken;

use crate::{
    address::Domain,
    check::check_submission,
    config::{Config, ConfigError},
    dkim::Verifier,
    enclosing::Enclosing,
    imap::Mailbox,
    intake::Intake,
    inward::Reader,
    lmtp::Listener,
    message_id,
    outward::{
        Asking, Fate, Form, Frame, LetterRead, Notice, Speaker, Words, edit, in_clear, letter_read, message, notice, place_file,
        reaction, receipt, retraction, timer,
    },
    portraits::News,
    posts::Posts,
    relays,
    sealed::{Handed, Peer, Vault, contact},
    spool::{Spool, SpoolName},
    thread::{Heard, Position, Sent, position},
    transport::{CONNECTIONS, Envelope, SendError, Submission},
};

/// Longest text of one mail, in bytes.
const LONGEST_TEXT: usize = 512 * 1024;

/// Largest file in a mail: encoded, it fits into what mail servers take (25 MB).
pub(crate) const LARGEST_FILE: u64 = 18 * 1024 * 1024;
/// How many files go into one letter.
const FILES_AT_ONCE: usize = 10;
/// How often the spool is looked through.
const SWEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// The mail adapter of one organisation.
#[derive(Debug)]
pub struct CoiAdapter {
    domain: Domain,
    submission: Arc<Submission>,
    intake: Arc<Intake>,
    vault: Arc<Vault>,
    posts: Arc<Posts>,
    spool: Spool,
    mailbox: Option<Mailbox>,
    listener: Option<Listener>,
}

impl CoiAdapter {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// [`ConfigError`] for what can be seen to be wrong without asking a server.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let domain = Domain::new(&config.domain).ok_or_else(|| ConfigError::Domain(config.domain.clone()))?;
        if config.trusted_authserv_id.is_none() && config.dkim.is_none() {
            return Err(ConfigError::NothingTrusted);
        }
        if config.imap.is_none() && config.lmtp.is_none() {
            return Err(ConfigError::NoWayIn);
        }
        let submission = Arc::new(Submission::new(&config.smtp, Arc::clone(&config.tls), &domain)?);
        let verifier = config.dkim.map(Verifier::new).transpose()?;
        let reader = Reader { domain: domain.clone(), trusted: config.trusted_authserv_id };
        let vault = Arc::new(Vault::new(domain.clone()));
        let posts = Arc::new(Posts::new(Arc::clone(&submission)));
        let spool = Spool::new(&config.spool);
        let mailbox = config.imap.map(|imap| Mailbox::new(imap, Arc::clone(&config.tls))).transpose()?;
        Ok(Self {
            intake: Arc::new(Intake::new(reader, verifier, Arc::clone(&vault), Arc::clone(&posts), spool.clone())),
            spool,
            vault,
            posts,
            domain,
            submission,
            mailbox,
            listener: config.lmtp.map(|lmtp| Listener::new(lmtp.listen)),
        })
    }

    /// Sends a message, at its place in the thread: sealed for somebody whose key is known and who wishes it, else readable.
    async fn say(&self, hub: &Hub, delivery: &Deliverable, content: &Message<Placed>) -> Result<Delivered, DeliveryError> {
        let Enclosing { content, enclosed, without } = Enclosing::of(hub, content).await?;
        let subject = content.subject.as_deref();
        let delivered = self.write(hub, delivery, subject, |frame| message(frame, &content, enclosed)).await?;
        // What belongs to a thread of its own is not what the conversation goes on after.
        let leg = delivered.leg.filter(|_| content.thread.is_none() || delivery.leg.notes.is_none());
        Ok(Delivered { leg, without, ..delivered })
    }

    /// Does something to an earlier message, which only programs that are written to under seal understand.
    async fn act(
        &self,
        hub: &Hub,
        delivery: &Deliverable,
        act: impl FnOnce(Frame<'_>) -> std::io::Result<Vec<u8>>,
    ) -> Result<Delivered, DeliveryError> {
        let peer = self.vault.wants_sealed(hub, &delivery.leg.user.address).await.map_err(|error| failed(&error))?;
        if !peer.is_some_and(|peer| peer.chats()) {
            // It was a chat program when it was put into the queue.
            return match in_clear(&delivery.what, Words::of(hub.organisation())) {
                Ok(Some(text)) => self.say(hub, delivery, &text).await,
                Ok(None) => Ok(Delivered::default()),
                Err(reason) => Err(DeliveryError::Never { reason, cause: "clear mail takes nothing back".to_owned() }),
            };
        }
        let delivered = self.write(hub, delivery, None, act).await?;
        // Nothing that people would answer: the thread goes on after the last message.
        Ok(Delivered { leg: None, ..delivered })
    }

    async fn write(
        &self,
        hub: &Hub,
        delivery: &Deliverable,
        subject: Option<&str>,
        mail: impl FnOnce(Frame<'_>) -> std::io::Result<Vec<u8>>,
    ) -> Result<Delivered, DeliveryError> {
        let leg = &delivery.leg;
        let peer = self.vault.wants_sealed(hub, &leg.user.address).await.map_err(|error| failed(&error))?;
        let chats = peer.as_ref().is_some_and(|peer| peer.chats());
        let sent = Sent::read(leg.notes.as_deref(), chats);
        let heard = Heard::of(hub, leg.user.address.as_str(), leg.ghost.as_str()).await.map_err(|error| failed(&error))?;
        let asking = match () {
            () if chats => Asking::Chat,
            () if heard.as_ref().is_some_and(|heard| heard.asks) => Asking::Letter,
            () => Asking::Nothing,
        };
        let heard = heard.filter(|heard| heard.sealed == chats);
        let words = Words::of(hub.organisation());
        let usual = words.say(&Text::MailSubject { name: leg.ghost_name.as_str() });
        let place = position(sent.as_ref(), heard.as_ref(), subject, &usual);
        let (id, form) = match peer.is_some() {
            true => (message_id::of_sealed_delivery(delivery.id, &self.domain), Form::Sealed),
            false => (message_id::of_delivery(delivery.id, &self.domain), Form::Clear { first: sent.is_none() }),
        };
        let news = match chats {
            true => News::of(hub, leg).await.map_err(|error| failed(&error))?,
            false => None,
        };
        let picture = news.as_ref().map(|news| news.field.as_str());
        let frame = Frame { delivery, position: &place, message_id: &id, form, asking, words, picture };
        let raw = mail(frame).map_err(|error| unwritable(&error))?;
        match &peer {
            Some(peer) => self.hand_in_sealed(hub, delivery.id, leg.ghost.as_str(), peer, raw).await?,
            None => {
                let raw = self.with_key(hub, leg, raw).await?;
                self.hand_in(Some(leg.ghost.as_str()), leg.user.address.as_str(), &raw).await?;
            }
        }
        if let Some(news) = news
            && let Err(error) = news.remember(hub).await
        {
            // He is told once more.
            tracing::error!(%error, "it could not be noted that a picture was sent");
        }
        let notes = remembered(sent, place, id.clone(), chats, hub);
        Ok(Delivered { native: NativeId::new(id).ok(), leg: notes.write().map(|notes| LegChange { notes }), without: None })
    }

    /// An open mail with the ghost's key for somebody whose program shows that it can use it.
    async fn with_key(&self, hub: &Hub, leg: &Leg, raw: Vec<u8>) -> Result<Vec<u8>, DeliveryError> {
        if self.vault.peers.of(hub, &leg.user.address).await.map_err(|error| failed(&error))?.is_none() {
            return Ok(raw);
        }
        let key = self.vault.key_field(hub, leg.ghost.as_str()).await.map_err(|error| failed(&error))?;
        Ok([format!("Autocrypt: {key}\r\n").into_bytes(), raw].concat())
    }

    /// Says that messages were read: to chat programs always, to others for the letters that asked for it.
    async fn acknowledge(&self, hub: &Hub, delivery: &Deliverable, up_to: &Placed) -> Result<Delivered, DeliveryError> {
        let leg = &delivery.leg;
        let newest = up_to.parts.last().unwrap_or(&up_to.native);
        let peer = self.vault.wants_sealed(hub, &leg.user.address).await.map_err(|error| failed(&error))?;
        if peer.is_some_and(|peer| peer.chats()) {
            return self.act(hub, delivery, |frame| receipt(frame, newest)).await;
        }
        let (user, ghost) = (leg.user.address.as_str(), leg.ghost.as_str());
        let heard = Heard::of(hub, user, ghost).await.map_err(|error| failed(&error))?;
        let Some(mut heard) = heard else { return Ok(Delivered::default()) };
        let read = heard.settle(newest.as_str());
        for letter in &read {
            let id = message_id::of_receipt(delivery.id, letter, &self.domain);
            let reader = (ghost, leg.ghost_name.as_str());
            let read = LetterRead { id: &id, to: user, reader, letter, at: delivery.sent_at };
            let raw = letter_read(read, &self.domain, Words::of(hub.organisation())).map_err(|error| unwritable(&error))?;
            self.hand_in(None, user, &raw).await?;
        }
        if !read.is_empty() {
            heard.remember(hub, user, ghost).await.map_err(|error| failed(&error))?;
        }
        Ok(Delivered::default())
    }

    /// Shows a conversation that was opened at somebody's own wish. Whose key is known gets the ghost as a contact from the bot.
    async fn show(&self, hub: &Hub, delivery: &Deliverable) -> Result<Delivered, DeliveryError> {
        let leg = &delivery.leg;
        let words = Words::of(hub.organisation());
        let peer = self.vault.wants_sealed(hub, &leg.user.address).await.map_err(|error| failed(&error))?;
        let (Some(peer), Some(bot)) = (peer.filter(|peer| peer.chats()), hub.bot()) else {
            let text = words.say(&Text::Opened { name: leg.ghost_name.as_str() });
            return self.say(hub, delivery, &Message::text(text)).await;
        };
        let key = self.vault.keys.of(hub, leg.ghost.as_str()).await.map_err(|error| failed(&error))?;
        let address = MailAddress::new(leg.ghost.as_str())
            .map_err(|error| DeliveryError::Never { reason: Reason::UnknownRecipient, cause: error.to_string() })?;
        let network = (!leg.bot).then(|| leg.other.address.network());
        let id = message_id::of_sealed_delivery(delivery.id, &self.domain);
        let handed = Handed {
            id: &id,
            delivery: delivery.id.to_string(),
            bot: (bot.as_str(), &words.say(&Text::GatewayName { organisation: words.organisation })),
            to: leg.user.address.as_str(),
            ghost: (address, words.ghost_name(leg.ghost_name.as_str(), network), key.public().clone()),
            at: delivery.sent_at,
        };
        let raw = contact(handed, words).map_err(|error| unwritable(&error))?;
        self.hand_in_sealed(hub, delivery.id, bot.as_str(), &peer, raw).await?;
        Ok(Delivered { native: NativeId::new(id).ok(), ..Delivered::default() })
    }

    /// Tells somebody what became of his mail.
    async fn report(
        &self,
        hub: &Hub,
        delivery: &Deliverable,
        of: &NativeId,
        report: &Report,
    ) -> Result<Delivered, DeliveryError> {
        let fate = match report {
            Report::Delivered => return Ok(Delivered::default()),
            Report::Delayed => Fate::Delayed,
            Report::Failed(reason) => Fate::Failed(reason.clone()),
            Report::Reduced(feature) => Fate::Reduced(*feature),
        };
        let leg = &delivery.leg;
        let peer = self.vault.wants_sealed(hub, &leg.user.address).await.map_err(|error| failed(&error))?;
        let note = Notice {
            id: format!("notice.{}@{}", delivery.id, self.domain.as_str()),
            to: leg.user.address.as_str(),
            recipient: leg.ghost.as_str(),
            about: Some(of.as_str()),
            fate,
            at: delivery.sent_at,
            speaker: if peer.is_some() { Speaker::Ghost(leg.ghost.as_str()) } else { Speaker::MailSystem },
        };
        let raw = notice(&note, &self.domain, Words::of(hub.organisation())).map_err(|error| unwritable(&error))?;
        match &peer {
            Some(peer) => self.hand_in_sealed(hub, delivery.id, leg.ghost.as_str(), peer, raw).await?,
            None => self.hand_in(None, note.to, &raw).await?,
        }
        Ok(Delivered { native: NativeId::new(note.id).ok(), ..Delivered::default() })
    }

    /// Removes what nobody waits for any more, now and then, until `stop`.
    async fn keep_sweeping(&self, hub: &Hub, stop: &CancellationToken) {
        let policy = &hub.organisation().policy;
        let longest = policy.give_up_after + policy.keep_dead + SWEEP;
        loop {
            let now = u64::try_from(hub.now().as_millis()).unwrap_or(0);
            self.spool.sweep(longest, SystemTime::UNIX_EPOCH + Duration::from_millis(now)).await;
            if let Err(error) = relays::sweep(hub).await {
                tracing::warn!(%error, "what cannot bounce any more is not forgotten yet");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(SWEEP) => {}
            }
        }
    }

    /// Seals a mail and hands it in for all addresses of its recipient: one that takes it is enough.
    async fn hand_in_sealed(
        &self,
        hub: &Hub,
        delivery: DeliveryId,
        ghost: &str,
        peer: &Peer,
        raw: Vec<u8>,
    ) -> Result<(), DeliveryError> {
        let sealed =
            self.vault.seal_as(hub, ghost, &peer.certificate, peer.program, raw).await.map_err(|error| match error.reason() {
                Some(reason) => DeliveryError::Never { reason, cause: error.to_string() },
                None => DeliveryError::later(error.to_string()),
            })?;
        let addresses = peer.addresses();
        // Before the first can bounce.
        relays::sent(hub, delivery, &addresses).await.map_err(|error| failed(&error))?;
        let (mut taken, mut refused) = (Vec::with_capacity(addresses.len()), None);
        for address in &addresses {
            match self.hand_in(Some(ghost), address, &sealed).await {
                Ok(()) => taken.push(address.clone()),
                // What may help later is worth more than what never will.
                Err(error @ DeliveryError::Never { .. }) => refused = refused.or(Some(error)),
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            Some(error) if taken.is_empty() => return Err(error),
            Some(_) => relays::sent(hub, delivery, &taken).await.map_err(|error| failed(&error))?,
            None => {}
        }
        Ok(())
    }

    async fn hand_in(&self, from: Option<&str>, to: &str, raw: &[u8]) -> Result<(), DeliveryError> {
        let envelope = Envelope::new(from, to).ok_or_else(|| DeliveryError::Never {
            reason: Reason::UnknownRecipient,
            cause: "an address that cannot stand in an envelope".to_owned(),
        })?;
        self.submission.send(&envelope, raw).await.map_err(|error| match error {
            SendError::Refused(refusal) if !refusal.is_transient() => {
                DeliveryError::Never { reason: refusal.reason(), cause: SendError::Refused(refusal).to_string() }
            }
            SendError::Lost(_) => DeliveryError::Unknown { cause: error.to_string() },
            SendError::Refused(_) | SendError::Unreachable(_) => DeliveryError::later(error.to_string()),
        })
    }
}

fn failed(error: &StoreError) -> DeliveryError {
    DeliveryError::later(error.to_string())
}

fn unwritable(error: &std::io::Error) -> DeliveryError {
    DeliveryError::Never { reason: Reason::Unreadable, cause: error.to_string() }
}

/// What the leg remembers after a mail was sent.
fn remembered(sent: Option<Sent>, place: Position, id: String, sealed: bool, hub: &Hub) -> Sent {
    let first = sent.map(|sent| sent.first).or_else(|| place.references.into_iter().next()).unwrap_or_else(|| id.clone());
    Sent { first, last: id, at: hub.now(), subject: place.subject.bare, sealed }
}

#[async_trait]
impl Adapter for CoiAdapter {
    fn network(&self) -> Network {
        Network::MAIL
    }

    async fn run(&self, hub: Hub, stop: CancellationToken) -> Result<(), AdapterError> {
        let mailbox = async {
            if let Some(mailbox) = &self.mailbox {
                mailbox.run(&hub, &self.intake, &stop).await;
            }
            Ok(())
        };
        let listener = async {
            match &self.listener {
                Some(listener) => listener.run(&hub, &self.intake, &stop).await,
                None => Ok(()),
            }
        };
        let submission = async {
            tokio::join!(self.submission.keep(&hub, &stop), self.posts.run(&hub, &stop));
            Ok(())
        };
        let sweeping = async {
            self.keep_sweeping(&hub, &stop).await;
            Ok(())
        };
        tokio::try_join!(mailbox, listener, submission, sweeping).map(drop)
    }

    async fn deliver(&self, hub: &Hub, delivery: &Deliverable) -> Result<Delivered, DeliveryError> {
        let words = Words::of(hub.organisation());
        match &delivery.what {
            What::Message(content) => self.say(hub, delivery, content).await,
            What::Edit { of, to } => self.act(hub, delivery, |frame| edit(frame, of, &to.text)).await,
            What::Retract { of } => self.act(hub, delivery, |frame| retraction(frame, of)).await,
            What::React { to, with } => {
                let newest = match with {
                    Reactions::All(all) => all.last(),
                    Reactions::And(one) => Some(one),
                };
                self.act(hub, delivery, |frame| reaction(frame, to, newest)).await
            }
            What::Read { up_to } => self.acknowledge(hub, delivery, up_to).await,
            What::Place(place) => {
                let content = Message::text(words.say(&Text::Place { words: &place.in_words() }));
                self.write(hub, delivery, None, |frame| message(frame, &content, vec![place_file(place, delivery.sent_at)])).await
            }
            What::Timer(lifetime) => self.act(hub, delivery, |frame| timer(frame, *lifetime)).await,
            What::Poll(poll) => self.say(hub, delivery, &Message::text(words.say(&Text::Poll { poll }))).await,
            What::Unsupported { feature, name } => {
                let text = words.say(&Text::CannotCarry { feature: *feature, name: name.as_deref() });
                self.say(hub, delivery, &Message { kind: Kind::Notice, ..Message::text(text) }).await
            }
            What::Opened => self.show(hub, delivery).await,
            What::Report { of, report } => self.report(hub, delivery, of, report).await,
        }
    }

    /// Delta Chat and its like understand more than a mail program. Of receipts mail programs want those that they asked for.
    fn capabilities(&self, leg: &Leg) -> Capabilities {
        let letters = Capabilities {
            emote: Support::AsText,
            notice: Support::AsText,
            subject: Support::Native,
            reply: Support::Native,
            thread: Support::Native,
            files: Support::Native,
            files_at_once: FILES_AT_ONCE,
            caption: Support::Native,
            read: Support::Native,
            largest_file: LARGEST_FILE,
            longest_text: LONGEST_TEXT,
            formats: Formats::ALL.but(&[Format::Spoiler]),
            ..Capabilities::PLAIN
        };
        let chat = Capabilities {
            edit: Support::Native,
            retract: Support::Native,
            react: Support::Native,
            // Delta Chat shows text as it is, with light marks in it.
            formats: Formats::NONE,
            place: Support::Native,
            expiry: Support::Native,
            thread: Support::AsText,
            // Delta Chat shows one file in each message.
            files_at_once: 1,
            ..letters
        };
        let known = self.vault.peers.known(&leg.user.address).map(|peer| peer.chats());
        let chats = known.unwrap_or_else(|| Sent::read(leg.notes.as_deref(), true).is_some());
        if chats { chat } else { letters }
    }

    async fn open(&self, hub: &Hub, source: &MediaSource) -> Result<Media, DeliveryError> {
        match SpoolName::read(&source.locator) {
            Some(name) => self.spool.open(self.spool.key(hub).await.map_err(|error| failed(&error))?, &name).await,
            None => Err(DeliveryError::Never { reason: Reason::Unreadable, cause: "no file of this gateway".to_owned() }),
        }
    }

    async fn release(&self, source: &MediaSource) {
        if let Some(name) = SpoolName::read(&source.locator) {
            self.spool.release(&name).await;
        }
    }

    async fn invite(&self, hub: &Hub, ghost: &Ghost) -> Result<Option<Invitation>, StoreError> {
        let network = (!ghost.bot).then(|| ghost.address.network());
        let name = Words::of(hub.organisation()).ghost_name(ghost.name.as_str(), network);
        self.vault.invitation(hub, ghost, &name).await.map(Some)
    }

    async fn revoke(&self, hub: &Hub, ghost: &Ghost) -> Result<usize, StoreError> {
        self.vault.invitations.revoke(hub, ghost.written.as_str()).await
    }

    fn concurrency(&self) -> usize {
        CONNECTIONS
    }

    async fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(mailbox) = &self.mailbox {
            findings.push(mailbox.check().await);
        }
        if let Some(listener) = &self.listener {
            findings.push(listener.check().await);
        }
        findings.extend(self.intake.check().await);
        findings.push(check_submission(&self.submission, &self.domain).await);
        findings
    }
}
