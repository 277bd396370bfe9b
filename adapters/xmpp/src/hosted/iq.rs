// SPDX-License-Identifier: EUPL-1.2
//! Every question to a room, or to somebody in it, is answered. Pure: what is known of the room comes in.

use dreiklang_model::{Language, words, words::Text};
use minidom::Element;

use super::{
    archive,
    disco::{self, About},
    messages::refused,
    occupants::{Behind, Room, bare},
};
use crate::{
    condition::Condition,
    envelope::{Envelope, Says},
    xml::{element, namespace},
};

/// What becomes of a question.
#[derive(Debug)]
pub(super) enum Answer {
    /// Nobody waits for one.
    None,
    /// This.
    Stanza(Element),
    /// What the ghost with this address answers.
    OfGhost(String),
}

/// What is asked about.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The room's JID.
    pub(super) jid: &'a str,
    /// Its state, if somebody is in it.
    pub(super) room: Option<&'a Room>,
    pub(super) about: About<'a>,
    pub(super) language: Language,
}

/// The answer to an `<iq/>`.
pub(super) fn answer(asked: &Asked<'_>, envelope: &Envelope<'_>, stanza: &Element) -> Answer {
    if matches!(envelope.kind_of, Some("result" | "error")) || envelope.id.is_none() {
        return Answer::None;
    }
    let mut payloads = stanza.children();
    let (set, payload) = match (envelope.kind_of, payloads.next(), payloads.next()) {
        (Some("get"), Some(payload), None) => (false, payload),
        (Some("set"), Some(payload), None) => (true, payload),
        _ => return asked.refuse(envelope, Condition::BadRequest, None),
    };
    match envelope.to.split_once('/') {
        None => asked.of_room(envelope, set, payload),
        Some((_, nick)) => asked.of_occupant(envelope, nick, set, payload),
    }
}

impl Asked<'_> {
    fn of_room(&self, envelope: &Envelope<'_>, set: bool, payload: &Element) -> Answer {
        let result = |payload: Option<Element>| Answer::Stanza(envelope.answer("result").children(payload).build());
        let nick = self.room.and_then(|room| room.nick_of(envelope.from));
        // Whoever is in the room with any device of his.
        let is_here = self.room.is_some_and(|room| !room.devices(&bare(envelope.from)).is_empty());
        match (set, payload.name(), payload.ns().as_str()) {
            (false, "query", namespace::DISCO_INFO) => match payload.attr("node") {
                None => result(Some(self.about.info())),
                Some(disco::OWN_NICK) => result(Some(disco::own_nick(nick.map(super::nick::Nick::as_str)))),
                Some(_) => self.refuse(envelope, Condition::ItemNotFound, None),
            },
            (false, "query", namespace::DISCO_ITEMS) => match payload.attr("node") {
                None => result(Some(element("query", namespace::DISCO_ITEMS).build())),
                Some(_) => self.refuse(envelope, Condition::ItemNotFound, None),
            },
            (false, "ping", namespace::PING) => result(None),
            (_, _, namespace::MAM) if !is_here => self.refuse(envelope, Condition::Forbidden, Some(&Text::RoomNotJoined)),
            (_, _, namespace::MAM) => match archive::answer(set, payload) {
                Some(payload) => result(Some(payload)),
                None => self.refuse(envelope, Condition::NotAllowed, None),
            },
            (_, "query", namespace::MUC_ADMIN) if !is_here => {
                self.refuse(envelope, Condition::Forbidden, Some(&Text::RoomNotJoined))
            }
            (false, "query", namespace::MUC_ADMIN) => match self.people(payload) {
                Some(list) => result(Some(list)),
                None => self.refuse(envelope, Condition::BadRequest, None),
            },
            (true, "query", namespace::MUC_ADMIN) => self.refuse(envelope, Condition::NotAllowed, Some(&Text::RoomElsewhere)),
            (_, _, namespace::MUC_OWNER | namespace::MODERATE) => {
                self.refuse(envelope, Condition::Forbidden, Some(&Text::RoomElsewhere))
            }
            (_, "vCard", namespace::VCARD) if set => self.refuse(envelope, Condition::Forbidden, Some(&Text::RoomElsewhere)),
            (_, "vCard", namespace::VCARD) => self.refuse(envelope, Condition::ItemNotFound, None),
            (_, _, namespace::REGISTER) => self.refuse(envelope, Condition::FeatureNotImplemented, None),
            _ => self.refuse(envelope, Condition::ServiceUnavailable, None),
        }
    }

    /// To somebody in the room; to oneself it is the question whether one is still in it (XEP-0410 §3).
    fn of_occupant(&self, envelope: &Envelope<'_>, nick: &str, set: bool, payload: &Element) -> Answer {
        let Some((room, own)) = self.room.and_then(|room| Some((room, room.nick_of(envelope.from)?))) else {
            return self.refuse(envelope, Condition::NotAcceptable, Some(&Text::RoomNotJoined));
        };
        match room.behind(nick) {
            None => self.refuse(envelope, Condition::ItemNotFound, None),
            Some(_) if !set && payload.is("ping", namespace::PING) && own.as_str() == nick => {
                Answer::Stanza(envelope.answer("result").build())
            }
            Some(Behind::Ghost(ghost)) => Answer::OfGhost(ghost),
            Some(Behind::Person(_)) => self.refuse(envelope, Condition::ServiceUnavailable, None),
        }
    }

    /// Who has an affiliation or a role (§9.5, §10.5); [`None`] for a question that names neither.
    fn people(&self, query: &Element) -> Option<Element> {
        let asked = query.children().find(|child| child.is("item", namespace::MUC_ADMIN))?;
        let (affiliation, role) = (asked.attr("affiliation"), asked.attr("role"));
        affiliation.or(role)?;
        let all = self.room.map(Room::powers).unwrap_or_default();
        let fits = |held: (&str, &str)| {
            affiliation.is_none_or(|affiliation| affiliation == held.0) && role.is_none_or(|role| role == held.1)
        };
        let items = all.into_iter().filter(|(_, _, held)| fits(*held)).map(|(jid, nick, held)| {
            let item = element("item", namespace::MUC_ADMIN).attr("affiliation", held.0).attr("role", held.1);
            item.attr("jid", &jid).attr("nick", &nick)
        });
        Some(element("query", namespace::MUC_ADMIN).children(items).build())
    }

    fn refuse(&self, envelope: &Envelope<'_>, condition: Condition, text: Option<&Text<'_>>) -> Answer {
        let text = text.map(|text| words::say(self.language, text));
        let says = text.as_deref().map(|text| Says { language: self.language.tag(), text });
        refused(self.jid, envelope, condition, says).map_or(Answer::None, Answer::Stanza)
    }
}
