// SPDX-License-Identifier: EUPL-1.2
//! The room of a direct conversation: there is one, the ghost is in it and the person is in it or asked in. Rooms made by
//! people come in by `invitations.rs`. Room ids are opaque: those of room version 12 name no server.

use dreiklang_engine::{Hub, Leg, port::Bound};
use dreiklang_model::{ChatId, ConversationId};
use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, UserId,
    api::client::{
        membership::{invite_user, joined_rooms, leave_room},
        profile::get_profile,
        room::create_room::{self, v3::RoomPreset},
        state::get_state_event_for_key,
    },
    events::StateEventType,
    serde::Raw,
};
use serde_json::{Value, json};

use crate::{
    client::{As, CallError, Refusal},
    ghosts::Puppet,
    inward::Membership,
    reconcile,
    service::{Service, Trouble, chat_id, room_of},
};

/// The state event by which a room that was made but not yet bound is found again after a crash.
const MARKER: &str = "de.dreiklang.conversation";

/// Why there is no room.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoChat {
    /// The person does not exist.
    #[error("no such user")]
    Nobody,
    /// The person cannot be asked in.
    #[error("the invitation is refused: {0}")]
    Unwanted(Refusal),
    /// Something else.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl From<CallError> for NoChat {
    fn from(error: CallError) -> Self {
        Self::Trouble(error.into())
    }
}

impl From<dreiklang_engine::port::StoreError> for NoChat {
    fn from(error: dreiklang_engine::port::StoreError) -> Self {
        Self::Trouble(error.into())
    }
}

/// The room of the leg, with the person in it or asked in. The caller has the conversation's turn.
pub(crate) async fn room(service: &Service, hub: &Hub, ghost: &Puppet, user: &UserId, leg: &Leg) -> Result<OwnedRoomId, NoChat> {
    let Some(room) = room_of(leg) else { return open(service, hub, ghost, user, leg).await };
    match presence(service, ghost, &room, user).await {
        Ok(Membership::Join | Membership::Invite) => Ok(room),
        Ok(Membership::Out) => match invite(service, ghost, &room, user).await {
            Ok(()) => Ok(room),
            Err(CallError::Refused(refusal)) if is_block(&refusal) => Err(NoChat::Unwanted(refusal)),
            // The ghost may not, or the room has fallen to pieces: a new one.
            Err(CallError::Refused(_)) => {
                let new = open(service, hub, ghost, user, leg).await?;
                leave(service, ghost, &room).await;
                Ok(new)
            }
            Err(error) => Err(error.into()),
        },
        Err(error) if error.is_absent() => open(service, hub, ghost, user, leg).await,
        Err(error) => Err(error.into()),
    }
}

/// Is somebody in the room, as far as is known or the homeserver says?
async fn presence(service: &Service, ghost: &Puppet, room: &OwnedRoomId, user: &UserId) -> Result<Membership, CallError> {
    if let Some(known) = service.memberships.get(&(room.clone(), user.to_owned())) {
        return Ok(known);
    }
    let membership = membership(service, ghost.identity(), room, user).await?;
    service.saw(room, user, membership);
    Ok(membership)
}

/// Asks the homeserver whether somebody is in a room.
///
/// # Errors
/// [`CallError`]; one that [`is_absent`](CallError::is_absent) when who asks is not in the room, or there is no such room.
pub(crate) async fn membership(service: &Service, asking: As<'_>, room: &RoomId, user: &UserId) -> Result<Membership, CallError> {
    let request =
        get_state_event_for_key::v3::Request::new(room.to_owned(), StateEventType::RoomMember, user.as_str().to_owned());
    match service.client.call(asking, request).await {
        Ok(answer) => {
            let content: Value = serde_json::from_str(answer.event_or_content.get()).unwrap_or_default();
            Ok(Membership::read(content.get("membership").and_then(Value::as_str).unwrap_or_default()))
        }
        Err(error) if error.code() == Some("M_NOT_FOUND") => Ok(Membership::Out),
        Err(error) => Err(error),
    }
}

async fn invite(service: &Service, ghost: &Puppet, room: &OwnedRoomId, user: &UserId) -> Result<(), CallError> {
    let recipient = invite_user::v3::InvitationRecipient::UserId(invite_user::v3::InviteUserId::new(user.to_owned()));
    let request = invite_user::v3::Request::new(room.clone(), recipient);
    match service.client.call(ghost.identity(), request).await {
        Ok(_) => {
            service.saw(room, user, Membership::Invite);
            Ok(())
        }
        // He may have come back meanwhile.
        Err(error) if error.is_absent() => match membership(service, ghost.identity(), room, user).await? {
            Membership::Out => Err(error),
            here => {
                service.saw(room, user, here);
                Ok(())
            }
        },
        Err(error) => Err(error),
    }
}

fn is_block(refusal: &Refusal) -> bool {
    refusal.code.ends_with("M_INVITE_BLOCKED")
}

/// A new room for the leg, in place of the one it is bound to, if any. A crash at any point leaves at most a room that the
/// next attempt finds by its marker.
pub(crate) async fn open(service: &Service, hub: &Hub, ghost: &Puppet, user: &UserId, leg: &Leg) -> Result<OwnedRoomId, NoChat> {
    if service.ours.is_local(user) && !exists(service, user).await? {
        return Err(NoChat::Nobody);
    }
    let intention = format!("creating/{}", leg.conversation);
    let found = match hub.note(&intention).await? {
        Some(_) => unbound(service, hub, ghost, leg.conversation).await?,
        None => None,
    };
    let room = match found {
        Some(room) => room,
        None => {
            hub.set_note(&intention, Some("")).await?;
            create(service, ghost, user, leg.conversation).await?
        }
    };
    // What the person says at once, before the room is bound, is held and fetched.
    service.openings.begin(&room);
    let won = match bind(hub, leg, &room).await {
        Ok(won) => won,
        Err(trouble) => {
            service.openings.abandon(&room);
            return Err(trouble.into());
        }
    };
    hub.set_note(&intention, None).await?;
    if won != room {
        service.openings.abandon(&room);
        leave(service, ghost, &room).await;
        return Ok(won);
    }
    reconcile::open(service, hub, &room, &ghost.user, ghost.identity()).await?;
    if presence(service, ghost, &room, user).await? == Membership::Out {
        invite(service, ghost, &room, user).await.map_err(|error| match error {
            CallError::Refused(refusal) => NoChat::Unwanted(refusal),
            error => error.into(),
        })?;
    }
    Ok(room)
}

/// Leaves a room that is of no more use. That it fails changes nothing: the room is not bound.
async fn leave(service: &Service, ghost: &Puppet, room: &RoomId) {
    if let Err(error) = service.client.call(ghost.identity(), leave_room::v3::Request::new(room.to_owned())).await {
        tracing::debug!(%error, "a room cannot be left");
    }
}

/// Binds the leg to the room and answers which room won.
async fn bind(hub: &Hub, leg: &Leg, room: &OwnedRoomId) -> Result<OwnedRoomId, Trouble> {
    let chat = chat_id(room);
    let mut expected: Option<ChatId> = leg.chat.clone();
    loop {
        match hub.bind(leg.conversation, expected.as_ref(), chat.as_ref()).await? {
            Bound::Yes => return Ok(room.clone()),
            Bound::Changed(won) => match won.as_ref().and_then(crate::service::room_id) {
                Some(won) => return Ok(won),
                None => expected = won,
            },
        }
    }
}

async fn exists(service: &Service, user: &UserId) -> Result<bool, CallError> {
    // Inviting a user who does not exist succeeds: nobody would ever hear of it.
    match service.client.call(As::Service, get_profile::v3::Request::new(user.to_owned())).await {
        // Synapse names the missing row (`M_UNKNOWN`) instead of the missing user.
        Err(CallError::Refused(refusal)) => Ok(refusal.status != 404 || refusal.code == "M_UNRECOGNIZED"),
        Ok(_) => Ok(true),
        Err(error) => Err(error),
    }
}

async fn create(service: &Service, ghost: &Puppet, user: &UserId, conversation: ConversationId) -> Result<OwnedRoomId, NoChat> {
    let marker = json!({ "type": MARKER, "state_key": "", "content": { "conversation": conversation.to_string() } });
    let mut request = create_room::v3::Request::new();
    request.is_direct = true;
    request.invite = vec![user.to_owned()];
    // Not the trusted preset: against somebody of equal power an invitation cannot be taken back.
    request.preset = Some(RoomPreset::PrivateChat);
    request.power_level_content_override = serde_json::value::to_raw_value(&powers()).map(Raw::from_json).ok();
    request.initial_state = serde_json::value::to_raw_value(&marker).map(Raw::from_json).into_iter().collect();
    match service.client.call(ghost.identity(), request).await {
        Ok(answer) => {
            service.saw(&answer.room_id, user, Membership::Invite);
            Ok(answer.room_id)
        }
        Err(CallError::Refused(refusal)) if !refusal.identity => Err(NoChat::Unwanted(refusal)),
        Err(error) => Err(error.into()),
    }
}

/// Who may do what: the person everything that a chat of two has use for. What would cut the gateway off (encryption) or
/// make it more than a chat of two is the ghost's. `users` stays as the homeserver makes it: room version 12 forbids creators
/// in it and version 11 demands them.
fn powers() -> Value {
    json!({
        "users_default": 0, "events_default": 0, "state_default": 50,
        "redact": 0, "invite": 50, "kick": 50, "ban": 50,
        "events": {
            "m.room.name": 0, "m.room.topic": 0, "m.room.avatar": 0, "m.room.pinned_events": 0,
            "m.room.power_levels": 100, "m.room.history_visibility": 100, "m.room.encryption": 100,
            "m.room.server_acl": 100, "m.room.tombstone": 150,
        },
    })
}

/// A room that was made for the conversation and not bound.
async fn unbound(
    service: &Service,
    hub: &Hub,
    ghost: &Puppet,
    conversation: ConversationId,
) -> Result<Option<OwnedRoomId>, Trouble> {
    let rooms = service.client.call(ghost.identity(), joined_rooms::v3::Request::new()).await?.joined_rooms;
    for room in rooms {
        let Some(chat) = chat_id(&room) else { continue };
        if hub.leg_of_chat(&chat).await?.is_some() {
            continue;
        }
        let request = get_state_event_for_key::v3::Request::new(room.clone(), StateEventType::from(MARKER), String::new());
        let marker = match service.client.call(ghost.identity(), request).await {
            Ok(marker) => marker,
            Err(CallError::Refused(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        let content: Value = serde_json::from_str(marker.event_or_content.get()).unwrap_or_default();
        if content.get("conversation").and_then(Value::as_str) == Some(conversation.to_string().as_str()) {
            return Ok(Some(room));
        }
    }
    Ok(None)
}

/// Is the ghost, contrary to what we thought, not in the room?
pub(crate) async fn is_out(service: &Service, ghost: &OwnedUserId, room: &RoomId) -> Result<bool, CallError> {
    match membership(service, As::User(ghost), room, ghost).await {
        Ok(membership) => Ok(membership != Membership::Join),
        Err(error) if error.is_absent() => Ok(true),
        Err(error) => Err(error),
    }
}
