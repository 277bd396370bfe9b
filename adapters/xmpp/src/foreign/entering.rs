// SPDX-License-Identifier: EUPL-1.2
//! Taking part in a room of another server for the first time.

use dreiklang_engine::{
    Hub,
    port::{Entered, EntryError},
};
use dreiklang_model::{ChatId, Reason, RoomAddress, words};

use super::{
    archive, keeping, presence,
    seating::{Reach, Unseated},
    told,
};
use crate::{condition::Refusal, media::disco, sharing::Asking, xml::namespace};

/// See [`dreiklang_engine::port::Adapter::enter`].
pub(crate) async fn enter(reach: &Reach, hub: &Hub, room: &RoomAddress) -> Result<Entered, EntryError> {
    let not_now = |cause: &str| EntryError::NotNow { cause: cause.to_owned() };
    let name = room.as_str();
    // Whoever joins a room that does not exist makes one: it is asked first.
    let told = told(reach, name).await?;
    if !told.is_room {
        return Err(EntryError::Refused { reason: Reason::UnknownRecipient, cause: "no room".to_owned() });
    }
    let chat = ChatId::new(name).map_err(|error| not_now(&error.to_string()))?;
    reach.shared.foreign.open(name, &chat);
    let Some(listener) = reach.listener_jid() else { return Err(not_now("no component")) };
    match reach.sit(name, listener, &nicks(hub)).await {
        Ok(()) => {}
        Err(Unseated::NotNow(cause)) => return Err(not_now(cause)),
        Err(Unseated::Refused(refusal)) => {
            let cause = format!("the room refuses the gateway: {}", refusal.condition);
            return Err(EntryError::Refused { reason: presence::reason(&refusal), cause });
        }
    }
    if told.archive {
        archive::begin(reach, hub, name).await;
    }
    // What is said from here on, the subject first, is kept back until the gateway knows the room.
    keeping::entered(&reach.shared.news, name).await;
    Ok(Entered { chat, details: told.details, people: reach.shared.foreign.people(name) })
}

/// The names under which the gateway listens.
pub(super) fn nicks(hub: &Hub) -> Vec<String> {
    let name = words::say(hub.language(), &words::Text::GatewayName { organisation: &hub.organisation().name });
    super::nick::candidates(&dreiklang_model::DisplayName::new(&name), "gateway", "gateway")
}

/// Asks a room what it is.
pub(super) async fn told(reach: &Reach, room: &str) -> Result<told::Told, EntryError> {
    let not_now = |cause: &str| EntryError::NotNow { cause: cause.to_owned() };
    let Some((component, orders)) = reach.listener().and_then(|component| Some((component, component.orders()?))) else {
        return Err(not_now("the component is not connected"));
    };
    let asking = Asking { component, orders: &orders, shared: &reach.shared };
    let from = component.domain.as_str();
    let answer = asking.ask(room, |id| disco(from, room, id, namespace::DISCO_INFO)).await;
    let Some(answer) = answer else { return Err(not_now("the room does not answer")) };
    if answer.attr("type") == Some("error") {
        let refusal = Refusal::read(&answer);
        if refusal.temporary {
            return Err(not_now(refusal.condition));
        }
        return Err(EntryError::Refused { reason: presence::reason(&refusal), cause: refusal.condition.to_owned() });
    }
    Ok(told::read(&answer))
}
