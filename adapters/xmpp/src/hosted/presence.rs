// SPDX-License-Identifier: EUPL-1.2
//! What people in a room see of one another (XEP-0045 §7): the stanzas, without whom they go to. Pure.

use dreiklang_model::{DisplayName, Standing, Topic};
use minidom::Element;

use super::nick::Nick;
use crate::xml::{Builder, element, in_stanza_namespace, namespace};

/// Longest status that is passed on, in characters.
const LONGEST_STATUS: usize = 300;

/// Status codes of XEP-0045 §15.6.
pub(super) mod status {
    pub(crate) const NON_ANONYMOUS: u16 = 100;
    pub(crate) const CONFIGURED: u16 = 104;
    pub(crate) const SELF: u16 = 110;
    pub(crate) const NICK_GIVEN: u16 = 210;
    pub(crate) const RENAMED: u16 = 303;
    pub(crate) const SHUTDOWN: u16 = 332;
    pub(crate) const LOST: u16 = 333;
}

/// Somebody in a room as the others see him.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    /// The room.
    pub(super) room: &'a str,
    pub(super) nick: &'a Nick,
    /// His JID; people are not hidden from one another.
    pub(super) jid: &'a str,
    pub(super) standing: Standing,
    /// XEP-0421.
    pub(super) occupant: &'a str,
}

/// How a standing is called here: affiliation and role.
pub(super) fn powers(standing: Standing) -> (&'static str, &'static str) {
    match standing {
        Standing::Owner => ("owner", "moderator"),
        Standing::Moderator => ("admin", "moderator"),
        Standing::Member => ("member", "participant"),
        Standing::Visitor => ("none", "visitor"),
    }
}

/// XEP-0421.
pub(super) fn occupant_id(id: &str) -> Builder {
    element("occupant-id", namespace::OCCUPANT_ID).attr("id", id)
}

impl Seen<'_> {
    fn outside(&self) -> Builder {
        element("presence", namespace::COMPONENT).attr("from", &format!("{}/{}", self.room, self.nick.as_str()))
    }

    fn user(&self, role: Option<&'static str>, new: Option<&Nick>, codes: &[u16]) -> Builder {
        let (affiliation, its_role) = powers(self.standing);
        let item = element("item", namespace::MUC_USER)
            .attr("affiliation", affiliation)
            .attr("role", role.unwrap_or(its_role))
            .attr("jid", self.jid)
            .maybe_attr("nick", new.map(Nick::as_str));
        element("x", namespace::MUC_USER).child(item).children(statuses(codes))
    }

    /// He is here; `shows` is what he says of himself.
    pub(super) fn here(&self, shows: &[Element], codes: &[u16]) -> Element {
        let outside = self.outside().children(shows.iter().cloned());
        outside.child(occupant_id(self.occupant)).child(self.user(None, None, codes)).build()
    }

    /// He is gone.
    pub(super) fn gone(&self, says: Option<&str>, codes: &[u16]) -> Element {
        let says = says.map(|says| element("status", namespace::COMPONENT).text(says));
        let outside = self.outside().attr("type", "unavailable").children(says);
        outside.child(occupant_id(self.occupant)).child(self.user(Some("none"), None, codes)).build()
    }

    /// He is called otherwise from now on (§7.6).
    pub(super) fn renamed(&self, new: &Nick, codes: &[u16]) -> Element {
        let codes: Vec<u16> = std::iter::once(status::RENAMED).chain(codes.iter().copied()).collect();
        let outside = self.outside().attr("type", "unavailable");
        outside.child(occupant_id(self.occupant)).child(self.user(None, Some(new), &codes)).build()
    }
}

/// The room is no more; he may look for it elsewhere (§10.9).
pub(super) fn destroyed(seen: &Seen<'_>) -> Element {
    let item = element("item", namespace::MUC_USER).attr("affiliation", "none").attr("role", "none");
    let user = element("x", namespace::MUC_USER).child(item).child(element("destroy", namespace::MUC_USER));
    seen.outside().attr("type", "unavailable").child(user.children(statuses(&[status::SELF]))).build()
}

fn statuses(codes: &[u16]) -> Vec<Element> {
    codes.iter().map(|code| element("status", namespace::MUC_USER).attr("code", &code.to_string()).build()).collect()
}

/// Somebody who thinks that he is in the room, and is not (any more): his client joins again.
pub(super) fn out_of_step(room: &str, nick: &str) -> Element {
    let item = element("item", namespace::MUC_USER).attr("affiliation", "none").attr("role", "none");
    let user = element("x", namespace::MUC_USER).child(item).children(statuses(&[status::SELF, status::LOST]));
    let outside = element("presence", namespace::COMPONENT).attr("type", "unavailable");
    outside.attr("from", &format!("{room}/{nick}")).child(user).build()
}

/// The subject, even when there is none: it ends the joining (§7.2.15).
pub(super) fn subject(room: &str, topic: &Topic) -> Element {
    let message = element("message", namespace::COMPONENT).attr("type", "groupchat").attr("from", room);
    message.text_child("subject", topic.as_str()).build()
}

/// What is known of the room has changed (§10.2.1).
pub(super) fn configured(room: &str) -> Element {
    let user = element("x", namespace::MUC_USER).children(statuses(&[status::CONFIGURED]));
    element("message", namespace::COMPONENT).attr("type", "groupchat").attr("from", room).child(user).build()
}

/// What somebody says of himself in a presence that others are shown: how he is there, what his client can do, how he looks.
pub(super) fn shows(stanza: &Element) -> Vec<Element> {
    let mut shown = Vec::new();
    for child in stanza.children() {
        let text = child.text();
        match (child.name(), child.ns().as_str()) {
            ("show", _) if in_stanza_namespace(child) => {
                shown.push(element("show", namespace::COMPONENT).text(text.trim()).build());
            }
            ("status", _) if in_stanza_namespace(child) => {
                let text: String = text.chars().take(LONGEST_STATUS).collect();
                shown.push(element("status", namespace::COMPONENT).text(&text).build());
            }
            ("c", namespace::CAPS) => {
                let of = |name| child.attr(name).unwrap_or_default();
                let caps = element("c", namespace::CAPS).attr("hash", of("hash")).attr("node", of("node"));
                shown.push(caps.attr("ver", of("ver")).build());
            }
            ("x", namespace::VCARD_UPDATE) => {
                let photo = crate::avatars::in_presence(stanza).flatten();
                let hash = photo.as_ref().map_or("", dreiklang_model::PictureHash::as_str);
                shown.push(element("x", namespace::VCARD_UPDATE).text_child("photo", hash).build());
            }
            _ => {}
        }
    }
    shown.truncate(8);
    shown
}

/// What a ghost says of itself.
pub(super) fn of_ghost(name: &DisplayName, nick: &Nick, picture: Option<&str>, caps: Builder) -> Vec<Element> {
    let photo = element("x", namespace::VCARD_UPDATE).text_child("photo", picture.unwrap_or(""));
    let name = (name.as_str() != nick.as_str()).then(|| crate::outward::nick(name).build());
    [caps.build()].into_iter().chain(name).chain([photo.build()]).collect()
}
