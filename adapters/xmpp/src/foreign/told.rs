// SPDX-License-Identifier: EUPL-1.2
//! What a room of another server says of itself: its name, what it is about, who may come in, and what it can do (XEP-0045 §6.4). Pure.

use dreiklang_model::{DisplayName, Entry, RoomDetails, Topic};
use minidom::Element;

use crate::xml::{child, namespace};

/// What a room says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// It is a room at all.
    pub(super) is_room: bool,
    /// It has an archive (XEP-0313).
    pub(super) archive: bool,
    /// Its name and so on.
    pub(super) details: RoomDetails,
}

/// Reads the answer to a disco#info question.
pub(super) fn read(answer: &Element) -> Told {
    let Some(query) = child(answer, "query", namespace::DISCO_INFO) else { return Told::default() };
    let has =
        |feature: &str| query.children().any(|one| one.is("feature", namespace::DISCO_INFO) && one.attr("var") == Some(feature));
    let identity =
        query.children().find(|one| one.is("identity", namespace::DISCO_INFO) && one.attr("category") == Some("conference"));
    let field = |name: &str| {
        let fields = query.children().filter(|one| one.is("x", namespace::DATA_FORMS)).flat_map(Element::children);
        let field = fields.into_iter().find(|field| field.attr("var") == Some(name))?;
        child(field, "value", namespace::DATA_FORMS).map(Element::text).filter(|text| !text.trim().is_empty())
    };
    let name =
        field("muc#roomconfig_roomname").or_else(|| identity.and_then(|identity| identity.attr("name")).map(str::to_owned));
    let topic = field("muc#roominfo_subject").or_else(|| field("muc#roominfo_description")).unwrap_or_default();
    Told {
        is_room: identity.is_some() && has(namespace::MUC),
        archive: has(namespace::MAM),
        details: RoomDetails {
            name: name.map(|name| DisplayName::new(&name)).filter(|name| !name.is_empty()),
            topic: Topic::new(&topic),
            entry: if has("muc_membersonly") || has("muc_passwordprotected") { Entry::Invited } else { Entry::Open },
            listed: has("muc_public"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_room_says() {
        let answer = |content: &str| -> Element {
            format!(
                "<iq xmlns='jabber:component:accept' type='result'><query xmlns='http://jabber.org/protocol/disco#info'>{content}\
                 </query></iq>"
            )
            .parse()
            .unwrap()
        };
        let told = read(&answer(
            "<identity category='conference' type='text' name='Team'/><feature var='http://jabber.org/protocol/muc'/>\
             <feature var='urn:xmpp:mam:2'/><feature var='muc_membersonly'/><feature var='muc_public'/>\
             <x xmlns='jabber:x:data' type='result'><field var='muc#roominfo_description'><value>plans</value></field></x>",
        ));
        assert!(told.is_room && told.archive && told.details.listed);
        assert_eq!(told.details.name.as_ref().map(DisplayName::as_str), Some("Team"));
        assert_eq!((told.details.topic.as_str(), told.details.entry), ("plans", Entry::Invited));
        assert!(!read(&answer("<identity category='server' type='im'/>")).is_room);
        assert_eq!(read(&Element::bare("iq", "jabber:component:accept")), Told::default());
    }
}
