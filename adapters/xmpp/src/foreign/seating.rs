// SPDX-License-Identifier: EUPL-1.2
//! Bringing somebody of ours into a room of another server, and out of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use dreiklang_engine::{Hub, port::DeliveryError};
use dreiklang_model::Network;
use minidom::Element;
use tokio::sync::oneshot;

use super::presence;
use crate::{
    address,
    component::{Component, Shared},
    condition::Refusal,
    transport::Order,
    xml::{Builder, element, namespace},
};

/// Longest wait for a room's answer.
const ANSWER: Duration = Duration::from_secs(20);
/// What a room says that refuses a nick and not the person.
const NICK_REFUSED: [&str; 3] = ["conflict", "jid-malformed", "not-acceptable"];

/// The components, and what they share.
#[derive(Clone)]
pub(crate) struct Reach {
    pub(crate) components: Arc<BTreeMap<String, Arc<Component>>>,
    pub(crate) shared: Arc<Shared>,
}

/// Why somebody of ours does not sit in a room.
#[derive(Debug, Clone)]
pub(super) enum Unseated {
    /// The room does not want him.
    Refused(Refusal),
    /// It could not be asked.
    NotNow(&'static str),
}

impl Unseated {
    /// What the engine does about a delivery of his.
    pub(super) fn into_error(self) -> DeliveryError {
        match self {
            Self::NotNow(cause) => DeliveryError::later(cause),
            Self::Refused(refusal) if refusal.temporary => DeliveryError::later(refusal.condition),
            Self::Refused(refusal) => DeliveryError::Never {
                reason: presence::reason(&refusal),
                cause: format!("the room refuses the ghost: {}", refusal.condition),
            },
        }
    }
}

impl Reach {
    /// The component that listens in rooms.
    pub(super) fn listener(&self) -> Option<&Arc<Component>> {
        let matrix = self.components.values().find(|component| component.network == Network::MATRIX);
        matrix.or_else(|| self.components.values().next())
    }

    /// The bare JID that listens in rooms: the bot's.
    pub(crate) fn listener_jid(&self) -> Option<&str> {
        self.listener().map(|component| component.domain.as_str())
    }

    /// Sends stanzas of one of ours to a room; the answer says that the server has taken them.
    pub(super) async fn send(
        &self,
        from: &str,
        room: &str,
        id: &str,
        stanzas: Vec<Element>,
    ) -> Result<oneshot::Receiver<Result<(), DeliveryError>>, DeliveryError> {
        let orders = self.components.get(address::domain(from)).and_then(|component| component.orders());
        let (Some(orders), Some(to)) = (orders, address::person(room)) else {
            return Err(DeliveryError::later("the component is not connected"));
        };
        let (done, outcome) = oneshot::channel();
        let order = Order { id: id.to_owned(), to, stanzas, copies: Vec::new(), done };
        match orders.send(order).await {
            Ok(()) => Ok(outcome),
            Err(_) => Err(DeliveryError::later("the component is not connected")),
        }
    }

    /// Somebody of ours sits down in a room, under the first of the nicks that it takes; nothing happens when he sits there.
    pub(super) async fn sit(&self, room: &str, who: &str, nicks: &[String]) -> Result<(), Unseated> {
        let mut refused = None;
        for nick in nicks {
            let Some((ask, wait)) = self.shared.foreign.sit(room, who, nick) else { return Ok(()) };
            // Whoever does not wait for what he sends takes it back.
            let _routed = if ask {
                match self.send(who, room, "", vec![join(who, room, nick)]).await {
                    Ok(routed) => Some(routed),
                    Err(_) => {
                        self.shared.foreign.rise(room, who);
                        return Err(Unseated::NotNow("the component is not connected"));
                    }
                }
            } else {
                None
            };
            match tokio::time::timeout(ANSWER, wait).await {
                Ok(Ok(Ok(()))) => return Ok(()),
                Ok(Ok(Err(refusal))) if NICK_REFUSED.contains(&refusal.condition) => refused = Some(refusal),
                Ok(Ok(Err(refusal))) => return Err(Unseated::Refused(refusal)),
                Ok(Err(_)) => return Err(Unseated::NotNow("the connection broke")),
                Err(_) => {
                    self.shared.foreign.rise(room, who);
                    return Err(Unseated::NotNow("the room does not answer"));
                }
            }
        }
        Err(refused.map_or(Unseated::NotNow("no nick"), Unseated::Refused))
    }

    /// The same for a ghost, whose nick is noted: after a crash he may still sit there, and is not to be taken for somebody else.
    pub(super) async fn sit_noted(&self, hub: &Hub, room: &str, who: &str, nicks: &[String]) -> Result<(), Unseated> {
        if self.shared.foreign.nick_of(room, who).is_some() {
            return Ok(());
        }
        self.sit(room, who, nicks).await?;
        if let Some(nick) = self.shared.foreign.nick_of(room, who)
            && let Err(error) = hub.set_note(&noted(room, &nick), Some(who)).await
        {
            tracing::error!(%error, "a ghost's place in a room cannot be noted");
        }
        Ok(())
    }

    /// The nicks of ghosts in a room that were noted.
    pub(super) async fn noted(&self, hub: &Hub, room: &str) -> Vec<String> {
        let prefix = noted(room, "");
        match hub.notes(&prefix).await {
            Ok(notes) => notes.into_iter().filter_map(|(key, _)| key.strip_prefix(&prefix).map(str::to_owned)).collect(),
            Err(error) => {
                tracing::error!(%error, "the ghosts' places in a room cannot be read");
                Vec::new()
            }
        }
    }

    /// Somebody of ours leaves a room.
    pub(super) async fn leave(&self, hub: &Hub, room: &str, who: &str) {
        let Some(nick) = self.shared.foreign.nick_of(room, who) else { return };
        if let Err(error) = hub.set_note(&noted(room, &nick), None).await {
            tracing::error!(%error, "a ghost's place in a room cannot be forgotten");
        }
        self.shared.foreign.rise(room, who);
        let gone = to_room(who, room, &nick).attr("type", "unavailable").build();
        // Whoever is not connected has left.
        if let Ok(routed) = self.send(who, room, "", vec![gone]).await {
            let _ = tokio::time::timeout(ANSWER, routed).await;
        }
    }
}

/// Where a ghost's place in a room is noted.
fn noted(room: &str, nick: &str) -> String {
    format!("foreign/seat/{room}/{nick}")
}

/// XEP-0045 §7.2, without any history: what was missed is asked of the archive.
fn join(who: &str, room: &str, nick: &str) -> Element {
    let history = element("history", namespace::MUC).attr("maxstanzas", "0").attr("maxchars", "0");
    to_room(who, room, nick).child(element("x", namespace::MUC).child(history)).build()
}

fn to_room(who: &str, room: &str, nick: &str) -> Builder {
    element("presence", namespace::COMPONENT).attr("from", &address::full(who)).attr("to", &format!("{room}/{nick}"))
}
