// SPDX-License-Identifier: EUPL-1.2
//! What people in a room are given when somebody says something in it: from whom, under which name of the room, and, where somebody takes
//! back what another one said, by the room itself (XEP-0425). Pure.

use dreiklang_engine::Author;
use dreiklang_model::{Address, Side};
use minidom::Element;

use super::{
    messages::stanza_id,
    occupants::{Room, from_occupant},
    presence::occupant_id,
};
use crate::{
    transport::Copies,
    xml::{child, element, namespace, set_attr},
};

/// Something that people in a room are to hear.
pub(super) enum Speech {
    /// What one of XMPP said, to all; how the room calls it, and who.
    Echo { stanza: Element, id: String, author: Option<String> },
    /// What somebody of another network, or the gateway, says to all; of something taken back, on which side its author is.
    Said { stanzas: Vec<Element>, author: Author, taken_back: Option<Side> },
    /// What only one person hears.
    Aside(Address, Element),
}

impl Speech {
    /// What everybody is given, in order.
    pub(super) fn copies(self, jid: &str, room: &mut Room) -> Vec<Copies> {
        match self {
            Self::Echo { stanza, id, author } => {
                if let Some(author) = author {
                    room.remember(&id, &author);
                }
                vec![Copies { stanza, to: room.everybody() }]
            }
            Self::Aside(who, stanza) => vec![Copies { stanza, to: room.devices(who.as_str()) }],
            Self::Said { stanzas, author, taken_back } => {
                let Author::Ghost(member) = author else {
                    let everybody = room.everybody();
                    return stanzas
                        .into_iter()
                        .map(|stanza| Copies { stanza: named(jid, stanza), to: everybody.clone() })
                        .collect();
                };
                let ghost = member.ghost.written.as_str();
                let (nick, mut copies) = room.speaker(&member);
                let occupant = room.occupant_id(ghost);
                let everybody = room.everybody();
                for stanza in stanzas {
                    let mut stanza = named(jid, stanza);
                    let id = stanza.attr("id").unwrap_or_default().to_owned();
                    if is_others(room, &stanza, ghost, taken_back) {
                        moderate(&mut stanza, &format!("{jid}/{}", nick.as_str()), &occupant);
                    } else {
                        from_occupant(&mut stanza, jid, &nick);
                        stanza.append_child(occupant_id(&occupant).build());
                    }
                    room.remember(&id, ghost);
                    copies.push(Copies { stanza, to: everybody.clone() });
                }
                copies
            }
        }
    }
}

fn named(jid: &str, mut stanza: Element) -> Element {
    if let Some(id) = stanza.attr("id").map(str::to_owned) {
        stanza.append_child(stanza_id(jid, &id));
    }
    stanza
}

/// Is something taken back that another one said?
fn is_others(room: &Room, stanza: &Element, ghost: &str, taken_back: Option<Side>) -> bool {
    let retracted = child(stanza, "retract", namespace::RETRACT_1).and_then(|retract| retract.attr("id"));
    match (taken_back, retracted.and_then(|id| room.author_of(id))) {
        (Some(Side::User), _) => true,
        (Some(Side::Ghost), Some(author)) => author != ghost,
        _ => false,
    }
}

/// Clients let only the author or the room take something back, so the room does and says for whom (XEP-0425 §4).
fn moderate(stanza: &mut Element, by: &str, occupant: &str) {
    let from = by.split('/').next().unwrap_or(by).to_owned();
    set_attr(stanza, "from", &from);
    let moderated = element("moderated", namespace::MODERATE).attr("by", by).child(occupant_id(occupant)).build();
    for retract in stanza.children_mut().filter(|child| child.is("retract", namespace::RETRACT_1)) {
        retract.append_child(moderated.clone());
    }
}
