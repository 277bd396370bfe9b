// SPDX-License-Identifier: EUPL-1.2
//! Hands what people wrote to the gateway, in order and durably, and tells them what was refused.

use std::{fmt::Write as _, future::Future, sync::Arc, time::Duration};

use dreiklang_engine::{
    Hub,
    port::{Freshness, Received, Recipient, Sensed, SourceKey, StoreError, Verdict},
};
use dreiklang_model::{Address, DeliveryId, Emoji, Lifetime, NativeId, Reactions, Reason, Report, Typing, What, words};
use dreiklang_richtext::styling;
use minidom::Element;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::message::{self, Meaning, Said};
use crate::{
    acquaintances::{self, Met},
    address,
    avatars::Announced,
    chat_states::{self, Knowing},
    condition::{Condition, Refusal},
    config::ComponentDomain,
    envelope::{Envelope, Says},
    foreign::{self, Events, Foreign, Heard},
    hosted::{self, Desk, Hosted},
    senders::{Origin, Senders},
};

/// Most messages that share a commit.
const BATCH: usize = 64;
/// Pauses between attempts while the database fails.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// What an acceptor works with.
pub(crate) struct Acceptor {
    pub(crate) hub: Hub,
    /// All components of the organisation: nobody writes from there but ourselves.
    pub(crate) own: Vec<ComponentDomain>,
    pub(crate) senders: Arc<Senders>,
    /// Who knows chat states.
    pub(crate) knowing: Arc<Knowing>,
    /// Who told lately how he looks, and where those go who did not.
    pub(crate) met: Met,
    pub(crate) newcomers: mpsc::Sender<Address>,
    /// Rooms of other servers, where news of them goes, and who listens in them.
    pub(crate) foreign: Arc<Foreign>,
    pub(crate) news: Events,
    pub(crate) listener: Arc<str>,
    /// The rooms that are hosted, and the way to who keeps them.
    pub(crate) hosted: Arc<Hosted>,
    pub(crate) desk: Desk,
    /// Where refusals go.
    pub(crate) answers: mpsc::Sender<Element>,
}

/// What became of something handed in.
enum Outcome {
    Known(Verdict),
    /// The database cannot take it; the sender must send it again.
    Failed,
}

/// Takes messages until the channel closes and is empty.
pub(crate) async fn accept(acceptor: Acceptor, mut messages: mpsc::Receiver<Element>, stop: CancellationToken) {
    let mut arrivals = Arrivals::new(&acceptor.hub);
    let mut batch = Vec::with_capacity(BATCH);
    while messages.recv_many(&mut batch, BATCH).await > 0 {
        acceptor.take(&batch, &mut arrivals, &stop).await;
        batch.clear();
    }
}

impl Acceptor {
    async fn take(&self, batch: &[Element], arrivals: &mut Arrivals, stop: &CancellationToken) {
        let language = self.hub.language();
        let (mut received, mut envelopes) = (Vec::new(), Vec::new());
        for stanza in batch {
            let Some(envelope) = Envelope::read(stanza) else { continue };
            if self.own.iter().any(|own| own.as_str() == address::domain(envelope.from)) {
                self.hub.dropped("own");
                continue;
            }
            if self.foreign.knows(address::bare(envelope.from)) {
                if let Some(said) = self.hear(&envelope, stanza).await {
                    received.push(said);
                    envelopes.push(envelope);
                }
                continue;
            }
            if let Some(room) = Hosted::room_of(&self.hub, envelope.to) {
                if let Some(arrival) = self.in_room(&room, stanza, &envelope, arrivals).await {
                    received.push(arrival);
                    envelopes.push(envelope);
                }
                continue;
            }
            match message::read(stanza, &envelope, language) {
                Meaning::Said(said) => match self.arrival(stanza, &envelope, *said, arrivals) {
                    Some(arrival) => {
                        received.push(arrival);
                        envelopes.push(envelope);
                    }
                    None => self.refuse(&envelope, Condition::BadRequest, None).await,
                },
                Meaning::Refusal(refusal) => self.report(&envelope, refusal, stop).await,
                Meaning::Refused(reason) => self.refuse_for(&envelope, &reason).await,
                Meaning::Unservable(condition) => self.refuse(&envelope, condition, None).await,
                Meaning::Announced(told) => self.follow(&envelope, told).await,
                Meaning::Writing(typing) => self.sense(&envelope, typing),
                Meaning::Nothing(word) => self.hub.dropped(word),
            }
        }
        if received.is_empty() {
            return;
        }
        // Remembered first: the outcome of a message can be back before the batch is through.
        for (received, envelope) in received.iter().zip(&envelopes).filter(|(_, envelope)| envelope.id.is_some()) {
            let origin = Origin { device: envelope.from.to_owned(), to: envelope.to.to_owned() };
            self.senders.remember(received.from.as_str(), &received.native, origin);
        }
        let authors: Vec<_> = received.iter().map(|one| (one.from.clone(), in_room(one))).collect();
        let outcomes = self.hand_in(received, stop).await;
        for ((outcome, envelope), (author, in_room)) in outcomes.into_iter().zip(&envelopes).zip(authors) {
            match outcome {
                // Whoever answered a room with an error would be thrown out of it.
                Outcome::Known(Verdict::Refused(_)) | Outcome::Failed if in_room.is_some() => self.hub.dropped("refused_in_room"),
                Outcome::Known(_) if in_room.is_some() => foreign::handed_in(&self.news, in_room).await,
                // Whoever finds no room is asked another day.
                Outcome::Known(Verdict::Stored) if self.met.first(&author) => drop(self.newcomers.try_send(author)),
                Outcome::Known(Verdict::Stored | Verdict::Duplicate) => {}
                Outcome::Known(Verdict::Refused(reason)) => self.refuse_for(envelope, &reason).await,
                Outcome::Failed => self.refuse(envelope, Condition::InternalServerError, None).await,
            }
        }
    }

    /// What somebody said in a room of another server.
    async fn hear(&self, envelope: &Envelope<'_>, stanza: &Element) -> Option<Received> {
        let to_listener = address::bare(envelope.to) == &*self.listener;
        match foreign::hear(&self.foreign, &self.hub, envelope, stanza, to_listener).await {
            Heard::Said(said) => return Some(*said),
            Heard::Done(word) => word.into_iter().for_each(|word| self.hub.dropped(word)),
            // Nothing that a room takes for a sign that the ghost is gone.
            Heard::Private => self.refuse(envelope, Condition::NotAcceptable, None).await,
        }
        None
    }

    /// What was said in a room, or to somebody in it.
    async fn in_room(&self, room: &str, stanza: &Element, envelope: &Envelope<'_>, arrivals: &mut Arrivals) -> Option<Received> {
        match self.hosted.heard(room, stanza, envelope, self.hub.language()) {
            hosted::Heard::Said(said, to) => match arrival(envelope, *said, &self.hub, arrivals) {
                Some(received) => return Some(Received { to, ..received }),
                None => self.refuse(envelope, Condition::BadRequest, None).await,
            },
            hosted::Heard::Answers(answers) => {
                for answer in answers {
                    self.tell(answer).await;
                }
            }
            hosted::Heard::Concerns => {
                if let Ok(Some(refusal)) = self.desk.take(&self.hub, stanza.clone()) {
                    self.tell(refusal).await;
                }
            }
            hosted::Heard::Refused(reason) => self.refuse_for(envelope, &reason).await,
            hosted::Heard::Nothing(word) => self.hub.dropped(word),
        }
        None
    }

    /// What was said, and whether who said it knows chat states (XEP-0085 §5.1).
    fn arrival(&self, stanza: &Element, envelope: &Envelope<'_>, said: Said, arrivals: &mut Arrivals) -> Option<Received> {
        let received = arrival(envelope, said, &self.hub, arrivals)?;
        if matches!(received.what, What::Message(_)) {
            let knows = chat_states::read(stanza).is_some();
            self.knowing.heard(received.from.as_str(), knows);
        }
        Some(received)
    }

    /// Somebody tells how he is called or looks: his own server does, in the name of his account.
    async fn follow(&self, envelope: &Envelope<'_>, told: Announced) {
        if let Some(user) = address::person(envelope.from) {
            let asker = address::full(address::bare(envelope.to));
            acquaintances::announced(&self.hub, &self.met, &user, asker, told).await;
        }
    }

    /// Somebody is writing, or no longer.
    fn sense(&self, envelope: &Envelope<'_>, typing: Typing) {
        let Some(from) = address::person(envelope.from) else { return };
        let ghost = address::bare(envelope.to);
        self.knowing.heard(from.as_str(), true);
        self.hub.signal(Sensed::Typing { from, to: Recipient::Ghost(ghost.to_owned()), typing });
    }

    /// Hands in until it is durable. Gives up only what an unreadable row of the database stands against, and when the
    /// gateway ends.
    async fn hand_in(&self, received: Vec<Received>, stop: &CancellationToken) -> Vec<Outcome> {
        let hand_in = |some: Vec<Received>| async move { self.hub.accept(some).await };
        match until_durable(stop, || hand_in(received.clone())).await {
            Ok(verdicts) => return verdicts.into_iter().map(Outcome::Known).collect(),
            Err(error) => tracing::error!(%error, messages = received.len(), "messages could not be stored together"),
        }
        let mut outcomes = Vec::with_capacity(received.len());
        for one in received {
            let verdict = until_durable(stop, || hand_in(vec![one.clone()])).await;
            outcomes.push(match verdict.map(|verdicts| verdicts.into_iter().next()) {
                Ok(Some(verdict)) => Outcome::Known(verdict),
                Ok(None) => Outcome::Failed,
                Err(error) => {
                    tracing::error!(%error, from = self.hub.pseudonym(one.from.as_str()), "a message could not be stored");
                    self.hub.dropped("not_stored");
                    Outcome::Failed
                }
            });
        }
        outcomes
    }

    /// Something that was delivered came back after all.
    async fn report(&self, envelope: &Envelope<'_>, refusal: Refusal, stop: &CancellationToken) {
        let delivery = envelope.id.and_then(|id| id.parse::<DeliveryId>().ok());
        let (Some(delivery), Some(by)) = (delivery, address::person(envelope.from)) else {
            self.hub.dropped("error");
            return;
        };
        let failed = Report::Failed(refusal.reason);
        match until_durable(stop, || self.hub.report_back(delivery, Some(&by), failed.clone())).await {
            Ok(true) => tracing::info!(%delivery, condition = refusal.condition, "a delivered message was refused after all"),
            Ok(false) => self.hub.dropped("error"),
            Err(error) => tracing::error!(%error, %delivery, "a refusal could not be stored"),
        }
    }

    async fn refuse_for(&self, envelope: &Envelope<'_>, reason: &Reason) {
        let text = words::reason(self.hub.language(), reason);
        self.refuse(envelope, Condition::of(reason), Some(&text)).await;
    }

    async fn refuse(&self, envelope: &Envelope<'_>, condition: Condition, text: Option<&str>) {
        let says = text.map(|text| Says { language: self.hub.language().tag(), text });
        if let Some(answer) = envelope.refuse(condition, says) {
            self.tell(answer).await;
        }
    }

    async fn tell(&self, answer: Element) {
        if self.answers.send(answer).await.is_err() {
            self.hub.dropped("untold");
        }
    }
}

/// Tries again while the database fails; ends with the error when the gateway does, or when waiting cannot help.
async fn until_durable<T, F: Future<Output = Result<T, StoreError>>>(
    stop: &CancellationToken,
    attempt: impl Fn() -> F,
) -> Result<T, StoreError> {
    let (mut pause, longest) = PAUSES;
    loop {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(error @ (StoreError::Corrupt(_) | StoreError::Closed)) => return Err(error),
            Err(error) if stop.is_cancelled() => return Err(error),
            Err(error) => error,
        };
        tracing::error!(%error, "the database does not take what was received; trying again");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => {}
        }
        pause = pause.saturating_mul(2).min(longest);
    }
}

/// The room of another server in which something was said, and the room's name for it.
fn in_room(received: &Received) -> Option<(String, String)> {
    match &received.to {
        Recipient::Room { chat, echo: None } => Some((chat.as_str().to_owned(), received.native.as_str().to_owned())),
        _ => None,
    }
}

/// [`None`] for a sender or a recipient that is no address.
fn arrival(envelope: &Envelope<'_>, said: Said, hub: &Hub, arrivals: &mut Arrivals) -> Option<Received> {
    let native = match said.id {
        Some(id) => id,
        None => arrivals.next()?,
    };
    let now = hub.now();
    Some(Received {
        key: key(envelope, &native, &said.what),
        from: address::person(envelope.from)?,
        name: said.name,
        to: Recipient::Ghost(address::bare(envelope.to).to_owned()),
        sent_at: said.sent_at.unwrap_or(now).min(now),
        // Servers pass on what is written now; they replay nothing to a component.
        freshness: Freshness::Asked,
        proof: None,
        wants_receipt: said.wants_receipt,
        native,
        what: said.what,
    })
}

/// By what a repeat is recognised. What was meant is part of it: there are clients that begin to count from one at every login,
/// and nothing must be taken for something older with the same number.
fn key(envelope: &Envelope<'_>, native: &NativeId, what: &What<NativeId>) -> SourceKey {
    let scope = format!("{}\n{}", envelope.from, address::bare(envelope.to));
    let mut id = native.as_str().to_owned();
    let (kind, message) = match what {
        What::Message(message) => ("", Some(message)),
        What::Edit { to, .. } => ("edit", Some(to)),
        What::Retract { .. } => ("retract", None),
        What::React { .. } => ("react", None),
        What::Read { .. } => ("read", None),
        What::Place(_) => ("place", None),
        What::Timer(_) => ("timer", None),
        What::Poll(_) | What::Unsupported { .. } | What::Report { .. } | What::Opened => ("other", None),
    };
    let said = match what {
        What::Place(place) => Some(place.in_words()),
        What::Timer(timer) => Some(timer.map_or(0, Lifetime::seconds).to_string()),
        _ => None,
    };
    let reactions = match what {
        What::React { with: Reactions::All(all), .. } => all.as_slice(),
        What::React { with: Reactions::And(one), .. } => std::slice::from_ref(one),
        _ => &[],
    };
    let files = message.into_iter().flat_map(|message| &message.attachments).map(|file| file.source.locator.as_str());
    let parts = what.references().map(NativeId::as_str).chain(files).chain(reactions.iter().map(Emoji::as_str));
    for part in std::iter::once(kind).chain(parts).chain(said.as_deref()) {
        id.push('\n');
        id.push_str(part);
    }
    if let Some(message) = message {
        id.push('\n');
        id.push_str(&styling::write(&message.text).body);
    }
    SourceKey { scope, id, at: None }
}

/// Names for messages that came without one: no two are the same, in this run or another.
struct Arrivals {
    run: String,
    count: u64,
}

impl Arrivals {
    fn new(hub: &Hub) -> Self {
        let mut random = [0u8; 10];
        let mut run = format!("arrival-{}-", hub.now().as_millis());
        if getrandom::fill(&mut random).is_ok() {
            for byte in random {
                let _ = write!(run, "{byte:02x}");
            }
        }
        Self { run, count: 0 }
    }

    fn next(&mut self) -> Option<NativeId> {
        self.count += 1;
        NativeId::new(format!("{}-{}", self.run, self.count)).ok()
    }
}

#[cfg(test)]
mod tests {
    use dreiklang_model::{Attachment, FileName, MediaKind, MediaSource, MediaType, Message, Network};

    use super::*;

    #[test]
    fn a_reused_id_hides_nothing_that_has_no_text() {
        let stanza = "<message xmlns='jabber:component:accept' from='bob@x/r' to='alice@gw' id='1'/>".parse::<Element>().unwrap();
        let envelope = Envelope::read(&stanza).unwrap();
        let name = |id: &str| NativeId::new(id).unwrap();
        let heart = |to: &str| What::React { to: name(to), with: Reactions::All(Emoji::new("❤").into_iter().collect()) };
        let file = |address: &str| {
            What::Message(Message {
                attachments: vec![Attachment {
                    kind: MediaKind::File,
                    name: FileName::new("x"),
                    media_type: MediaType::new(""),
                    size: None,
                    dimensions: None,
                    blurhash: None,
                    duration: None,
                    source: MediaSource { network: Network::XMPP, locator: address.to_owned() },
                    link: None,
                }],
                ..Message::text("")
            })
        };
        let all = [
            heart("a"),
            heart("b"),
            What::React { to: name("a"), with: Reactions::All(Vec::new()) },
            What::Read { up_to: name("a") },
            What::Read { up_to: name("b") },
            What::Retract { of: name("a") },
            What::Edit { of: name("a"), to: Message::text("x") },
            What::Edit { of: name("b"), to: Message::text("x") },
            file("https://up.example/1"),
            file("https://up.example/2"),
        ];
        let keys: std::collections::HashSet<_> = all.iter().map(|what| key(&envelope, &name("1"), what).id).collect();
        assert_eq!(keys.len(), all.len());
    }

    #[test]
    fn a_repeat_is_recognised_and_a_reused_id_is_not_one() {
        let stanza = |from: &str, to: &str| {
            let xml = format!("<message xmlns='jabber:component:accept' from='{from}' to='{to}' id='1'/>");
            xml.parse::<Element>().unwrap()
        };
        let key = |from: &str, to: &str, id: &str, text: &str| {
            let stanza = stanza(from, to);
            let what = What::Message(Message::text(text));
            let key = key(&Envelope::read(&stanza).unwrap(), &NativeId::new(id).unwrap(), &what);
            (key.scope, key.id)
        };
        let first = key("bob@x/r", "alice@gw", "1", "ok");
        assert_eq!(first, key("bob@x/r", "alice@gw/gw", "1", "ok"));
        for other in [
            key("bob@x/s", "alice@gw", "1", "ok"),
            key("bob@x/r", "carol@gw", "1", "ok"),
            key("bob@x/r", "alice@gw", "2", "ok"),
            key("bob@x/r", "alice@gw", "1", "no"),
        ] {
            assert_ne!(first, other);
        }
    }
}
