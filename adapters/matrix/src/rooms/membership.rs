// SPDX-License-Identifier: EUPL-1.2
//! Which ghosts are in a room: those who speak at once, the others as the engine wants it, a few each second.

use std::collections::{BTreeMap, BTreeSet};

use dreiklang_engine::{Hosting, Hub, Member, RoomLeg};
use ruma::{
    OwnedRoomId, OwnedUserId, UserId,
    api::client::membership::{invite_user, join_room_by_id, leave_room},
};
use serde_json::Value;

use super::{called, ghost_user, guests::guest, portal, room_of, survey, thrown_out};
use crate::{
    chats::NoChat,
    client::{As, CallError, Refusal},
    ghosts::Puppet,
    inward::Membership,
    service::{Service, Trouble},
};

/// How many ghosts come in without having spoken: each costs the homeserver an event and every member of the room a line.
const MOST: usize = 500;
/// How many are looked at to know who is gone.
const ALL: usize = 20_000;

/// Sees to it that one of our users is in a room. Idempotent; asks nothing when it is known.
///
/// # Errors
/// [`NoChat::Unwanted`] when he is not let in.
pub(super) async fn bring_in(service: &Service, hub: &Hub, room: &OwnedRoomId, puppet: &Puppet) -> Result<(), NoChat> {
    let user = &puppet.user;
    if service.memberships.get(&(room.clone(), user.clone())) == Some(Membership::Join) {
        return Ok(());
    }
    if hub.note(&thrown_out(room, user.as_str())).await?.is_some() {
        return Err(NoChat::Unwanted(Refusal { status: 403, code: "M_FORBIDDEN".to_owned(), identity: false }));
    }
    let join = || service.client.call(puppet.identity(), join_room_by_id::v3::Request::new(room.clone()));
    match join().await {
        Ok(_) => {}
        Err(CallError::Refused(refusal)) if !refusal.identity && user != service.ours.bot() => {
            let recipient = invite_user::v3::InvitationRecipient::UserId(invite_user::v3::InviteUserId::new(user.clone()));
            let invite = invite_user::v3::Request::new(room.clone(), recipient);
            unwanted(service.client.call(As::User(service.ours.bot()), invite).await.map(drop))?;
            unwanted(join().await.map(drop))?;
        }
        outcome => unwanted(outcome.map(drop))?,
    }
    service.saw(room, user, Membership::Join);
    Ok(())
}

fn unwanted(outcome: Result<(), CallError>) -> Result<(), NoChat> {
    match outcome {
        Err(CallError::Refused(refusal)) if !refusal.identity => Err(NoChat::Unwanted(refusal)),
        outcome => Ok(outcome?),
    }
}

/// Is one of our users, contrary to what we thought, not in the room? Whether he was thrown out is noted: the news of it may be under way.
pub(super) async fn absence(service: &Service, hub: &Hub, room: &OwnedRoomId, user: &OwnedUserId) -> Result<bool, Trouble> {
    let event = match survey::member(service, room, user).await {
        Ok(event) => event,
        // The bot itself is out.
        Err(error) if error.is_absent() => return Ok(user == service.ours.bot()),
        Err(error) => return Err(error.into()),
    };
    let membership = event.get("content").and_then(|content| content.get("membership")).and_then(Value::as_str);
    if Membership::read(membership.unwrap_or_default()) == Membership::Join {
        return Ok(false);
    }
    let by = event.get("sender").and_then(Value::as_str).and_then(|sender| <&UserId>::try_from(sender).ok());
    if by.is_some_and(|by| !service.ours.owns(by)) && user != service.ours.bot() {
        hub.set_note(&thrown_out(room, user.as_str()), Some("")).await?;
    }
    Ok(true)
}

/// See [`dreiklang_engine::port::Adapter::refresh_room`].
pub(crate) async fn refresh(service: &Service, hub: &Hub, room: &RoomLeg) {
    let _refreshing = service.rooms.refreshing.lock(room.conversation).await;
    if let Err(trouble) = refreshed(service, hub, room).await {
        tracing::debug!(%trouble, "a room is brought up to date later");
    }
}

async fn refreshed(service: &Service, hub: &Hub, room: &RoomLeg) -> Result<(), Trouble> {
    let Some(wanted) = hub.wanted(room.conversation, ALL).await? else { return Ok(()) };
    let Some(room) = room_of(&wanted.room) else { return Ok(()) };
    if wanted.room.hosting == Hosting::Ours {
        portal::describe(service, &room, &wanted.room).await?;
    }
    let there = survey::ours(service, &room).await?;
    let complete = wanted.total <= ALL;
    let plan = plan(&wanted.members, &there, complete);
    let thrown: BTreeSet<String> = hub.notes(&thrown_out(&room, "")).await?.into_iter().map(|(key, _)| key).collect();
    forgive(hub, &room, &wanted.members, &thrown, complete).await?;
    for user in &plan.leave {
        // Whoever was asked in is in the room, whether he looks at it or not.
        if hub.note(&guest(&room, user.as_str())).await?.is_some() {
            continue;
        }
        service.rooms.pace().await;
        leave(service, &room, user).await?;
    }
    for (user, member) in plan.join {
        if thrown.contains(&thrown_out(&room, user.as_str())) {
            continue;
        }
        service.rooms.pace().await;
        let puppet = service.ghosts.ensure(&service.client, hub, &user, Some(called(member))).await?;
        match bring_in(service, hub, &room, &puppet).await {
            Ok(()) => {}
            Err(NoChat::Trouble(trouble)) => return Err(trouble),
            // One who is not let in keeps nobody else out.
            Err(error) => tracing::debug!(%error, "a ghost stays out of a room"),
        }
        service.ghosts.dress(service, hub, &user, &member.ghost.address, member.ghost.picture.as_ref()).await;
    }
    Ok(())
}

/// Who left the room on his own network after he was thrown out here, and comes again, may try again.
async fn forgive(
    hub: &Hub,
    room: &OwnedRoomId,
    wanted: &[Member],
    thrown: &BTreeSet<String>,
    complete: bool,
) -> Result<(), Trouble> {
    let wanted: BTreeSet<String> = wanted.iter().map(|member| thrown_out(room, member.ghost.written.as_str())).collect();
    for key in thrown.difference(&wanted).filter(|_| complete) {
        hub.set_note(key, None).await?;
    }
    Ok(())
}

/// What is to be done.
#[derive(Debug, PartialEq)]
struct Plan<'a> {
    leave: Vec<OwnedUserId>,
    join: Vec<(OwnedUserId, &'a Member)>,
}

/// Pure: whoever is not in the room any more leaves; of those who are missing the first come in, until there are [`MOST`].
/// `complete`: everybody who is in it is among the wanted.
fn plan<'a>(wanted: &'a [Member], there: &BTreeSet<OwnedUserId>, complete: bool) -> Plan<'a> {
    let users: Vec<(OwnedUserId, &Member)> =
        wanted.iter().filter_map(|member| Some((ghost_user(member.ghost.written.as_str())?, member))).collect();
    let by_user: BTreeMap<&OwnedUserId, &Member> = users.iter().map(|(user, member)| (user, *member)).collect();
    let leave: Vec<OwnedUserId> = there.iter().filter(|user| complete && !by_user.contains_key(user)).cloned().collect();
    let places = MOST.saturating_sub(there.len() - leave.len());
    let join = users.into_iter().filter(|(user, _)| !there.contains(user)).take(places).collect();
    Plan { leave, join }
}

async fn leave(service: &Service, room: &OwnedRoomId, user: &OwnedUserId) -> Result<(), Trouble> {
    match service.client.call(As::User(user), leave_room::v3::Request::new(room.clone())).await {
        Ok(_) | Err(CallError::Refused(_)) => {}
        Err(error) => return Err(error.into()),
    }
    service.saw(room, user, Membership::Out);
    Ok(())
}

/// Everybody of ours but the bot leaves a room that is of no more use.
pub(super) async fn leave_all(service: &Service, room: &OwnedRoomId) -> Result<(), Trouble> {
    for user in survey::ours(service, room).await? {
        service.rooms.pace().await;
        leave(service, room, &user).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use dreiklang_engine::Ghost;
    use dreiklang_model::{Address, DisplayName, Network, PersonaId, Standing, Written};

    use super::*;

    fn member(number: usize) -> Member {
        let ghost = Ghost {
            written: Written::new(format!("@_xmpp_{number}=40x:hs.example")).unwrap(),
            address: Address::new(Network::XMPP, format!("{number}@x")).unwrap(),
            name: DisplayName::new("x"),
            bot: false,
            picture: None,
        };
        Member { persona: PersonaId(1), ghost, nick: DisplayName::new("x"), standing: Standing::Member }
    }

    fn user(number: usize) -> OwnedUserId {
        ghost_user(member(number).ghost.written.as_str()).unwrap()
    }

    #[test]
    fn who_comes_and_who_goes() {
        let wanted = [member(1), member(2)];
        let there = BTreeSet::from([user(2), user(3)]);
        let both = plan(&wanted, &there, true);
        assert_eq!((both.leave, both.join), (vec![user(3)], vec![(user(1), &wanted[0])]));
        // Whoever is not named may be in it all the same.
        assert!(plan(&wanted, &there, false).leave.is_empty());
    }

    #[test]
    fn only_so_many_come_in_without_having_spoken() {
        let wanted: Vec<Member> = (0..MOST + 10).map(member).collect();
        assert_eq!(plan(&wanted, &BTreeSet::new(), true).join.len(), MOST);
        // Those who spoke stay, and nobody else comes for them.
        let there: BTreeSet<OwnedUserId> = (5..MOST + 10).map(user).collect();
        let full = plan(&wanted, &there, true);
        assert_eq!((full.leave.len(), full.join.len()), (0, 0));
    }
}
