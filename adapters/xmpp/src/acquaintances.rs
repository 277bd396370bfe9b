// SPDX-License-Identifier: EUPL-1.2
//! Getting to know how people look and are called: announcements go to the engine as they come; whoever writes without announcing
//! anything is asked for his vCard, once in a while.

use std::{sync::Arc, time::Duration};

use dreiklang_engine::{
    Hub,
    port::{DeliveryError, Media},
};
use dreiklang_model::{Address, PictureHash, Portrait, Reason};
use futures::{StreamExt as _, stream};
use moka::sync::Cache;
use sha1::{Digest as _, Sha1};
use tokio::sync::mpsc;

use crate::{
    avatars::{self, Announced, Card, Place},
    component::{Component, Shared},
    sharing::Asking,
};

/// How long it is believed how somebody looks who announces nothing.
const BELIEVED: Duration = Duration::from_secs(24 * 60 * 60);
const MOST: u64 = 50_000;
/// How many may wait to be asked. Who finds no room is asked after his next message.
pub(crate) const WAITING: usize = 256;

/// Who was asked, or announced himself, lately.
#[derive(Clone)]
pub(crate) struct Met(Cache<String, ()>);

impl Met {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(BELIEVED).build())
    }

    /// `true` the first time in a while.
    pub(crate) fn first(&self, user: &Address) -> bool {
        self.0.entry(user.as_str().to_owned()).or_insert(()).is_fresh()
    }
}

/// Tells the engine what somebody announced to a ghost (`asker`, a full JID).
pub(crate) async fn announced(hub: &Hub, met: &Met, user: &Address, asker: String, announced: Announced) {
    let done = match announced {
        Announced::Nick(name) => hub.rename(user, &name).await,
        Announced::Picture(hash) => {
            met.first(user);
            let place = Place { asker, user: user.as_str().to_owned(), hash };
            let portrait = place.hash.as_ref().map_or_else(Portrait::none, |hash| place.portrait(hash.as_str()));
            hub.portrait(user, portrait).await.map(drop)
        }
    };
    if let Err(error) = done {
        tracing::error!(%error, "a profile could not be followed");
    }
}

/// Asks those who come for their vCards, one after the other, until nobody can come any more.
pub(crate) async fn meet(component: Arc<Component>, shared: Arc<Shared>, hub: Hub, mut coming: mpsc::Receiver<Address>) {
    while let Some(user) = coming.recv().await {
        let place = Place { asker: component.domain.as_str().to_owned(), user: user.as_str().to_owned(), hash: None };
        let Some(card) = ask_for_card(&component, &shared, &place).await else { continue };
        if let Err(error) = introduce(&hub, &user, &place, card).await {
            tracing::error!(%error, "a profile could not be followed");
        }
    }
}

async fn introduce(hub: &Hub, user: &Address, place: &Place, card: Card) -> Result<(), dreiklang_engine::port::StoreError> {
    // What he calls himself in his messages is worth more.
    if let Some(name) = card.name
        && hub.name_of(user).await?.is_none()
    {
        hub.rename(user, &name).await?;
    }
    let hash = card.picture.as_deref().and_then(hashed);
    hub.portrait(user, hash.map_or_else(Portrait::none, |hash| place.portrait(hash.as_str()))).await.map(drop)
}

fn hashed(picture: &[u8]) -> Option<PictureHash> {
    let hash: String = Sha1::digest(picture).iter().map(|byte| format!("{byte:02x}")).collect();
    PictureHash::new(&hash).ok()
}

/// The picture at a place: what he published, or else what stands in his vCard.
pub(crate) async fn open(component: &Component, shared: &Shared, place: &Place) -> Result<Media, DeliveryError> {
    let orders = component.orders().ok_or_else(|| DeliveryError::later("not connected"))?;
    let asking = Asking { component, orders: &orders, shared };
    let mut found = None;
    if place.hash.is_some() {
        let answer =
            asking.ask(&place.user, |id| place.question_for_data(id).unwrap_or_else(|| place.question_for_card(id))).await;
        found = answer.as_ref().and_then(avatars::data);
    }
    if found.is_none() {
        let card =
            ask_for_card(component, shared, place).await.ok_or_else(|| DeliveryError::later("his server does not answer"))?;
        found = card.picture;
    }
    let Some(bytes) = found else {
        return Err(DeliveryError::Never { reason: Reason::FileUnavailable, cause: "the picture is not there".to_owned() });
    };
    let size = Some(bytes.len() as u64);
    Ok(Media { size, bytes: stream::once(async move { Ok(bytes.into()) }).boxed() })
}

/// [`None`]: there is no answer.
async fn ask_for_card(component: &Component, shared: &Shared, place: &Place) -> Option<Card> {
    let orders = component.orders()?;
    let asking = Asking { component, orders: &orders, shared };
    let answer = asking.ask(&place.user, |id| place.question_for_card(id)).await?;
    Some(avatars::card(&answer))
}
