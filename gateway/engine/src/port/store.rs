// SPDX-License-Identifier: EUPL-1.2
//! The port of the database. SQL lives behind it; SQLite implements it now and PostgreSQL later, both proved by the suite in
//! `tests/contract`.
//!
//! Every method that writes answers after the write is durable (it survives `kill -9` and a power cut). Writes that wait
//! at the same time share one commit.

use std::time::Duration;

use async_trait::async_trait;
use dreiklang_model::{
    Address, ChatId, ConversationId, DisplayName, Emoji, EventId, NativeId, Network, OrganisationId, PersonaId, PictureHash,
    Portrait, Timestamp, Written,
};
use secrecy::SecretSlice;
use tokio::sync::watch;

use super::records::{
    Arrival, Bound, Counts, Known, LaneKey, LegRow, Letter, LetterAction, LetterState, MessageRow, OrganisationKey, Persona,
    PortraitRow, Row, RowId, SeenKey, Settlement, StoreError,
};

/// The database.
#[async_trait]
pub trait Store: super::RoomStore {
    /// The organisation's key; the organisation is made known if it is new.
    async fn organisation(&self, id: &OrganisationId) -> Result<OrganisationKey, StoreError>;

    /// The persona behind an account; made if it is new. A given name replaces the one known before.
    /// Idempotent.
    async fn persona(
        &self,
        organisation: OrganisationKey,
        account: &Address,
        name: Option<&DisplayName>,
        now: Timestamp,
    ) -> Result<Persona, StoreError>;

    /// The persona behind an account, if it is known.
    async fn known_persona(&self, organisation: OrganisationKey, account: &Address) -> Result<Option<Persona>, StoreError>;

    /// The persona whose ghost is written so on that network.
    async fn ghost(&self, organisation: OrganisationKey, on: &Network, written: &Written) -> Result<Option<Persona>, StoreError>;

    /// How a persona's ghost is written on a network, once that was decided.
    async fn written(
        &self,
        organisation: OrganisationKey,
        persona: PersonaId,
        on: &Network,
    ) -> Result<Option<Written>, StoreError>;

    /// Decides how a persona's ghost is written on a network. The first decision stays for ever: the answer is what
    /// stands. [`None`]: another persona is already written so.
    async fn decide_written(
        &self,
        organisation: OrganisationKey,
        persona: PersonaId,
        on: &Network,
        written: &Written,
    ) -> Result<Option<Written>, StoreError>;

    /// The one direct conversation of two personas, whichever comes first; made with `new` as its id, and with a leg on
    /// each one's network, if there is none. Idempotent and safe against both sides starting at once.
    async fn direct(
        &self,
        organisation: OrganisationKey,
        one: &Persona,
        other: &Persona,
        new: ConversationId,
        now: Timestamp,
    ) -> Result<ConversationId, StoreError>;

    /// The direct conversation of two personas, in either order, if there is one.
    async fn known_direct(
        &self,
        organisation: OrganisationKey,
        one: PersonaId,
        other: PersonaId,
    ) -> Result<Option<ConversationId>, StoreError>;

    /// A leg.
    async fn leg(&self, lane: &LaneKey) -> Result<Option<LegRow>, StoreError>;

    /// The leg that a chat is bound to.
    async fn leg_of_chat(
        &self,
        organisation: OrganisationKey,
        network: &Network,
        chat: &ChatId,
    ) -> Result<Option<LegRow>, StoreError>;

    /// All bound chats of a network.
    async fn chats(&self, organisation: OrganisationKey, network: &Network) -> Result<Vec<ChatId>, StoreError>;

    /// Binds a leg to a chat, or frees it, if it is still bound to `expected`.
    async fn bind(&self, lane: &LaneKey, expected: Option<&ChatId>, chat: Option<&ChatId>) -> Result<Bound, StoreError>;

    /// Stores what was received, in order and in one transaction. `false` for what was seen before: of that nothing is stored.
    async fn accept(&self, arrivals: Vec<Arrival>) -> Result<Vec<bool>, StoreError>;

    /// Was it seen before?
    async fn seen(&self, organisation: OrganisationKey, key: &SeenKey) -> Result<bool, StoreError>;

    /// Settles a row. Settling a row that is gone changes nothing and stores no `follow`. What it answers survives `kill -9`; a power
    /// cut may undo it as a whole, and the row is delivered once more under the same id.
    async fn settle(&self, settlement: Settlement) -> Result<(), StoreError>;

    /// Changes whenever rows were put into the outbox and committed; counts the commits.
    fn committed(&self) -> watch::Receiver<u64>;

    /// Waiting rows of all lanes with an id above `after`, in order, at most `limit`.
    async fn waiting(&self, after: RowId, limit: usize) -> Result<Vec<Row>, StoreError>;

    /// Waiting rows of one lane with an id above `after`, in order, at most `limit`.
    async fn waiting_in(&self, lane: &LaneKey, after: RowId, limit: usize) -> Result<Vec<Row>, StoreError>;

    /// How an event is named on the networks it came from and went to, by part.
    async fn messages(&self, organisation: OrganisationKey, event: EventId) -> Result<Vec<MessageRow>, StoreError>;

    /// What a name on a network stands for in a conversation. When several bear it (a client that repeats its ids), the newest.
    async fn find(&self, conversation: ConversationId, network: &Network, native: &NativeId)
    -> Result<Option<Known>, StoreError>;

    /// A person's reactions to a message, oldest first.
    async fn reactions(&self, message: EventId, persona: PersonaId) -> Result<Vec<Emoji>, StoreError>;

    /// A persona.
    async fn persona_by_id(&self, persona: PersonaId) -> Result<Option<Persona>, StoreError>;

    /// Writes down which picture somebody shows on his network. It is due now, or `rest` after the change before. `false`: it was known.
    async fn want_portrait(
        &self,
        organisation: OrganisationKey,
        persona: PersonaId,
        portrait: &Portrait,
        now: Timestamp,
        rest: Duration,
    ) -> Result<bool, StoreError>;

    /// Pictures that are due: those that failed least first, the longest due before the others.
    async fn due_portraits(&self, now: Timestamp, limit: usize) -> Result<Vec<PortraitRow>, StoreError>;

    /// Shows a picture, or none, for what was wanted as `version`; its bytes are sealed. `false`: another one is wanted by now, and nothing
    /// changes.
    async fn show_portrait(
        &self,
        organisation: OrganisationKey,
        persona: PersonaId,
        version: &str,
        picture: Option<(&PictureHash, &[u8])>,
    ) -> Result<bool, StoreError>;

    /// An attempt to fetch `version` failed; the next one is due then, or there is none.
    async fn postpone_portrait(&self, persona: PersonaId, version: &str, due: Option<Timestamp>) -> Result<(), StoreError>;

    /// The bytes of the picture that is shown of somebody.
    async fn picture(&self, organisation: OrganisationKey, persona: PersonaId) -> Result<Option<Vec<u8>>, StoreError>;

    /// A secret value of an adapter.
    async fn secret(
        &self,
        organisation: OrganisationKey,
        network: &Network,
        key: &str,
    ) -> Result<Option<SecretSlice<u8>>, StoreError>;

    /// Keeps a secret value of an adapter, sealed. The first one stays for ever: the answer is what stands.
    async fn keep_secret(
        &self,
        organisation: OrganisationKey,
        network: &Network,
        key: &str,
        value: SecretSlice<u8>,
    ) -> Result<SecretSlice<u8>, StoreError>;

    /// A small durable value of an adapter.
    async fn note(&self, organisation: OrganisationKey, network: &Network, key: &str) -> Result<Option<String>, StoreError>;

    /// Sets (or, with [`None`], removes) a small durable value of an adapter.
    async fn set_note(
        &self,
        organisation: OrganisationKey,
        network: &Network,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), StoreError>;

    /// The values of an adapter whose keys begin with `prefix`, by key.
    async fn notes(
        &self,
        organisation: OrganisationKey,
        network: &Network,
        prefix: &str,
    ) -> Result<Vec<(String, String)>, StoreError>;

    /// What lies in the outbox.
    async fn counts(&self) -> Result<Vec<Counts>, StoreError>;

    /// The letters in a state (all states: [`None`]), oldest first.
    async fn letters(&self, state: Option<LetterState>, limit: usize) -> Result<Vec<Letter>, StoreError>;

    /// Does something with a letter; `false` when there is none of that id.
    async fn act(&self, letter: RowId, action: LetterAction, now: Timestamp) -> Result<bool, StoreError>;

    /// Removes what its retention has ended: mappings from before `mappings`, recognition keys from before `keys`,
    /// dead letters from before `dead`. Answers how many rows went.
    async fn expire(&self, mappings: Timestamp, keys: Timestamp, dead: Timestamp) -> Result<u64, StoreError>;

    /// Writes what is left and closes; nothing can be asked afterwards.
    async fn close(&self);
}
