// SPDX-License-Identifier: EUPL-1.2
//! The gateway as one adapter sees it: where it hands in what it receives, and asks what it needs to know.
//! Routing is in `router.rs`.

use std::{fmt, sync::Arc};

use dreiklang_model::{
    Address, Attachment, ChatId, ConversationId, DeliveryId, DisplayName, Language, Network, PictureHash, Portrait, Reason,
    Report, RoomAddress, RoomDetails, Timestamp, Written,
    words::{self, Text},
};

use secrecy::SecretSlice;

use crate::{
    Attendance, Leg, Organisation, Picture, RoomLeg,
    fetching::Fetching,
    files,
    organisation::Live,
    port::{Bound, DeliveryError, Health, LaneKey, Media, Received, Sensed, StoreError, Verdict, Wanted},
    portraits, rooms, router,
};

/// A ghost: somebody of another network as he appears on this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ghost {
    /// His address on this network, in canonical form.
    pub written: Written,
    /// Who he is.
    pub address: Address,
    /// His name; never empty.
    pub name: DisplayName,
    /// It is the bot.
    pub bot: bool,
    /// The picture that is shown of him.
    pub picture: Option<PictureHash>,
}

/// Who is behind an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// A ghost. That it can be named does not prove that the person exists.
    Ghost(Ghost),
    /// Nobody, and why.
    Nobody(Reason),
}

/// The gateway as one adapter sees it. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    live: Arc<Live>,
    network: Network,
    fetching: Arc<Fetching>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hub({}, {})", self.live.organisation.id, self.network)
    }
}

impl Hub {
    pub(crate) fn new(live: Arc<Live>, network: Network) -> Self {
        Self { live, network, fetching: Arc::default() }
    }

    /// The same for one attempt of a delivery.
    pub(crate) fn fetching(self, fetching: Arc<Fetching>) -> Self {
        Self { fetching, ..self }
    }

    /// Takes what was received, in order. When this answers, every [`Verdict::Stored`] survives `kill -9`: acknowledge.
    /// Things handed in together share one commit. Idempotent by [`Received::key`].
    ///
    /// # Errors
    /// [`StoreError`]: nothing is known of any of them; do not acknowledge, hand them in again later.
    pub async fn accept(&self, received: Vec<Received>) -> Result<Vec<Verdict>, StoreError> {
        router::accept(&self.live, &self.network, received).await
    }

    /// Whose ghost `text` is, an address on this network in any form that clients make of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ghost_at(&self, text: &str) -> Result<Lookup, StoreError> {
        router::ghost_at(&self.live, &self.network, text).await
    }

    /// The ghost on this network of whoever is meant by something pasted or typed here (`@alice:hs`, `xmpp:…`, `mailto:…`).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn resolve(&self, pasted: &str) -> Result<Lookup, StoreError> {
        router::resolve(&self.live, &self.network, pasted).await
    }

    /// The one direct conversation between a person of this network and a ghost; made if there is none.
    ///
    /// # Errors
    /// [`StoreError`]; the inner error is the reason for people.
    pub async fn open_direct(&self, user: &Address, ghost: &str) -> Result<Result<Leg, Reason>, StoreError> {
        router::open_direct(&self.live, &self.network, user, ghost).await
    }

    /// This network's leg of a conversation.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn leg(&self, conversation: ConversationId) -> Result<Option<Leg>, StoreError> {
        self.live.leg(&LaneKey { conversation, network: self.network.clone() }).await
    }

    /// The leg that a chat is bound to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn leg_of_chat(&self, chat: &ChatId) -> Result<Option<Leg>, StoreError> {
        self.live.leg_of_chat(&self.network, chat).await
    }

    /// All chats of this network that are bound to a leg.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chats(&self) -> Result<Vec<ChatId>, StoreError> {
        self.live.store.chats(self.live.key, &self.network).await
    }

    /// Binds the leg to a chat (or frees it), if it is still bound to `expected`: whoever comes second sees
    /// [`Bound::Changed`] and uses the chat that won.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bind(
        &self,
        conversation: ConversationId,
        expected: Option<&ChatId>,
        chat: Option<&ChatId>,
    ) -> Result<Bound, StoreError> {
        self.live.bind(&LaneKey { conversation, network: self.network.clone() }, expected, chat).await
    }

    /// This network's leg of the room that `text`, an address here, stands for. The room is entered where it is at home if that was not done
    /// yet; a new leg is bound to nothing ([`Self::bind_room`]). May take half a minute. `for_whom` asks for it.
    ///
    /// # Errors
    /// [`StoreError`]; the inner error is the reason for people.
    pub async fn room_at(&self, text: &str, for_whom: Option<&Address>) -> Result<Result<RoomLeg, Reason>, StoreError> {
        rooms::at(&self.live, &self.network, text, for_whom).await
    }

    /// How a room of another network is addressed on this one, if it has a readable address.
    #[must_use]
    pub fn room_written(&self, room: &RoomAddress) -> Option<Written> {
        self.live.organisation.book.write_room(room, &self.network)
    }

    /// The room of another network for which `text` is an address here; whether it exists is not asked.
    #[must_use]
    pub fn room_named(&self, text: &str) -> Option<RoomAddress> {
        self.live.organisation.book.read_room(text, &self.network)
    }

    /// This network's leg of a room.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn room(&self, conversation: ConversationId) -> Result<Option<RoomLeg>, StoreError> {
        rooms::leg(&self.live, &self.network, conversation).await
    }

    /// The leg of a room that a chat is bound to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn room_of_chat(&self, chat: &ChatId) -> Result<Option<RoomLeg>, StoreError> {
        rooms::of_chat(&self.live, &self.network, chat).await
    }

    /// All legs of rooms on this network, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rooms(&self) -> Result<Vec<RoomLeg>, StoreError> {
        rooms::all(&self.live, &self.network).await
    }

    /// Binds this network's leg of a room to a chat, if it is still bound to `expected`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bind_room(
        &self,
        conversation: ConversationId,
        expected: Option<&ChatId>,
        chat: Option<&ChatId>,
    ) -> Result<Bound, StoreError> {
        rooms::bind(&self.live, &LaneKey { conversation, network: self.network.clone() }, expected, chat).await
    }

    /// A room that is at home on this network is called and described so. Of any other nothing changes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn describe_room(&self, chat: &ChatId, details: &RoomDetails) -> Result<(), StoreError> {
        rooms::describe(&self.live, &self.network, chat, details).await
    }

    /// People of this network are in a room, or are not any more; `complete`: whoever is not named is gone. The other networks are told,
    /// gathered and at a bounded pace.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attend(&self, chat: &ChatId, people: Vec<Attendance>, complete: bool) -> Result<(), StoreError> {
        rooms::attend(&self.live, &self.network, chat, people, complete).await
    }

    /// Tells the people on a room's other legs something in the gateway's own name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn announce(&self, chat: &ChatId, text: &Text<'_>) -> Result<(), StoreError> {
        rooms::announce(&self.live, &self.network, chat, &words::say(self.language(), text)).await
    }

    /// Is this a delivery of ours? An adapter that meets its id on its network asks it when it does not remember having sent it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_ours(&self, delivery: DeliveryId) -> Result<bool, StoreError> {
        Ok(!self.live.store.messages(self.live.key, delivery.event).await?.is_empty())
    }

    /// What this network's leg of a room is to look like, with at most `limit` members; [`None`]: there is no such leg.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wanted(&self, conversation: ConversationId, limit: usize) -> Result<Option<Wanted>, StoreError> {
        rooms::wanted(&self.live, &self.network, conversation, limit).await
    }

    /// A message that was delivered earlier met its end after all: a bounce, an error stanza. `from` is who says so; he must
    /// be the one it was delivered to, else nothing happens and the answer is `false`. Its sender is told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn report_back(&self, delivery: DeliveryId, from: Option<&Address>, report: Report) -> Result<bool, StoreError> {
        router::report_back(&self.live, &self.network, delivery, from, report).await
    }

    /// Somebody of this network is called so: his ghosts are, too. Whoever is not known stays so.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rename(&self, of: &Address, name: &DisplayName) -> Result<(), StoreError> {
        let Some(known) = self.live.store.known_persona(self.live.key, of).await? else { return Ok(()) };
        if name.is_empty() || known.name.as_ref() == Some(name) {
            return Ok(());
        }
        let renamed = self.live.persona(of, Some(name)).await?;
        self.live.repaint(renamed.id);
        Ok(())
    }

    /// How somebody of this network is called, if that was ever told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn name_of(&self, of: &Address) -> Result<Option<DisplayName>, StoreError> {
        Ok(self.live.store.known_persona(self.live.key, of).await?.and_then(|known| known.name))
    }

    /// Somebody of this network shows this picture of himself: his ghosts will, too. Whoever is not known stays so; cheap for what is
    /// known already. Answers whether it is wanted: then the bytes are opened later ([`crate::port::Adapter::open`]), and released.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn portrait(&self, of: &Address, portrait: Portrait) -> Result<bool, StoreError> {
        portraits::want(&self.live, of, portrait).await
    }

    /// The picture that is shown of somebody.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn picture(&self, of: &Address) -> Result<Option<Picture>, StoreError> {
        portraits::shown(&self.live, of).await
    }

    /// Takes what holds only for a moment. Never waits, promises nothing, and answers nothing: whatever the organisation's rules switch off,
    /// nobody is there to see, or is too much, is dropped.
    pub fn signal(&self, sensed: Sensed) {
        let policy = &self.live.organisation.policy;
        let wanted = match sensed {
            Sensed::Typing { .. } => policy.typing,
            Sensed::Presence { .. } => policy.presence,
        };
        let Some(signals) = self.live.signals.get(&self.network).filter(|_| wanted) else { return };
        if !signals.sense(sensed) {
            self.dropped("too_many_signals");
        }
    }

    /// Opens a file that belongs to something this adapter delivers, whichever network holds it, and looks at its first bytes: it is to be
    /// called what the answer says. Only with the hub that came with the delivery does the engine learn that the file is what keeps it from
    /// being delivered.
    ///
    /// # Errors
    /// [`DeliveryError`]: the file cannot be had now, or never; the latter also where the organisation's rules forbid it.
    pub async fn open(&self, file: &Attachment) -> Result<(Attachment, Media), DeliveryError> {
        let policy = &self.live.organisation.policy;
        let forbidden =
            || DeliveryError::Never { reason: Reason::ForbiddenFile, cause: "a file that the rules forbid".to_owned() };
        if files::forbidden(policy, file, None) {
            return Err(forbidden());
        }
        let Some(adapter) = self.live.adapters.get(&file.source.network) else {
            let cause = "the network that holds the file is not connected".to_owned();
            return Err(DeliveryError::Never { reason: Reason::NotConnected, cause });
        };
        let opened = adapter.open(&Self::new(Arc::clone(&self.live), file.source.network.clone()), &file.source).await;
        match opened {
            Ok(media) => {
                let (found, media) = files::look(self.fetching.watch(media)).await;
                if files::forbidden(policy, file, found.as_ref()) {
                    return Err(forbidden());
                }
                Ok((file.clone().seen_as(found.as_ref()), media))
            }
            Err(error) => {
                if self.live.health.is_up(&file.source.network) {
                    self.fetching.fail();
                }
                Err(error)
            }
        }
    }

    /// The gateway's own link to a file that belongs to something this adapter delivers, where its network has no place for files, and what
    /// the file is. Whoever asks for it sends it: the file is kept after the delivery. Nothing: there are no such links here.
    ///
    /// # Errors
    /// As [`Self::open`]: nobody gets a link to what he would not get.
    pub async fn hand_out(&self, file: &Attachment) -> Result<Option<(Attachment, String)>, DeliveryError> {
        let Some(link) = &file.link else { return Ok(None) };
        let (seen, _) = self.open(file).await?;
        self.fetching.hand_out();
        Ok(Some((seen, link.0.clone())))
    }

    /// A secret value of this adapter (a key); `key` is its own and no secret.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn secret(&self, key: &str) -> Result<Option<SecretSlice<u8>>, StoreError> {
        self.live.store.secret(self.live.key, &self.network, key).await
    }

    /// Keeps a secret value, sealed at rest. The first one stays for ever: the answer is what stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_secret(&self, key: &str, value: SecretSlice<u8>) -> Result<SecretSlice<u8>, StoreError> {
        self.live.store.keep_secret(self.live.key, &self.network, key, value).await
    }

    /// Fresh randomness from which keys may be made.
    ///
    /// # Errors
    /// [`StoreError::Failed`] when the machine gives none: nothing may be made then.
    pub fn seed(&self) -> Result<[u8; 32], StoreError> {
        self.live.entropy.seed().map_err(|error| StoreError::Failed(error.to_string()))
    }

    /// A small durable value of this adapter (a watermark, a subscription); `key` is its own.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.live.store.note(self.live.key, &self.network, key).await
    }

    /// Sets, or with [`None`] removes, a small durable value.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_note(&self, key: &str, value: Option<&str>) -> Result<(), StoreError> {
        self.live.store.set_note(self.live.key, &self.network, key, value).await
    }

    /// The values whose keys begin with `prefix`, by key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notes(&self, prefix: &str) -> Result<Vec<(String, String)>, StoreError> {
        self.live.store.notes(self.live.key, &self.network, prefix).await
    }

    /// Says how one connection of this adapter is. `part` names it (`imap`, `component matrix.gw.example`) and is no
    /// personal data. Going online wakes the lanes that wait for this network.
    pub fn health(&self, part: &str, health: &Health) {
        self.live.health.set(&self.network, part, health);
    }

    /// Counts input that was dropped on purpose; `why` is one word (`forged`, `automatic`, `malformed`).
    pub fn dropped(&self, why: &'static str) {
        self.live.meter.dropped(&self.live.organisation.id, &self.network, why);
    }

    /// A word for a log line that stands for a person or a message and names neither.
    #[must_use]
    pub fn pseudonym(&self, of: &str) -> String {
        self.live.pseudonyms.of(of)
    }

    /// Whose gateway it is.
    #[must_use]
    pub fn organisation(&self) -> &Organisation {
        &self.live.organisation
    }

    /// The language in which the gateway speaks to this organisation's people.
    #[must_use]
    pub fn language(&self) -> Language {
        self.live.organisation.language
    }

    /// The networks that are connected, this one included.
    #[must_use]
    pub fn networks(&self) -> Vec<Network> {
        self.live.organisation.book.networks()
    }

    /// How the bot is written here.
    #[must_use]
    pub fn bot(&self) -> Option<Written> {
        crate::port::bot().and_then(|bot| self.live.organisation.book.write(&bot, &self.network).ok())
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.live.clock.now()
    }
}
