// SPDX-License-Identifier: EUPL-1.2
//! The part of a network's port that is about rooms. A network without rooms leaves it as it is ([`super::Adapter`]).

use dreiklang_model::{ChatId, DeliveryId, Echo, Placed, Reason, RoomDetails, Timestamp, What};

use crate::{Attendance, Author, Member, RoomLeg};

/// One thing to deliver into a room.
#[derive(Debug, Clone)]
pub struct RoomDelivery {
    /// Stable over repeats.
    pub id: DeliveryId,
    /// Where to.
    pub room: RoomLeg,
    /// Who did it. Of a [`What::Report`]: for whom it is.
    pub author: Author,
    /// When its author did it.
    pub sent_at: Timestamp,
    /// It waited so long that the original time should be shown.
    pub late: bool,
    /// What to give to the people in it.
    pub content: RoomContent,
    /// Of an edit: the first delivery of the message that it replaces, for networks on which a new version names the old one as its author did.
    pub replaces: Option<DeliveryId>,
}

/// What is delivered into a room.
#[derive(Debug, Clone)]
pub enum RoomContent {
    /// Something that happened; already reduced to [`super::Adapter::room_capabilities`]. Messages that it refers to are known on this network.
    Event(Box<What<Placed>>),
    /// What somebody of this very network wrote ([`Author::Own`]): everybody in the room is given exactly this.
    Echo(Echo),
}

/// A room of this network in which the gateway takes part now.
#[derive(Debug, Clone)]
pub struct Entered {
    /// What never changes: two addresses that lead to the same chat are one room.
    pub chat: ChatId,
    /// What is known of it.
    pub details: RoomDetails,
    /// Who is in it, our ghosts left out.
    pub people: Vec<Attendance>,
}

/// A room cannot be entered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EntryError {
    /// It does not exist, or the gateway may not take part; the reason is for whoever asked.
    #[error("refused: {cause}")]
    Refused {
        /// For people.
        reason: Reason,
        /// For the log; no personal data.
        cause: String,
    },
    /// The network is not there at the moment.
    #[error("not now: {cause}")]
    NotNow {
        /// For the log; no personal data.
        cause: String,
    },
}

/// What a leg of a room is to look like: computed from what the other networks say, never remembered by hand. The adapter compares it with
/// what is there and changes only what differs.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The leg, with the details as they are now.
    pub room: RoomLeg,
    /// Everybody who is at home on other networks: those who may do most first, at most as many as were asked for.
    pub members: Vec<Member>,
    /// How many there are in all.
    pub total: usize,
}
