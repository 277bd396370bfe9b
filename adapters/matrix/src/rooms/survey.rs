// SPDX-License-Identifier: EUPL-1.2
//! Reading the whole of a room: what it is called, who may come in, who is in it and how he stands. What changes later comes one by one
//! (`events.rs`); what is unclear then is read here again.

use std::{collections::BTreeSet, sync::Arc};

use dreiklang_engine::{Attendance, Hub, port::StoreError};
use dreiklang_model::{DisplayName, Entry, RoomDetails, Topic};
use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, UserId,
    api::client::{
        directory::get_room_visibility,
        membership::joined_members,
        room::Visibility,
        state::get_state_event_for_key::v3::{Request, StateEventFormat},
    },
    events::StateEventType,
};
use serde_json::Value;

use super::standing::Powers;
use crate::{
    client::{As, CallError},
    service::{Service, Trouble, address, bound_room, chat_id},
};

/// How often a room is read again because somebody came or went meanwhile.
const AGAIN: usize = 5;

/// A room as a whole.
pub(super) struct Survey {
    pub(super) details: RoomDetails,
    pub(super) powers: Powers,
    /// Who is in it, and none of ours.
    pub(super) people: Vec<Attendance>,
    pub(super) encrypted: bool,
}

/// Reads a room in which the bot is.
///
/// # Errors
/// [`CallError`]; one that is absent when the bot is not in the room.
pub(super) async fn read(service: &Service, room: &RoomId) -> Result<Survey, CallError> {
    let state = |kind: StateEventType| state(service, room, kind, StateEventFormat::Content);
    let (create, levels, name, topic, rules, alias, encryption, visibility, joined) = futures::try_join!(
        self::state(service, room, StateEventType::RoomCreate, StateEventFormat::Event),
        state(StateEventType::RoomPowerLevels),
        state(StateEventType::RoomName),
        state(StateEventType::RoomTopic),
        state(StateEventType::RoomJoinRules),
        state(StateEventType::RoomCanonicalAlias),
        state(StateEventType::RoomEncryption),
        visibility(service, room),
        joined(service, room),
    )?;
    let powers = Powers::read(&create, &levels);
    let people = joined
        .into_iter()
        .filter(|(user, _)| !service.ours.owns(user))
        .filter_map(|(user, nick)| Some(Attendance { who: address(&user)?, nick, standing: Some(powers.standing(&user)) }));
    let people = people.collect();
    let details = details(&name, &topic, &rules, &alias, &visibility);
    Ok(Survey { details, powers, people, encrypted: !encryption.is_null() })
}

/// Pure: what a room is called and who may come in.
fn details(name: &Value, topic: &Value, rules: &Value, alias: &Value, visibility: &Visibility) -> RoomDetails {
    let word = |content: &Value, key: &str| content.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name =
        [word(name, "name"), word(alias, "alias")].into_iter().map(|name| DisplayName::new(&name)).find(|it| !it.is_empty());
    let entry = if word(rules, "join_rule") == "public" { Entry::Open } else { Entry::Invited };
    RoomDetails { name, topic: Topic::new(&word(topic, "topic")), entry, listed: *visibility == Visibility::Public }
}

/// Is the room encrypted?
///
/// # Errors
/// [`CallError`].
pub(super) async fn is_encrypted(service: &Service, room: &RoomId) -> Result<bool, CallError> {
    Ok(!state(service, room, StateEventType::RoomEncryption, StateEventFormat::Content).await?.is_null())
}

/// The event that says whether somebody is in the room; null where there is none.
///
/// # Errors
/// [`CallError`].
pub(super) async fn member(service: &Service, room: &RoomId, user: &UserId) -> Result<Value, CallError> {
    let key = user.as_str().to_owned();
    keyed(service, room, StateEventType::RoomMember, key, StateEventFormat::Event).await
}

/// A state event, or its content; null where there is none.
pub(super) async fn state(
    service: &Service,
    room: &RoomId,
    kind: StateEventType,
    format: StateEventFormat,
) -> Result<Value, CallError> {
    keyed(service, room, kind, String::new(), format).await
}

async fn keyed(
    service: &Service,
    room: &RoomId,
    kind: StateEventType,
    key: String,
    format: StateEventFormat,
) -> Result<Value, CallError> {
    let mut request = Request::new(room.to_owned(), kind, key);
    request.format = format;
    match service.client.call(As::User(service.ours.bot()), request).await {
        Ok(answer) => Ok(serde_json::from_str(answer.event_or_content.get()).unwrap_or_default()),
        Err(error) if error.code() == Some("M_NOT_FOUND") => Ok(Value::Null),
        Err(error) => Err(error),
    }
}

async fn visibility(service: &Service, room: &RoomId) -> Result<Visibility, CallError> {
    match service.client.call(As::Service, get_room_visibility::v3::Request::new(room.to_owned())).await {
        Ok(answer) => Ok(answer.visibility),
        // Only the room's own server knows.
        Err(CallError::Refused(_)) => Ok(Visibility::Private),
        Err(error) => Err(error),
    }
}

/// Everybody who is in the room, and his name there.
async fn joined(service: &Service, room: &RoomId) -> Result<Vec<(OwnedUserId, Option<DisplayName>)>, CallError> {
    let request = joined_members::v3::Request::new(room.to_owned());
    let members = service.client.call(As::User(service.ours.bot()), request).await?.joined;
    let named = |name: Option<String>| name.map(|name| DisplayName::new(&name)).filter(|name| !name.is_empty());
    Ok(members.into_iter().map(|(user, member)| (user, named(member.display_name))).collect())
}

/// Those of our users who are in the room, the bot left out.
pub(super) async fn ours(service: &Service, room: &RoomId) -> Result<BTreeSet<OwnedUserId>, CallError> {
    let joined = joined(service, room).await?.into_iter().map(|(user, _)| user);
    Ok(joined.filter(|user| service.ours.owns(user) && user != service.ours.bot()).collect())
}

/// Reads a bound room and tells the engine what it found.
///
/// # Errors
/// [`Trouble`].
pub(super) async fn tell(service: &Service, hub: &Hub, room: &OwnedRoomId) -> Result<(), Trouble> {
    for again in 1..=AGAIN {
        let before = service.rooms.changes(room);
        let survey = read(service, room).await?;
        let _telling = service.rooms.telling.lock(room.clone()).await;
        // Whoever came or went meanwhile was told already and must not be contradicted.
        if service.rooms.changes(room) != before && again < AGAIN {
            continue;
        }
        return Ok(told(service, hub, room, survey).await?);
    }
    Ok(())
}

async fn told(service: &Service, hub: &Hub, room: &OwnedRoomId, survey: Survey) -> Result<(), StoreError> {
    service.rooms.powers.insert(room.clone(), Arc::new(survey.powers));
    let Some(chat) = chat_id(room) else { return Ok(()) };
    if bound_room(hub, room).await?.is_none() {
        return Ok(());
    }
    hub.attend(&chat, survey.people, true).await?;
    hub.describe_room(&chat, &survey.details).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_rooms_are_called() {
        let named = |name: Value, alias: Value| details(&name, &json!(null), &json!(null), &alias, &Visibility::Private).name;
        for (name, alias, expected) in [
            (json!({ "name": "Plans" }), json!({ "alias": "#plan:hs.example" }), Some("Plans")),
            (json!({ "name": "" }), json!({ "alias": "#plan:hs.example" }), Some("#plan:hs.example")),
            (json!(null), json!({}), None),
            (json!({ "name": 7 }), json!(null), None),
        ] {
            assert_eq!(named(name, alias).as_ref().map(DisplayName::as_str), expected);
        }
    }

    #[test]
    fn who_may_come_in() {
        for (rule, entry) in
            [("public", Entry::Open), ("invite", Entry::Invited), ("restricted", Entry::Invited), ("", Entry::Invited)]
        {
            let read =
                details(&json!(null), &json!({ "topic": "t" }), &json!({ "join_rule": rule }), &json!(null), &Visibility::Public);
            assert_eq!((read.entry, read.topic.as_str(), read.listed), (entry, "t", true), "{rule}");
        }
    }
}
