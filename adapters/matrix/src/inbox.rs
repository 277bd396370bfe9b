// SPDX-License-Identifier: EUPL-1.2
//! From what events mean to what the engine is handed: one call in order, with everything that must not be forgotten made
//! durable before it answers. No network work except a short question for unknown names.

use std::{collections::BTreeSet, time::Duration};

use dreiklang_engine::{
    Hub, Leg,
    port::{Freshness, Received, Recipient, SourceKey, StoreError, Verdict},
};
use dreiklang_model::{
    Address, Message, NativeId, Portrait, Reason, Reply, What,
    words::{self, Text},
};
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId, api::client::room::get_room_event};
use serde_json::Value;

use crate::{
    client::As,
    duties::{self, Duty, Invitation, Refusal},
    inward::{self, Inward, Member, Membership, Said, Sent, Vote},
    people::Profile,
    rooms::{self, upgrades::Upgrade},
    service::{Service, address, bound_room, chat_id, ghost_of, user_of},
};

/// Receipts that are older say nothing new.
const RECEIPTS_OF: Duration = Duration::from_secs(60 * 60);
/// How long is waited for what an answer is about.
const QUOTE: Duration = Duration::from_secs(2);

/// Takes events in order. When this answers, what they say is durable, refused with the durable duty to say so, or dropped and
/// counted. Idempotent.
///
/// # Errors
/// [`StoreError`]: take them again later.
pub(crate) async fn take(service: &Service, hub: &Hub, events: Vec<Inward>, freshness: Freshness) -> Result<(), StoreError> {
    let mut said: Vec<Heard> = Vec::new();
    for event in events {
        let Some(event) = held_or_now(service, event, freshness) else { continue };
        match event {
            Inward::Said(one) => match bound(hub, &one.sent.room).await? {
                Bound::Direct(leg) => {
                    service.watermarks.heard_in(&one.sent.room, freshness);
                    if user_of(&leg).as_ref() == Some(&one.sent.sender) {
                        said.push(Heard { said: one, reader: ghost_of(&leg), of_many: false });
                    } else {
                        stranger(service, hub, one).await?;
                    }
                }
                Bound::Room => {
                    service.watermarks.heard_in(&one.sent.room, freshness);
                    said.push(Heard { said: one, reader: Some(service.ours.bot().to_owned()), of_many: true });
                }
                Bound::Nothing => {}
            },
            Inward::Voted(sent, vote) => {
                let (reader, of_many) = match bound(hub, &sent.room).await? {
                    Bound::Direct(leg) if user_of(&leg).as_ref() == Some(&sent.sender) => (ghost_of(&leg), false),
                    Bound::Direct(_) | Bound::Nothing => continue,
                    Bound::Room => (Some(service.ours.bot().to_owned()), true),
                };
                service.watermarks.heard_in(&sent.room, freshness);
                let Some(reader) = reader else { continue };
                match voted(service, hub, sent, &vote, &reader).await {
                    Some(one) => said.push(Heard { said: one, reader: None, of_many }),
                    None => hub.dropped("poll"),
                }
            }
            Inward::Member(member) => membership(service, hub, member, freshness).await?,
            Inward::Encrypted(sent) => {
                if bound(hub, &sent.room).await?.is_some() {
                    service.watermarks.heard_in(&sent.room, freshness);
                    if freshness == Freshness::Pushed {
                        hub.dropped("encrypted");
                    }
                    duties::warn_of_encryption(service, hub, &sent.room).await?;
                }
            }
            Inward::EncryptionOn(room) => {
                if bound(hub, &room).await?.is_some() {
                    duties::warn_of_encryption(service, hub, &room).await?;
                }
            }
            Inward::Changed(sent) => {
                if bound_room(hub, &sent.room).await?.is_some() {
                    rooms::events::changed(service, hub, &sent).await?;
                }
            }
            Inward::Replaced(sent, by) => {
                if bound_room(hub, &sent.room).await?.is_some() {
                    let via = Some(sent.sender.server_name().to_owned());
                    duties::undertake(service, hub, &Duty::Upgrade(Upgrade { from: sent.room, to: by, via })).await?;
                }
            }
            Inward::Dropped(why) => hub.dropped(why),
            Inward::Malformed => hub.dropped("malformed"),
            Inward::Ignored => {}
        }
    }
    hand_over(service, hub, said, freshness).await
}

/// Takes receipts. Nothing is lost when one is: the next one says more.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn take_receipts(service: &Service, hub: &Hub, receipts: Vec<Said>) -> Result<(), StoreError> {
    let mut of_users = Vec::with_capacity(receipts.len());
    for said in receipts {
        let fresh = hub.now().since(said.sent.at) < RECEIPTS_OF;
        let of_many = match bound(hub, &said.sent.room).await? {
            Bound::Direct(leg) if user_of(&leg).as_ref() == Some(&said.sent.sender) => false,
            Bound::Room => true,
            Bound::Direct(_) | Bound::Nothing => continue,
        };
        if fresh {
            of_users.push(Heard { said, reader: None, of_many });
        }
    }
    let received = of_users.into_iter().filter_map(|one| {
        let scope = format!("receipt/{}", one.said.sent.sender);
        let received = translated(service, hub, one, Freshness::Pushed)?;
        Some(Received { key: SourceKey { scope, ..received.key }, ..received })
    });
    let received: Vec<_> = received.collect();
    if received.is_empty() { Ok(()) } else { hub.accept(received).await.map(drop) }
}

/// What is pushed of a room that is being opened waits for what was said before.
fn held_or_now(service: &Service, event: Inward, freshness: Freshness) -> Option<Inward> {
    match event.spoken_in().cloned() {
        Some(room) if freshness == Freshness::Pushed => service.openings.hold(&room, event),
        _ => Some(event),
    }
}

/// What a room is to us.
enum Bound {
    /// The room of a direct conversation.
    Direct(Box<Leg>),
    /// A room of many.
    Room,
    /// None of our business.
    Nothing,
}

impl Bound {
    fn is_some(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

async fn bound(hub: &Hub, room: &OwnedRoomId) -> Result<Bound, StoreError> {
    let Some(chat) = chat_id(room) else { return Ok(Bound::Nothing) };
    if let Some(leg) = hub.leg_of_chat(&chat).await? {
        return Ok(Bound::Direct(Box::new(leg)));
    }
    Ok(if hub.room_of_chat(&chat).await?.is_some() { Bound::Room } else { Bound::Nothing })
}

/// Something that was said, and by whom of ours the room can be read.
struct Heard {
    said: Said,
    /// [`None`]: what it answers need not be looked up.
    reader: Option<OwnedUserId>,
    /// It was said in a room of many.
    of_many: bool,
}

/// Hands over what was said.
async fn hand_over(service: &Service, hub: &Hub, said: Vec<Heard>, freshness: Freshness) -> Result<(), StoreError> {
    if said.is_empty() {
        return Ok(());
    }
    let senders: BTreeSet<_> = said.iter().map(|one| one.said.sent.sender.clone()).collect();
    service.people.meet(&service.client, senders.iter().cloned()).await;
    let mut received = Vec::with_capacity(said.len());
    let mut sources = Vec::with_capacity(said.len());
    for mut one in said {
        if let Some(reader) = one.reader.take() {
            quote(service, &mut one.said, &reader).await;
        }
        let sent = one.said.sent.clone();
        match translated(service, hub, one, freshness) {
            Some(one) => {
                received.push(one);
                sources.push(sent);
            }
            None => hub.dropped("malformed"),
        }
    }
    let verdicts = hub.accept(received).await?;
    // Only now are they known. No message waits for how somebody looks.
    let portraits = senders.iter().filter_map(|sender| Some((address(sender)?, service.people.portrait(sender)?)));
    tokio::spawn(follow_portraits(hub.clone(), portraits.collect()));
    for (sent, verdict) in sources.into_iter().zip(verdicts) {
        if let Verdict::Refused(reason) = verdict {
            duties::undertake(service, hub, &Duty::Refusal(Refusal { room: sent.room, event: sent.event, reason })).await?;
        }
    }
    Ok(())
}

/// An answer to a poll, in words: nobody on another network sees which answer has which id.
async fn voted(service: &Service, hub: &Hub, sent: Sent, vote: &Vote, ghost: &UserId) -> Option<Said> {
    let event = OwnedEventId::try_from(vote.poll.as_str()).ok()?;
    let request = get_room_event::v3::Request::new(sent.room.clone(), event);
    let asked = tokio::time::timeout(QUOTE, service.client.call(As::User(ghost), request)).await.ok()?.ok()?;
    let poll: Value = serde_json::from_str(asked.event.json().get()).ok()?;
    let answers = inward::chosen(vote, &poll)?;
    let text = words::say(hub.language(), &Text::PollAnswer { answers: &answers });
    let in_reply_to = Some(Reply { to: vote.poll.clone(), quote: None });
    Some(Said { sent, what: What::Message(Message { in_reply_to, ..Message::text(text) }) })
}

/// Clients send no quote of what they answer (since v1.13), and some networks show no answer without one.
async fn quote(service: &Service, said: &mut Said, ghost: &UserId) {
    let (What::Message(message) | What::Edit { to: message, .. }) = &mut said.what else { return };
    // Where nothing is answered within a thread, its beginning may have to stand for that.
    let unquoted = message.in_reply_to.as_mut().or(message.thread.as_mut());
    let Some(Reply { to, quote: quote @ None }) = unquoted else { return };
    let Ok(event) = OwnedEventId::try_from(to.as_str()) else { return };
    let request = get_room_event::v3::Request::new(said.sent.room.clone(), event);
    let asked = service.client.call(As::User(ghost), request);
    if let Ok(Ok(answer)) = tokio::time::timeout(QUOTE, asked).await {
        let event: Option<Value> = serde_json::from_str(answer.event.json().get()).ok();
        *quote = event.as_ref().and_then(inward::readable);
    }
}

fn translated(service: &Service, hub: &Hub, heard: Heard, freshness: Freshness) -> Option<Received> {
    let Heard { said, of_many, .. } = heard;
    let Sent { room, event, sender, at } = said.sent;
    let chat = chat_id(&room)?;
    Some(Received {
        // An event keeps its id and its time for ever, whichever transaction or page brings it.
        key: SourceKey { scope: "event".to_owned(), id: event.as_str().to_owned(), at: Some(at) },
        native: NativeId::new(event.as_str()).ok()?,
        from: address(&sender)?,
        name: service.people.name(&sender),
        to: if of_many { Recipient::Room { chat, echo: None } } else { Recipient::Chat(chat) },
        sent_at: at.min(hub.now()),
        freshness,
        proof: None,
        wants_receipt: false,
        what: said.what,
    })
}

/// Somebody else in a direct chat: what he says must not look like the other one's words. He is told, not every time.
async fn stranger(service: &Service, hub: &Hub, said: Said) -> Result<(), StoreError> {
    hub.dropped("stranger");
    if matches!(said.what, What::Retract { .. } | What::React { .. } | What::Read { .. }) {
        return Ok(());
    }
    let Sent { room, event, sender, .. } = said.sent;
    let known = (room.clone(), sender);
    if service.strangers.contains_key(&known) {
        return Ok(());
    }
    duties::undertake(service, hub, &Duty::Refusal(Refusal { room, event, reason: Reason::Rejected })).await?;
    service.strangers.insert(known, ());
    Ok(())
}

async fn membership(service: &Service, hub: &Hub, member: Member, freshness: Freshness) -> Result<(), StoreError> {
    rooms::events::member(service, hub, &member, freshness).await?;
    let Member { sent, user, membership, name, portrait, preview } = member;
    match freshness {
        Freshness::Pushed => service.saw(&sent.room, &user, membership),
        // It may be long past: whoever needs to know asks.
        Freshness::Asked => service.memberships.invalidate(&(sent.room.clone(), user.clone())),
    }
    if !service.ours.owns(&user) {
        if membership == Membership::Join && user == sent.sender {
            follow(service, hub, &user, Profile { name, portrait }, freshness).await?;
        }
        return Ok(());
    }
    let asked = membership == Membership::Invite && freshness == Freshness::Pushed && !service.ours.owns(&sent.sender);
    if !asked {
        return Ok(());
    }
    let invitation = Invitation { room: sent.room, event: sent.event, ghost: user, by: sent.sender, preview, leaving: None };
    expect(service, &invitation.room);
    duties::undertake(service, hub, &Duty::Invitation(invitation)).await
}

async fn follow_portraits(hub: Hub, portraits: Vec<(Address, Portrait)>) {
    for (of, portrait) in portraits {
        if let Err(error) = hub.portrait(&of, portrait).await {
            // His next message says it again.
            tracing::debug!(%error, "a picture could not be followed");
        }
    }
}

/// Somebody is called so, and looks so, in a room with a ghost. What is long past is no news: it is asked for with his next message.
async fn follow(service: &Service, hub: &Hub, user: &UserId, profile: Profile, freshness: Freshness) -> Result<(), StoreError> {
    let Some(of) = address(user).filter(|_| freshness == Freshness::Pushed) else { return Ok(()) };
    service.people.learn(user, profile.clone());
    if let Some(name) = &profile.name {
        hub.rename(&of, name).await?;
    }
    hub.portrait(&of, profile.portrait).await.map(drop)
}

/// A ghost was asked into a room: what is said there from now on belongs behind what was said before he came.
pub(crate) fn expect(service: &Service, room: &RoomId) {
    service.openings.begin(room);
}
