// SPDX-License-Identifier: EUPL-1.2
//! Rooms that are about to be bound. What is said in one meanwhile is held until what was said before has been fetched, so
//! that it arrives in order. Nothing is lost with this memory: whoever opens a room fetches its messages, again after a crash.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use ruma::{OwnedRoomId, RoomId};

use crate::inward::Inward;

/// How much is held for one room; what is beyond is fetched later.
const MOST: usize = 500;

/// The rooms that are being opened.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    rooms: Mutex<HashMap<OwnedRoomId, Held>>,
}

#[derive(Debug, Default)]
struct Held {
    events: Vec<Inward>,
    overflowed: bool,
}

/// What became of a room while it was opened.
#[derive(Debug, PartialEq)]
pub(crate) enum Meanwhile {
    /// Nothing more: it is open.
    Nothing,
    /// This was said.
    Said(Vec<Inward>),
    /// More than could be held was said: fetch again.
    TooMuch,
}

impl Openings {
    /// From now on what is said in the room is held.
    pub(crate) fn begin(&self, room: &RoomId) {
        self.lock().entry(room.to_owned()).or_default();
    }

    /// Holds the event if its room is being opened; else gives it back.
    pub(crate) fn hold(&self, room: &RoomId, event: Inward) -> Option<Inward> {
        let mut rooms = self.lock();
        let Some(held) = rooms.get_mut(room) else { return Some(event) };
        if held.events.len() < MOST && !held.overflowed {
            held.events.push(event);
        } else {
            held.overflowed = true;
        }
        None
    }

    /// What was held. With [`Meanwhile::Nothing`] the room is open, and nothing is held any more.
    pub(crate) fn meanwhile(&self, room: &RoomId) -> Meanwhile {
        let mut rooms = self.lock();
        let Some(held) = rooms.get_mut(room) else { return Meanwhile::Nothing };
        let held = std::mem::take(held);
        if held.overflowed {
            return Meanwhile::TooMuch;
        }
        if held.events.is_empty() {
            rooms.remove(room);
            return Meanwhile::Nothing;
        }
        Meanwhile::Said(held.events)
    }

    /// The room is not opened after all.
    pub(crate) fn abandon(&self, room: &RoomId) {
        self.lock().remove(room);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<OwnedRoomId, Held>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_until_open() {
        let openings = Openings::default();
        let room = <&RoomId>::try_from("!r").unwrap();
        assert_eq!(openings.hold(room, Inward::Ignored), Some(Inward::Ignored));
        openings.begin(room);
        assert_eq!(openings.hold(room, Inward::Ignored), None);
        openings.begin(room);
        assert_eq!(openings.meanwhile(room), Meanwhile::Said(vec![Inward::Ignored]));
        for _ in 0..=MOST {
            assert_eq!(openings.hold(room, Inward::Ignored), None);
        }
        assert_eq!(openings.meanwhile(room), Meanwhile::TooMuch);
        assert_eq!(openings.meanwhile(room), Meanwhile::Nothing);
        assert_eq!(openings.hold(room, Inward::Ignored), Some(Inward::Ignored));
    }
}
