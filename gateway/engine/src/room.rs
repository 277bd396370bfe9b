// SPDX-License-Identifier: EUPL-1.2
//! A room as an adapter sees it: its leg on the adapter's network, and the people in it. What happens with rooms is `rooms.rs`.

use dreiklang_model::{Address, ChatId, ConversationId, DisplayName, Network, PersonaId, RoomDetails, Standing};

use crate::Ghost;

/// Whose a leg of a room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hosting {
    /// The room exists on that network by itself; we take part in it through ghosts.
    Theirs,
    /// The gateway hosts the room there: it gives everybody everything, also what his neighbour on the same network says.
    Ours,
}

/// A room's leg on one network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomLeg {
    /// The conversation.
    pub conversation: ConversationId,
    /// The network of this leg.
    pub network: Network,
    /// How the room is called there; nothing until its adapter has bound it ([`crate::Hub::bind_room`]).
    pub chat: Option<ChatId>,
    /// Whose it is.
    pub hosting: Hosting,
    /// The network where the room is at home.
    pub home: Network,
    /// How the room is addressed there, in the form in which it was asked for first.
    pub address: String,
    /// What is known of the room.
    pub details: RoomDetails,
    /// The adapter's own notes.
    pub notes: Option<String>,
}

/// Somebody in a room who is at home on another network, as his ghost appears on this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub persona: PersonaId,
    /// His ghost here.
    pub ghost: Ghost,
    /// The name that he bears in this room, where his network has such a thing; else his own.
    pub nick: DisplayName,
    /// How he stands.
    pub standing: Standing,
}

/// Somebody of the adapter's own network who is in a room, or is not any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attendance {
    /// Who: none of our ghosts.
    pub who: Address,
    /// The name that he bears in this room.
    pub nick: Option<DisplayName>,
    /// How he stands; [`None`]: he is gone.
    pub standing: Option<Standing>,
}

/// Who does something in a room, seen from the network where it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// Somebody of another network, through his ghost.
    Ghost(Member),
    /// Somebody of this network: the leg is [`Hosting::Ours`], and the others there are to be given what he did.
    Own {
        /// Who.
        address: Address,
    },
    /// The gateway itself: the bot.
    Gateway,
}
