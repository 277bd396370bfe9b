// SPDX-License-Identifier: EUPL-1.2
//! Delivering one thing: the ghost exists, the room exists with the person in it, the message is sent; what has come apart
//! is put together again once on the way.

use dreiklang_engine::{
    Hub,
    port::{Deliverable, Delivered, DeliveryError, StoreError},
};
use dreiklang_model::{Attachment, NativeId, Reason, Timestamp};
use ruma::{OwnedEventId, RoomId, UserId};

use crate::{
    chats::{self, NoChat},
    client::CallError,
    ghosts::Puppet,
    outward::{self, Act},
    sending::{self, Outgoing},
    service::{Service, Trouble, ghost_of, user_of},
};

/// See [`dreiklang_engine::port::Adapter::deliver`].
pub(crate) async fn deliver(service: &Service, hub: &Hub, delivery: &Deliverable) -> Result<Delivered, DeliveryError> {
    let act = outward::act(&delivery.what, hub.language(), delivery.leg.ghost_name.as_str());
    if act == Act::Nothing {
        return Ok(Delivered::default());
    }
    let (Some(ghost), Some(user)) = (ghost_of(&delivery.leg), user_of(&delivery.leg)) else {
        return Err(DeliveryError::Never { reason: Reason::UnknownRecipient, cause: "not a Matrix user".to_owned() });
    };
    let _turn = service.turns.lock(delivery.leg.conversation).await;
    let event = match attempt(service, hub, delivery, &ghost, &user, &act).await {
        Err(Failure::Chat(NoChat::Trouble(trouble))) if repair(service, hub, delivery, &ghost, &trouble).await? => {
            attempt(service, hub, delivery, &ghost, &user, &act).await
        }
        outcome => outcome,
    };
    match event {
        Ok(performed) => Ok(delivered(performed)),
        Err(Failure::Chat(error)) => Err(judged(service, error)),
        Err(Failure::File(error)) => Err(error),
    }
}

/// Why an attempt failed.
pub(crate) enum Failure {
    /// Something with the room or in it.
    Chat(NoChat),
    /// A file could not be brought there.
    File(DeliveryError),
}

impl<E: Into<NoChat>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Chat(error.into())
    }
}

async fn attempt(
    service: &Service,
    hub: &Hub,
    delivery: &Deliverable,
    ghost: &UserId,
    user: &UserId,
    act: &Act<'_>,
) -> Result<Performed, Failure> {
    // The leg may have been bound anew while this waited for its turn.
    let leg = hub.leg(delivery.leg.conversation).await?.unwrap_or_else(|| delivery.leg.clone());
    let puppet: Puppet = service.ghosts.ensure(&service.client, hub, ghost, Some(&leg.ghost_name)).await?;
    service.ghosts.dress(service, hub, ghost, &leg.other.address, leg.ghost_picture.as_ref()).await;
    let room = chats::room(service, hub, &puppet, user, &leg).await?;
    let at = delivery.late.then_some(delivery.sent_at);
    perform(service, hub, &puppet, &room, act, &delivery.id.to_string(), at).await
}

/// The event that was sent, and why a file did not come along.
pub(crate) type Performed = (Option<OwnedEventId>, Option<Reason>);

/// What the engine is told of it.
pub(crate) fn delivered((event, without): Performed) -> Delivered {
    Delivered { native: event.and_then(|event| NativeId::new(event.as_str()).ok()), leg: None, without }
}

/// One of our users does something in a room in which he is. `at`: the time to show instead of now.
pub(crate) async fn perform(
    service: &Service,
    hub: &Hub,
    puppet: &Puppet,
    room: &RoomId,
    act: &Act<'_>,
    transaction: &str,
    at: Option<Timestamp>,
) -> Result<Performed, Failure> {
    let client = &service.client;
    let nothing = |()| (None, None);
    let (content, without) = match act {
        Act::Nothing => return Ok(nothing(())),
        Act::Redact(events) => return Ok(sending::redact(client, puppet, room, transaction, events).await.map(nothing)?),
        Act::React(to, emojis) => {
            return Ok(sending::react(client, puppet, room, transaction, to, emojis).await.map(nothing)?);
        }
        Act::Read(up_to) => return Ok(sending::read(client, puppet, room, up_to).await.map(nothing)?),
        Act::Say(content) => (content.clone(), None),
        Act::Show(message, file) => match brought(service, hub, &puppet.user, file).await {
            Ok((file, address)) => (outward::with_file(message, &file, &address), None),
            // What was said beside it arrives all the same; then the sender is told.
            Err(DeliveryError::Never { reason, .. }) => {
                (outward::without_file(message, file, &reason, hub.language()), Some(reason))
            }
            Err(error) => return Err(Failure::File(error)),
        },
    };
    let content = outward::marked(content, transaction);
    let outgoing = Outgoing { transaction, content: &content, at };
    let event = match sending::send(client, puppet, room, outgoing).await {
        Err(CallError::Refused(refusal)) if refusal.code == "M_UNKNOWN" => match outward::unthreaded(&content) {
            Some(content) => sending::send(client, puppet, room, Outgoing { content: &content, ..outgoing }).await?,
            None => return Err(CallError::Refused(refusal).into()),
        },
        sent => sent?,
    };
    Ok((Some(event), without))
}

/// Brings a file into the homeserver's repository and answers what it is and its address there.
async fn brought(service: &Service, hub: &Hub, ghost: &UserId, file: &Attachment) -> Result<(Attachment, String), DeliveryError> {
    let (file, media) = hub.open(file).await?;
    let address = service.repository.put(ghost, &file, media).await?;
    Ok((file, address))
}

/// Puts together what a refusal shows to have come apart. `true`: try again.
async fn repair(
    service: &Service,
    hub: &Hub,
    delivery: &Deliverable,
    ghost: &UserId,
    trouble: &Trouble,
) -> Result<bool, DeliveryError> {
    let Trouble::Call(error @ CallError::Refused(refusal)) = trouble else { return Ok(false) };
    if refusal.identity {
        service.ghosts.forget(hub, ghost).await.map_err(|trouble| judged(service, trouble.into()))?;
        return Ok(true);
    }
    if !error.is_absent() {
        return Ok(false);
    }
    let leg = hub.leg(delivery.leg.conversation).await.map_err(|error| postponed(&error))?;
    let Some((room, chat)) = leg.and_then(|leg| crate::service::room_of(&leg).zip(leg.chat)) else { return Ok(false) };
    if !chats::is_out(service, &ghost.to_owned(), &room).await.map_err(|error| judged(service, error.into()))? {
        return Ok(false);
    }
    // Thrown out, or the room is gone: the next attempt makes a new one.
    let freed = hub.bind(delivery.leg.conversation, Some(&chat), None).await;
    freed.map_err(|error| postponed(&error))?;
    Ok(true)
}

fn postponed(error: &StoreError) -> DeliveryError {
    DeliveryError::later(error.to_string())
}

/// What an error means for the message.
pub(crate) fn judged(service: &Service, error: NoChat) -> DeliveryError {
    let cause = error.to_string();
    let never = |reason| DeliveryError::Never { reason, cause: cause.clone() };
    match error {
        NoChat::Nobody => never(Reason::UnknownRecipient),
        NoChat::Unwanted(refusal) if refusal.code == "M_NOT_FOUND" => never(Reason::UnknownRecipient),
        NoChat::Unwanted(_) => never(Reason::Rejected),
        NoChat::Trouble(Trouble::Store(error)) => postponed(&error),
        NoChat::Trouble(Trouble::Call(error)) => {
            if matches!(error, CallError::Unreachable(_) | CallError::Unclear(_) | CallError::Stranger(_)) {
                service.probe.notify_one();
            }
            match error {
                CallError::Limited(after) => DeliveryError::Later { after, cause },
                CallError::Unreachable(_) | CallError::Stranger(_) => DeliveryError::later(cause),
                CallError::Unclear(_) => DeliveryError::Unknown { cause },
                CallError::Refused(refusal) if refusal.code == "M_TOO_LARGE" => never(Reason::TooLarge),
                // Our registration does not fit the homeserver's: no fault of the message.
                CallError::Refused(refusal) if refusal.identity || refusal.code == "M_EXCLUSIVE" => DeliveryError::later(cause),
                CallError::Refused(_) => never(Reason::Rejected),
            }
        }
    }
}
