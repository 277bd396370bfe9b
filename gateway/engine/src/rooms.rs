// SPDX-License-Identifier: EUPL-1.2
//! Rooms: which conversation an address or a chat stands for, its legs, who is in it, and what each leg is to look like.
//! What is said in a room goes through `router.rs`; how a room appears to an adapter is `room.rs`.

use std::sync::Arc;

use dreiklang_model::{
    Address, ChatId, ConversationId, DeliveryId, DisplayName, Entry, Event, Message, NativeId, Network, Reason, RoomAddress,
    RoomDetails, What, adapt,
};

use crate::{
    Attendance, Hosting, Hub, Member, RoomLeg,
    hub::Ghost,
    leg::shown_name,
    organisation::Live,
    port::{
        Arrival, Bound, Entered, EntryError, LaneKey, MemberChange, MemberRow, NewRow, NoAddress, Role, SourceKey, StoreError,
        Wanted,
    },
};

/// See [`crate::Hub::room_at`].
pub(crate) async fn at(
    live: &Arc<Live>,
    network: &Network,
    text: &str,
    for_whom: Option<&Address>,
) -> Result<Result<RoomLeg, Reason>, StoreError> {
    let Some(address) = live.organisation.book.read_room(text, network) else { return Ok(Err(Reason::UnknownRecipient)) };
    open(live, network, &address, for_whom).await
}

/// This network's leg of a room; the room is entered, and the leg made, if that was not done yet.
pub(crate) async fn open(
    live: &Arc<Live>,
    network: &Network,
    address: &RoomAddress,
    for_whom: Option<&Address>,
) -> Result<Result<RoomLeg, Reason>, StoreError> {
    let policy = &live.organisation.policy;
    if let Err(reason) = for_whom.map_or(Ok(()), |who| policy.admits(who)).and_then(|()| policy.admits_room(address)) {
        return Ok(Err(reason));
    }
    let known = live.store.room_at(live.key, address).await?;
    let conversation = match known {
        // Whoever comes into a closed room is looked at each time, where it is at home.
        Some(known) if for_whom.is_none() || !is_closed(live, address.network(), known).await? => known,
        _ => match enter(live, address, for_whom).await? {
            Ok(conversation) => conversation,
            Err(reason) => return Ok(Err(reason)),
        },
    };
    if address.network() == network {
        return leg(live, network, conversation)
            .await?
            .map(Ok)
            .ok_or_else(|| StoreError::Corrupt("a room without a home".to_owned()));
    }
    let lane = LaneKey { conversation, network: network.clone() };
    live.store.add_room_leg(&lane, Hosting::Ours).await?;
    live.forget_room(conversation);
    let leg = leg(live, network, conversation).await?;
    leg.map(Ok).ok_or_else(|| StoreError::Corrupt("a room without the leg it was given".to_owned()))
}

async fn is_closed(live: &Live, home: &Network, conversation: ConversationId) -> Result<bool, StoreError> {
    let room = leg(live, home, conversation).await?;
    Ok(room.is_some_and(|room| room.home == *home && room.details.entry == Entry::Invited))
}

/// Takes part in a room where it is at home. Everything that is known of it afterwards comes from there.
async fn enter(
    live: &Arc<Live>,
    address: &RoomAddress,
    for_whom: Option<&Address>,
) -> Result<Result<ConversationId, Reason>, StoreError> {
    let home = address.network();
    let Some(adapter) = live.adapters.get(home) else { return Ok(Err(Reason::NotConnected)) };
    let hub = Hub::new(Arc::clone(live), home.clone());
    let Entered { chat, details, people } = match adapter.enter(&hub, address, for_whom).await {
        Ok(entered) => entered,
        Err(EntryError::Refused { reason, cause }) => {
            tracing::info!(network = %home, cause, "a room was not entered");
            return Ok(Err(reason));
        }
        Err(EntryError::NotNow { cause }) => {
            tracing::warn!(network = %home, cause, "a room cannot be entered now");
            return Ok(Err(Reason::Unreachable));
        }
    };
    let now = live.clock.now();
    let new = ConversationId::from_parts(now, live.entropy.random());
    let conversation = live.store.room(live.key, address, &chat, new, now).await?;
    live.forget_room(conversation);
    live.store.describe_room(conversation, &details).await?;
    attend(live, home, &chat, people, true).await?;
    Ok(Ok(conversation))
}

/// See [`crate::Hub::room`].
pub(crate) async fn leg(live: &Live, network: &Network, conversation: ConversationId) -> Result<Option<RoomLeg>, StoreError> {
    live.room_leg(&LaneKey { conversation, network: network.clone() }).await
}

/// See [`crate::Hub::room_of_chat`].
pub(crate) async fn of_chat(live: &Live, network: &Network, chat: &ChatId) -> Result<Option<RoomLeg>, StoreError> {
    live.room_of_chat(network, chat).await
}

/// See [`crate::Hub::rooms`].
pub(crate) async fn all(live: &Live, network: &Network) -> Result<Vec<RoomLeg>, StoreError> {
    live.store.rooms(live.key, network).await
}

/// See [`crate::Hub::bind_room`].
pub(crate) async fn bind(
    live: &Live,
    lane: &LaneKey,
    expected: Option<&ChatId>,
    chat: Option<&ChatId>,
) -> Result<Bound, StoreError> {
    let bound = live.store.bind_room(lane, expected, chat).await?;
    live.forget_room(lane.conversation);
    Ok(bound)
}

/// See [`crate::Hub::describe_room`].
pub(crate) async fn describe(live: &Live, network: &Network, chat: &ChatId, details: &RoomDetails) -> Result<(), StoreError> {
    // Only the network where a room is at home says what it is called.
    let Some(row) = live.room_of_chat(network, chat).await?.filter(|row| row.home == *network) else { return Ok(()) };
    if live.store.describe_room(row.conversation, details).await? {
        live.forget_room(row.conversation);
        live.refreshing.want(row.conversation, None);
    }
    Ok(())
}

/// See [`crate::Hub::attend`].
pub(crate) async fn attend(
    live: &Live,
    network: &Network,
    chat: &ChatId,
    people: Vec<Attendance>,
    complete: bool,
) -> Result<(), StoreError> {
    let Some(row) = live.room_of_chat(network, chat).await? else { return Ok(()) };
    let mut changes = Vec::with_capacity(people.len());
    for Attendance { who, nick, standing } in people {
        let persona = live.persona(&who, None).await?.id;
        changes.push(MemberChange { persona, nick: nick.filter(|nick| !nick.is_empty()), standing });
    }
    let lane = LaneKey { conversation: row.conversation, network: network.clone() };
    if live.store.attend(&lane, changes, complete).await? {
        live.refreshing.want(row.conversation, Some(network.clone()));
    }
    Ok(())
}

/// See [`crate::Hub::wanted`].
pub(crate) async fn wanted(
    live: &Live,
    network: &Network,
    conversation: ConversationId,
    limit: usize,
) -> Result<Option<Wanted>, StoreError> {
    let Some(room) = leg(live, network, conversation).await? else { return Ok(None) };
    let (rows, total) = live.store.members(conversation, network, limit).await?;
    let mut members = Vec::with_capacity(rows.len());
    for row in rows {
        members.extend(member(live, network, row).await?);
    }
    Ok(Some(Wanted { room, members, total }))
}

/// Somebody as he appears on a network; nobody when he cannot be written there, or may not take part.
pub(crate) async fn member(live: &Live, network: &Network, row: MemberRow) -> Result<Option<Member>, StoreError> {
    let MemberRow { persona, nick, standing, written } = row;
    if live.organisation.policy.admits(&persona.account).is_err() {
        return Ok(None);
    }
    let written = match written {
        Some(written) => written,
        None => match live.organisation.book.write(&persona.account, network) {
            Ok(written) => written,
            Err(NoAddress::NotConnected) => return Ok(None),
            // A stored alias must be stored before it is shown to anybody.
            Err(NoAddress::Unreadable) => match crate::router::decide(live, &persona, network).await? {
                Ok(written) => written,
                Err(_) => return Ok(None),
            },
        },
    };
    let name = shown_name(live, &persona.account, persona.name.as_ref());
    let nick: DisplayName = nick.unwrap_or_else(|| name.clone());
    let ghost = Ghost { written, address: persona.account, name, bot: false, picture: persona.picture };
    Ok(Some(Member { persona: persona.id, ghost, nick, standing }))
}

/// See [`crate::Hub::announce`].
pub(crate) async fn announce(live: &Live, network: &Network, chat: &ChatId, text: &str) -> Result<(), StoreError> {
    let Some(here) = live.room_of_chat(network, chat).await? else { return Ok(()) };
    for leg in live.legs_of_room(here.conversation).await?.iter().filter(|leg| leg.network != *network) {
        tell(live, here.conversation, Some(&leg.network), text).await?;
    }
    Ok(())
}

/// Tells the people on a room's leg, or on all of them, something in the gateway's own name.
pub(crate) async fn tell(live: &Live, room: ConversationId, on: Option<&Network>, text: &str) -> Result<(), StoreError> {
    let (now, id) = (live.clock.now(), live.new_event());
    let mut rows = Vec::new();
    let meant = |leg: &&RoomLeg| leg.chat.is_some() && on.is_none_or(|on| leg.network == *on);
    for leg in live.legs_of_room(room).await?.iter().filter(meant) {
        let Some(adapter) = live.adapters.get(&leg.network) else { continue };
        let said = What::Message(Message::notice(text));
        let adapted = adapt(said, &adapter.room_capabilities(leg), live.organisation.language);
        rows.extend(adapted.parts.into_iter().zip(0_u16..).map(|(what, part)| NewRow {
            organisation: live.key,
            delivery: DeliveryId { event: id, part },
            lane: LaneKey { conversation: leg.conversation, network: leg.network.clone() },
            source: Network::GATEWAY,
            native: None,
            event: Event { id, conversation: leg.conversation, author: None, sent_at: now, what, echo: None },
            accepted_at: now,
            wants_receipt: false,
            held: false,
        }));
    }
    let key = SourceKey { scope: "announcement".to_owned(), id: id.to_string(), at: None };
    let arrival = Arrival {
        organisation: live.key,
        seen: live.pseudonyms.seen(&Network::GATEWAY, &key),
        event: id,
        conversation: room,
        network: Network::GATEWAY,
        native: NativeId::new(id.to_string()).map_err(|error| StoreError::Corrupt(error.to_string()))?,
        role: Role::Nothing,
        author: None,
        proof: None,
        reaction: None,
        accepted_at: now,
        rows,
    };
    live.store.accept(vec![arrival]).await.map(drop)
}
