// SPDX-License-Identifier: EUPL-1.2
//! Pictures of people follow their changes: what a network shows of somebody is written down, fetched, made small (`picture.rs`) and
//! shown by his ghosts. What is wanted and what is shown is durable; whoever changes often is followed once a minute.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::BytesMut;
use dreiklang_model::{Address, MediaSource, Network, Portrait};
use futures::StreamExt as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    Hub, Picture,
    hub::Ghost,
    leg::shown_name,
    organisation::Live,
    picture::{self, Unfit},
    port::{DeliveryError, Media, Persona, PortraitRow, StoreError},
};

/// Least time between two changes of one person that are followed.
const REST: Duration = Duration::from_secs(60);
/// How often it is looked for pictures that are due.
const ROUND: Duration = Duration::from_secs(20);
/// How many are looked for, and fetched, at once: one that does not come holds up no other.
const BATCH: usize = 100;
const AT_ONCE: usize = 16;
/// Pause after a failure of the database.
const CALM: Duration = Duration::from_secs(1);
/// Longest that one may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause after a failure, doubled each time, and how often it is tried.
const PAUSE: Duration = Duration::from_secs(60);
const MOST_ATTEMPTS: u32 = 10;

/// See [`crate::Hub::portrait`].
pub(crate) async fn want(live: &Live, of: &Address, portrait: Portrait) -> Result<bool, StoreError> {
    if live.portraits.get(of).is_some_and(|known| known == portrait.version) || live.organisation.policy.admits(of).is_err() {
        return Ok(false);
    }
    let Some(person) = live.store.known_persona(live.key, of).await? else { return Ok(false) };
    let now = live.clock.now();
    let wanted = live.store.want_portrait(live.key, person.id, &portrait, now, REST).await?;
    if wanted {
        live.portrait_wanted.notify_one();
    }
    live.portraits.insert(of.clone(), portrait.version);
    Ok(wanted)
}

/// See [`crate::Hub::picture`].
pub(crate) async fn shown(live: &Live, of: &Address) -> Result<Option<Picture>, StoreError> {
    let Some(person) = live.store.known_persona(live.key, of).await? else { return Ok(None) };
    let Some(bytes) = live.store.picture(live.key, person.id).await? else { return Ok(None) };
    Picture::new(bytes).map(Some).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Fetches what is due until stopped.
pub(crate) async fn run(live: Arc<Live>, stop: CancellationToken) {
    let (mut running, mut busy) = (JoinSet::new(), HashSet::new());
    loop {
        for person in live.repainted() {
            let shown = match live.store.persona_by_id(person).await {
                Ok(Some(person)) => show(&live, &person).await,
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = shown {
                tracing::error!(%error, "a new name could not be shown");
            }
        }
        match live.store.due_portraits(live.clock.now(), BATCH).await {
            Ok(due) => {
                for one in due.into_iter().filter(|one| one.organisation == live.key) {
                    if running.len() < AT_ONCE && busy.insert(one.persona) {
                        let live = Arc::clone(&live);
                        running.spawn(async move { (one.persona, follow(&live, one).await) });
                    }
                }
            }
            Err(StoreError::Closed) => return,
            Err(error) => tracing::error!(%error, "it cannot be read which pictures are wanted"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = live.portrait_wanted.notified() => {}
            Some(followed) = running.join_next() => match followed {
                Ok((person, followed)) => {
                    busy.remove(&person);
                    if let Err(error) = followed {
                        tracing::error!(%error, "a picture could not be followed");
                        tokio::time::sleep(CALM).await;
                    }
                }
                Err(error) => {
                    tracing::error!(panicked = error.is_panic(), "a picture was not followed");
                    // Which one is not known.
                    running.shutdown().await;
                    busy.clear();
                }
            },
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

async fn follow(live: &Arc<Live>, row: PortraitRow) -> Result<(), StoreError> {
    let Portrait { version, source } = &row.portrait;
    let picture = match source {
        Some(source) => match fetched(live, source).await {
            Ok(picture) => Some(picture),
            Err(Failure::Never(cause)) => {
                tracing::info!(cause, "a picture is not shown");
                live.meter.dropped(&live.organisation.id, &source.network, "picture");
                None
            }
            Err(Failure::Later(cause)) => {
                tracing::debug!(cause, "a picture waits");
                let pause = PAUSE.saturating_mul(1_u32.checked_shl(row.attempts.min(16)).unwrap_or(u32::MAX));
                let due = (row.attempts < MOST_ATTEMPTS).then(|| live.clock.now().plus(pause));
                return live.store.postpone_portrait(row.persona, version, due).await;
            }
        },
        None => None,
    };
    if !live.store.show_portrait(live.key, row.persona, version, picture.as_ref().map(|it| (&it.hash, &*it.bytes))).await? {
        return Ok(());
    }
    if let Some(source) = source
        && let Some(adapter) = live.adapters.get(&source.network)
    {
        adapter.release(source).await;
    }
    live.forget_people();
    match live.store.persona_by_id(row.persona).await? {
        Some(person) => show(live, &person).await,
        None => Ok(()),
    }
}

/// Lets all ghosts of somebody show how he looks and is called now.
async fn show(live: &Arc<Live>, person: &Persona) -> Result<(), StoreError> {
    let home = person.account.network();
    for (network, adapter) in live.adapters.iter().filter(|(network, _)| *network != home && **network != Network::GATEWAY) {
        let Some(written) = live.store.written(live.key, person.id, network).await? else { continue };
        let ghost = Ghost {
            written,
            address: person.account.clone(),
            name: shown_name(live, &person.account, person.name.as_ref()),
            bot: false,
            picture: person.picture.clone(),
        };
        adapter.portray(&Hub::new(Arc::clone(live), network.clone()), &ghost).await;
    }
    Ok(())
}

enum Failure {
    Later(String),
    Never(String),
}

async fn fetched(live: &Arc<Live>, source: &MediaSource) -> Result<Picture, Failure> {
    let Some(adapter) = live.adapters.get(&source.network) else { return Err(Failure::Never("its network is gone".to_owned())) };
    let hub = Hub::new(Arc::clone(live), source.network.clone());
    let reading = async { read(adapter.open(&hub, source).await).await };
    let file = match tokio::time::timeout(PATIENCE, reading).await {
        Ok(file) => file?,
        Err(_) => return Err(Failure::Later("it does not arrive".to_owned())),
    };
    // One at a time: each may take much memory.
    let _turn = live.painting.lock().await;
    match tokio::task::spawn_blocking(move || picture::fitted(&file)).await {
        Ok(fitted) => fitted.map_err(|unfit: Unfit| Failure::Never(unfit.to_string())),
        Err(_) => Err(Failure::Never("it breaks what opens it".to_owned())),
    }
}

async fn read(opened: Result<Media, DeliveryError>) -> Result<Vec<u8>, Failure> {
    let mut media = match opened {
        Ok(media) => media,
        Err(DeliveryError::Never { cause, .. }) => return Err(Failure::Never(cause)),
        Err(DeliveryError::Later { cause, .. } | DeliveryError::Unknown { cause }) => return Err(Failure::Later(cause)),
    };
    let too_large = || Failure::Never("it is too large".to_owned());
    if media.size.is_some_and(|size| size > picture::LARGEST as u64) {
        return Err(too_large());
    }
    let mut file = BytesMut::new();
    while let Some(piece) = media.bytes.next().await {
        let piece = piece.map_err(|error| Failure::Later(error.to_string()))?;
        if file.len() + piece.len() > picture::LARGEST {
            return Err(too_large());
        }
        file.extend_from_slice(&piece);
    }
    Ok(file.into())
}
