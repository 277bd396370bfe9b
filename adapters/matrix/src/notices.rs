// SPDX-License-Identifier: EUPL-1.2
//! What the gateway itself says in rooms, outside of deliveries. Each notice has a transaction id made of its cause, so that
//! a repeat is recognised.

use dreiklang_engine::{Hub, Leg};
use dreiklang_model::{
    Language, NativeId,
    words::{self, Text},
};
use ruma::{OwnedRoomId, RoomId, UserId};
use serde_json::Value;

use crate::{
    duties::Refusal,
    ghosts::Puppet,
    outward,
    sending::{Outgoing, send},
    service::{Service, Trouble, address, bound_room, chat_id, ghost_of, room_of},
};

/// Why a room of more than two people is not joined.
pub(crate) fn direct_only(language: Language) -> &'static str {
    match language {
        Language::German => "Das Gateway überträgt nur Gespräche zwischen zwei Personen in einem nicht öffentlichen Raum.",
        Language::English => "The gateway carries only conversations between two people in a room that is not public.",
    }
}

/// Answers a refused message with the reason.
pub(crate) async fn refuse(service: &Service, hub: &Hub, refusal: &Refusal) -> Result<(), Trouble> {
    let text = words::say(hub.language(), &Text::Failed { reason: &refusal.reason });
    let mut content = outward::notice(&text);
    if let Ok(of) = NativeId::new(refusal.event.as_str()) {
        content = outward::answering(content, &of);
    }
    speak(service, hub, &refusal.room, &content, &format!("refused-{}", refusal.event)).await
}

/// Tells the people of a bound room that nobody reads what they encrypt.
pub(crate) async fn encrypted(service: &Service, hub: &Hub, room: &OwnedRoomId) -> Result<(), Trouble> {
    let of_many = bound_room(hub, room).await?.is_some();
    let text = if of_many { Text::EncryptedRoomOfMany } else { Text::EncryptedRoom };
    let content = outward::notice(&words::say(hub.language(), &text));
    speak(service, hub, room, &content, &format!("encrypted-{room}")).await?;
    Ok(hub.set_note(&told_of_encryption(room), Some("")).await?)
}

/// Tells the person who asked a ghost into an encrypted room the same, in that room: an invitation that is only declined
/// leaves him guessing.
pub(crate) async fn encrypted_from_the_start(service: &Service, hub: &Hub, ghost: &Puppet, room: &RoomId) -> Result<(), Trouble> {
    let content = outward::notice(&words::say(hub.language(), &Text::EncryptedRoom));
    let transaction = format!("encrypted-{room}");
    send(&service.client, ghost, room, Outgoing { transaction: &transaction, content: &content, at: None }).await?;
    Ok(())
}

/// The note that the people of a room were told.
pub(crate) fn told_of_encryption(room: &RoomId) -> String {
    format!("told/encryption/{room}")
}

/// Says something to a person in his chat with the bot, if there is one.
pub(crate) async fn tell_by_bot(service: &Service, hub: &Hub, user: &UserId, text: &str, cause: &str) -> Result<(), Trouble> {
    let Some(account) = address(user) else { return Ok(()) };
    let Ok(leg) = hub.open_direct(&account, service.ours.bot().as_str()).await? else { return Ok(()) };
    let Some(room) = room_of(&leg) else { return Ok(()) };
    speak_on(service, hub, &leg, &room, &outward::notice(text), &format!("told-{cause}")).await
}

async fn speak(service: &Service, hub: &Hub, room: &OwnedRoomId, content: &Value, transaction: &str) -> Result<(), Trouble> {
    let leg = match chat_id(room) {
        Some(chat) => hub.leg_of_chat(&chat).await?,
        None => None,
    };
    match leg {
        Some(leg) => speak_on(service, hub, &leg, room, content, transaction).await,
        None if bound_room(hub, room).await?.is_some() => {
            let bot = service.ghosts.ensure(&service.client, hub, service.ours.bot(), None).await?;
            send(&service.client, &bot, room, Outgoing { transaction, content, at: None }).await?;
            Ok(())
        }
        // The conversation went elsewhere meanwhile; there is nobody left to hear it here.
        None => Ok(()),
    }
}

async fn speak_on(
    service: &Service,
    hub: &Hub,
    leg: &Leg,
    room: &RoomId,
    content: &Value,
    transaction: &str,
) -> Result<(), Trouble> {
    let Some(ghost) = ghost_of(leg) else { return Ok(()) };
    let puppet = service.ghosts.ensure(&service.client, hub, &ghost, Some(&leg.ghost_name)).await?;
    send(&service.client, &puppet, room, Outgoing { transaction, content, at: None }).await?;
    Ok(())
}
