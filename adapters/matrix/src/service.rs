// SPDX-License-Identifier: EUPL-1.2
//! What the parts of the adapter share, and the two kinds of trouble they meet.

use std::{sync::Arc, time::Duration};

use dreiklang_engine::{Hub, Leg, RoomLeg, port::StoreError};
use dreiklang_model::{Address, ChatId, ConversationId, Network};
use moka::sync::Cache;
use ruma::{OwnedRoomId, OwnedUserId, UserId};
use tokio::sync::Notify;

use crate::{
    client::{CallError, Client},
    config::{Config, ConfigError, base_url},
    ghosts::Ghosts,
    inward::Membership,
    keyed_lock::KeyedLock,
    media::Repository,
    namespace::Namespace,
    openings::Openings,
    people::People,
    rooms::Rooms,
    sequence::Sequence,
    signals::Present,
    watermarks::Watermarks,
};

/// How long it is believed that somebody is in a room without asking again.
const MEMBERSHIP: Duration = Duration::from_secs(30 * 60);
/// How often somebody who may not take part in a chat is told so.
const STRANGER: Duration = Duration::from_secs(60 * 60);

/// The application service.
pub(crate) struct Service {
    pub(crate) config: Config,
    pub(crate) client: Client,
    pub(crate) repository: Repository,
    pub(crate) ours: Namespace,
    pub(crate) ghosts: Ghosts,
    pub(crate) people: People,
    /// Who is in which room, as far as it was seen lately.
    pub(crate) memberships: Cache<(OwnedRoomId, OwnedUserId), Membership>,
    /// Whatever changes or uses the chat of a conversation takes its turn.
    pub(crate) turns: KeyedLock<ConversationId>,
    pub(crate) openings: Openings,
    pub(crate) watermarks: Watermarks,
    pub(crate) rooms: Rooms,
    /// Who was told lately that a chat is not his.
    pub(crate) strangers: Cache<(OwnedRoomId, OwnedUserId), ()>,
    /// There is a new duty.
    pub(crate) duty: Notify,
    pub(crate) sequence: Sequence,
    pub(crate) present: Present,
    /// A transaction never came: read the rooms.
    pub(crate) missed: Notify,
    /// The homeserver behaved oddly, or came back: look at once.
    pub(crate) probe: Notify,
}

impl Service {
    pub(crate) fn new(config: Config) -> Result<Arc<Self>, ConfigError> {
        base_url(&config.url, "url")?;
        for (token, key) in [(&config.as_token, "as_token"), (&config.hs_token, "hs_token")] {
            let token = secrecy::ExposeSecret::expose_secret(token);
            if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
                return Err(ConfigError::Token { key });
            }
        }
        Ok(Arc::new(Self {
            client: Client::new(&config)?,
            repository: Repository::new(&config)?,
            ours: config.namespace()?,
            config,
            ghosts: Ghosts::default(),
            people: People::default(),
            memberships: Cache::builder().max_capacity(100_000).time_to_live(MEMBERSHIP).build(),
            turns: KeyedLock::default(),
            openings: Openings::default(),
            watermarks: Watermarks::default(),
            rooms: Rooms::default(),
            strangers: Cache::builder().max_capacity(10_000).time_to_live(STRANGER).build(),
            duty: Notify::new(),
            sequence: Sequence::default(),
            present: Present::default(),
            missed: Notify::new(),
            probe: Notify::new(),
        }))
    }

    /// Remembers that somebody is, or is not, in a room.
    pub(crate) fn saw(&self, room: &OwnedRoomId, user: &UserId, membership: Membership) {
        self.memberships.insert((room.clone(), user.to_owned()), membership);
    }
}

/// Something that a repeat later may heal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// With the homeserver.
    #[error(transparent)]
    Call(#[from] CallError),
    /// With the database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Trouble {
    /// Would the same be refused again?
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Call(CallError::Refused(_)))
    }
}

/// A Matrix user's address. [`None`] for what is none (longer than any address, say).
pub(crate) fn address(user: &UserId) -> Option<Address> {
    Address::new(Network::MATRIX, user.as_str()).ok()
}

/// The room a leg is bound to.
pub(crate) fn room_of(leg: &Leg) -> Option<OwnedRoomId> {
    leg.chat.as_ref().and_then(room_id)
}

/// A chat as Matrix names it.
pub(crate) fn room_id(chat: &ChatId) -> Option<OwnedRoomId> {
    OwnedRoomId::try_from(chat.as_str()).ok()
}

/// A room as the engine names it.
pub(crate) fn chat_id(room: &OwnedRoomId) -> Option<ChatId> {
    ChatId::new(room.as_str()).ok()
}

/// The ghost of a leg.
pub(crate) fn ghost_of(leg: &Leg) -> Option<OwnedUserId> {
    OwnedUserId::try_from(leg.ghost.as_str()).ok()
}

/// The person of a leg.
pub(crate) fn user_of(leg: &Leg) -> Option<OwnedUserId> {
    OwnedUserId::try_from(leg.user.address.as_str()).ok()
}

/// The leg of a room of many that a Matrix room is bound to.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn bound_room(hub: &Hub, room: &OwnedRoomId) -> Result<Option<RoomLeg>, StoreError> {
    match chat_id(room) {
        Some(chat) => hub.room_of_chat(&chat).await,
        None => Ok(None),
    }
}
