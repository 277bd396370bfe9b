// SPDX-License-Identifier: EUPL-1.2
//! The port of a network. One adapter serves one organisation's leg on one network and knows no other network.
//! `docs/adapter-spec.md` says what each must show; `tests/contract` proves it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use dreiklang_model::{
    Address, Capabilities, ChatId, DeliveryId, DisplayName, Echo, MediaSource, NativeId, Network, Placed, Reason, RoomAddress,
    Timestamp, What,
};
use futures::stream::BoxStream;
use tokio_util::sync::CancellationToken;

use super::{Entered, EntryError, Proof, RoomDelivery, Signal, StoreError};
use crate::{Ghost, Hub, Leg, RoomLeg};

/// A network the gateway speaks.
#[async_trait]
pub trait Adapter: Send + Sync + 'static {
    /// Which network.
    fn network(&self) -> Network;

    /// Receives until `stop` is cancelled: hands everything to `hub` and acknowledges to its network only after the hub
    /// said [`Verdict::Stored`] or [`Verdict::Duplicate`]. Reconnects by itself, with back-off, for ever; whatever a
    /// network sends, it neither panics nor ends. Returns within ten seconds after `stop`.
    ///
    /// # Errors
    /// [`AdapterError`] only for what no waiting can heal (an address that cannot be listened on, say).
    async fn run(&self, hub: Hub, stop: CancellationToken) -> Result<(), AdapterError>;

    /// Delivers one thing to one leg. Called again with the same [`Deliverable::id`] after a crash or an unknown
    /// outcome, and must then make the receiver recognise the repeat. Never called twice at once for one conversation.
    /// Answers only when the far side has taken responsibility (a `200`, a `250`, a barrier that came back).
    /// Must not wait for a connection that is down: it answers [`DeliveryError::Later`] at once. May be dropped at any
    /// await point.
    ///
    /// # Errors
    /// [`DeliveryError`].
    async fn deliver(&self, hub: &Hub, delivery: &Deliverable) -> Result<Delivered, DeliveryError>;

    /// What the leg can express. Cheap.
    fn capabilities(&self, leg: &Leg) -> Capabilities;

    /// Does anybody receive under this address of the adapter's network? [`None`]: it cannot be known. Used to choose between
    /// networks when an address could be of either; answers within five seconds.
    async fn reaches(&self, _address: &Address) -> Option<bool> {
        None
    }

    /// Opens a file that this adapter's network holds. Called while another network's adapter delivers it, and again when that is
    /// repeated.
    ///
    /// # Errors
    /// [`DeliveryError`]: the delivery ends with it.
    async fn open(&self, _hub: &Hub, _source: &MediaSource) -> Result<Media, DeliveryError> {
        Err(DeliveryError::Never { reason: Reason::FileUnavailable, cause: "this network holds no files".to_owned() })
    }

    /// Nothing waits for this file any more: whatever was kept for it may go. May be called again.
    async fn release(&self, _source: &MediaSource) {}

    /// Shows something that holds only for a moment. Nobody repeats it and nobody waits for it: an adapter that is not connected, or whose
    /// network is slow, drops it. Answers whether it was shown: the end of what was not shown is not told. Never called for what the
    /// organisation's rules switch off; may be dropped at any await point.
    async fn signal(&self, _hub: &Hub, _signal: &Signal) -> bool {
        false
    }

    /// A ghost has another name or picture. Networks where it stands in every message have nothing to do; elsewhere it is shown at once as
    /// far as the network is there, and else with the next message ([`Leg::ghost_picture`]).
    async fn portray(&self, _hub: &Hub, _ghost: &Ghost) {}

    /// An invitation that leads people of this network to a ghost whom they could not reach by the address alone; the one that stands, or a
    /// new one. [`None`]: this network needs none.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn invite(&self, _hub: &Hub, _ghost: &Ghost) -> Result<Option<Invitation>, StoreError> {
        Ok(None)
    }

    /// Takes back every invitation to a ghost; answers how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn revoke(&self, _hub: &Hub, _ghost: &Ghost) -> Result<usize, StoreError> {
        Ok(0)
    }

    /// Takes part in a room of this network, so that what is said there is received from now on; known ones again, too. `for_whom` asked for
    /// it. Idempotent. Answers within half a minute.
    ///
    /// # Errors
    /// [`EntryError`].
    async fn enter(&self, _hub: &Hub, _room: &RoomAddress, _for_whom: Option<&Address>) -> Result<Entered, EntryError> {
        Err(EntryError::Refused { reason: Reason::UnknownRecipient, cause: "this network has no rooms".to_owned() })
    }

    /// Delivers one thing into a room; what [`Self::deliver`] promises holds here, too. Where the room is [`crate::Hosting::Ours`] everybody in
    /// it is given it, its author included, in the order of the deliveries; [`Delivered::native`] is how the room names it.
    ///
    /// # Errors
    /// [`DeliveryError`].
    async fn deliver_to_room(&self, _hub: &Hub, _delivery: &RoomDelivery) -> Result<Delivered, DeliveryError> {
        Err(DeliveryError::Never { reason: Reason::NotConnected, cause: "this network has no rooms".to_owned() })
    }

    /// What a leg of a room can express. Cheap.
    fn room_capabilities(&self, _room: &RoomLeg) -> Capabilities {
        Capabilities::PLAIN
    }

    /// The other networks' part of a room has changed (who is in it, its name, its topic) or may have: ask for what is wanted
    /// ([`Hub::wanted`]) and bring the leg to it. Changes that come together are told once; never called twice at once for one room. What
    /// cannot be done now is tried again when this is called again, at the latest after the next start. May be dropped at any await point.
    async fn refresh_room(&self, _hub: &Hub, _room: &RoomLeg) {}

    /// The gateway has no more to do with a room of this network: its ghosts and its listener leave, or it is hosted no more. May be called
    /// again.
    async fn leave_room(&self, _hub: &Hub, _room: &RoomLeg) {}

    /// How many deliveries may run at once.
    fn concurrency(&self) -> usize {
        32
    }

    /// Tries every connection of the leg once and says, in words for an administrator, what works and what to do.
    async fn check(&self) -> Vec<Finding>;
}

/// An invitation to write to a ghost.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// What people open. Whoever holds it is invited: a secret, to be shown to whoever asked for it.
    pub link: String,
    /// Until when it holds.
    pub expires: Timestamp,
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Invitation(until {:?})", self.expires)
    }
}

/// One line of `dreiklang check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// It works.
    pub fine: bool,
    /// What was tried, in a few words (`component matrix.gw.example at prosody:5347`).
    pub what: String,
    /// What came of it and, when it does not work, what to do.
    pub says: String,
}

/// An adapter cannot run.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {cause}")]
pub struct AdapterError {
    /// What could not be done, in words for an administrator.
    pub what: String,
    /// Why.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// Something a person did on the adapter's network.
#[derive(Debug, Clone)]
pub struct Received {
    /// By what the same thing is recognised when it comes again.
    pub key: SourceKey,
    /// The message as its network names it: failures and receipts refer to it.
    pub native: NativeId,
    /// Who.
    pub from: Address,
    /// His name, when the network said so.
    pub name: Option<DisplayName>,
    /// To whom.
    pub to: Recipient,
    /// When he did it, as far as the network says so; at most now.
    pub sent_at: Timestamp,
    /// How it reached us.
    pub freshness: Freshness,
    /// How far it was proved that it was he; [`None`] where the network itself vouches for its users.
    pub proof: Option<Proof>,
    /// He wants to know when it was delivered.
    pub wants_receipt: bool,
    /// What he did; anything but [`What::Report`] and [`What::Opened`]. Messages are named as the network names them.
    pub what: What<NativeId>,
}

/// By what a thing is recognised when it comes again. Scoped: the same `id` in another `scope` is another thing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SourceKey {
    /// Who gave the id (`event`; a full JID; `message-id`).
    pub scope: String,
    /// The id.
    pub id: String,
    /// A time that is part of the thing and never changes, where the network has one (Matrix's `origin_server_ts`).
    /// Keeps the look-up fast in a long history, and gives the thing the same id when it is received again by a restored gateway; [`None`]
    /// is always right.
    pub at: Option<Timestamp>,
}

impl std::fmt::Debug for SourceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SourceKey(…)")
    }
}

/// Whom something is meant for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Recipient {
    /// An address on the adapter's network, as it was written there.
    Ghost(String),
    /// A chat that is bound to a leg.
    Chat(ChatId),
    /// A room that is bound to a leg of a room.
    Room {
        /// Which.
        chat: ChatId,
        /// Where the gateway hosts the room: what its other members are given, this author included. [`None`] elsewhere, for there the
        /// network itself gives it to them.
        echo: Option<Echo>,
    },
}

/// How an event reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// The network pushed it. When it is older than a day it is a replay of history: it waits for an administrator.
    Pushed,
    /// We asked for it (reconciliation), or its network never replays: its age is no reason for doubt.
    Asked,
}

/// What became of something received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is durable: acknowledge it.
    Stored,
    /// It was durable before: acknowledge it.
    Duplicate,
    /// It will not be carried: tell the sender why, in the network's own way, then acknowledge it.
    Refused(Reason),
}

/// One thing to deliver.
#[derive(Debug, Clone)]
pub struct Deliverable {
    /// Stable over repeats.
    pub id: DeliveryId,
    /// Where to.
    pub leg: Leg,
    /// When its author did it.
    pub sent_at: Timestamp,
    /// It waited here, or before it came here, for so long that the original time should be shown.
    pub late: bool,
    /// What to send; already reduced to [`Adapter::capabilities`]. Messages that it refers to are known on this network.
    /// Reactions are all that the person has now ([`dreiklang_model::Reactions::All`]).
    pub what: What<Placed>,
}

/// The bytes of a file, as they come.
pub struct Media {
    /// How many there are, when that is known before.
    pub size: Option<u64>,
    /// The bytes. An error ends them: what came so far is worthless.
    pub bytes: BoxStream<'static, std::io::Result<Bytes>>,
}

impl std::fmt::Debug for Media {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Media({:?} bytes)", self.size)
    }
}

/// The far side has it.
#[derive(Debug, Clone, Default)]
pub struct Delivered {
    /// How the network names it.
    pub native: Option<NativeId>,
    /// What the adapter wants to remember about the leg (stored in the same transaction).
    pub leg: Option<LegChange>,
    /// A file of it did not come along, and a note says so in its place: why. The sender is told.
    pub without: Option<Reason>,
}

/// A change of what an adapter remembers about a leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegChange {
    /// The adapter's own notes, in a form only it reads.
    pub notes: String,
}

/// The far side does not have it, or we do not know.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeliveryError {
    /// Not now; the lane waits. `after` is what the far side asked for, if it did.
    #[error("later: {cause}")]
    Later {
        /// How long to wait at least.
        after: Option<Duration>,
        /// For the log; no personal data.
        cause: String,
    },
    /// Never; the sender is told.
    #[error("never: {cause}")]
    Never {
        /// For the sender.
        reason: Reason,
        /// For the log; no personal data.
        cause: String,
    },
    /// It may have arrived; it will be repeated with the same id.
    #[error("unknown: {cause}")]
    Unknown {
        /// For the log; no personal data.
        cause: String,
    },
}

impl DeliveryError {
    /// Not now, for as long as the engine thinks fit.
    #[must_use]
    pub fn later(cause: impl Into<String>) -> Self {
        Self::Later { after: None, cause: cause.into() }
    }
}

/// How one connection of an adapter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Online,
    /// It does not; what is wrong and what to do, in words for an administrator, without personal data.
    Offline(String),
}
