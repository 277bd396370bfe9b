// SPDX-License-Identifier: EUPL-1.2
//! What holds only for a moment: who is writing and who is there, in both directions. Reading it is `inward/signals.rs`.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use dreiklang_engine::{
    Hub, Leg,
    port::{Recipient, Sensed, Signal, StoreError},
};
use dreiklang_model::{Availability, ChatId, Presence, Typing};
use ruma::{
    OwnedRoomId, OwnedUserId, UserId,
    api::client::{presence::set_presence, typing::create_typing_event},
    presence::PresenceState,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    client::{As, CallError},
    service::{Service, address, chat_id, ghost_of, room_of, user_of},
};

/// The homeserver forgets that a ghost writes after so long. The engine ends it before; this is for the case that we end first.
const WRITES: Duration = Duration::from_secs(75);
/// Homeservers take whoever does not sync for gone after half a minute (Synapse), so presence is said again.
const AGAIN: Duration = Duration::from_secs(20);
/// How many ghosts are kept present.
const MOST: usize = 500;

/// Tells the engine who is writing and who is there.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn sense(
    service: &Service,
    hub: &Hub,
    typing: Vec<(OwnedRoomId, Vec<OwnedUserId>)>,
    presence: Vec<(OwnedUserId, Presence)>,
) -> Result<(), StoreError> {
    let policy = &hub.organisation().policy;
    for (room, writers) in typing.into_iter().filter(|_| policy.typing) {
        let Some(chat) = chat_id(&room) else { continue };
        let Some(user) = hub.leg_of_chat(&chat).await?.as_ref().and_then(user_of) else { continue };
        let typing = if writers.contains(&user) { Typing::Started } else { Typing::Paused };
        sense_typing(hub, &user, chat, typing);
    }
    for (user, presence) in presence {
        if let Some(of) = address(&user).filter(|_| !service.ours.owns(&user)) {
            hub.signal(Sensed::Presence { of, presence });
        }
    }
    Ok(())
}

fn sense_typing(hub: &Hub, user: &UserId, chat: ChatId, typing: Typing) {
    if let Some(from) = address(user) {
        hub.signal(Sensed::Typing { from, to: Recipient::Chat(chat), typing });
    }
}

/// See [`dreiklang_engine::port::Adapter::signal`].
pub(crate) async fn show(service: &Service, signal: &Signal) -> bool {
    let shown = match signal {
        Signal::Typing { leg, typing } => write(service, leg, *typing).await,
        Signal::Presence { ghost, presence } => match OwnedUserId::try_from(ghost.written.as_str()) {
            Ok(user) => {
                service.present.remember(&user, presence);
                say(service, &user, presence).await
            }
            Err(_) => return false,
        },
    };
    if let Err(error) = &shown {
        tracing::debug!(%error, "a signal was not shown");
    }
    shown.is_ok()
}

async fn write(service: &Service, leg: &Leg, typing: Typing) -> Result<(), CallError> {
    let (Some(room), Some(ghost)) = (room_of(leg), ghost_of(leg)) else { return Ok(()) };
    let state = match typing {
        Typing::Started => create_typing_event::v3::TypingInfo::new(WRITES).into(),
        Typing::Paused | Typing::Sent => create_typing_event::v3::Typing::No,
    };
    let request = create_typing_event::v3::Request::new(ghost.clone(), room, state);
    service.client.call(As::User(&ghost), request).await.map(drop)
}

async fn say(service: &Service, ghost: &UserId, presence: &Presence) -> Result<(), CallError> {
    let state = match presence.availability {
        Availability::Online => PresenceState::Online,
        Availability::Away | Availability::Busy => PresenceState::Unavailable,
        Availability::Offline => PresenceState::Offline,
    };
    let mut request = set_presence::v3::Request::new(ghost.to_owned(), state);
    request.status_msg = presence.status.as_ref().map(|status| status.as_str().to_owned());
    service.client.call(As::User(ghost), request).await.map(drop)
}

/// Ghosts who are there.
#[derive(Default)]
pub(crate) struct Present(Mutex<HashMap<OwnedUserId, (Instant, Presence)>>);

impl Present {
    fn remember(&self, ghost: &UserId, presence: &Presence) {
        let mut present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if presence.availability == Availability::Offline {
            present.remove(ghost);
        } else {
            present.insert(ghost.to_owned(), (Instant::now(), presence.clone()));
        }
        if present.len() > MOST
            && let Some(oldest) = present.iter().min_by_key(|(_, (since, _))| *since).map(|(ghost, _)| ghost.clone())
        {
            present.remove(&oldest);
        }
    }

    fn all(&self) -> Vec<(OwnedUserId, Presence)> {
        let present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        present.iter().map(|(ghost, (_, presence))| (ghost.clone(), presence.clone())).collect()
    }
}

/// Says again who is there, one after the other, until `stop` is cancelled. While nobody is, it does nothing.
pub(crate) async fn keep_present(service: &Service, stop: &CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
        for (ghost, presence) in service.present.all() {
            if stop.is_cancelled() || say(service, &ghost, &presence).await.is_err() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_who_is_gone_is_not() {
        let present = Present::default();
        let ghost = |number: usize| OwnedUserId::try_from(format!("@_xmpp_{number}:hs")).unwrap();
        for number in 0..=MOST {
            present.remember(&ghost(number), &Presence::new(Availability::Online, None));
        }
        assert_eq!(present.all().len(), MOST);
        assert!(present.all().iter().any(|(user, _)| *user == ghost(MOST)));
        present.remember(&ghost(MOST), &Presence::new(Availability::Offline, None));
        assert_eq!(present.all().len(), MOST - 1);
    }
}
