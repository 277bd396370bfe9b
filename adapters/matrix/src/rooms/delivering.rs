// SPDX-License-Identifier: EUPL-1.2
//! Delivering one thing into a room: its author's ghost is there, and says it. What is said to whom is `outward.rs`, how it is sent
//! `sending.rs`, as in direct chats.

use dreiklang_engine::{
    Author, Hub, Member,
    port::{Delivered, DeliveryError, RoomContent, RoomDelivery},
};
use dreiklang_model::{NativeId, Placed, Reason, What};
use ruma::{OwnedRoomId, OwnedUserId};

use super::{called, ghost_user, membership, room_of};
use crate::{
    chats::NoChat,
    client::CallError,
    delivery::{Failure, Performed, delivered, judged, perform},
    ghosts::Puppet,
    inward::Membership,
    outward::{self, Act},
    sending,
    service::{Service, Trouble},
};

/// See [`dreiklang_engine::port::Adapter::deliver_to_room`].
pub(crate) async fn deliver(service: &Service, hub: &Hub, delivery: &RoomDelivery) -> Result<Delivered, DeliveryError> {
    let never = |reason, cause: &str| Err(DeliveryError::Never { reason, cause: cause.to_owned() });
    // The homeserver gives everybody what his neighbour says.
    let RoomContent::Event(what) = &delivery.content else { return Ok(Delivered::default()) };
    let Some(speaker) = speaker(service, &delivery.author, what) else {
        return never(Reason::UnknownRecipient, "nobody who could say it here");
    };
    let act = outward::act(what, hub.language(), speaker.name());
    if act == Act::Nothing {
        return Ok(Delivered::default());
    }
    if room_of(&delivery.room).is_none() {
        return never(Reason::NotConnected, "the room is not bound");
    }
    let event = match attempt(service, hub, delivery, &speaker, &act).await {
        Err(Failure::Chat(NoChat::Trouble(trouble))) if repair(service, hub, delivery, &speaker, &trouble).await? => {
            attempt(service, hub, delivery, &speaker, &act).await
        }
        outcome => outcome,
    };
    match event {
        Ok(performed) => Ok(delivered(performed)),
        Err(Failure::Chat(error)) => Err(judged(service, error)),
        Err(Failure::File(error)) => Err(error),
    }
}

/// Who says something in a room.
enum Speaker<'a> {
    Ghost(&'a Member, OwnedUserId),
    Bot(OwnedUserId),
}

impl Speaker<'_> {
    fn user(&self) -> &OwnedUserId {
        match self {
            Self::Ghost(_, user) | Self::Bot(user) => user,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Ghost(member, _) => member.nick.as_str(),
            Self::Bot(_) => "",
        }
    }
}

fn speaker<'a>(service: &Service, author: &'a Author, what: &What<Placed>) -> Option<Speaker<'a>> {
    match (author, what) {
        (_, What::Report { .. }) | (Author::Gateway, _) => Some(Speaker::Bot(service.ours.bot().to_owned())),
        (Author::Ghost(member), _) => Some(Speaker::Ghost(member, ghost_user(member.ghost.written.as_str())?)),
        (Author::Own { .. }, _) => None,
    }
}

async fn attempt(
    service: &Service,
    hub: &Hub,
    delivery: &RoomDelivery,
    speaker: &Speaker<'_>,
    act: &Act<'_>,
) -> Result<Performed, Failure> {
    // The room may have moved while this waited for its turn.
    let leg = hub.room(delivery.room.conversation).await?.unwrap_or_else(|| delivery.room.clone());
    let Some(room) = room_of(&leg) else { return Err(CallError::Unclear("the room is not bound".to_owned()).into()) };
    let puppet = match speaker {
        Speaker::Bot(bot) => service.ghosts.ensure(&service.client, hub, bot, None).await?,
        Speaker::Ghost(member, user) => {
            let ghost = &member.ghost;
            let name = called(member);
            // Nobody told his name yet: he keeps one that he has.
            let nameless = name.as_str() == ghost.address.as_str() && service.ghosts.exists(hub, user).await;
            let puppet = service.ghosts.ensure(&service.client, hub, user, Some(name).filter(|_| !nameless)).await?;
            service.ghosts.dress(service, hub, user, &ghost.address, ghost.picture.as_ref()).await;
            puppet
        }
    };
    // Nobody comes in only to have read something.
    let there = service.memberships.get(&(room.clone(), puppet.user.clone())) == Some(Membership::Join);
    if matches!(act, Act::Read(_)) && !there {
        return Ok((None, None));
    }
    membership::bring_in(service, hub, &room, &puppet).await?;
    let transaction = delivery.id.to_string();
    if let Act::Redact(events) = act {
        return Ok(redact(service, hub, &puppet, &room, &transaction, events).await.map(|()| (None, None))?);
    }
    let at = delivery.late.then_some(delivery.sent_at);
    perform(service, hub, &puppet, &room, act, &transaction, at).await
}

/// Whoever keeps order on his own network has no power of his own here: the bot takes back what others said for him, where it may.
async fn redact(
    service: &Service,
    hub: &Hub,
    puppet: &Puppet,
    room: &OwnedRoomId,
    transaction: &str,
    events: &[NativeId],
) -> Result<(), Trouble> {
    match sending::redact(&service.client, puppet, room, transaction, events).await {
        Err(error) if error.code() == Some("M_FORBIDDEN") => {
            let bot = service.ghosts.ensure(&service.client, hub, service.ours.bot(), None).await?;
            Ok(sending::redact(&service.client, &bot, room, &format!("{transaction}-b"), events).await?)
        }
        done => Ok(done?),
    }
}

/// Puts together what a refusal shows to have come apart. `true`: try again.
async fn repair(
    service: &Service,
    hub: &Hub,
    delivery: &RoomDelivery,
    speaker: &Speaker<'_>,
    trouble: &Trouble,
) -> Result<bool, DeliveryError> {
    let Trouble::Call(error @ CallError::Refused(refusal)) = trouble else { return Ok(false) };
    let user = speaker.user();
    if refusal.identity {
        service.ghosts.forget(hub, user).await.map_err(|trouble| judged(service, trouble.into()))?;
        return Ok(true);
    }
    let Some(room) = room_of(&delivery.room).filter(|_| error.is_absent()) else { return Ok(false) };
    match membership::absence(service, hub, &room, user).await {
        Ok(true) => {}
        Ok(false) => return Ok(false),
        Err(trouble) => return Err(judged(service, trouble.into())),
    }
    // It was thought to be there and is not.
    service.memberships.invalidate(&(room, user.clone()));
    Ok(true)
}
