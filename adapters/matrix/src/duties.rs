// SPDX-License-Identifier: EUPL-1.2
//! What we owe the homeserver because of something that was acknowledged: written down first, done in the background, struck
//! off when done. A crash in between repeats it; every duty is harmless when repeated.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dreiklang_engine::{Hub, port::StoreError};
use dreiklang_model::Reason;
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    client::CallError,
    inbox, invitations,
    inward::Preview,
    notices,
    rooms::{self, events::Reading, upgrades::Upgrade},
    service::{Service, Trouble},
};

/// The notes of duties begin so.
pub(crate) const PREFIX: &str = "duty/";
/// How many duties are done at once.
const AT_ONCE: usize = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often it is looked whether a duty was overlooked.
const ROUND: Duration = Duration::from_secs(60);

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Duty {
    /// Answer an invitation of one of our users.
    Invitation(Invitation),
    /// Tell a sender that his message is not carried.
    Refusal(Refusal),
    /// Tell the people of a room that its encryption keeps us from reading.
    Encryption(OwnedRoomId),
    /// Read a room as a whole.
    Reading(Reading),
    /// Follow a room to the one that replaces it.
    Upgrade(Upgrade),
}

/// One of our users was asked into a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invitation {
    pub(crate) room: OwnedRoomId,
    pub(crate) event: OwnedEventId,
    pub(crate) ghost: OwnedUserId,
    pub(crate) by: OwnedUserId,
    pub(crate) preview: Preview,
    /// The room that the conversation leaves for this one, once that is decided.
    #[serde(default)]
    pub(crate) leaving: Option<Leaving>,
}

/// A room whose conversation goes on elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leaving {
    pub(crate) room: OwnedRoomId,
    /// The person is there and must be told where to go.
    pub(crate) told: bool,
}

/// A message was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) room: OwnedRoomId,
    pub(crate) event: OwnedEventId,
    pub(crate) reason: Reason,
}

impl Duty {
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Invitation(it) => format!("{PREFIX}invitation/{}", it.event),
            Self::Refusal(it) => format!("{PREFIX}refusal/{}", it.event),
            Self::Encryption(room) => format!("{PREFIX}encryption/{room}"),
            Self::Reading(it) => format!("{}{}", Reading::prefix(&it.room), it.because),
            Self::Upgrade(it) => format!("{PREFIX}upgrade/{}", it.from),
        }
    }
}

/// Writes a duty down and wakes who does it. Idempotent.
///
/// # Errors
/// [`StoreError`]: it is not written down.
pub(crate) async fn undertake(service: &Service, hub: &Hub, duty: &Duty) -> Result<(), StoreError> {
    let text = serde_json::to_string(duty).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    hub.set_note(&duty.key(), Some(&text)).await?;
    service.duty.notify_one();
    Ok(())
}

/// Sees to it that the people of a bound room are told, once for ever, that its encryption keeps us from reading.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn warn_of_encryption(service: &Service, hub: &Hub, room: &OwnedRoomId) -> Result<(), StoreError> {
    if hub.note(&notices::told_of_encryption(room)).await?.is_some() {
        return Ok(());
    }
    undertake(service, hub, &Duty::Encryption(room.clone())).await
}

/// Rooms with an invitation that a former run did not answer are being opened from the start.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn resume(service: &Service, hub: &Hub) -> Result<(), StoreError> {
    for (_, duty) in written(hub).await? {
        if let Duty::Invitation(invitation) = duty {
            inbox::expect(service, &invitation.room);
        }
    }
    service.duty.notify_one();
    Ok(())
}

async fn written(hub: &Hub) -> Result<Vec<(String, Duty)>, StoreError> {
    let mut duties = Vec::new();
    for (key, text) in hub.notes(PREFIX).await? {
        match serde_json::from_str(&text) {
            Ok(duty) => duties.push((key, duty)),
            Err(error) => {
                tracing::error!(%error, "a duty cannot be read");
                hub.set_note(&key, None).await?;
            }
        }
    }
    Ok(duties)
}

/// Does what is owed until `stop` is cancelled.
pub(crate) async fn run(service: Arc<Service>, hub: Hub, stop: CancellationToken) {
    let underway: Arc<Mutex<HashSet<String>>> = Arc::default();
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = service.duty.notified() => {}
            () = tokio::time::sleep(ROUND) => {}
        }
        while tasks.try_join_next().is_some() {}
        let duties = match written(&hub).await {
            Ok(duties) => duties,
            Err(error) => {
                tracing::error!(%error, "the duties cannot be read");
                continue;
            }
        };
        for (key, _) in duties {
            if !underway.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone()) {
                continue;
            }
            let (service, hub, slots, underway) = (Arc::clone(&service), hub.clone(), Arc::clone(&slots), Arc::clone(&underway));
            tasks.spawn(async move {
                until_done(&service, &hub, &slots, &key).await;
                underway.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            });
        }
    }
    // What is dropped here is written down and done after the next start.
    tasks.shutdown().await;
}

async fn until_done(service: &Service, hub: &Hub, slots: &Semaphore, key: &str) {
    let mut pause = FIRST_PAUSE;
    loop {
        let done = match slots.acquire().await {
            Ok(_slot) => attempt(service, hub, key).await,
            Err(_) => return,
        };
        let wait = match done {
            Ok(()) => return,
            Err(Trouble::Call(CallError::Limited(Some(after)))) => after.max(FIRST_PAUSE),
            Err(trouble) => {
                tracing::debug!(%trouble, "a duty waits");
                if matches!(trouble, Trouble::Call(CallError::Unreachable(_))) {
                    service.probe.notify_one();
                }
                pause
            }
        };
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn attempt(service: &Service, hub: &Hub, key: &str) -> Result<(), Trouble> {
    // Read anew: the last attempt may have written down how far it came.
    let note = hub.note(key).await?;
    let Some(duty) = note.and_then(|text| serde_json::from_str(&text).ok()) else { return Ok(()) };
    let done = match &duty {
        Duty::Invitation(invitation) => invitations::answer(service, hub, invitation).await,
        Duty::Refusal(refusal) => notices::refuse(service, hub, refusal).await,
        Duty::Encryption(room) => notices::encrypted(service, hub, room).await,
        Duty::Reading(reading) => rooms::events::read(service, hub, reading).await,
        Duty::Upgrade(upgrade) => rooms::upgrades::follow(service, hub, upgrade).await,
    };
    match done {
        Err(trouble) if trouble.is_final() => {
            tracing::warn!(%trouble, duty = kind(&duty), "a duty cannot be done");
            hub.dropped("duty");
        }
        done => done?,
    }
    if let Duty::Invitation(invitation) = &duty {
        service.openings.abandon(&invitation.room);
    }
    Ok(hub.set_note(key, None).await?)
}

fn kind(duty: &Duty) -> &'static str {
    match duty {
        Duty::Invitation(_) => "invitation",
        Duty::Refusal(_) => "refusal",
        Duty::Encryption(_) => "encryption",
        Duty::Reading(_) => "reading",
        Duty::Upgrade(_) => "upgrade",
    }
}
