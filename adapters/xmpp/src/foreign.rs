// SPDX-License-Identifier: EUPL-1.2
//! Rooms (MUCs) of other servers, in which the gateway takes part: one listener of ours receives what is said, ghosts sit down when they
//! speak. Rooms that the gateway itself hosts are in `hosted`.
//!
//! What a room sends to a ghost is a copy of what it sends to the listener, and is dropped before anybody looks at it: the cost of a message
//! does not grow with the number of ghosts in the room.

mod archive;
mod delivering;
mod entering;
mod inward;
mod keeping;
mod nick;
mod presence;
mod seating;
mod seats;
mod told;

pub(crate) use delivering::deliver;
pub(crate) use entering::enter;
pub(crate) use inward::{Heard, hear};
pub(crate) use keeping::{Events, Happened, NEWS, handed_in, keep, leave, online, refresh, see};
pub(crate) use seating::Reach;
pub(crate) use seats::Foreign;
