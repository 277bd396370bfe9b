// SPDX-License-Identifier: EUPL-1.2
//! Who sits in which room of another server: ours and theirs, and what is waited for. In memory: after a start everything is asked for anew.
//! No I/O.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use dreiklang_engine::{Attendance, port::DeliveryError};
use dreiklang_model::{Address, ChatId, DisplayName, NativeId, Standing};
use minidom::Element;
use tokio::sync::oneshot;

use super::presence::{Change, Going, Seen, identity};
use crate::condition::Refusal;

/// How many of the last names of messages are remembered in a room.
const NAMES: usize = 1000;
/// Most messages that are kept back while what was missed is asked for.
const HELD: usize = 2000;

/// All rooms of other servers.
#[derive(Default)]
pub(crate) struct Foreign(Mutex<HashMap<String, Room>>);

/// One room.
pub(super) struct Room {
    pub(super) chat: ChatId,
    /// Those of ours, by bare JID.
    seats: HashMap<String, Seat>,
    /// Nicks of ours from before a restart, which may still sit there.
    former: HashSet<String>,
    /// Everybody else, by nick.
    people: HashMap<String, Person>,
    /// Who waits to hear that a message was given to everybody.
    waiting: HashMap<String, oneshot::Sender<Result<NativeId, DeliveryError>>>,
    /// Names that the room gave to messages of ours and of others: (nick, id) to stanza-id.
    names: VecDeque<((String, String), NativeId)>,
    /// What is kept back while what was missed is asked for; [`None`]: it is heard at once.
    pub(super) held: Option<Vec<Element>>,
    /// What came out of the archive and was not handed in yet, each with its name there.
    pub(super) archived: Vec<(String, Element)>,
    /// We were sent out for good.
    pub(super) closed: bool,
}

enum Seat {
    Joining { nick: String, waits: Vec<oneshot::Sender<Result<(), Refusal>>> },
    Taken { nick: String },
}

struct Person {
    real: Option<Address>,
    standing: Standing,
}

/// What followed from a presence.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing that anybody else must know.
    None,
    /// Somebody came, went, or stands otherwise.
    Attendance(Vec<Attendance>),
    /// Somebody of ours is out; whether it was the listener is seen by his JID.
    Out(String, Going),
}

impl Foreign {
    pub(super) fn rooms(&self) -> MutexGuard<'_, HashMap<String, Room>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is it a room that we know?
    pub(crate) fn knows(&self, room: &str) -> bool {
        self.rooms().contains_key(room)
    }

    /// From now on this is a room in which we take part.
    pub(super) fn open(&self, room: &str, chat: &ChatId) {
        self.rooms().entry(room.to_owned()).or_insert_with(|| Room::new(chat.clone()));
    }

    /// Somebody of ours is about to sit down under that nick; answers whether he must ask, and where he hears the outcome. [`None`]: he
    /// sits there already.
    pub(super) fn sit(&self, room: &str, who: &str, nick: &str) -> Option<(bool, oneshot::Receiver<Result<(), Refusal>>)> {
        let mut rooms = self.rooms();
        let room = rooms.get_mut(room)?;
        let (answer, wait) = oneshot::channel();
        match room.seats.get_mut(who) {
            Some(Seat::Taken { .. }) => None,
            Some(Seat::Joining { waits, .. }) => {
                waits.push(answer);
                Some((false, wait))
            }
            None => {
                room.seats.insert(who.to_owned(), Seat::Joining { nick: nick.to_owned(), waits: vec![answer] });
                Some((true, wait))
            }
        }
    }

    /// The nick under which somebody of ours sits.
    pub(super) fn nick_of(&self, room: &str, who: &str) -> Option<String> {
        match self.rooms().get(room)?.seats.get(who)? {
            Seat::Taken { nick } => Some(nick.clone()),
            Seat::Joining { .. } => None,
        }
    }

    /// Those of ours who sit in a room.
    pub(super) fn seated(&self, room: &str) -> Vec<String> {
        self.rooms().get(room).map(|room| room.seats.keys().cloned().collect()).unwrap_or_default()
    }

    /// Somebody of ours does not sit there any more, or never did; whoever waits for it waits no longer.
    pub(super) fn rise(&self, room: &str, who: &str) {
        if let Some(room) = self.rooms().get_mut(room) {
            room.seats.remove(who);
        }
    }

    /// Nobody of ours sits anywhere: the component is connected anew.
    pub(super) fn all_rise(&self, component: &str) {
        for room in self.rooms().values_mut() {
            room.seats.retain(|who, _| crate::address::domain(who) != component);
        }
    }

    /// A presence of the room to somebody of ours. Only what is sent to the listener tells of others.
    pub(super) fn see(&self, room_name: &str, to: &str, listener: bool, seen: Seen) -> Effect {
        let mut rooms = self.rooms();
        let Some(room) = rooms.get_mut(room_name) else { return Effect::None };
        let ours = |room: &Room, nick: &str| {
            room.seats.values().any(|seat| match seat {
                Seat::Taken { nick: its } | Seat::Joining { nick: its, .. } => its == nick,
            }) || room.former.contains(nick)
        };
        let own = seen.own;
        match seen.what {
            Change::Refused(refusal) => {
                if let Some(Seat::Joining { waits, .. }) = room.seats.get_mut(to) {
                    let waits = std::mem::take(waits);
                    room.seats.remove(to);
                    for wait in waits {
                        // Whoever no longer waits needs no answer.
                        let _ = wait.send(Err(refusal.clone()));
                    }
                    return Effect::None;
                }
                // A room that cannot be reached has thrown us out.
                if room.seats.remove(to).is_some() { Effect::Out(to.to_owned(), Going::Shutdown) } else { Effect::None }
            }
            Change::Here { .. } if own => {
                let waits = match room.seats.insert(to.to_owned(), Seat::Taken { nick: seen.nick }) {
                    Some(Seat::Joining { waits, .. }) => waits,
                    _ => Vec::new(),
                };
                for wait in waits {
                    let _ = wait.send(Ok(()));
                }
                Effect::None
            }
            Change::Gone(going) if own => {
                room.seats.remove(to);
                Effect::Out(to.to_owned(), going)
            }
            Change::Renamed(nick) if own => {
                room.seats.insert(to.to_owned(), Seat::Taken { nick });
                Effect::None
            }
            Change::Gone(_) | Change::Renamed(_) if listener && room.former.remove(&seen.nick) => Effect::None,
            _ if !listener || ours(room, &seen.nick) => Effect::None,
            Change::Here { real, standing } => {
                let who = identity(room_name, &seen.nick, real.as_ref());
                room.people.insert(seen.nick.clone(), Person { real, standing });
                Effect::Attendance(attendance(who, &seen.nick, Some(standing)))
            }
            Change::Gone(_) => {
                let person = room.people.remove(&seen.nick);
                let real = person.and_then(|person| person.real);
                // Somebody may sit there under two nicks.
                if real.is_some() && room.people.values().any(|other| other.real == real) {
                    return Effect::None;
                }
                Effect::Attendance(attendance(identity(room_name, &seen.nick, real.as_ref()), &seen.nick, None))
            }
            Change::Renamed(nick) => {
                let Some(person) = room.people.remove(&seen.nick) else { return Effect::None };
                let old = identity(room_name, &seen.nick, person.real.as_ref());
                let new = identity(room_name, &nick, person.real.as_ref());
                let mut changes = if old == new { Vec::new() } else { attendance(old, &seen.nick, None) };
                changes.extend(attendance(new, &nick, Some(person.standing)));
                room.people.insert(nick, person);
                Effect::Attendance(changes)
            }
        }
    }

    /// Everybody who is in a room and not ours.
    pub(super) fn people(&self, room_name: &str) -> Vec<Attendance> {
        let rooms = self.rooms();
        let Some(room) = rooms.get(room_name) else { return Vec::new() };
        let mut all: Vec<Attendance> = Vec::with_capacity(room.people.len());
        for (nick, person) in &room.people {
            for one in attendance(identity(room_name, nick, person.real.as_ref()), nick, Some(person.standing)) {
                match all.iter_mut().find(|other| other.who == one.who) {
                    Some(other) => other.standing = other.standing.max(one.standing),
                    None => all.push(one),
                }
            }
        }
        all
    }

    /// Were we sent out of it for good?
    pub(super) fn is_closed(&self, room: &str) -> bool {
        self.rooms().get(room).is_some_and(|room| room.closed)
    }

    /// These nicks were ours before a restart: whoever still bears one is nobody's guest.
    pub(super) fn remember(&self, room: &str, nicks: impl IntoIterator<Item = String>) {
        if let Some(room) = self.rooms().get_mut(room) {
            room.former.extend(nicks);
        }
    }

    /// Nobody is known to be in a room: it is entered anew.
    pub(super) fn forget_people(&self, room: &str) {
        if let Some(room) = self.rooms().get_mut(room) {
            room.people.clear();
        }
    }

    /// Who sits under a nick.
    pub(super) fn who(&self, room_name: &str, nick: &str) -> Option<Address> {
        let rooms = self.rooms();
        let person = rooms.get(room_name)?.people.get(nick);
        identity(room_name, nick, person.and_then(|person| person.real.as_ref()))
    }

    /// The nick of somebody who is not ours.
    pub(super) fn nick_of_person(&self, room_name: &str, who: &Address) -> Option<String> {
        let rooms = self.rooms();
        let people = &rooms.get(room_name)?.people;
        people
            .iter()
            .find(|(nick, person)| identity(room_name, nick, person.real.as_ref()).as_ref() == Some(who))
            .map(|(nick, _)| nick.clone())
    }

    /// Somebody waits until the room has given a message of ours to everybody.
    pub(super) fn wait(&self, room: &str, id: &str) -> Option<oneshot::Receiver<Result<NativeId, DeliveryError>>> {
        let (answer, wait) = oneshot::channel();
        self.rooms().get_mut(room)?.waiting.insert(id.to_owned(), answer);
        Some(wait)
    }

    /// A message of ours met its end in a room.
    pub(super) fn settled(&self, room: &str, id: &str, outcome: Result<NativeId, DeliveryError>) -> bool {
        let waiting = self.rooms().get_mut(room).and_then(|room| room.waiting.remove(id));
        waiting.is_some_and(|waiting| waiting.send(outcome).is_ok())
    }

    /// A message got a name in a room.
    pub(super) fn named(&self, room: &str, nick: &str, id: &str, name: &NativeId) {
        if let Some(room) = self.rooms().get_mut(room) {
            if room.names.len() >= NAMES {
                room.names.pop_front();
            }
            room.names.push_back(((nick.to_owned(), id.to_owned()), name.clone()));
        }
    }

    /// The name that the room gave to a message that its author calls so.
    pub(super) fn name_of(&self, room: &str, nick: &str, id: &str) -> Option<NativeId> {
        let rooms = self.rooms();
        let names = &rooms.get(room)?.names;
        names.iter().rev().find(|((by, its), _)| by == nick && its == id).map(|(_, name)| name.clone())
    }

    /// The name that the room gave to a message of ours.
    pub(super) fn own_name(&self, room: &str, id: &str) -> Option<NativeId> {
        let rooms = self.rooms();
        rooms.get(room)?.names.iter().rev().find(|((_, its), _)| its == id).map(|(_, name)| name.clone())
    }

    /// Keeps a message back if what was missed is still asked for.
    pub(super) fn hold(&self, room: &str, stanza: &Element) -> bool {
        let mut rooms = self.rooms();
        let Some(held) = rooms.get_mut(room).and_then(|room| room.held.as_mut()) else { return false };
        // The archive has what does not fit here; it is asked again then.
        if held.len() < HELD {
            held.push(stanza.clone());
        }
        true
    }
}

impl Room {
    fn new(chat: ChatId) -> Self {
        Self {
            chat,
            seats: HashMap::new(),
            former: HashSet::new(),
            people: HashMap::new(),
            waiting: HashMap::new(),
            names: VecDeque::new(),
            held: Some(Vec::new()),
            archived: Vec::new(),
            closed: false,
        }
    }
}

fn attendance(who: Option<Address>, nick: &str, standing: Option<Standing>) -> Vec<Attendance> {
    who.into_iter().map(|who| Attendance { who, nick: Some(DisplayName::new(nick)), standing }).collect()
}

#[cfg(test)]
mod tests {
    use dreiklang_model::Network;

    use super::*;

    const ROOM: &str = "team@muc.x";
    const LISTENER: &str = "matrix.gw";
    const GHOST: &str = "alice%hs@matrix.gw";

    fn here(nick: &str, own: bool, real: Option<&str>) -> Seen {
        let real = real.map(|jid| Address::new(Network::XMPP, jid).unwrap());
        Seen { nick: nick.into(), own, what: Change::Here { real, standing: Standing::Member } }
    }

    fn gone(nick: &str, own: bool) -> Seen {
        Seen { nick: nick.into(), own, what: Change::Gone(Going::Left) }
    }

    fn room() -> Foreign {
        let foreign = Foreign::default();
        foreign.open(ROOM, &ChatId::new(ROOM).unwrap());
        foreign
    }

    fn names(effect: Effect) -> Vec<(String, bool)> {
        match effect {
            Effect::Attendance(all) => all.into_iter().map(|one| (one.who.as_str().to_owned(), one.standing.is_some())).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn whoever_asked_for_a_seat_hears_of_it() {
        let foreign = room();
        let (ask, mut wait) = foreign.sit(ROOM, LISTENER, "Gateway").unwrap();
        assert!(ask && !foreign.sit(ROOM, LISTENER, "Gateway").unwrap().0, "asked for once");
        assert_eq!(foreign.see(ROOM, LISTENER, true, here("Gateway", true, None)), Effect::None);
        assert!(wait.try_recv().unwrap().is_ok());
        assert!(foreign.sit(ROOM, LISTENER, "Gateway").is_none());
        assert_eq!(foreign.nick_of(ROOM, LISTENER).as_deref(), Some("Gateway"));
        let (_, mut wait) = foreign.sit(ROOM, GHOST, "Alice").unwrap();
        let refusal = Refusal { reason: dreiklang_model::Reason::Rejected, temporary: false, condition: "conflict" };
        foreign.see(ROOM, GHOST, false, Seen { nick: "Alice".into(), own: true, what: Change::Refused(refusal) });
        assert!(wait.try_recv().unwrap().is_err());
        assert!(foreign.sit(ROOM, GHOST, "Alice 2").unwrap().0);
    }

    #[test]
    fn only_the_listener_tells_of_others_and_nobody_tells_of_ours() {
        let foreign = room();
        assert!(names(foreign.see(ROOM, GHOST, false, here("Bob", false, None))).is_empty());
        assert_eq!(names(foreign.see(ROOM, LISTENER, true, here("Bob", false, None))), [("team@muc.x/Bob".to_owned(), true)]);
        foreign.sit(ROOM, GHOST, "Alice").unwrap();
        assert!(names(foreign.see(ROOM, LISTENER, true, here("Alice", false, None))).is_empty());
        let carl = foreign.see(ROOM, LISTENER, true, here("Carl", false, Some("carl@x")));
        assert_eq!(names(carl), [("carl@x".to_owned(), true)]);
        assert_eq!(names(foreign.see(ROOM, LISTENER, true, gone("Bob", false))), [("team@muc.x/Bob".to_owned(), false)]);
        assert_eq!(foreign.people(ROOM).len(), 1);
    }

    #[test]
    fn somebody_under_two_nicks_is_one_and_goes_with_the_last() {
        let foreign = room();
        foreign.see(ROOM, LISTENER, true, here("Carl", false, Some("carl@x")));
        foreign.see(ROOM, LISTENER, true, here("Carl at work", false, Some("carl@x")));
        assert_eq!(foreign.people(ROOM).len(), 1);
        assert_eq!(foreign.see(ROOM, LISTENER, true, gone("Carl", false)), Effect::None);
        assert_eq!(names(foreign.see(ROOM, LISTENER, true, gone("Carl at work", false))), [("carl@x".to_owned(), false)]);
    }

    #[test]
    fn whoever_of_ours_still_sits_there_after_a_restart_is_no_guest() {
        let foreign = room();
        foreign.remember(ROOM, ["Alice".to_owned()]);
        assert_eq!(foreign.see(ROOM, LISTENER, true, here("Alice", false, None)), Effect::None);
        assert!(foreign.people(ROOM).is_empty());
        // Once he is gone, another one may be called so.
        assert_eq!(foreign.see(ROOM, LISTENER, true, gone("Alice", false)), Effect::None);
        assert_eq!(names(foreign.see(ROOM, LISTENER, true, here("Alice", false, None))), [("team@muc.x/Alice".to_owned(), true)]);
    }

    #[test]
    fn another_nick_is_another_person_only_where_nobody_is_known() {
        let foreign = room();
        foreign.see(ROOM, LISTENER, true, here("Bob", false, None));
        foreign.see(ROOM, LISTENER, true, here("Carl", false, Some("carl@x")));
        let renamed = |nick: &str, to: &str| Seen { nick: nick.into(), own: false, what: Change::Renamed(to.into()) };
        let bob = names(foreign.see(ROOM, LISTENER, true, renamed("Bob", "Rob")));
        assert_eq!(bob, [("team@muc.x/Bob".to_owned(), false), ("team@muc.x/Rob".to_owned(), true)]);
        let carl = names(foreign.see(ROOM, LISTENER, true, renamed("Carl", "Charles")));
        assert_eq!(carl, [("carl@x".to_owned(), true)]);
    }

    #[test]
    fn the_name_of_a_message_is_found_by_its_author_and_id() {
        let foreign = room();
        let name = |text: &str| NativeId::new(text).unwrap();
        foreign.named(ROOM, "Bob", "1", &name("a"));
        foreign.named(ROOM, "Carl", "1", &name("b"));
        assert_eq!(foreign.name_of(ROOM, "Bob", "1"), Some(name("a")));
        assert_eq!(foreign.name_of(ROOM, "Dave", "1"), None);
        for number in 0..NAMES {
            foreign.named(ROOM, "Eve", &number.to_string(), &name("x"));
        }
        assert_eq!(foreign.name_of(ROOM, "Bob", "1"), None, "bounded");
    }

    #[test]
    fn messages_are_kept_back_until_what_was_missed_is_there() {
        let foreign = room();
        let stanza = Element::bare("message", "jabber:component:accept");
        assert!(foreign.hold(ROOM, &stanza));
        foreign.rooms().get_mut(ROOM).unwrap().held = None;
        assert!(!foreign.hold(ROOM, &stanza));
    }
}
