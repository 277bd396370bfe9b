// SPDX-License-Identifier: EUPL-1.2
//! Linking rooms that exist already, and undoing it. Whoever may ask (an administrator on the command line, or somebody named in the rules,
//! by the bot) leaves a wish in the database; the running gateway fulfils it, for only that sits in the rooms.

use std::{sync::Arc, time::Duration};

use dreiklang_model::{
    ConversationId, DeliveryId, Event, EventId, Language, Message, Network, Reason, RoomAddress, What,
    words::{self, Text},
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{
    Hub,
    organisation::Live,
    port::{Arrival, Entered, EntryError, LaneKey, NewRow, OrganisationKey, Role, SourceKey, Store, StoreError},
    rooms,
};

/// How often it is looked for wishes.
const LOOK: Duration = Duration::from_secs(1);
/// Where wishes and their outcomes are noted.
const WISHES: &str = "wish/";
const OUTCOMES: &str = "outcome/";

/// What is wished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Two rooms of different networks are to be one conversation. As they were typed.
    Link(String, String),
    /// A room is to stand alone again. As it was typed.
    Unlink(String),
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// It was fulfilled.
    pub done: bool,
    /// What to say to whoever wished it.
    pub says: String,
}

#[derive(Serialize, Deserialize)]
struct Noted {
    wish: Wish,
    /// Where the outcome is told; it is noted where nobody is to be told.
    tell: Option<(ConversationId, Network)>,
}

/// Leaves a wish from outside of the running gateway; answers the name by which its outcome is asked for.
///
/// # Errors
/// [`StoreError`].
pub async fn wish(store: &dyn Store, organisation: OrganisationKey, wish: &Wish, id: EventId) -> Result<String, StoreError> {
    note(store, organisation, wish.clone(), None, id).await?;
    Ok(id.to_string())
}

/// The outcome of a wish, once there is one; it is forgotten then.
///
/// # Errors
/// [`StoreError`].
pub async fn outcome(store: &dyn Store, organisation: OrganisationKey, name: &str) -> Result<Option<Outcome>, StoreError> {
    let key = format!("{OUTCOMES}{name}");
    let Some(noted) = store.note(organisation, &Network::GATEWAY, &key).await? else { return Ok(None) };
    store.set_note(organisation, &Network::GATEWAY, &key, None).await?;
    serde_json::from_str(&noted).map(Some).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Leaves a wish of somebody who asked the bot.
pub(crate) async fn wished(live: &Live, wish: Wish, tell: (ConversationId, Network)) -> Result<(), StoreError> {
    note(live.store.as_ref(), live.key, wish, Some(tell), live.new_event()).await
}

async fn note(
    store: &dyn Store,
    organisation: OrganisationKey,
    wish: Wish,
    tell: Option<(ConversationId, Network)>,
    id: EventId,
) -> Result<(), StoreError> {
    let noted = serde_json::to_string(&Noted { wish, tell }).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    store.set_note(organisation, &Network::GATEWAY, &format!("{WISHES}{id}"), Some(&noted)).await
}

/// Fulfils wishes until `stop`.
pub(crate) async fn work(live: Arc<Live>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Err(error) = fulfil(&live).await {
            tracing::error!(%error, "wishes for rooms cannot be read or answered");
        }
    }
}

async fn fulfil(live: &Arc<Live>) -> Result<(), StoreError> {
    for (key, noted) in live.store.notes(live.key, &Network::GATEWAY, WISHES).await? {
        let name = key.trim_start_matches(WISHES);
        if let Ok(Noted { wish, tell }) = serde_json::from_str(&noted) {
            let outcome = done(live, &wish).await?;
            match tell {
                Some((conversation, network)) => say(live, LaneKey { conversation, network }, &outcome.says, name).await?,
                None => {
                    let outcome = serde_json::to_string(&outcome).map_err(|error| StoreError::Corrupt(error.to_string()))?;
                    let key = format!("{OUTCOMES}{name}");
                    live.store.set_note(live.key, &Network::GATEWAY, &key, Some(&outcome)).await?;
                }
            }
        }
        // Last: a wish that was half fulfilled when the gateway died is fulfilled again, which changes nothing.
        live.store.set_note(live.key, &Network::GATEWAY, &key, None).await?;
    }
    Ok(())
}

async fn done(live: &Arc<Live>, wish: &Wish) -> Result<Outcome, StoreError> {
    let language = live.organisation.language;
    let outcome = match wish {
        Wish::Link(one, other) => match (meant(live, one), meant(live, other)) {
            (Some(one), Some(other)) => link(live, &one, &other).await?,
            (None, _) => return Ok(unknown(language, one)),
            (_, None) => return Ok(unknown(language, other)),
        },
        Wish::Unlink(one) => match meant(live, one) {
            Some(one) => unlink(live, &one).await?,
            None => return Ok(unknown(language, one)),
        },
    };
    Ok(match outcome {
        Ok(()) => Outcome { done: true, says: words::say(language, &Text::RoomsDone) },
        Err(reason) => Outcome { done: false, says: words::reason(language, &reason) },
    })
}

fn unknown(language: Language, address: &str) -> Outcome {
    Outcome { done: false, says: words::say(language, &Text::BotAddressUnknown { address }) }
}

fn meant(live: &Live, typed: &str) -> Option<RoomAddress> {
    live.organisation.book.resolve_room(typed, &Network::GATEWAY).into_iter().next()
}

/// Makes two rooms one conversation: the first, with the second as its leg on the second's network. Linking what is linked changes nothing.
async fn link(live: &Arc<Live>, one: &RoomAddress, other: &RoomAddress) -> Result<Result<(), Reason>, StoreError> {
    if one.network() == other.network() {
        return Ok(Err(Reason::Rejected));
    }
    if let Err(reason) = live.organisation.policy.admits_room(other) {
        return Ok(Err(reason));
    }
    let first = match rooms::open(live, one.network(), one, None).await? {
        Ok(leg) => leg.conversation,
        Err(reason) => return Ok(Err(reason)),
    };
    match live.store.room_at(live.key, other).await? {
        Some(known) if known == first => return Ok(Ok(())),
        // It is in another conversation already.
        Some(_) => return Ok(Err(Reason::Rejected)),
        None => {}
    }
    let lane = LaneKey { conversation: first, network: other.network().clone() };
    if live.room_leg(&lane).await?.is_some() {
        return Ok(Err(Reason::Rejected));
    }
    let Some(adapter) = live.adapters.get(other.network()) else { return Ok(Err(Reason::NotConnected)) };
    let hub = Hub::new(Arc::clone(live), other.network().clone());
    let Entered { chat, people, .. } = match adapter.enter(&hub, other, None).await {
        Ok(entered) => entered,
        Err(EntryError::Refused { reason, .. }) => return Ok(Err(reason)),
        Err(EntryError::NotNow { .. }) => return Ok(Err(Reason::Unreachable)),
    };
    if !live.store.adopt_room(&lane, other, &chat).await? {
        return Ok(Err(Reason::Rejected));
    }
    live.forget_room(first);
    rooms::attend(live, other.network(), &chat, people, true).await?;
    live.refreshing.want(first, None);
    let language = live.organisation.language;
    for (network, elsewhere) in [(one.network(), other), (other.network(), one)] {
        let text = words::say(language, &Text::RoomsLinked { address: elsewhere.as_str() });
        rooms::tell(live, first, Some(network), &text).await?;
    }
    Ok(Ok(()))
}

/// Lets go of a room's legs on all networks but its home's, or, for a room that was linked to another one, of its own leg.
async fn unlink(live: &Arc<Live>, one: &RoomAddress) -> Result<Result<(), Reason>, StoreError> {
    let Some(conversation) = live.store.room_at(live.key, one).await? else { return Ok(Err(Reason::UnknownRecipient)) };
    let legs = live.legs_of_room(conversation).await?;
    let text = words::say(live.organisation.language, &Text::RoomsUnlinked);
    rooms::tell(live, conversation, None, &text).await?;
    for leg in legs.iter().filter(|leg| leg.network != leg.home && (leg.home == *one.network() || leg.network == *one.network()))
    {
        if let Some(adapter) = live.adapters.get(&leg.network) {
            let hub = Hub::new(Arc::clone(live), leg.network.clone());
            adapter.leave_room(&hub, leg).await;
        }
        let lane = LaneKey { conversation, network: leg.network.clone() };
        live.store.drop_room_leg(&lane).await?;
        live.forget_room(conversation);
    }
    live.refreshing.want(conversation, None);
    Ok(Ok(()))
}

/// Tells somebody in his chat with the bot what became of his wish.
async fn say(live: &Live, lane: LaneKey, text: &str, name: &str) -> Result<(), StoreError> {
    let (now, id) = (live.clock.now(), live.new_event());
    let what = What::Message(Message::notice(text));
    let row = NewRow {
        organisation: live.key,
        delivery: DeliveryId { event: id, part: 0 },
        source: Network::GATEWAY,
        native: None,
        event: Event { id, conversation: lane.conversation, author: None, sent_at: now, what, echo: None },
        accepted_at: now,
        wants_receipt: false,
        held: false,
        lane,
    };
    let key = SourceKey { scope: "wish".to_owned(), id: name.to_owned(), at: None };
    let arrival = Arrival {
        organisation: live.key,
        seen: live.pseudonyms.seen(&Network::GATEWAY, &key),
        event: id,
        conversation: row.lane.conversation,
        network: Network::GATEWAY,
        native: dreiklang_model::NativeId::new(id.to_string()).map_err(|error| StoreError::Corrupt(error.to_string()))?,
        role: Role::Nothing,
        author: None,
        proof: None,
        reaction: None,
        accepted_at: now,
        rows: vec![row],
    };
    live.store.accept(vec![arrival]).await.map(drop)
}
