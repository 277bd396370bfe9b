// SPDX-License-Identifier: EUPL-1.2
//! What the database keeps of rooms: their legs, their addresses, and who is in them. The rest of its port is `store.rs`.

use async_trait::async_trait;
use dreiklang_model::{
    ChatId, ConversationId, DisplayName, Network, PersonaId, RoomAddress, RoomDetails, Standing, Timestamp, Written,
};

use super::{Bound, LaneKey, OrganisationKey, Persona, StoreError};
use crate::{Hosting, RoomLeg};

/// Somebody who is in a room through his own network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// Who.
    pub persona: Persona,
    /// The name that he bears in the room.
    pub nick: Option<DisplayName>,
    /// How he stands.
    pub standing: Standing,
    /// How he is written on the network that was asked for, once that was decided.
    pub written: Option<Written>,
}

/// A change of who is in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberChange {
    /// Who.
    pub persona: PersonaId,
    /// The name that he bears in the room.
    pub nick: Option<DisplayName>,
    /// How he stands; [`None`]: he is gone.
    pub standing: Option<Standing>,
}

/// Rooms in the database.
#[async_trait]
pub trait RoomStore: Send + Sync + 'static {
    /// The conversation of a room that is at home on a network; made, with `new` as its id and its leg there bound to `chat`, if there is
    /// none. `address` leads to it from now on. Idempotent, and safe against several who come at once.
    async fn room(
        &self,
        organisation: OrganisationKey,
        address: &RoomAddress,
        chat: &ChatId,
        new: ConversationId,
        now: Timestamp,
    ) -> Result<ConversationId, StoreError>;

    /// The conversation to which an address is known to lead.
    async fn room_at(&self, organisation: OrganisationKey, address: &RoomAddress) -> Result<Option<ConversationId>, StoreError>;

    /// Gives a room a leg on a network, bound to nothing yet, if it has none there. Idempotent.
    async fn add_room_leg(&self, lane: &LaneKey, hosting: Hosting) -> Result<(), StoreError>;

    /// Gives a room a leg that is a room of that network by itself; `address` leads to the conversation from now on. `false`: the room
    /// has a leg there, or `chat` or `address` belongs to another conversation.
    async fn adopt_room(&self, lane: &LaneKey, address: &RoomAddress, chat: &ChatId) -> Result<bool, StoreError>;

    /// Takes a leg from a room, with everybody who is in it through that leg and the addresses that lead to it from there. What waits for
    /// it is not delivered.
    async fn drop_room_leg(&self, lane: &LaneKey) -> Result<(), StoreError>;

    /// A leg of a room.
    async fn room_leg(&self, lane: &LaneKey) -> Result<Option<RoomLeg>, StoreError>;

    /// All legs of a room.
    async fn legs_of_room(&self, conversation: ConversationId) -> Result<Vec<RoomLeg>, StoreError>;

    /// The leg of a room that a chat is bound to.
    async fn room_of_chat(
        &self,
        organisation: OrganisationKey,
        network: &Network,
        chat: &ChatId,
    ) -> Result<Option<RoomLeg>, StoreError>;

    /// All legs of rooms on a network, oldest first.
    async fn rooms(&self, organisation: OrganisationKey, network: &Network) -> Result<Vec<RoomLeg>, StoreError>;

    /// Binds a leg to a chat, or frees it, if it is still bound to `expected`.
    async fn bind_room(&self, lane: &LaneKey, expected: Option<&ChatId>, chat: Option<&ChatId>) -> Result<Bound, StoreError>;

    /// Sets what is known of a room. `false`: it was known.
    async fn describe_room(&self, conversation: ConversationId, details: &RoomDetails) -> Result<bool, StoreError>;

    /// Writes down who of a network is in a room and how; `complete`: whoever is not named is gone. Answers whether anything changed.
    async fn attend(&self, lane: &LaneKey, changes: Vec<MemberChange>, complete: bool) -> Result<bool, StoreError>;

    /// Everybody in a room who is at home on another network than `on`: those who may do most first, at most `limit`; and how many there
    /// are in all.
    async fn members(
        &self,
        conversation: ConversationId,
        on: &Network,
        limit: usize,
    ) -> Result<(Vec<MemberRow>, usize), StoreError>;

    /// One of them, as he is written on `on`.
    async fn member(
        &self,
        conversation: ConversationId,
        on: &Network,
        persona: PersonaId,
    ) -> Result<Option<MemberRow>, StoreError>;
}
