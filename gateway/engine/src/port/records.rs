// SPDX-License-Identifier: EUPL-1.2
//! What a store takes and gives: keys, rows, and the small enums in them. What it does with them is `store.rs`.

use dreiklang_model::{
    Address, ChatId, ConversationId, DeliveryId, DisplayName, Emoji, Event, EventId, NativeId, Network, OrganisationId,
    PersonaId, PictureHash, Portrait, Reason, Timestamp, Written,
};

/// An organisation's key inside one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrganisationKey(pub i64);

/// A row of the outbox; ids grow in the order of commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowId(pub i64);

/// The database did not do it. Nothing was written; whoever asked must not acknowledge.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database failed (disk full, for instance).
    #[error("the database failed: {0}")]
    Failed(String),
    /// The store has been closed.
    #[error("the database is closed")]
    Closed,
    /// A row holds what no version of the gateway writes.
    #[error("the database holds an unreadable row: {0}")]
    Corrupt(String),
}

/// A lane: what goes to one network in one conversation, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneKey {
    /// The conversation.
    pub conversation: ConversationId,
    /// The target.
    pub network: Network,
}

/// By what a received thing is recognised when it comes again; outlives its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeenKey {
    /// Minutes since the epoch of the thing's own time, or 0: neighbours in time are neighbours in the index.
    pub slot: i64,
    /// Keyed hash of scope and id.
    pub digest: [u8; 16],
}

/// A person as the store knows him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persona {
    /// His id.
    pub id: PersonaId,
    /// The account that answers go to.
    pub account: Address,
    /// His name, if one was ever seen.
    pub name: Option<DisplayName>,
    /// The picture that is shown of him.
    pub picture: Option<PictureHash>,
}

/// A picture to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortraitRow {
    /// Whose.
    pub organisation: OrganisationKey,
    /// Of whom.
    pub persona: PersonaId,
    /// Which.
    pub portrait: Portrait,
    /// Attempts so far.
    pub attempts: u32,
}

/// One leg of a direct conversation: a person and a ghost on that person's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegRow {
    /// The conversation.
    pub conversation: ConversationId,
    /// The network of this leg.
    pub network: Network,
    /// The person here.
    pub user: Persona,
    /// The person on the other side.
    pub other: Persona,
    /// How the other one is written here.
    pub ghost: Written,
    /// The chat it is bound to.
    pub chat: Option<ChatId>,
    /// The adapter's own notes.
    pub notes: Option<String>,
}

/// Something received, with everything that follows from it: one transaction.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Whose.
    pub organisation: OrganisationKey,
    /// By what it is recognised.
    pub seen: SeenKey,
    /// Its event.
    pub event: EventId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Where it came from.
    pub network: Network,
    /// Its name there.
    pub native: NativeId,
    /// What that name stands for.
    pub role: Role,
    /// Whose it is.
    pub author: Option<PersonaId>,
    /// How far its author was proved, where his network does not vouch for him.
    pub proof: Option<Proof>,
    /// A change of its author's reactions to a message.
    pub reaction: Option<ReactionChange>,
    /// When it became ours.
    pub accepted_at: Timestamp,
    /// What to deliver because of it.
    pub rows: Vec<NewRow>,
}

/// How far it was proved that the named author wrote something. In order: each is more than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// Not at all: anybody can write a name.
    Claimed,
    /// His domain vouches for the message.
    Aligned,
    /// The key that is known as his signed it.
    Signed,
    /// That key signed it, and its owner was met through an invitation.
    Verified,
}

/// What a name on a network stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A message.
    Itself,
    /// Something that nothing refers to: the name is not kept.
    Nothing,
    /// A later version of that message: whatever refers to it means the message.
    Version(EventId),
    /// A reaction to that message.
    Reaction(EventId),
}

/// A change of a person's reactions to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionChange {
    /// The message.
    pub message: EventId,
    /// Whose reactions.
    pub persona: PersonaId,
    /// How they change.
    pub change: Change,
}

/// How a set of reactions changes. Applying the same again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// To these and no others.
    All(Vec<Emoji>),
    /// One more, which its network names so.
    Add(Emoji, NativeId),
    /// The one that its network names so is taken back.
    Remove(NativeId),
}

/// What a name on a network is known to stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The event that bears the name.
    pub event: EventId,
    /// What it is.
    pub role: Role,
    /// It came from that network (rather than being delivered to it).
    pub origin: bool,
    /// Whose the event is; nobody where the gateway itself spoke.
    pub author: Option<PersonaId>,
}

/// A row to put into the outbox.
#[derive(Debug, Clone)]
pub struct NewRow {
    /// Whose.
    pub organisation: OrganisationKey,
    /// Stable over repeats.
    pub delivery: DeliveryId,
    /// Where to.
    pub lane: LaneKey,
    /// Where from.
    pub source: Network,
    /// How its author's network names it; nothing when the gateway itself speaks.
    pub native: Option<NativeId>,
    /// What; already adapted.
    pub event: Event,
    /// When it became ours.
    pub accepted_at: Timestamp,
    /// Its sender wants to know when it was delivered.
    pub wants_receipt: bool,
    /// It waits for an administrator instead of its turn.
    pub held: bool,
}

/// A row of the outbox.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its place in the order.
    pub id: RowId,
    /// What was put in.
    pub new: NewRow,
    /// Attempts so far.
    pub attempts: u32,
    /// Not before.
    pub due: Timestamp,
    /// The sender was told that it is delayed.
    pub delay_told: bool,
}

/// What became of a row; one transaction.
#[derive(Debug, Clone)]
pub enum Settlement {
    /// The far side has it: the row goes, a mapping stays.
    Delivered {
        /// The row.
        row: RowId,
        /// How the target names it.
        native: Option<NativeId>,
        /// What that name stands for.
        role: Role,
        /// New notes for the leg.
        notes: Option<String>,
        /// When.
        at: Timestamp,
        /// What to send because of it (a receipt).
        follow: Option<NewRow>,
    },
    /// It stays and waits.
    Postponed {
        /// The row.
        row: RowId,
        /// Not before.
        due: Timestamp,
        /// For the administrator.
        cause: String,
        /// What to send because of it (a notice that it is delayed); sets the row's `delay_told`.
        follow: Option<NewRow>,
    },
    /// It becomes a dead letter.
    Buried {
        /// The row.
        row: RowId,
        /// Why.
        reason: Reason,
        /// For the administrator.
        cause: String,
        /// When.
        at: Timestamp,
        /// What to send because of it (the news of the failure).
        follow: Option<NewRow>,
    },
}

/// A message as one network names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// The conversation.
    pub conversation: ConversationId,
    /// The network.
    pub network: Network,
    /// Which part of the event, where it was delivered in several.
    pub part: u16,
    /// Its name there.
    pub native: NativeId,
    /// It came from that network (rather than being delivered to it).
    pub origin: bool,
}

/// Whether a chat was bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// Yes.
    Yes,
    /// No: the leg is bound to this (or to nothing) meanwhile.
    Changed(Option<ChatId>),
}

/// What lies in the outbox in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterState {
    /// Waits for its turn or its next attempt.
    Waiting,
    /// Waits for an administrator.
    Held,
    /// Will not be tried again unless an administrator says so.
    Dead,
}

/// Counts for `status` and the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Whose.
    pub organisation: OrganisationId,
    /// Target.
    pub network: Network,
    /// State.
    pub state: LetterState,
    /// How many.
    pub number: u64,
    /// When the oldest of them became ours.
    pub oldest: Timestamp,
}

/// A row as an administrator sees it: no text, no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its place in the order; the handle for `retry` and `drop`.
    pub id: RowId,
    /// Whose.
    pub organisation: OrganisationId,
    /// Where from.
    pub source: Network,
    /// Where to.
    pub network: Network,
    /// State.
    pub state: LetterState,
    /// Attempts so far.
    pub attempts: u32,
    /// When it became ours.
    pub accepted_at: Timestamp,
    /// Not before.
    pub due: Timestamp,
    /// What went wrong last.
    pub cause: Option<String>,
}

/// What an administrator does with a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterAction {
    /// Try it now, whatever its state.
    Retry,
    /// Throw it away.
    Drop,
}
