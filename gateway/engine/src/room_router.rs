// SPDX-License-Identifier: EUPL-1.2
//! From what somebody said in a room to rows of the outbox: one lane for each of the room's other legs, and one for its own where the
//! gateway hosts it, so that everybody there is given everything in one order. What holds for every conversation is in `router.rs`.

use std::sync::Arc;

use dreiklang_model::{
    ChatId, ConversationId, DeliveryId, Echo, Event, Feature, NativeId, Network, Reason, Standing, What, adapt,
};

use crate::{
    Author, Hosting, RoomLeg,
    organisation::Live,
    port::{Arrival, Freshness, LaneKey, MemberRow, NewRow, Persona, Received, SeenKey, StoreError},
    references::{self, Batch, Meant, Rights},
    rooms,
    router::{decide, linked},
};

/// What follows from something said in a room, and which networks it goes to.
pub(crate) async fn route(
    live: &Arc<Live>,
    network: &Network,
    received: Received,
    (chat, echo): (ChatId, Option<Echo>),
    batch: &Batch,
) -> Result<Result<(Arrival, Vec<Network>), Reason>, StoreError> {
    let policy = &live.organisation.policy;
    let now = live.clock.now();
    let seen = live.pseudonyms.seen(network, &received.key);
    let Some(here) = live.room_of_chat(network, &chat).await? else { return Ok(Err(Reason::UnknownRecipient)) };
    let conversation = here.conversation;
    let author = live.persona(&received.from, received.name.as_ref()).await?;
    if !live.limits.take(author.id, now) && !live.store.seen(live.key, &seen).await? {
        return Ok(Err(Reason::TooMany));
    }
    let Received { native, what, proof, key, sent_at, freshness, .. } = received;
    let rights = match &what {
        What::Retract { .. } => rights(live, conversation, &author).await?,
        _ => Rights::Member,
    };
    let Meant { what, lost, role, reaction } =
        references::meant(live, network, conversation, (author.id, rights), &native, what, batch).await?;
    if let Some(feature) = lost {
        live.meter.lost(
            &live.organisation.id,
            network,
            network,
            &dreiklang_model::Loss { feature, left: dreiklang_model::Support::No },
        );
    }
    let sent_at = sent_at.min(now);
    let event = Event {
        id: live.event_of(&seen, key.at),
        conversation,
        author: Some(author.id),
        sent_at,
        // What was lost on the way to us is still given to the author's neighbours, as he wrote it.
        what: what.clone().unwrap_or(What::Unsupported { feature: Feature::Other, name: None }),
        echo: None,
    };
    let silent = what.is_none() || (matches!(what, Some(What::Read { .. })) && !policy.read_receipts);
    let held = freshness == Freshness::Pushed && now.since(sent_at) > policy.hold_older_than;
    let mut rows = Vec::new();
    let mut targets = Vec::new();
    for leg in live.legs_of_room(conversation).await?.iter() {
        let new = match (&echo, leg.network == *network) {
            (Some(echo), true) if leg.hosting == Hosting::Ours => vec![Event { echo: Some(echo.clone()), ..event.clone() }],
            (_, false) if leg.chat.is_some() && !silent => abroad(live, network, leg, &author, &event).await?,
            _ => Vec::new(),
        };
        if !new.is_empty() {
            targets.push(leg.network.clone());
        }
        rows.extend(new_rows(live, network, &native, leg, new, held));
    }
    let arrival = arrival(live, network, (seen, native), &event, rows);
    Ok(Ok((Arrival { role, proof, reaction, author: Some(author.id), ..arrival }, targets)))
}

fn arrival(live: &Live, network: &Network, (seen, native): (SeenKey, NativeId), event: &Event, rows: Vec<NewRow>) -> Arrival {
    Arrival {
        organisation: live.key,
        seen,
        event: event.id,
        conversation: event.conversation,
        network: network.clone(),
        native,
        role: crate::port::Role::Nothing,
        author: None,
        proof: None,
        reaction: None,
        accepted_at: live.clock.now(),
        rows,
    }
}

/// What is to be delivered to a leg on another network.
async fn abroad(
    live: &Live,
    network: &Network,
    leg: &RoomLeg,
    author: &Persona,
    event: &Event,
) -> Result<Vec<Event>, StoreError> {
    let Some(adapter) = live.adapters.get(&leg.network) else { return Ok(Vec::new()) };
    if decide(live, author, &leg.network).await?.is_err() {
        return Ok(Vec::new());
    }
    let capabilities = adapter.room_capabilities(leg);
    let adapted = adapt(linked(live, event.what.clone()), &capabilities, live.organisation.language);
    for loss in &adapted.losses {
        live.meter.lost(&live.organisation.id, network, &leg.network, loss);
    }
    Ok(adapted.parts.into_iter().map(|what| Event { what, ..event.clone() }).collect())
}

fn new_rows(
    live: &Live,
    network: &Network,
    native: &NativeId,
    leg: &RoomLeg,
    events: Vec<Event>,
    held: bool,
) -> impl Iterator<Item = NewRow> {
    let (organisation, accepted_at, source, native) = (live.key, live.clock.now(), network.clone(), native.clone());
    let lane = LaneKey { conversation: leg.conversation, network: leg.network.clone() };
    events.into_iter().zip(0_u16..).map(move |(event, part)| NewRow {
        organisation,
        delivery: DeliveryId { event: event.id, part },
        lane: lane.clone(),
        source: source.clone(),
        native: Some(native.clone()),
        event,
        accepted_at,
        wants_receipt: false,
        held,
    })
}

/// What somebody may do to messages of others.
async fn rights(live: &Live, conversation: ConversationId, author: &Persona) -> Result<Rights, StoreError> {
    let row = live.store.member(conversation, author.account.network(), author.id).await?;
    let moderates = row.is_some_and(|row| row.standing >= Standing::Moderator);
    Ok(if moderates { Rights::Moderator } else { Rights::Member })
}

/// Who does something, seen from the network where it is delivered.
pub(crate) async fn author(live: &Live, lane: &LaneKey, persona: dreiklang_model::PersonaId) -> Result<Author, StoreError> {
    let Some(known) = live.store.persona_by_id(persona).await? else { return Ok(Author::Gateway) };
    if *known.account.network() == lane.network {
        return Ok(Author::Own { address: known.account });
    }
    let row = match live.store.member(lane.conversation, &lane.network, persona).await? {
        Some(row) => row,
        // He spoke and went.
        None => {
            let written = live.store.written(live.key, persona, &lane.network).await?;
            MemberRow { persona: known, nick: None, standing: Standing::Member, written }
        }
    };
    Ok(rooms::member(live, &lane.network, row).await?.map_or(Author::Gateway, Author::Ghost))
}
