// SPDX-License-Identifier: EUPL-1.2
//! Somebody asks one of our users into a room. A direct chat of two is accepted and becomes the room of their conversation;
//! everything else is declined with the reason. At the end there is one room with the ghost, and nothing is lost.

use dreiklang_engine::{
    Hub, Lookup,
    port::{Bound, StoreError},
};
use dreiklang_model::{
    Reason,
    words::{self, Text},
};
use ruma::{
    OwnedRoomId, RoomId, UserId,
    api::client::{
        membership::{join_room_by_id, leave_room},
        state::get_state_events,
    },
};
use serde_json::Value;

use crate::{
    client::CallError,
    duties::{self, Duty, Invitation},
    ghosts::Puppet,
    inward::Membership,
    moving, notices, reconcile,
    rooms::{guests, upgrades},
    service::{Service, Trouble, address, chat_id, room_of},
};

/// Answers an invitation. Idempotent; after a crash it is answered again from the start.
pub(crate) async fn answer(service: &Service, hub: &Hub, invitation: &Invitation) -> Result<(), Trouble> {
    let ghost = match hub.ghost_at(invitation.ghost.as_str()).await? {
        Lookup::Ghost(ghost) if ghost.written.as_str() == invitation.ghost.as_str() => ghost,
        Lookup::Ghost(ghost) => {
            let text = Text::BotChatReady { name: ghost.name.as_str(), address: ghost.written.as_str() };
            return decline_as_nobody(service, hub, invitation, &words::say(hub.language(), &text)).await;
        }
        Lookup::Nobody(reason) => {
            return decline_as_nobody(service, hub, invitation, &words::reason(hub.language(), &reason)).await;
        }
    };
    let puppet = service.ghosts.ensure(&service.client, hub, &invitation.ghost, Some(&ghost.name)).await?;
    let room = &invitation.room;
    if ghost.bot && hub.note(&upgrades::awaited(room)).await?.is_some() {
        return upgrades::asked_in(service, hub, room).await;
    }
    if invitation.preview.public && !ghost.bot {
        return decline(service, &puppet, room, notices::direct_only(hub.language())).await;
    }
    match service.client.call(puppet.identity(), join_room_by_id::v3::Request::new(room.clone())).await {
        Ok(_) => {}
        // Taken back meanwhile.
        Err(CallError::Refused(refusal)) if !refusal.identity => return Ok(()),
        Err(CallError::Refused(refusal)) => {
            service.ghosts.forget(hub, &invitation.ghost).await?;
            return Err(CallError::Unclear(refusal.to_string()).into());
        }
        Err(error) => return Err(error.into()),
    }
    match nature(service, &puppet, room, &invitation.by).await? {
        Nature::Direct => settle(service, hub, &puppet, invitation).await,
        Nature::Encrypted => {
            notices::encrypted_from_the_start(service, hub, &puppet, room).await?;
            decline(service, &puppet, room, &words::say(hub.language(), &Text::EncryptedRoom)).await
        }
        // By that the people of a closed room let the gateway take part in it, once somebody links it.
        Nature::Group if ghost.bot => Ok(()),
        Nature::Group => match guests::welcome(service, hub, &puppet, room).await? {
            Ok(()) => Ok(()),
            Err(why) => decline(service, &puppet, room, &why).await,
        },
    }
}

/// Makes the room the room of the conversation.
async fn settle(service: &Service, hub: &Hub, ghost: &Puppet, invitation: &Invitation) -> Result<(), Trouble> {
    let (room, user) = (&invitation.room, &invitation.by);
    let (Some(chat), Some(account)) = (chat_id(room), address(user)) else {
        return decline(service, ghost, room, &words::reason(hub.language(), &Reason::Unreadable)).await;
    };
    let leg = match hub.open_direct(&account, ghost.user.as_str()).await? {
        Ok(leg) => leg,
        Err(reason) => return decline(service, ghost, room, &words::reason(hub.language(), &reason)).await,
    };
    let _turn = service.turns.lock(leg.conversation).await;
    let mut leaving = invitation.leaving.clone();
    loop {
        let Some(leg) = hub.leg(leg.conversation).await? else { return Err(lost_leg().into()) };
        if leg.chat.as_ref() == Some(&chat) {
            break;
        }
        if let Some(old) = room_of(&leg) {
            let old = moving::prepare(service, ghost, user, &old, room).await?;
            // Durable before the room is bound: afterwards nothing else would name the old one.
            let decided = Invitation { leaving: Some(old.clone()), ..invitation.clone() };
            duties::undertake(service, hub, &Duty::Invitation(decided)).await?;
            leaving = Some(old);
        }
        if hub.bind(leg.conversation, leg.chat.as_ref(), Some(&chat)).await? == Bound::Yes {
            break;
        }
    }
    service.saw(room, user, Membership::Join);
    // The old room first: as soon as anything of the new one is heard, there is one room only.
    if let Some(leaving) = leaving.filter(|leaving| leaving.room != *room) {
        moving::depart(service, hub, ghost, user, &leaving, room).await?;
    }
    reconcile::open(service, hub, room, &ghost.user, ghost.identity()).await
}

fn lost_leg() -> StoreError {
    StoreError::Corrupt("a conversation without a leg".to_owned())
}

/// What kind of room it is.
enum Nature {
    Direct,
    Encrypted,
    Group,
}

async fn nature(service: &Service, ghost: &Puppet, room: &RoomId, by: &UserId) -> Result<Nature, Trouble> {
    let state = match service.client.call(ghost.identity(), get_state_events::v3::Request::new(room.to_owned())).await {
        Ok(state) => state.room_state,
        // Too large to be read is too large to be a chat of two.
        Err(error) if error.code() == Some("M_TOO_LARGE") => return Ok(Nature::Group),
        Err(error) => return Err(error.into()),
    };
    let state = state.iter().filter_map(|event| serde_json::from_str::<Value>(event.json().get()).ok());
    Ok(nature_of(state, &ghost.user, by))
}

/// Pure: a chat of two, unencrypted and closed, or what else.
fn nature_of(state: impl Iterator<Item = Value>, ghost: &UserId, by: &UserId) -> Nature {
    let (mut encrypted, mut group) = (false, false);
    for event in state {
        let word = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        let content =
            |key: &str| event.get("content").and_then(|content| content.get(key)).and_then(Value::as_str).unwrap_or_default();
        match word("type") {
            "m.room.encryption" => encrypted = true,
            "m.room.join_rules" => group |= content("join_rule") == "public",
            "m.room.member" => {
                let somebody = ![ghost.as_str(), by.as_str()].contains(&word("state_key"));
                group |= somebody && Membership::read(content("membership")) != Membership::Out;
            }
            _ => {}
        }
    }
    match (group, encrypted) {
        (true, _) => Nature::Group,
        (false, true) => Nature::Encrypted,
        (false, false) => Nature::Direct,
    }
}

/// Leaves the room, or refuses to come, with the reason (Client-Server API § leave, v1.1).
async fn decline(service: &Service, ghost: &Puppet, room: &OwnedRoomId, reason: &str) -> Result<(), Trouble> {
    let mut request = leave_room::v3::Request::new(room.clone());
    request.reason = Some(reason.to_owned());
    match service.client.call(ghost.identity(), request).await {
        Ok(_) | Err(CallError::Refused(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Declines for somebody who does not exist, and says why where the person surely reads it: in his chat with the bot.
async fn decline_as_nobody(service: &Service, hub: &Hub, invitation: &Invitation, reason: &str) -> Result<(), Trouble> {
    let nobody = service.ghosts.ensure(&service.client, hub, &invitation.ghost, None).await?;
    decline(service, &nobody, &invitation.room, reason).await?;
    notices::tell_by_bot(service, hub, &invitation.by, &format!("{}: {reason}", invitation.ghost), invitation.event.as_str())
        .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nature(state: Vec<Value>) -> &'static str {
        let ghost = <&UserId>::try_from("@_xmpp_bob:hs").unwrap();
        let by = <&UserId>::try_from("@alice:hs").unwrap();
        match nature_of(state.into_iter(), ghost, by) {
            Nature::Direct => "direct",
            Nature::Encrypted => "encrypted",
            Nature::Group => "group",
        }
    }

    #[test]
    fn natures() {
        let member = |user: &str, membership: &str| json!({ "type": "m.room.member", "state_key": user, "content": { "membership": membership } });
        let two = vec![member("@alice:hs", "join"), member("@_xmpp_bob:hs", "join")];
        let with = |event: Value| [two.clone(), vec![event]].concat();
        assert_eq!(nature(two.clone()), "direct");
        assert_eq!(nature(with(member("@gone:hs", "leave"))), "direct");
        assert_eq!(nature(with(member("@carol:hs", "invite"))), "group");
        assert_eq!(nature(with(json!({ "type": "m.room.join_rules", "content": { "join_rule": "public" } }))), "group");
        assert_eq!(nature(with(json!({ "type": "m.room.encryption", "content": {} }))), "encrypted");
        assert_eq!(nature(with(json!(["odd"]))), "direct");
    }
}
