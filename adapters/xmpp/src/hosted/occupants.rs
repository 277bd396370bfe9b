// SPDX-License-Identifier: EUPL-1.2
//! Who is in a room that the gateway hosts, and what each of them is sent when that changes (XEP-0045 §7). Pure: from a state and what
//! happens to the next state and stanzas. People of XMPP are here with their devices, everybody else as a ghost.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use dreiklang_engine::{Attendance, Member, RoomLeg, port::Wanted};
use dreiklang_model::{DisplayName, PersonaId, RoomDetails, Standing};
use minidom::Element;

use super::{
    nick::Nick,
    presence::{self, Seen, status},
};
use crate::{address, service::ghost_caps, transport::Copies, xml::set_attr};

/// Most devices of one person in a room.
const MOST_DEVICES: usize = 20;
/// Most ghosts that are shown beyond those that were asked for, because they spoke.
const MOST_SPEAKERS: usize = 100;

/// Of how many things it is remembered who said them.
const MOST_SAID: usize = 500;

/// Makes occupant ids (XEP-0421): the same for the same person in the same room, and nobody learns one from another.
#[derive(Clone)]
pub(super) struct OccupantIds([u8; 32]);

impl OccupantIds {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    fn of(&self, room: &str, person: &str) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(room.as_bytes()).update(b"/").update(person.as_bytes());
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

/// Why somebody does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Somebody else of XMPP is called so.
    NickTaken,
    /// He is here with too many devices.
    TooMany,
}

/// Somebody of XMPP who is in the room.
#[derive(Debug)]
struct Person {
    nick: Nick,
    /// His devices, by full JID.
    devices: Vec<Arc<str>>,
    /// What the device that spoke of itself last says.
    shows: Vec<Element>,
}

/// Somebody of another network who is shown.
#[derive(Debug)]
struct Ghost {
    nick: Nick,
    member: Member,
    /// He is shown although he does not stand among those that were asked for: he spoke. In the order of these.
    spoke: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Holder {
    Person(String),
    Ghost(PersonaId),
}

/// What follows from somebody's leaving.
pub(super) struct Left {
    pub(super) copies: Vec<Copies>,
    /// It was his last device; who, by bare JID.
    pub(super) gone: Option<String>,
}

/// A room that the gateway hosts.
pub(super) struct Room {
    jid: String,
    details: RoomDetails,
    people: BTreeMap<String, Person>,
    ghosts: BTreeMap<PersonaId, Ghost>,
    nicks: HashMap<String, Holder>,
    ids: OccupantIds,
    spoken: u64,
    /// Who said what lately: the room's name for it, and the bare JID.
    said: VecDeque<(String, String)>,
    /// Something that people should have seen may not have reached them.
    pub(super) uncertain: bool,
}

impl Room {
    pub(super) fn new(jid: &str, leg: &RoomLeg, ids: OccupantIds) -> Self {
        Self {
            jid: jid.to_owned(),
            details: leg.details.clone(),
            people: BTreeMap::new(),
            ghosts: BTreeMap::new(),
            nicks: HashMap::new(),
            ids,
            spoken: 0,
            said: VecDeque::new(),
            uncertain: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// How a device that is in the room is called.
    pub(super) fn nick_of(&self, device: &str) -> Option<&Nick> {
        let person = self.people.get(&bare(device))?;
        person.devices.iter().any(|known| &**known == device).then_some(&person.nick)
    }

    /// The occupant id of somebody, by bare JID.
    pub(super) fn occupant_id(&self, person: &str) -> String {
        self.ids.of(&self.jid, person)
    }

    /// The JID behind a nickname: the ghost's, or the devices of one of XMPP.
    pub(super) fn behind(&self, nick: &str) -> Option<Behind> {
        match self.nicks.get(&nick.to_lowercase())? {
            Holder::Ghost(persona) => {
                self.ghosts.get(persona).map(|ghost| Behind::Ghost(ghost.member.ghost.written.as_str().to_owned()))
            }
            Holder::Person(person) => self.people.get(person).map(|person| Behind::Person(person.devices.clone())),
        }
    }

    /// Everybody's devices.
    pub(super) fn everybody(&self) -> Vec<Arc<str>> {
        self.people.values().flat_map(|person| person.devices.iter().cloned()).collect()
    }

    /// The devices of one person.
    pub(super) fn devices(&self, person: &str) -> Vec<Arc<str>> {
        self.people.get(person).map(|person| person.devices.clone()).unwrap_or_default()
    }

    /// Everybody who is shown: bare JID, nickname, affiliation and role.
    pub(super) fn powers(&self) -> Vec<(String, String, (&'static str, &'static str))> {
        let people = self.people.iter().map(|(jid, person)| (jid.clone(), &person.nick, Standing::Member));
        let ghosts = self
            .ghosts
            .values()
            .map(|ghost| (ghost.member.ghost.written.as_str().to_owned(), &ghost.nick, ghost.member.standing));
        let all = people.chain(ghosts);
        all.map(|(jid, nick, standing)| (jid, nick.as_str().to_owned(), presence::powers(standing))).collect()
    }

    /// Everybody of XMPP who is in it, as the other networks are told.
    pub(super) fn attendance(&self) -> Vec<Attendance> {
        let here = |(jid, person): (&String, &Person)| {
            let nick = Some(DisplayName::new(person.nick.as_str()));
            Some(Attendance { who: address::person(jid)?, nick, standing: Some(Standing::Member) })
        };
        self.people.iter().filter_map(here).collect()
    }

    /// How many of XMPP are in it.
    pub(super) fn people(&self) -> usize {
        self.people.len()
    }

    /// A device that was in the room before the gateway was started again.
    pub(super) fn restore(&mut self, device: &str, nick: Nick) {
        let person = bare(device);
        if !self.people.contains_key(&person) {
            self.nicks.insert(nick.key(), Holder::Person(person.clone()));
        }
        let known = self.people.entry(person).or_insert(Person { nick, devices: Vec::new(), shows: Vec::new() });
        known.devices.push(device.into());
    }

    /// Somebody's device comes in, or comes in again: he is shown to the others and they to him, then the subject. His own presence
    /// ends the list of the others (§7.2.2). With what name he is here is the answer.
    pub(super) fn join(&mut self, device: &str, asked: &Nick, shows: Vec<Element>) -> Result<(Nick, Vec<Copies>), Refused> {
        let person = bare(device);
        let nick = self.people.get(&person).map_or_else(|| asked.clone(), |known| known.nick.clone());
        let holder = self.nicks.get(&nick.key()).cloned();
        if matches!(&holder, Some(Holder::Person(other)) if *other != person) {
            return Err(Refused::NickTaken);
        }
        let here = self.people.get(&person);
        if here.is_some_and(|known| known.devices.len() >= MOST_DEVICES && !known.devices.iter().any(|one| &**one == device)) {
            return Err(Refused::TooMany);
        }
        let anew = here.is_none();
        let mut copies = match holder {
            Some(Holder::Ghost(ghost)) => self.step_aside(ghost, &nick),
            _ => Vec::new(),
        };
        self.nicks.insert(nick.key(), Holder::Person(person.clone()));
        let known =
            self.people.entry(person.clone()).or_insert(Person { nick: nick.clone(), devices: Vec::new(), shows: Vec::new() });
        known.shows = shows;
        let device: Arc<str> = device.into();
        known.devices.retain(|one| *one != device);
        let own = known.devices.clone();
        known.devices.push(Arc::clone(&device));
        let joiner = vec![Arc::clone(&device)];
        let neighbours = self.devices_but(&person);
        for ghost in self.ghosts.values() {
            copies.push(Copies { stanza: self.ghost_here(ghost), to: joiner.clone() });
        }
        for (jid, other) in self.people.iter().filter(|(jid, _)| **jid != person) {
            copies.push(Copies { stanza: self.person_here(jid, other, &[]), to: joiner.clone() });
        }
        let Some(known) = self.people.get(&person) else { return Ok((nick, copies)) };
        if !neighbours.is_empty() {
            copies.push(Copies { stanza: self.person_here(&person, known, &[]), to: neighbours });
        }
        if !anew && !own.is_empty() {
            copies.push(Copies { stanza: self.person_here(&person, known, &[status::SELF]), to: own });
        }
        let mut codes = vec![status::NON_ANONYMOUS, status::SELF];
        if nick != *asked {
            codes.push(status::NICK_GIVEN);
        }
        copies.push(Copies { stanza: self.person_here(&person, known, &codes), to: joiner.clone() });
        Ok((nick, copies))
    }

    /// What follows the presences of a joining: the subject, after the history.
    pub(super) fn subject(&self, to: &str) -> Copies {
        Copies { stanza: presence::subject(&self.jid, &self.details.topic), to: vec![to.into()] }
    }

    /// A device leaves, or is lost.
    pub(super) fn leave(&mut self, device: &str, says: Option<&str>, lost: bool) -> Option<Left> {
        let person = bare(device);
        let known = self.people.get_mut(&person)?;
        let at = known.devices.iter().position(|one| &**one == device)?;
        let device = known.devices.remove(at);
        let code = lost.then_some(status::LOST);
        let own: Vec<u16> = std::iter::once(status::SELF).chain(code).collect();
        let last = known.devices.is_empty();
        let nick = known.nick.clone();
        let id = self.occupant_id(&person);
        let seen = Seen { room: &self.jid, nick: &nick, jid: &device, standing: Standing::Member, occupant: &id };
        let mut copies = Vec::new();
        // Whoever is lost is not there to hear it, but a server may be.
        copies.push(Copies { stanza: seen.gone(says, &own), to: vec![Arc::clone(&device)] });
        if last {
            let codes: Vec<u16> = code.into_iter().collect();
            let stanza = seen.gone(says, &codes);
            self.people.remove(&person);
            self.nicks.remove(&nick.key());
            let neighbours = self.everybody();
            if !neighbours.is_empty() {
                copies.push(Copies { stanza, to: neighbours });
            }
        }
        Some(Left { copies, gone: last.then_some(person) })
    }

    /// A device says otherwise how it is there.
    pub(super) fn present(&mut self, device: &str, shows: Vec<Element>) -> Vec<Copies> {
        let person = bare(device);
        let Some(known) = self.people.get_mut(&person) else { return Vec::new() };
        known.shows = shows;
        let known = &self.people[&person];
        self.both(&person, known, |codes| self.person_here(&person, known, codes))
    }

    /// Somebody wants to be called otherwise (§7.6).
    pub(super) fn rename(&mut self, device: &str, asked: &Nick) -> Result<Vec<Copies>, Refused> {
        let person = bare(device);
        let holder = self.nicks.get(&asked.key()).cloned();
        if matches!(&holder, Some(Holder::Person(other)) if *other != person) {
            return Err(Refused::NickTaken);
        }
        let mut copies = match holder {
            Some(Holder::Ghost(ghost)) => self.step_aside(ghost, asked),
            _ => Vec::new(),
        };
        let Some(known) = self.people.get_mut(&person) else { return Ok(copies) };
        let old = std::mem::replace(&mut known.nick, asked.clone());
        self.nicks.remove(&old.key());
        self.nicks.insert(asked.key(), Holder::Person(person.clone()));
        let known = &self.people[&person];
        let id = self.occupant_id(&person);
        let seen = Seen { room: &self.jid, nick: &old, jid: main_device(known), standing: Standing::Member, occupant: &id };
        copies.extend(self.both(&person, known, |codes| seen.renamed(asked, codes)));
        copies.extend(self.both(&person, known, |codes| self.person_here(&person, known, codes)));
        Ok(copies)
    }

    /// Brings the room to what is wanted, and tells everybody what differs.
    pub(super) fn show(&mut self, wanted: Wanted) -> Vec<Copies> {
        let Wanted { room, members, total } = wanted;
        let everybody = self.everybody();
        let mut stanzas = Vec::new();
        let mut kept: BTreeMap<PersonaId, Member> = members.into_iter().map(|member| (member.persona, member)).collect();
        // Who spoke and is not among those shown may still be in a room with more people than are shown.
        let all = total <= kept.len();
        let gone: Vec<PersonaId> = self
            .ghosts
            .iter()
            .filter(|(persona, ghost)| !kept.contains_key(persona) && (all || ghost.spoke.is_none()))
            .map(|(persona, _)| *persona)
            .collect();
        for persona in gone {
            stanzas.extend(self.dismiss(persona));
        }
        let known: Vec<PersonaId> = self.ghosts.keys().copied().filter(|persona| kept.contains_key(persona)).collect();
        for persona in known {
            if let Some(member) = kept.remove(&persona) {
                stanzas.extend(self.changed(persona, member));
            }
        }
        for member in kept.into_values() {
            stanzas.push(self.introduce(member, None));
        }
        let before = std::mem::replace(&mut self.details, room.details);
        if (before.name.as_ref(), before.entry, before.listed)
            != (self.details.name.as_ref(), self.details.entry, self.details.listed)
        {
            stanzas.push(presence::configured(&self.jid));
        }
        if before.topic != self.details.topic {
            stanzas.push(presence::subject(&self.jid, &self.details.topic));
        }
        if everybody.is_empty() {
            return Vec::new();
        }
        stanzas.into_iter().map(|stanza| Copies { stanza, to: everybody.clone() }).collect()
    }

    /// As whom a ghost speaks; he is shown first, if he was not.
    pub(super) fn speaker(&mut self, member: &Member) -> (Nick, Vec<Copies>) {
        if let Some(known) = self.ghosts.get(&member.persona) {
            return (known.nick.clone(), Vec::new());
        }
        self.spoken += 1;
        let mut stanzas = vec![self.introduce(member.clone(), Some(self.spoken))];
        let speakers = self.ghosts.values().filter(|ghost| ghost.spoke.is_some()).count();
        if speakers > MOST_SPEAKERS {
            let oldest = self.ghosts.iter().filter(|(_, ghost)| ghost.spoke.is_some()).min_by_key(|(_, ghost)| ghost.spoke);
            if let Some(oldest) = oldest.map(|(persona, _)| *persona) {
                stanzas.extend(self.dismiss(oldest));
            }
        }
        let nick = self.ghosts.get(&member.persona).map_or_else(|| wish(member), |ghost| ghost.nick.clone());
        let everybody = self.everybody();
        (nick, stanzas.into_iter().map(|stanza| Copies { stanza, to: everybody.clone() }).collect())
    }

    /// Somebody, by bare JID, said something that the room calls so.
    pub(super) fn remember(&mut self, id: &str, who: &str) {
        if self.said.len() >= MOST_SAID {
            self.said.pop_front();
        }
        self.said.push_back((id.to_owned(), who.to_owned()));
    }

    /// Who said something, by bare JID, where that is still known.
    pub(super) fn author_of(&self, id: &str) -> Option<&str> {
        self.said.iter().rev().find(|(name, _)| name == id).map(|(_, who)| who.as_str())
    }

    /// The gateway ends: everybody hears it and nobody is here any more (§13.1).
    pub(super) fn close(&mut self) -> Vec<Copies> {
        self.send_out(|seen| seen.gone(None, &[status::SELF, status::SHUTDOWN]))
    }

    /// The room is hosted no more (§10.9).
    pub(super) fn destroy(&mut self) -> Vec<Copies> {
        self.send_out(presence::destroyed)
    }

    fn send_out(&mut self, told: impl Fn(&Seen<'_>) -> Element) -> Vec<Copies> {
        let people = std::mem::take(&mut self.people);
        self.nicks.retain(|_, holder| matches!(holder, Holder::Ghost(_)));
        let mut copies = Vec::new();
        for (jid, person) in &people {
            let id = self.ids.of(&self.jid, jid);
            for device in &person.devices {
                let seen = Seen { room: &self.jid, nick: &person.nick, jid: device, standing: Standing::Member, occupant: &id };
                copies.push(Copies { stanza: told(&seen), to: vec![Arc::clone(device)] });
            }
        }
        copies
    }

    /// Everything that everybody should see, once more: what was told may be lost.
    pub(super) fn again(&self) -> Vec<Copies> {
        let everybody = self.everybody();
        let ghosts = self.ghosts.values().map(|ghost| Copies { stanza: self.ghost_here(ghost), to: everybody.clone() });
        let people =
            self.people.iter().flat_map(|(jid, person)| self.both(jid, person, |codes| self.person_here(jid, person, codes)));
        ghosts.chain(people).filter(|copies| !copies.to.is_empty()).collect()
    }

    fn devices_but(&self, person: &str) -> Vec<Arc<str>> {
        let others = self.people.iter().filter(|(jid, _)| *jid != person);
        others.flat_map(|(_, other)| other.devices.iter().cloned()).collect()
    }

    /// Something that somebody's own devices are told with the mark that it is he.
    fn both(&self, jid: &str, person: &Person, stanza: impl Fn(&[u16]) -> Element) -> Vec<Copies> {
        let others = Copies { stanza: stanza(&[]), to: self.devices_but(jid) };
        let own = Copies { stanza: stanza(&[status::SELF]), to: person.devices.clone() };
        [others, own].into_iter().filter(|copies| !copies.to.is_empty()).collect()
    }

    fn person_here(&self, jid: &str, person: &Person, codes: &[u16]) -> Element {
        let id = self.occupant_id(jid);
        let device = main_device(person);
        let seen = Seen { room: &self.jid, nick: &person.nick, jid: device, standing: Standing::Member, occupant: &id };
        seen.here(&person.shows, codes)
    }

    fn ghost_here(&self, ghost: &Ghost) -> Element {
        let picture = ghost.member.ghost.picture.as_ref().map(dreiklang_model::PictureHash::as_str);
        let shows = presence::of_ghost(&ghost.member.ghost.name, &ghost.nick, picture, ghost_caps());
        self.as_ghost(ghost, |seen| seen.here(&shows, &[]))
    }

    fn as_ghost(&self, ghost: &Ghost, stanza: impl FnOnce(&Seen<'_>) -> Element) -> Element {
        let jid = ghost.member.ghost.written.as_str();
        let (full, id) = (address::full(jid), self.occupant_id(jid));
        let standing = ghost.member.standing;
        stanza(&Seen { room: &self.jid, nick: &ghost.nick, jid: &full, standing, occupant: &id })
    }

    /// A ghost gives his nickname to somebody of XMPP, who never loses his to a ghost.
    fn step_aside(&mut self, persona: PersonaId, for_whom: &Nick) -> Vec<Copies> {
        self.nicks.remove(&for_whom.key());
        let Some(mut ghost) = self.ghosts.remove(&persona) else { return Vec::new() };
        let everybody = self.everybody();
        let new = self.marked(&ghost.member, for_whom);
        let renamed = self.as_ghost(&ghost, |seen| seen.renamed(&new, &[]));
        self.nicks.insert(new.key(), Holder::Ghost(persona));
        ghost.nick = new;
        let here = self.ghost_here(&ghost);
        self.ghosts.insert(persona, ghost);
        if everybody.is_empty() {
            return Vec::new();
        }
        [renamed, here].into_iter().map(|stanza| Copies { stanza, to: everybody.clone() }).collect()
    }

    /// A ghost is or looks otherwise than before.
    fn changed(&mut self, persona: PersonaId, member: Member) -> Vec<Element> {
        let Some(mut ghost) = self.ghosts.remove(&persona) else { return Vec::new() };
        let before = std::mem::replace(&mut ghost.member, member);
        ghost.spoke = None;
        let now = &ghost.member;
        let mut stanzas = Vec::new();
        if before.nick != now.nick {
            self.nicks.remove(&ghost.nick.key());
            let new = self.free(now);
            if new != ghost.nick {
                stanzas.push(self.as_ghost(&ghost, |seen| seen.renamed(&new, &[])));
            }
            self.nicks.insert(new.key(), Holder::Ghost(persona));
            ghost.nick = new;
        }
        let (old, new) = (&before.ghost, &ghost.member.ghost);
        let looks = |ghost: &dreiklang_engine::Ghost| (ghost.name.clone(), ghost.picture.clone());
        if !stanzas.is_empty() || before.standing != ghost.member.standing || looks(old) != looks(new) {
            stanzas.push(self.ghost_here(&ghost));
        }
        self.ghosts.insert(persona, ghost);
        stanzas
    }

    fn introduce(&mut self, member: Member, spoke: Option<u64>) -> Element {
        let nick = self.free(&member);
        let persona = member.persona;
        self.nicks.insert(nick.key(), Holder::Ghost(persona));
        let ghost = Ghost { nick, member, spoke };
        let here = self.ghost_here(&ghost);
        self.ghosts.insert(persona, ghost);
        here
    }

    fn dismiss(&mut self, persona: PersonaId) -> Option<Element> {
        let ghost = self.ghosts.remove(&persona)?;
        self.nicks.remove(&ghost.nick.key());
        Some(self.as_ghost(&ghost, |seen| seen.gone(None, &[])))
    }

    /// A nickname for a ghost that nobody has.
    fn free(&self, member: &Member) -> Nick {
        let wish = wish(member);
        if self.nicks.contains_key(&wish.key()) { self.marked(member, &wish) } else { wish }
    }

    fn marked(&self, member: &Member, nick: &Nick) -> Nick {
        let network = member.ghost.address.network().as_str();
        let candidates = (0..).map(|number| nick.marked(network, number));
        let free = candidates.into_iter().find(|candidate| !self.nicks.contains_key(&candidate.key()));
        free.unwrap_or_else(|| nick.clone())
    }
}

/// Who is behind a nickname.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Behind {
    /// A ghost, by his address.
    Ghost(String),
    /// Somebody of XMPP, by his devices.
    Person(Vec<Arc<str>>),
}

/// Gives a stanza its author.
pub(super) fn from_occupant(stanza: &mut Element, room: &str, nick: &Nick) {
    set_attr(stanza, "from", &format!("{room}/{}", nick.as_str()));
}

fn wish(member: &Member) -> Nick {
    Nick::of(member.nick.as_str(), member.ghost.written.as_str())
}

/// By what a person is known: the bare JID in canonical form, else as it was written.
pub(super) fn bare(device: &str) -> String {
    address::person(device).map_or_else(|| address::bare(device).to_owned(), |person| person.as_str().to_owned())
}

/// The device that came last stands for the person.
fn main_device(person: &Person) -> &str {
    person.devices.last().map_or("", |device| device)
}
