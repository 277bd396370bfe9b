// SPDX-License-Identifier: EUPL-1.2
//! From what an adapter received to rows of the outbox: who is meant, may he, where does it go, in which form.
//! One transaction at the end makes the arrival and all that follows from it durable.

use std::{sync::Arc, time::Duration};

use dreiklang_model::{
    Address, ConversationId, DeliveryId, Event, Feature, Lifetime, Loss, NativeId, Network, Reason, Report, Support, What,
    Written, adapt,
};

use crate::{
    Leg, bot, files,
    hub::{Ghost, Lookup},
    leg::shown_name,
    organisation::Live,
    port::{
        Arrival, Freshness, LaneKey, NewRow, NoAddress, Persona, Reading, Received, Recipient, Role, SourceKey, StoreError,
        Verdict, bot as bot_address,
    },
    references::{self, Batch, Meant, Rights},
    room_router,
    timers::{self, Changes, Timed},
};

/// How long a refusal waits for the end of the delivery that it is about.
const PATIENCE: Duration = Duration::from_secs(5);

/// See [`crate::Hub::accept`].
pub(crate) async fn accept(live: &Arc<Live>, network: &Network, received: Vec<Received>) -> Result<Vec<Verdict>, StoreError> {
    let mut verdicts = Vec::with_capacity(received.len());
    let mut arrivals = Vec::with_capacity(received.len());
    let mut targets = Vec::with_capacity(received.len());
    let mut batch = Batch::default();
    let mut timers = Changes::default();
    for one in received {
        match route(live, network, one, &batch, timers.by(arrivals.len())).await? {
            Ok((arrival, to)) => {
                batch.add(&arrival);
                verdicts.push(Verdict::Stored);
                arrivals.push(arrival);
                targets.push(to);
            }
            Err(reason) => {
                live.meter.refused(&live.organisation.id, network, &reason);
                verdicts.push(Verdict::Refused(reason));
            }
        }
    }
    let held: Vec<bool> = arrivals.iter().map(|arrival| arrival.rows.iter().any(|row| row.held)).collect();
    let stored = if arrivals.is_empty() { Vec::new() } else { live.store.accept(arrivals).await? };
    timers::keep(live, timers, &stored).await?;
    let mut outcomes = stored.into_iter().zip(targets).zip(held);
    for verdict in verdicts.iter_mut().filter(|verdict| **verdict == Verdict::Stored) {
        match outcomes.next() {
            Some(((true, targets), held)) => {
                for target in &targets {
                    live.meter.received(&live.organisation.id, network, target);
                }
                if held {
                    tracing::error!(%network, "an event of the past was pushed again; it is held: see `dreiklang queue`");
                    live.meter.held(&live.organisation.id, network);
                }
            }
            _ => {
                live.meter.duplicate(&live.organisation.id, network);
                *verdict = Verdict::Duplicate;
            }
        }
    }
    Ok(verdicts)
}

/// What follows from one received thing, or why it is refused. The second half of the answer are the networks that it goes to.
async fn route(
    live: &Arc<Live>,
    network: &Network,
    mut received: Received,
    batch: &Batch,
    timers: &mut Changes,
) -> Result<Result<(Arrival, Vec<Network>), Reason>, StoreError> {
    let policy = &live.organisation.policy;
    let now = live.clock.now();
    if let Err(reason) = policy.admits(&received.from).and_then(|()| sized(&received.what, policy.longest_text)) {
        return Ok(Err(reason));
    }
    if received.proof.is_some_and(|proof| proof < policy.least_proof) {
        return Ok(Err(Reason::NotAuthenticated));
    }
    if let Recipient::Room { chat, echo } = &mut received.to {
        let room = (chat.clone(), echo.take());
        return room_router::route(live, network, received, room, batch).await;
    }
    let seen = live.pseudonyms.seen(network, &received.key);
    let (conversation, other) = match find(live, network, &received).await? {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason)),
    };
    let author = live.persona(&received.from, received.name.as_ref()).await?;
    if !live.limits.take(author.id, now) && !live.store.seen(live.key, &seen).await? {
        return Ok(Err(Reason::TooMany));
    }
    let Received { native, what, wants_receipt, proof, .. } = received;
    let Meant { what, lost, role, reaction } =
        references::meant(live, network, conversation, (author.id, Rights::OneOfTwo), &native, what, batch).await?;
    if matches!(what, Some(What::Message(_)))
        && let Some(signals) = live.signals.get(network)
    {
        signals.sent(&received.from, &received.to);
    }
    let id = live.event_of(&seen, received.key.at);
    let sent_at = received.sent_at.min(now);
    let target = other.account.network().clone();
    let held = received.freshness == Freshness::Pushed && now.since(sent_at) > policy.hold_older_than;
    let mut rows = Vec::new();
    let silent = matches!(what, Some(What::Read { .. })) && !policy.read_receipts;
    let timed = match what.filter(|_| !silent) {
        Some(what) => timers::timed(live, conversation, what, timers).await?,
        None => Timed { what: None, changed: None },
    };
    if let Some(what) = timed.what {
        let event = Event { id, conversation, author: Some(author.id), sent_at, what, echo: None };
        rows = if target == Network::GATEWAY {
            bot::answer(live, network, &author, &event).await?
        } else {
            match onward(live, network, Origin { native: &native, wants_receipt, timer: timed.changed }, &event, &target).await? {
                Ok(rows) => rows,
                Err(reason) => return Ok(Err(reason)),
            }
        };
    } else if lost == Some(Feature::Retraction) {
        // He believes that it is gone, and it is not.
        rows.push(news(live, conversation, network, &native, Report::Reduced(Feature::Retraction)));
    }
    let rows = rows.into_iter().map(|row| NewRow { held, ..row }).collect();
    let arrival = Arrival {
        organisation: live.key,
        seen,
        event: id,
        conversation,
        network: network.clone(),
        native,
        role,
        author: Some(author.id),
        proof,
        reaction,
        accepted_at: now,
        rows,
    };
    Ok(Ok((arrival, vec![target])))
}

fn sized(what: &What<NativeId>, longest: usize) -> Result<(), Reason> {
    match what {
        What::Message(message) | What::Edit { to: message, .. } if message.text.reading().len() > longest => {
            Err(Reason::TooLarge)
        }
        _ => Ok(()),
    }
}

/// The conversation that is meant, and the person on its other side.
async fn find(
    live: &Live,
    network: &Network,
    received: &Received,
) -> Result<Result<(ConversationId, Persona), Reason>, StoreError> {
    match &received.to {
        Recipient::Chat(chat) => {
            let Some(leg) = live.leg_of_chat(network, chat).await? else { return Ok(Err(Reason::UnknownRecipient)) };
            let lane = LaneKey { conversation: leg.conversation, network: network.clone() };
            let Some(row) = live.leg_row(&lane).await? else { return Ok(Err(Reason::UnknownRecipient)) };
            Ok(admitted(live, &row.other).map(|()| (leg.conversation, row.other.clone())))
        }
        Recipient::Ghost(text) => {
            let other = match someone(live, network, text).await? {
                Ok((other, _)) => other,
                Err(reason) => return Ok(Err(reason)),
            };
            let author = live.persona(&received.from, received.name.as_ref()).await?;
            let conversation = direct(live, &author, &other).await?;
            Ok(conversation.map(|conversation| (conversation, other)))
        }
        Recipient::Room { .. } => Ok(Err(Reason::UnknownRecipient)),
    }
}

fn admitted(live: &Live, other: &Persona) -> Result<(), Reason> {
    let network = other.account.network();
    if *network == Network::GATEWAY {
        return Ok(());
    }
    if !live.adapters.contains_key(network) {
        return Err(Reason::NotConnected);
    }
    live.organisation.policy.admits(&other.account)
}

/// The person whose ghost `text` is, and how the ghost is written; the person becomes known.
async fn someone(live: &Live, network: &Network, text: &str) -> Result<Result<(Persona, Option<Written>), Reason>, StoreError> {
    let (address, written) = match live.organisation.book.read(text, network) {
        Reading::Ghost { address, written } => (address, Some(written)),
        Reading::Bot => match bot_address() {
            Some(bot) => (bot, None),
            None => return Ok(Err(Reason::UnknownRecipient)),
        },
        Reading::Stored(written) => {
            let known = live.store.ghost(live.key, network, &written).await?.ok_or(Reason::UnknownRecipient);
            return Ok(known.and_then(|persona| admitted(live, &persona).map(|()| (persona, Some(written)))));
        }
        Reading::Foreign => return Ok(Err(Reason::UnknownRecipient)),
    };
    if address.network() == network {
        return Ok(Err(Reason::UnknownRecipient));
    }
    if *address.network() != Network::GATEWAY && !live.adapters.contains_key(address.network()) {
        return Ok(Err(Reason::NotConnected));
    }
    if let Err(reason) = live.organisation.policy.admits(&address) {
        return Ok(Err(reason));
    }
    Ok(Ok((live.persona(&address, None).await?, written)))
}

/// The one direct conversation of two people; made, with both ghosts' addresses decided, if there is none.
pub(crate) async fn direct(live: &Live, one: &Persona, other: &Persona) -> Result<Result<ConversationId, Reason>, StoreError> {
    if let Some(known) = live.conversation_of(one.id, other.id) {
        return Ok(Ok(known));
    }
    if let Err(reason) = admitted(live, other) {
        return Ok(Err(reason));
    }
    for (ghost, on) in [(one, other.account.network()), (other, one.account.network())] {
        if *on != Network::GATEWAY
            && let Err(reason) = decide(live, ghost, on).await?
        {
            return Ok(Err(reason));
        }
    }
    let now = live.clock.now();
    let new = ConversationId::from_parts(now, live.entropy.random());
    let conversation = live.store.direct(live.key, one, other, new, now).await?;
    live.remember_conversation(one.id, other.id, conversation);
    Ok(Ok(conversation))
}

/// Decides, once and for ever, how somebody is written on a network.
pub(crate) async fn decide(live: &Live, ghost: &Persona, on: &Network) -> Result<Result<Written, Reason>, StoreError> {
    if let Some(standing) = live.store.written(live.key, ghost.id, on).await? {
        return Ok(Ok(standing));
    }
    let book = &live.organisation.book;
    match book.write(&ghost.account, on) {
        Ok(readable) => {
            if let Some(standing) = live.store.decide_written(live.key, ghost.id, on, &readable).await? {
                return Ok(Ok(standing));
            }
        }
        Err(NoAddress::Unreadable) => {}
        Err(NoAddress::NotConnected) => return Ok(Err(Reason::NotConnected)),
    }
    for salt in 0..64 {
        let Ok(alias) = book.alias(&ghost.account, on, salt) else { return Ok(Err(Reason::NotConnected)) };
        if let Some(standing) = live.store.decide_written(live.key, ghost.id, on, &alias).await? {
            return Ok(Ok(standing));
        }
    }
    Err(StoreError::Corrupt("no free alias in 64 tries".to_owned()))
}

/// What the rows of an event remember of its arrival.
#[derive(Clone, Copy)]
struct Origin<'a> {
    native: &'a NativeId,
    wants_receipt: bool,
    /// The conversation's timer, if it is new.
    timer: Option<Option<Lifetime>>,
}

/// The rows for the person on the other side, and the news for the sender of what could not be carried.
async fn onward(
    live: &Live,
    network: &Network,
    origin: Origin<'_>,
    event: &Event,
    target: &Network,
) -> Result<Result<Vec<NewRow>, Reason>, StoreError> {
    let lane = LaneKey { conversation: event.conversation, network: target.clone() };
    let (Some(leg), Some(adapter)) = (live.leg(&lane).await?, live.adapters.get(target)) else {
        return Ok(Err(Reason::NotConnected));
    };
    let (capabilities, language) = (adapter.capabilities(&leg), live.organisation.language);
    let mut adapted = adapt(linked(live, event.what.clone()), &capabilities, language);
    if let (Some(timer), What::Message(_)) = (origin.timer, &event.what)
        && capabilities.expiry != Support::Native
    {
        // What changes the timer is a message itself: people are told before they read it.
        let said = adapt(What::Timer(timer), &capabilities, language);
        adapted.parts.splice(0..0, said.parts);
        adapted.losses.extend(said.losses);
    }
    let last = adapted.parts.len().saturating_sub(1);
    let mut rows = Vec::with_capacity(adapted.parts.len());
    for (index, what) in adapted.parts.into_iter().enumerate() {
        let Ok(part) = u16::try_from(index) else { return Ok(Err(Reason::TooLarge)) };
        rows.push(NewRow {
            organisation: live.key,
            delivery: DeliveryId { event: event.id, part },
            lane: lane.clone(),
            source: network.clone(),
            native: Some(origin.native.clone()),
            event: Event { what, ..event.clone() },
            accepted_at: live.clock.now(),
            wants_receipt: origin.wants_receipt && index == last,
            held: false,
        });
    }
    for loss in &adapted.losses {
        live.meter.lost(&live.organisation.id, network, target, loss);
    }
    if let Some(feature) = adapted.losses.iter().find_map(untold) {
        rows.push(news(live, event.conversation, network, origin.native, Report::Reduced(feature)));
    }
    Ok(Ok(rows))
}

/// The same with links to its files, for whoever cannot get them otherwise.
pub(crate) fn linked(live: &Live, what: What) -> What {
    let Some(links) = &live.links else { return what };
    match what {
        What::Message(mut message) => {
            let policy = &live.organisation.policy;
            for file in message.attachments.iter_mut().filter(|file| !files::forbidden(policy, file, None)) {
                file.link = links.link(&live.organisation.id, file, live.clock.now());
            }
            What::Message(message)
        }
        other => other,
    }
}

/// A loss that changes what the sender meant, so that he must hear of it.
fn untold(loss: &Loss) -> Option<Feature> {
    // A list of answers lets nobody choose.
    let gone = loss.left == Support::No && !matches!(loss.feature, Feature::Reply | Feature::Subject | Feature::Reaction);
    // What he wants to be gone stays.
    (gone || matches!(loss.feature, Feature::Poll | Feature::Expiry)).then_some(loss.feature)
}

/// A row that tells the author of a message what became of it, on his own network.
pub(crate) fn news(live: &Live, conversation: ConversationId, network: &Network, of: &NativeId, report: Report) -> NewRow {
    let now = live.clock.now();
    let what = What::Report { of: of.clone(), report };
    let id = live.new_event();
    NewRow {
        organisation: live.key,
        delivery: DeliveryId { event: id, part: 0 },
        lane: LaneKey { conversation, network: network.clone() },
        source: Network::GATEWAY,
        native: None,
        event: Event { id, conversation, author: None, sent_at: now, what, echo: None },
        accepted_at: now,
        wants_receipt: false,
        held: false,
    }
}

/// See [`crate::Hub::ghost_at`].
pub(crate) async fn ghost_at(live: &Live, network: &Network, text: &str) -> Result<Lookup, StoreError> {
    // Naming somebody does not make him known: a look-up writes nothing.
    let (address, written) = match live.organisation.book.read(text, network) {
        Reading::Ghost { address, written } => (address, written),
        Reading::Bot => {
            match bot_address().and_then(|bot| live.organisation.book.write(&bot, network).ok().map(|written| (bot, written))) {
                Some(found) => found,
                None => return Ok(Lookup::Nobody(Reason::UnknownRecipient)),
            }
        }
        Reading::Stored(written) => match live.store.ghost(live.key, network, &written).await? {
            Some(persona) => (persona.account, written),
            None => return Ok(Lookup::Nobody(Reason::UnknownRecipient)),
        },
        Reading::Foreign => return Ok(Lookup::Nobody(Reason::UnknownRecipient)),
    };
    seen_from(live, network, address, written).await
}

async fn seen_from(live: &Live, network: &Network, address: Address, written: Written) -> Result<Lookup, StoreError> {
    let bot = *address.network() == Network::GATEWAY;
    if address.network() == network {
        return Ok(Lookup::Nobody(Reason::UnknownRecipient));
    }
    if !bot && !live.adapters.contains_key(address.network()) {
        return Ok(Lookup::Nobody(Reason::NotConnected));
    }
    if let Err(reason) = live.organisation.policy.admits(&address) {
        return Ok(Lookup::Nobody(reason));
    }
    let (name, picture) = if bot {
        (live.bot_name.clone(), None)
    } else {
        let known = live.store.known_persona(live.key, &address).await?;
        let name = shown_name(live, &address, known.as_ref().and_then(|persona| persona.name.as_ref()));
        (name, known.and_then(|persona| persona.picture))
    };
    Ok(Lookup::Ghost(Ghost { written, address, name, bot, picture }))
}

/// See [`crate::Hub::resolve`].
pub(crate) async fn resolve(live: &Live, network: &Network, pasted: &str) -> Result<Lookup, StoreError> {
    let Some(address) = choose(live, network, pasted).await? else { return Ok(Lookup::Nobody(Reason::UnknownRecipient)) };
    match live.organisation.book.write(&address, network) {
        Ok(written) => seen_from(live, network, address, written).await,
        Err(NoAddress::NotConnected) => Ok(Lookup::Nobody(Reason::NotConnected)),
        Err(NoAddress::Unreadable) => {
            // A stored alias must be stored before it can be told to anybody.
            let persona = live.persona(&address, None).await?;
            match decide(live, &persona, network).await? {
                Ok(written) => seen_from(live, network, address, written).await,
                Err(reason) => Ok(Lookup::Nobody(reason)),
            }
        }
    }
}

/// Who is meant by something pasted. Where an address could be of several networks: one that is known, else one that its
/// network says it reaches, else the first that no network denies.
pub(crate) async fn choose(live: &Live, network: &Network, pasted: &str) -> Result<Option<Address>, StoreError> {
    let connected = |address: &Address| live.adapters.contains_key(address.network());
    let (mut candidates, absent): (Vec<_>, Vec<_>) =
        live.organisation.book.resolve(pasted, network).into_iter().partition(connected);
    if candidates.len() > 1 {
        for candidate in &candidates {
            if live.store.known_persona(live.key, candidate).await?.is_some() {
                return Ok(Some(candidate.clone()));
            }
        }
        let mut possible = Vec::new();
        for candidate in candidates {
            let Some(adapter) = live.adapters.get(candidate.network()) else { continue };
            match adapter.reaches(&candidate).await {
                Some(true) => return Ok(Some(candidate)),
                Some(false) => {}
                None => possible.push(candidate),
            }
        }
        candidates = possible;
    }
    Ok(candidates.into_iter().chain(absent).next())
}

/// See [`crate::Hub::open_direct`].
pub(crate) async fn open_direct(
    live: &Live,
    network: &Network,
    user: &Address,
    ghost: &str,
) -> Result<Result<Leg, Reason>, StoreError> {
    if let Err(reason) = live.organisation.policy.admits(user) {
        return Ok(Err(reason));
    }
    let other = match someone(live, network, ghost).await? {
        Ok((other, _)) => other,
        Err(reason) => return Ok(Err(reason)),
    };
    let user = live.persona(user, None).await?;
    let conversation = match direct(live, &user, &other).await? {
        Ok(conversation) => conversation,
        Err(reason) => return Ok(Err(reason)),
    };
    let leg = live.leg(&LaneKey { conversation, network: network.clone() }).await?;
    leg.map(Ok).ok_or_else(|| StoreError::Corrupt("a direct conversation without a leg".to_owned()))
}

/// See [`crate::Hub::report_back`].
pub(crate) async fn report_back(
    live: &Live,
    network: &Network,
    delivery: DeliveryId,
    from: Option<&Address>,
    report: Report,
) -> Result<bool, StoreError> {
    // Bounded: whoever names a delivery of somebody else must not hold up the reading of a whole connection.
    let _ = tokio::time::timeout(PATIENCE, live.in_flight.landed(delivery)).await;
    let messages = live.store.messages(live.key, delivery.event).await?;
    let Some(sent) = messages.iter().find(|message| !message.origin && message.network == *network) else { return Ok(false) };
    let Some(origin) = messages.iter().find(|message| message.origin) else { return Ok(false) };
    let lane = LaneKey { conversation: sent.conversation, network: network.clone() };
    let Some(leg) = live.leg_row(&lane).await? else { return Ok(false) };
    if from.is_some_and(|from| *from != leg.user.account) {
        return Ok(false);
    }
    if let Report::Failed(reason) = &report {
        live.meter.failed(&live.organisation.id, &origin.network, network, reason);
    }
    let kind = match &report {
        Report::Delivered => "delivered",
        Report::Delayed => "delayed",
        Report::Failed(_) => "failed",
        Report::Reduced(_) => "reduced",
    };
    let row = news(live, origin.conversation, &origin.network, &origin.native, report);
    let key = SourceKey { scope: format!("report/{kind}"), id: delivery.event.to_string(), at: None };
    live.store
        .accept(vec![Arrival {
            organisation: live.key,
            seen: live.pseudonyms.seen(network, &key),
            event: row.event.id,
            conversation: sent.conversation,
            network: Network::GATEWAY,
            native: origin.native.clone(),
            role: Role::Itself,
            author: None,
            proof: None,
            reaction: None,
            accepted_at: row.accepted_at,
            rows: vec![row],
        }])
        .await?;
    Ok(true)
}
