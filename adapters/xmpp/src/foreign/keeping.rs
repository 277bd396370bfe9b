// SPDX-License-Identifier: EUPL-1.2
//! Staying in the rooms of other servers: back in after every gap, at a bounded pace; who came and went is told; and whether we are still in
//! is asked where nothing is heard for long.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use dreiklang_engine::{Attendance, Hosting, Hub, RoomLeg};
use dreiklang_model::words;
use minidom::Element;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    archive, entering,
    presence::{self, Going},
    seating::{Reach, Unseated},
    seats::{Effect, Foreign},
};
use crate::{
    address,
    condition::Refusal,
    envelope::Envelope,
    sharing::Asking,
    xml::{element, namespace},
};

/// How much news of rooms may wait.
pub(crate) const NEWS: usize = 1024;
/// How many rooms are entered in a second after a gap.
const PACE: Duration = Duration::from_millis(50);
/// Pauses between attempts to get into a room again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));
/// How often, and after which pause each time, it is looked whether the gateway knows a room that was entered.
const KNOWN: (u32, Duration) = (600, Duration::from_millis(50));
/// After so long each room is asked whether we are still in (XEP-0410).
const ROUND: Duration = Duration::from_secs(5 * 60);
/// How many ghosts may be in a room at most, for the comparison with who is wanted there.
const MOST: usize = 100_000;

/// Where news of rooms goes.
pub(crate) type Events = mpsc::Sender<Happened>;

/// News of a room.
#[derive(Debug)]
pub(crate) enum Happened {
    /// A component is connected (again): nobody of ours sits anywhere.
    Online(String),
    /// A room was entered for the first time.
    Entered(String),
    /// People came and went.
    Attendance { room: String, changes: Vec<Attendance> },
    /// The listener is out.
    Out { room: String, why: Option<String>, for_good: bool },
    /// A message was handed in, which the room calls so.
    Heard { room: String, name: String },
}

impl Happened {
    /// What follows from somebody of ours being out.
    pub(super) fn out(room: &str, going: Going) -> Self {
        let (why, for_good) = match going {
            Going::Left | Going::Shutdown => (None, false),
            Going::Kicked(why) => (why, false),
            Going::Banned(why) => (why, true),
            Going::Destroyed => (None, true),
        };
        Self::Out { room: room.to_owned(), why, for_good }
    }
}

/// A component is connected (again).
pub(crate) async fn online(news: &Events, component: &str) {
    // Nobody takes the news only when the adapter ends.
    let _ = news.send(Happened::Online(component.to_owned())).await;
}

/// A room was entered for the first time.
pub(super) async fn entered(news: &Events, room: &str) {
    let _ = news.send(Happened::Entered(room.to_owned())).await;
}

/// A message was handed in: the room, and its name for it.
pub(crate) async fn handed_in(news: &Events, message: Option<(String, String)>) {
    if let Some((room, name)) = message {
        let _ = news.send(Happened::Heard { room, name }).await;
    }
}

/// A presence of a room that we know, to somebody of ours.
pub(crate) async fn see(foreign: &Foreign, news: &Events, envelope: &Envelope<'_>, stanza: &Element, listener: &str) {
    let Some(seen) = presence::read(envelope, stanza) else { return };
    let (room, to) = (address::bare(envelope.from), address::bare(envelope.to));
    let happened = match foreign.see(room, to, to == listener, seen) {
        Effect::Attendance(changes) if !changes.is_empty() => Happened::Attendance { room: room.to_owned(), changes },
        Effect::Out(who, going) if who == listener => Happened::out(room, going),
        Effect::Attendance(_) | Effect::Out(..) | Effect::None => return,
    };
    let _ = news.send(happened).await;
}

/// Keeps the gateway in its rooms until `stop`.
pub(crate) async fn keep(reach: Reach, hub: Hub, news: &mut mpsc::Receiver<Happened>, stop: CancellationToken) {
    let mut tasks = JoinSet::new();
    let mut batch = Vec::new();
    let mut round = tokio::time::interval(ROUND);
    round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    round.tick().await;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = round.tick() => {
                let (reach, hub) = (reach.clone(), hub.clone());
                tasks.spawn(async move { ask_around(&reach, &hub).await });
            }
            number = news.recv_many(&mut batch, NEWS) => {
                if number == 0 {
                    break;
                }
                for back in sort(&hub, batch.drain(..)).await {
                    let (reach, hub) = (reach.clone(), hub.clone());
                    tasks.spawn(async move { back.go(&reach, &hub).await });
                }
            }
        }
        while tasks.try_join_next().is_some() {}
    }
    tasks.shutdown().await;
}

/// What takes longer: where we must go back to, or what was entered and is not heard yet.
enum Back {
    Everywhere(String),
    Entered(String),
    Room { room: String, why: Option<String>, for_good: bool },
}

/// Tells the gateway what can be told at once, together; answers what takes longer.
async fn sort(hub: &Hub, news: impl Iterator<Item = Happened>) -> Vec<Back> {
    let mut attendance: BTreeMap<String, Vec<Attendance>> = BTreeMap::new();
    let mut heard: BTreeMap<String, String> = BTreeMap::new();
    let mut back = Vec::new();
    for one in news {
        match one {
            Happened::Online(component) => back.push(Back::Everywhere(component)),
            Happened::Entered(room) => back.push(Back::Entered(room)),
            Happened::Attendance { room, changes } => attendance.entry(room).or_default().extend(changes),
            Happened::Out { room, why, for_good } => back.push(Back::Room { room, why, for_good }),
            Happened::Heard { room, name } => drop(heard.insert(room, name)),
        }
    }
    for (room, changes) in attendance {
        tell(hub, &room, changes, false).await;
    }
    for (room, name) in heard {
        archive::note(hub, &room, &name).await;
    }
    back
}

impl Back {
    async fn go(self, reach: &Reach, hub: &Hub) {
        match self {
            Self::Everywhere(component) => {
                reach.shared.foreign.all_rise(&component);
                if reach.listener_jid() != Some(component.as_str()) {
                    return;
                }
                let rooms = match hub.rooms().await {
                    Ok(rooms) => rooms,
                    Err(error) => return tracing::error!(%error, "the rooms cannot be read"),
                };
                let mut joining = JoinSet::new();
                for leg in rooms.into_iter().filter(|leg| leg.hosting == Hosting::Theirs) {
                    let (reach, hub) = (reach.clone(), hub.clone());
                    joining.spawn(async move { come_back(&reach, &hub, &leg).await });
                    tokio::time::sleep(PACE).await;
                }
                while joining.join_next().await.is_some() {}
            }
            Self::Entered(room) => {
                for _ in 0..KNOWN.0 {
                    match leg(hub, &room).await {
                        Ok(Some(_)) if archive::release(reach, hub, &room).await => return,
                        _ => tokio::time::sleep(KNOWN.1).await,
                    }
                }
            }
            Self::Room { room, why, for_good } => {
                let Ok(Some(leg)) = leg(hub, &room).await else { return };
                if for_good {
                    lost(reach, hub, &leg, why.as_deref()).await;
                    return;
                }
                if why.is_some() {
                    say(hub, &leg, &words::Text::RoomLost { why: why.as_deref() }).await;
                }
                come_back(reach, hub, &leg).await;
            }
        }
    }
}

async fn leg(hub: &Hub, room: &str) -> Result<Option<RoomLeg>, dreiklang_engine::port::StoreError> {
    match dreiklang_model::ChatId::new(room) {
        Ok(chat) => hub.room_of_chat(&chat).await,
        Err(_) => Ok(None),
    }
}

/// Sits down in a room again, however long that takes, hands in what was missed, and tells who is there.
async fn come_back(reach: &Reach, hub: &Hub, leg: &RoomLeg) {
    let (Some(chat), Some(listener)) = (&leg.chat, reach.listener_jid()) else { return };
    let room = chat.as_str();
    let foreign = &reach.shared.foreign;
    foreign.open(room, chat);
    if let Some(known) = foreign.rooms().get_mut(room) {
        known.held.get_or_insert_default();
        known.closed = false;
    }
    foreign.forget_people(room);
    foreign.remember(room, reach.noted(hub, room).await);
    let (mut pause, longest) = PAUSES;
    loop {
        match reach.sit(room, listener, &entering::nicks(hub)).await {
            Ok(()) => {
                if archive::catch_up(reach, hub, room).await {
                    break;
                }
            }
            Err(Unseated::Refused(refusal)) if is_final(&refusal) => {
                tracing::warn!(condition = refusal.condition, "a room does not let the gateway in any more");
                lost(reach, hub, leg, None).await;
                return;
            }
            Err(Unseated::Refused(Refusal { condition, .. }) | Unseated::NotNow(condition)) => {
                tracing::debug!(condition, "a room cannot be entered now");
                // Connected anew, the component begins by itself.
                if reach.listener().is_none_or(|component| component.orders().is_none()) {
                    return;
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(longest);
    }
    tell(hub, room, foreign.people(room), true).await;
    if let Ok(told) = entering::told(reach, room).await
        && told.is_room
        && let Err(error) = hub.describe_room(chat, &told.details).await
    {
        tracing::error!(%error, "what a room says of itself cannot be stored");
    }
}

fn is_final(refusal: &Refusal) -> bool {
    !refusal.temporary
        && matches!(
            refusal.condition,
            "forbidden" | "registration-required" | "not-authorized" | "not-allowed" | "gone" | "item-not-found"
        )
}

/// We are out for good: nobody of the room is there any more, and its other side must know.
async fn lost(reach: &Reach, hub: &Hub, leg: &RoomLeg, why: Option<&str>) {
    if let Some(chat) = &leg.chat {
        if let Some(known) = reach.shared.foreign.rooms().get_mut(chat.as_str()) {
            known.closed = true;
        }
        tell(hub, chat.as_str(), Vec::new(), true).await;
    }
    say(hub, leg, &words::Text::RoomLost { why }).await;
}

async fn say(hub: &Hub, leg: &RoomLeg, text: &words::Text<'_>) {
    let Some(chat) = &leg.chat else { return };
    if let Err(error) = hub.announce(chat, text).await {
        tracing::error!(%error, "a room's other side could not be told");
    }
}

async fn tell(hub: &Hub, room: &str, changes: Vec<Attendance>, complete: bool) {
    let Ok(chat) = dreiklang_model::ChatId::new(room) else { return };
    if let Err(error) = hub.attend(&chat, changes, complete).await {
        tracing::error!(%error, "who is in a room cannot be stored");
    }
}

/// XEP-0410: asks every room, through itself, whether the listener is still in.
async fn ask_around(reach: &Reach, hub: &Hub) {
    let rooms: Vec<String> = reach.shared.foreign.rooms().keys().cloned().collect();
    for room in rooms {
        let Some((component, orders)) = reach.listener().and_then(|component| Some((component, component.orders()?))) else {
            return;
        };
        let listener = component.domain.as_str();
        let Some(nick) = reach.shared.foreign.nick_of(&room, listener) else { continue };
        let asking = Asking { component, orders: &orders, shared: &reach.shared };
        let from = crate::address::full(listener);
        let to = format!("{room}/{nick}");
        let ping = |id: &str| {
            element("iq", namespace::COMPONENT)
                .attr("type", "get")
                .attr("from", &from)
                .attr("to", &to)
                .attr("id", id)
                .child(element("ping", namespace::PING))
                .build()
        };
        let answer = asking.ask(&room, ping).await;
        let out = answer.filter(|answer| answer.attr("type") == Some("error"));
        if out.is_some_and(|answer| Refusal::read(&answer).condition == "not-acceptable") {
            reach.shared.foreign.rise(&room, listener);
            if let Ok(Some(leg)) = leg(hub, &room).await {
                come_back(reach, hub, &leg).await;
            }
        }
        tokio::time::sleep(PACE).await;
    }
}

/// See [`dreiklang_engine::port::Adapter::refresh_room`]: ghosts of people who are gone leave. Whoever has not spoken was never there.
pub(crate) async fn refresh(reach: &Reach, hub: &Hub, room: &RoomLeg) {
    let Some(chat) = &room.chat else { return };
    let seated = reach.shared.foreign.seated(chat.as_str());
    let ghosts: Vec<String> = seated.into_iter().filter(|who| Some(who.as_str()) != reach.listener_jid()).collect();
    if ghosts.is_empty() {
        return;
    }
    let wanted = match hub.wanted(room.conversation, MOST).await {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return,
        Err(error) => return tracing::error!(%error, "who is wanted in a room cannot be read"),
    };
    let wanted: BTreeSet<&str> = wanted.members.iter().map(|member| member.ghost.written.as_str()).collect();
    for ghost in ghosts.iter().filter(|ghost| !wanted.contains(ghost.as_str())) {
        reach.leave(hub, chat.as_str(), ghost).await;
    }
}

/// Everybody of ours leaves a room, and what it sends is no longer heard.
pub(crate) async fn leave(reach: &Reach, hub: &Hub, room: &RoomLeg) {
    let Some(chat) = &room.chat else { return };
    let listener = reach.listener_jid();
    let (ours, last): (Vec<_>, Vec<_>) =
        reach.shared.foreign.seated(chat.as_str()).into_iter().partition(|who| Some(who.as_str()) != listener);
    for who in ours.iter().chain(&last) {
        reach.leave(hub, chat.as_str(), who).await;
    }
    reach.shared.foreign.rooms().remove(chat.as_str());
}

/// The components and what they share, for the tasks of an adapter.
impl Reach {
    pub(crate) fn new(
        components: Arc<BTreeMap<String, Arc<crate::component::Component>>>,
        shared: Arc<crate::component::Shared>,
    ) -> Self {
        Self { components, shared }
    }
}
