// SPDX-License-Identifier: EUPL-1.2
//! Rooms of other networks, served here as multi-user chats (XEP-0045): who is in them, what is said, what is asked.
//!
//! `occupants` is the state of one room and what follows from a change of it, `presence`, `messages`, `disco`, `iq` and `archive` are the
//! stanzas (all pure); `keeper` does what follows, `delivery` brings in what the other networks say. Our ghosts in the rooms of other
//! servers are not here.

mod archive;
mod delivery;
mod disco;
mod iq;
mod keeper;
mod messages;
mod nick;
mod occupants;
mod presence;
mod speech;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use dreiklang_engine::{Hub, RoomLeg, port::StoreError};
use dreiklang_model::{ChatId, Language};
use minidom::Element;
use secrecy::{ExposeSecret as _, SecretSlice};
use tokio::sync::mpsc;

pub(crate) use self::{
    delivery::{abandon, capabilities, deliver, refresh},
    disco::rooms as listed,
    keeper::{Keeper, WAITING, keep},
    messages::Heard,
};
use self::{
    nick::Nick,
    occupants::{OccupantIds, Room},
};
use crate::{address, condition::Condition, envelope::Envelope, xml::set_attr};

/// Where devices that are in rooms are noted, with their nicknames: `muc/<room>/<full JID>`; a room's JID contains no slash.
const NOTES: &str = "muc/";
/// The secret from which occupant ids are made.
const SECRET: &str = "muc/occupants";

/// The rooms that somebody of XMPP is in, by their JIDs.
#[derive(Default)]
pub(crate) struct Hosted {
    rooms: Mutex<HashMap<String, Room>>,
    /// Set when it is known again who is where.
    ids: OnceLock<OccupantIds>,
}

/// Something for the keeper of the rooms.
#[derive(Debug)]
pub(crate) enum Ask {
    /// The component is connected (again).
    Online,
    /// A stanza to a room.
    Stanza(Element),
}

impl Hosted {
    /// Reads who was in which room when the gateway was last seen: whoever is not told otherwise thinks that he still is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn load(&self, hub: &Hub) -> Result<(), StoreError> {
        if self.ids.get().is_some() {
            return Ok(());
        }
        let key = match hub.secret(SECRET).await? {
            Some(key) => key,
            None => hub.keep_secret(SECRET, SecretSlice::from(hub.seed()?.to_vec())).await?,
        };
        let key: [u8; 32] =
            key.expose_secret().try_into().map_err(|_| StoreError::Corrupt("a key of another length".to_owned()))?;
        let ids = OccupantIds::new(key);
        let mut rooms: HashMap<String, Room> = HashMap::new();
        for (note, nick) in hub.notes(NOTES).await? {
            let Some((jid, device)) = note.strip_prefix(NOTES).and_then(|rest| rest.split_once('/')) else { continue };
            let leg = match rooms.contains_key(jid) {
                true => None,
                false => leg_of(hub, jid).await?,
            };
            if let Some(leg) = leg {
                rooms.insert(jid.to_owned(), Room::new(jid, &leg, ids.clone()));
            }
            match (rooms.get_mut(jid), Nick::asked(&nick)) {
                (Some(room), Some(nick)) => room.restore(device, nick),
                _ => hub.set_note(&note, None).await?,
            }
        }
        *self.rooms() = rooms;
        // Whoever was first has read the same.
        let _ = self.ids.set(ids);
        Ok(())
    }

    /// The JID of the room that somebody writes to, in the form in which we write it; [`None`] for what is no room.
    pub(crate) fn room_of(hub: &Hub, to: &str) -> Option<String> {
        // The codec's marks of rooms; whatever else begins so is nobody's address.
        let room = to.starts_with(['#', '!']).then(|| hub.room_named(address::bare(to)))??;
        Some(hub.room_written(&room)?.as_str().to_owned())
    }

    /// What follows from a message to a room.
    pub(crate) fn heard(&self, jid: &str, stanza: &Element, envelope: &Envelope<'_>, language: Language) -> Heard {
        messages::heard(jid, self.rooms().get(jid), stanza, envelope, language)
    }

    /// Ends everything, in order: what everybody in the rooms of a component is told, and what must be forgotten then.
    pub(crate) async fn close(&self, hub: &Hub, domain: &str) -> Vec<Element> {
        let mut told = Vec::new();
        let mut devices = Vec::new();
        for (jid, room) in self.rooms().iter_mut().filter(|(jid, _)| address::domain(jid) == domain) {
            for copies in room.close() {
                for to in copies.to {
                    let mut stanza = copies.stanza.clone();
                    set_attr(&mut stanza, "to", &to);
                    told.push(stanza);
                    devices.push(note(jid, &to));
                }
            }
        }
        for device in devices {
            if let Err(error) = hub.set_note(&device, None).await {
                tracing::error!(%error, "who was in a room is not forgotten");
            }
        }
        told
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<String, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The leg of a room whose JID this is.
async fn leg_of(hub: &Hub, jid: &str) -> Result<Option<RoomLeg>, StoreError> {
    match ChatId::new(jid) {
        Ok(chat) => hub.room_of_chat(&chat).await,
        Err(_) => Ok(None),
    }
}

fn note(jid: &str, device: &str) -> String {
    format!("{NOTES}{jid}/{device}")
}

/// The way to the keeper of the rooms. Never waits: whoever reads the stream must not.
#[derive(Clone)]
pub(crate) struct Desk(mpsc::Sender<Ask>);

impl Desk {
    pub(crate) fn new(keeper: mpsc::Sender<Ask>) -> Self {
        Self(keeper)
    }

    /// Hands over a stanza if it is for a room; gives it back otherwise. Answers with what its sender must hear when there is too much
    /// to do.
    pub(crate) fn take(&self, hub: &Hub, stanza: Element) -> Result<Option<Element>, Element> {
        let for_room = stanza.attr("to").is_some_and(|to| Hosted::room_of(hub, to).is_some());
        if !for_room {
            return Err(stanza);
        }
        Ok(match self.0.try_send(Ask::Stanza(stanza)) {
            Ok(()) => None,
            Err(
                mpsc::error::TrySendError::Full(Ask::Stanza(stanza)) | mpsc::error::TrySendError::Closed(Ask::Stanza(stanza)),
            ) => {
                hub.dropped("too_many_for_rooms");
                Envelope::read(&stanza).and_then(|envelope| envelope.refuse(Condition::ResourceConstraint, None))
            }
            Err(_) => None,
        })
    }

    /// The component is connected (again).
    pub(crate) fn online(&self) {
        // With too much to do the rooms are looked at after the next connection.
        let _ = self.0.try_send(Ask::Online);
    }
}
