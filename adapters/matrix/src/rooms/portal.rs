// SPDX-License-Identifier: EUPL-1.2
//! A room of another network as a Matrix room: made when somebody asks for its alias, and kept as it is called at home. The alias is
//! ours alone, so it finds a room again that was made and not yet bound.

use dreiklang_engine::{
    Hub, RoomLeg,
    port::{Bound, StoreError},
};
use dreiklang_model::{ConversationId, DisplayName, Entry, Network, RoomDetails};
use ruma::{
    OwnedRoomId, RoomAliasId, UserId,
    api::client::{
        alias::{create_alias, get_alias},
        room::{
            Visibility,
            create_room::{self, v3::RoomPreset},
        },
        state::{get_state_event_for_key::v3::StateEventFormat, send_state_event},
    },
    events::StateEventType,
    serde::Raw,
};
use serde_json::{Value, json};

use super::{room_of, survey};
use crate::{
    client::{As, CallError},
    ghosts::Puppet,
    service::{Service, Trouble, chat_id, room_id},
};

/// The state event by which clients see what a room is a bridge to (MSC2346), under both of its names.
const BRIDGE: [&str; 2] = ["m.bridge", "uk.half-shot.bridge"];

/// The Matrix room of a leg, which `alias` leads to; made if there is none. Idempotent, also after a crash in between.
///
/// # Errors
/// [`Trouble`].
pub(crate) async fn open(service: &Service, hub: &Hub, leg: &RoomLeg, alias: &RoomAliasId) -> Result<OwnedRoomId, Trouble> {
    let bot = service.ghosts.ensure(&service.client, hub, service.ours.bot(), None).await?;
    let _turn = service.turns.lock(leg.conversation).await;
    let Some(leg) = hub.room(leg.conversation).await? else { return Err(gone().into()) };
    if let Some(room) = room_of(&leg) {
        lead_to(service, &bot, alias, &room).await?;
        return Ok(room);
    }
    let room = match create(service, &bot, &leg, alias).await {
        Err(CallError::Refused(refusal)) if refusal.code == "M_ROOM_IN_USE" => {
            service.client.call(As::Service, get_alias::v3::Request::new(alias.to_owned())).await?.room_id
        }
        made => made?,
    };
    let won = bind(hub, leg.conversation, &room).await?;
    service.rooms.want(leg.conversation);
    Ok(won)
}

async fn bind(hub: &Hub, conversation: ConversationId, room: &OwnedRoomId) -> Result<OwnedRoomId, Trouble> {
    match hub.bind_room(conversation, None, chat_id(room).as_ref()).await? {
        Bound::Yes => Ok(room.clone()),
        Bound::Changed(won) => Ok(won.as_ref().and_then(room_id).ok_or_else(gone)?),
    }
}

fn gone() -> StoreError {
    StoreError::Corrupt("a room without the leg it was given".to_owned())
}

/// The alias was taken from the room meanwhile, or it is another one.
async fn lead_to(service: &Service, bot: &Puppet, alias: &RoomAliasId, room: &OwnedRoomId) -> Result<(), CallError> {
    let request = create_alias::v3::Request::new(alias.to_owned(), room.clone());
    match service.client.call(bot.identity(), request).await {
        Ok(_) => Ok(()),
        // It leads somewhere already.
        Err(error) if matches!(&error, CallError::Refused(refusal) if refusal.status == 409) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn create(service: &Service, bot: &Puppet, leg: &RoomLeg, alias: &RoomAliasId) -> Result<OwnedRoomId, CallError> {
    let RoomDetails { name, topic, entry, listed } = &leg.details;
    let mut request = create_room::v3::Request::new();
    request.room_alias_name = Some(alias.alias().to_owned());
    request.name = Some(name.as_ref().map_or(leg.address.as_str(), |name| name.as_str()).to_owned());
    request.topic = (!topic.is_empty()).then(|| topic.as_str().to_owned());
    request.preset = Some(match entry {
        Entry::Open => RoomPreset::PublicChat,
        Entry::Invited => RoomPreset::PrivateChat,
    });
    request.visibility = if *listed { Visibility::Public } else { Visibility::Private };
    request.power_level_content_override = serde_json::value::to_raw_value(&powers()).map(Raw::from_json).ok();
    let content = bridge(&leg.home, &leg.address, leg.details.name.as_ref().map(DisplayName::as_str), bot.user.as_ref());
    let events = BRIDGE.iter().map(|kind| json!({ "type": kind, "state_key": bridge_key(leg), "content": content }));
    request.initial_state = events.filter_map(|event| serde_json::value::to_raw_value(&event).map(Raw::from_json).ok()).collect();
    Ok(service.client.call(bot.identity(), request).await?.room_id)
}

/// Who may do what: what the room is called is said at home, and encryption would cut the gateway off. `users` stays as the homeserver
/// makes it: room version 12 forbids creators in it and version 11 demands them.
fn powers() -> Value {
    json!({
        "users_default": 0, "events_default": 0, "state_default": 100,
        "redact": 50, "invite": 0, "kick": 50, "ban": 50,
        "events": { "m.room.pinned_events": 50, "m.room.tombstone": 150 },
    })
}

fn bridge_key(leg: &RoomLeg) -> String {
    format!("de.dreiklang://{}/{}", leg.home, leg.address)
}

/// What the room is a bridge to (MSC2346).
fn bridge(home: &Network, address: &str, name: Option<&str>, bot: &UserId) -> Value {
    let title = if *home == Network::XMPP { "XMPP" } else { home.as_str() };
    let mut channel = json!({ "id": address, "displayname": name.unwrap_or(address) });
    if *home == Network::XMPP
        && let Some(fields) = channel.as_object_mut()
    {
        fields.insert("external_url".to_owned(), format!("xmpp:{address}?join").into());
    }
    json!({ "bridgebot": bot, "protocol": { "id": home.as_str(), "displayname": title }, "channel": channel })
}

/// Brings what a portal is called to what is said at home. Idempotent.
pub(super) async fn describe(service: &Service, room: &OwnedRoomId, leg: &RoomLeg) -> Result<(), CallError> {
    let name = leg.details.name.as_ref().map_or(leg.address.as_str(), |name| name.as_str());
    for (kind, key, wanted) in
        [(StateEventType::RoomName, "name", name), (StateEventType::RoomTopic, "topic", leg.details.topic.as_str())]
    {
        let stands = survey::state(service, room, kind.clone(), StateEventFormat::Content).await?;
        if stands.get(key).and_then(Value::as_str).unwrap_or_default() == wanted {
            continue;
        }
        let Ok(body) = Raw::new(&json!({ key: wanted })) else { continue };
        let request = send_state_event::v3::Request::new_raw(room.clone(), kind, String::new(), body.cast_unchecked());
        match service.client.call(As::User(service.ours.bot()), request).await {
            Ok(_) => {}
            Err(CallError::Refused(refusal)) if !refusal.identity => {
                tracing::warn!(%refusal, "a room cannot be called as at home");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bridge_info() {
        let bot = <&UserId>::try_from("@dreiklang:hs.example").unwrap();
        let content = bridge(&Network::XMPP, "team@conference.xmpp.example", Some("Team"), bot);
        let expected = json!({
            "bridgebot": "@dreiklang:hs.example",
            "protocol": { "id": "xmpp", "displayname": "XMPP" },
            "channel": {
                "id": "team@conference.xmpp.example", "displayname": "Team",
                "external_url": "xmpp:team@conference.xmpp.example?join",
            },
        });
        assert_eq!(content, expected);
        assert_eq!(bridge(&Network::MAIL, "list@mail.example", None, bot)["channel"]["displayname"], "list@mail.example");
    }

    #[test]
    fn creators_are_not_named_in_power_levels() {
        // Room version 12 refuses the whole room otherwise.
        assert!(powers().get("users").is_none());
    }
}
