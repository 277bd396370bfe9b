// SPDX-License-Identifier: EUPL-1.2
//! What a room is and can do (XEP-0045 §6.4): what clients test before they join it, show it as a group, or offer anything in it.

use dreiklang_engine::RoomLeg;
use dreiklang_model::{Entry, RoomDetails};
use minidom::Element;

use crate::xml::{Builder, element, namespace};

/// What every room can do; only what works is said.
const FEATURES: [&str; 19] = [
    namespace::MUC,
    "http://jabber.org/protocol/muc#stable_id",
    "http://jabber.org/protocol/muc#self-ping-optimization",
    "muc_nonanonymous",
    "muc_persistent",
    "muc_unmoderated",
    "muc_unsecured",
    namespace::CHAT_STATES,
    namespace::CORRECT,
    namespace::DISCO_INFO,
    namespace::DISCO_ITEMS,
    namespace::MAM,
    namespace::MAM_EXTENDED,
    namespace::OCCUPANT_ID,
    namespace::PING,
    namespace::REACTIONS,
    namespace::REPLY,
    namespace::RETRACT_1,
    namespace::SID,
];

/// A room as those see it who ask.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    /// How it is addressed at home: what it is called when it has no name.
    pub(super) address: &'a str,
    pub(super) details: &'a RoomDetails,
    /// How many are in it, whether they are shown or not.
    pub(super) occupants: usize,
}

impl About<'_> {
    fn name(&self) -> &str {
        self.details.name.as_ref().map_or(self.address, |name| name.as_str())
    }

    /// The answer to disco#info.
    pub(super) fn info(&self) -> Element {
        let identity = identity(self.name());
        let entry = match self.details.entry {
            Entry::Open => "muc_open",
            Entry::Invited => "muc_membersonly",
        };
        let listed = if self.details.listed { "muc_public" } else { "muc_hidden" };
        let features = FEATURES.into_iter().chain([entry, listed]);
        let features = features.map(|feature| element("feature", namespace::DISCO_INFO).attr("var", feature));
        let topic = self.details.topic.as_str();
        let fields = [
            ("muc#roominfo_description", topic),
            ("muc#roominfo_subject", topic),
            ("muc#roominfo_occupants", &self.occupants.to_string()),
            ("muc#roomconfig_roomname", self.name()),
            ("muc#roomconfig_changesubject", "0"),
            // Whoever wants to write to one person has his address.
            ("muc#roomconfig_allowpm", "none"),
            ("muc#roomconfig_allowinvites", "1"),
        ];
        let form = form("http://jabber.org/protocol/muc#roominfo", fields.into_iter());
        element("query", namespace::DISCO_INFO).child(identity).children(features).child(form).build()
    }
}

fn identity(name: &str) -> Builder {
    let identity = element("identity", namespace::DISCO_INFO).attr("category", "conference").attr("type", "text");
    identity.attr("name", name)
}

/// A form that shows something (XEP-0004, XEP-0068).
pub(super) fn form<'a>(kind: &'a str, fields: impl Iterator<Item = (&'a str, &'a str)>) -> Element {
    let hidden =
        element("field", namespace::DATA_FORMS).attr("var", "FORM_TYPE").attr("type", "hidden").text_child("value", kind);
    let fields = fields.map(|(name, value)| element("field", namespace::DATA_FORMS).attr("var", name).text_child("value", value));
    element("x", namespace::DATA_FORMS).attr("type", "result").child(hidden).children(fields).build()
}

/// The nickname somebody is known by in a room (§6.6); without one it has no identity.
pub(super) fn own_nick(nick: Option<&str>) -> Element {
    let node = element("query", namespace::DISCO_INFO).attr("node", OWN_NICK);
    node.children(nick.map(identity)).build()
}

/// The node for that.
pub(super) const OWN_NICK: &str = "x-roomuser-item";

/// The rooms of a component that stand in a directory.
pub(crate) fn rooms(domain: &str, rooms: &[RoomLeg]) -> Element {
    let listed = rooms.iter().filter(|room| room.details.listed).filter_map(|room| {
        let jid = room.chat.as_ref()?.as_str();
        let name = room.details.name.as_ref().map_or(room.address.as_str(), |name| name.as_str());
        let ours = crate::address::domain(jid) == domain;
        ours.then(|| element("item", namespace::DISCO_ITEMS).attr("jid", jid).attr("name", name))
    });
    element("query", namespace::DISCO_ITEMS).children(listed).build()
}

#[cfg(test)]
mod tests {
    use dreiklang_model::{DisplayName, Topic};

    use super::*;
    use crate::xml::child;

    fn details(entry: Entry) -> RoomDetails {
        RoomDetails { name: Some(DisplayName::new("Plans")), topic: Topic::new("for today"), entry, listed: true }
    }

    /// What a client looks for before it shows something.
    fn has(entry: Entry, features: &[&str]) -> bool {
        let details = details(entry);
        let info = About { address: "#plan:hs", details: &details, occupants: 5003 }.info();
        let var = |feature: &Element| feature.attr("var").map(str::to_owned);
        let all: Vec<_> = info.children().filter(|child| child.name() == "feature").filter_map(var).collect();
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "said once");
        features.iter().all(|feature| all.iter().any(|one| one == feature))
    }

    #[test]
    fn what_clients_test() {
        for (client, entry, features) in [
            ("Gajim, Movim, Conversations: to join at all", Entry::Open, &["http://jabber.org/protocol/muc"][..]),
            ("Conversations, Dino, Gajim: a group, not a channel", Entry::Invited, &["muc_membersonly", "muc_nonanonymous"]),
            ("Conversations: a channel", Entry::Open, &["muc_open", "muc_nonanonymous", "muc_public"]),
            ("Dino: history by MAM alone", Entry::Open, &["urn:xmpp:mam:2", "urn:xmpp:mam:2#extended"]),
            ("Dino, Gajim: replies and reactions", Entry::Open, &["urn:xmpp:sid:0", "urn:xmpp:occupant-id:0"]),
            (
                "all: whether they are still in",
                Entry::Open,
                &["urn:xmpp:ping", "http://jabber.org/protocol/muc#self-ping-optimization"],
            ),
            ("Dino, Gajim: own messages by their id", Entry::Open, &["http://jabber.org/protocol/muc#stable_id"]),
            ("Movim, Dino: what may be offered", Entry::Open, &["urn:xmpp:reactions:0", "urn:xmpp:message-retract:1"]),
        ] {
            assert!(has(entry, features), "{client}");
        }
        assert!(!has(Entry::Open, &["muc_membersonly"]) && !has(Entry::Invited, &["muc_open"]));
        assert!(!has(Entry::Open, &["urn:xmpp:message-moderate:1"]), "nobody is offered what does not work");
    }

    #[test]
    fn the_form_says_what_the_room_is() {
        let details = details(Entry::Open);
        let info = About { address: "#plan:hs", details: &details, occupants: 5003 }.info();
        let identity = child(&info, "identity", namespace::DISCO_INFO).unwrap();
        assert_eq!(
            (identity.attr("category"), identity.attr("type"), identity.attr("name")),
            (Some("conference"), Some("text"), Some("Plans"))
        );
        let form = child(&info, "x", namespace::DATA_FORMS).unwrap();
        let value = |field: &Element| child(field, "value", namespace::DATA_FORMS).map(Element::text);
        let field = |name: &str| form.children().find(|field| field.attr("var") == Some(name)).and_then(value);
        for (name, value) in [
            ("FORM_TYPE", "http://jabber.org/protocol/muc#roominfo"),
            ("muc#roominfo_occupants", "5003"),
            ("muc#roominfo_subject", "for today"),
            ("muc#roominfo_description", "for today"),
            ("muc#roomconfig_roomname", "Plans"),
            ("muc#roomconfig_allowpm", "none"),
        ] {
            assert_eq!(field(name).as_deref(), Some(value), "{name}");
        }
        let nameless = RoomDetails::default();
        let info = About { address: "#plan:hs", details: &nameless, occupants: 0 }.info();
        assert_eq!(child(&info, "identity", namespace::DISCO_INFO).unwrap().attr("name"), Some("#plan:hs"));
    }
}
