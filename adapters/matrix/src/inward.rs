// SPDX-License-Identifier: EUPL-1.2
//! From an event of a transaction to what it means for us. Pure and total: whatever a homeserver sends, it is read
//! leniently, and a broken event is [`Inward::Malformed`], never an error. What messages say is `inward/message.rs`.

mod message;
mod polls;
mod receipts;
mod signals;

use dreiklang_model::{DisplayName, Emoji, Feature, MediaSource, NativeId, Network, Portrait, Reactions, Timestamp, What};
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::namespace::Namespace;

#[cfg(test)]
pub(crate) use message::place;
pub(crate) use message::{BLURHASH, readable};
pub(crate) use polls::{Vote, chosen};
pub(crate) use receipts::receipts;
pub(crate) use signals::{presence, typing};

/// What an event means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Inward {
    /// Somebody said something.
    Said(Said),
    /// Somebody chose among the answers of a poll.
    Voted(Sent, Vote),
    /// Somebody's membership changed, or his name in the room.
    Member(Member),
    /// Somebody said something that nobody but the members' devices can read.
    Encrypted(Sent),
    /// A room was switched to encryption.
    EncryptionOn(OwnedRoomId),
    /// Something about a room changed: what it is called, who may come in, who may do what.
    Changed(Sent),
    /// A room was replaced by another one.
    Replaced(Sent, OwnedRoomId),
    /// Something this release drops on purpose; one word says what.
    Dropped(&'static str),
    /// Ours, or of no concern.
    Ignored,
    /// Not an event.
    Malformed,
}

/// Who sent which event where, and when.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sent {
    pub(crate) room: OwnedRoomId,
    pub(crate) event: OwnedEventId,
    pub(crate) sender: OwnedUserId,
    pub(crate) at: Timestamp,
}

impl Inward {
    /// The room in which something was said.
    pub(crate) fn spoken_in(&self) -> Option<&OwnedRoomId> {
        match self {
            Self::Said(Said { sent, .. }) | Self::Voted(sent, _) | Self::Encrypted(sent) => Some(&sent.room),
            _ => None,
        }
    }
}

/// Something that somebody said or did to what was said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) sent: Sent,
    pub(crate) what: What<NativeId>,
}

/// A membership event (Client-Server API § m.room.member).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) sent: Sent,
    pub(crate) user: OwnedUserId,
    pub(crate) membership: Membership,
    pub(crate) name: Option<DisplayName>,
    /// His picture.
    pub(crate) portrait: Portrait,
    /// What the homeserver shows the invited of the room.
    pub(crate) preview: Preview,
}

/// Whether somebody is in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Membership {
    /// In.
    Join,
    /// Asked in.
    Invite,
    /// Out, in whatever way.
    Out,
}

impl Membership {
    pub(crate) fn read(word: &str) -> Self {
        match word {
            "join" => Self::Join,
            "invite" => Self::Invite,
            _ => Self::Out,
        }
    }
}

/// What is known of a room before it is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Preview {
    /// It is encrypted.
    pub(crate) encrypted: bool,
    /// Anybody may join.
    pub(crate) public: bool,
}

/// Reads one event.
pub(crate) fn read(event: &Value, ours: &Namespace) -> Inward {
    let Some(event) = event.as_object() else { return Inward::Malformed };
    let Some(kind) = string(event, "type") else { return Inward::Malformed };
    let Some(sent) = sent(event) else { return Inward::Malformed };
    let Some(content) = event.get("content").and_then(Value::as_object) else { return Inward::Malformed };
    if kind == "m.room.member" {
        return member(event, content, sent);
    }
    if ours.owns(&sent.sender) {
        return Inward::Ignored;
    }
    if let Some(key) = event.get("state_key") {
        return if key.as_str() == Some("") { changed(kind, content, sent) } else { Inward::Ignored };
    }
    match kind {
        "m.room.message" => message::read(content).map_or(Inward::Ignored, |what| Inward::Said(Said { sent, what })),
        "m.sticker" => Inward::Said(Said { sent, what: message::sticker(content) }),
        "m.poll.start" | "org.matrix.msc3381.poll.start" => match polls::start(content) {
            Some(poll) => Inward::Said(Said { sent, what: What::Poll(poll) }),
            None => unsupported(sent, Feature::Poll, None),
        },
        "m.room.encrypted" => Inward::Encrypted(sent),
        "m.reaction" => reaction(content, sent),
        "m.room.redaction" => redaction(event, content, sent),
        "m.poll.response" | "org.matrix.msc3381.poll.response" => {
            polls::response(content).map_or(Inward::Dropped("poll"), |vote| Inward::Voted(sent, vote))
        }
        "m.poll.end" | "org.matrix.msc3381.poll.end" => {
            polls::end(content).map_or(Inward::Dropped("poll"), |what| Inward::Said(Said { sent, what }))
        }
        "m.call.invite" | "org.matrix.msc3401.call" => unsupported(sent, Feature::Call, None),
        _ => Inward::Ignored,
    }
}

/// A state event about the room as a whole.
fn changed(kind: &str, content: &Map<String, Value>, sent: Sent) -> Inward {
    match kind {
        "m.room.encryption" => Inward::EncryptionOn(sent.room),
        "m.room.name" | "m.room.topic" | "m.room.join_rules" | "m.room.canonical_alias" | "m.room.power_levels" => {
            Inward::Changed(sent)
        }
        "m.room.tombstone" => match string(content, "replacement_room").map(OwnedRoomId::try_from) {
            Some(Ok(room)) => Inward::Replaced(sent, room),
            _ => Inward::Ignored,
        },
        _ => Inward::Ignored,
    }
}

fn sent(event: &Map<String, Value>) -> Option<Sent> {
    Some(Sent {
        room: OwnedRoomId::try_from(string(event, "room_id")?).ok()?,
        event: OwnedEventId::try_from(string(event, "event_id")?).ok().filter(|id| NativeId::new(id.as_str()).is_ok())?,
        sender: OwnedUserId::try_from(string(event, "sender")?).ok()?,
        at: Timestamp::from_millis(event.get("origin_server_ts").and_then(Value::as_i64)?),
    })
}

fn member(event: &Map<String, Value>, content: &Map<String, Value>, sent: Sent) -> Inward {
    let (Some(user), Some(membership)) = (string(event, "state_key"), string(content, "membership")) else {
        return Inward::Malformed;
    };
    let Ok(user) = OwnedUserId::try_from(user) else { return Inward::Malformed };
    let name = string(content, "displayname").map(DisplayName::new).filter(|name| !name.is_empty());
    Inward::Member(Member {
        user,
        membership: Membership::read(membership),
        name,
        portrait: portrait(string(content, "avatar_url")),
        preview: preview(event),
        sent,
    })
}

/// The picture at an `mxc:` address.
pub(crate) fn portrait(address: Option<&str>) -> Portrait {
    match address.filter(|address| address.starts_with("mxc://") && address.len() <= 1024) {
        Some(address) => Portrait {
            version: address.to_owned(),
            source: Some(MediaSource { network: Network::MATRIX, locator: address.to_owned() }),
        },
        None => Portrait::none(),
    }
}

/// Stripped state that comes with an invitation (Client-Server API § Stripped state).
fn preview(event: &Map<String, Value>) -> Preview {
    let unsigned = event.get("unsigned").and_then(Value::as_object);
    let state = unsigned.and_then(|unsigned| unsigned.get("invite_room_state")).and_then(Value::as_array);
    let mut preview = Preview::default();
    for event in state.into_iter().flatten().filter_map(Value::as_object) {
        let content = event.get("content").and_then(Value::as_object);
        match string(event, "type") {
            Some("m.room.encryption") => preview.encrypted = true,
            Some("m.room.join_rules") => preview.public |= content.and_then(|it| string(it, "join_rule")) == Some("public"),
            _ => {}
        }
    }
    preview
}

/// A reaction (Client-Server API § Event annotations and reactions). Pictures as reactions are none that others could show.
fn reaction(content: &Map<String, Value>, sent: Sent) -> Inward {
    let relation = content.get("m.relates_to").and_then(Value::as_object);
    let key = relation.and_then(|relation| string(relation, "key")).filter(|key| !key.starts_with("mxc:"));
    let to = relation.and_then(|relation| string(relation, "event_id")).and_then(|to| NativeId::new(to).ok());
    match (to, key.and_then(Emoji::new)) {
        (Some(to), Some(emoji)) => Inward::Said(Said { sent, what: What::React { to, with: Reactions::And(emoji) } }),
        _ => Inward::Dropped("reaction"),
    }
}

/// A redaction: of a message or of a reaction. Where it names its target depends on the room's version.
fn redaction(event: &Map<String, Value>, content: &Map<String, Value>, sent: Sent) -> Inward {
    let target = string(content, "redacts").or_else(|| string(event, "redacts"));
    match target.and_then(|of| NativeId::new(of).ok()) {
        Some(of) => Inward::Said(Said { sent, what: What::Retract { of } }),
        None => Inward::Malformed,
    }
}

fn unsupported(sent: Sent, feature: Feature, name: Option<String>) -> Inward {
    Inward::Said(Said { sent, what: What::Unsupported { feature, name } })
}

fn string<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

/// The mark of one of our own messages.
pub(crate) fn delivery_mark(event: &Value) -> Option<&str> {
    event.get("content")?.get(crate::outward::DELIVERY)?.as_str()
}

/// Is it the event by which `user` was asked into the room? What came before is none of ours.
pub(crate) fn invites(event: &Value, user: &UserId) -> bool {
    event.get("type").and_then(Value::as_str) == Some("m.room.member")
        && event.get("state_key").and_then(Value::as_str) == Some(user.as_str())
        && event.get("content").and_then(|content| content.get("membership")).and_then(Value::as_str) == Some("invite")
}

/// Is it the event by which `user` came into the room, and no later one that only changes his name?
pub(crate) fn enters(event: &Value, user: &UserId) -> bool {
    let joined = |content: Option<&Value>| content.and_then(|it| it.get("membership")).and_then(Value::as_str) == Some("join");
    event.get("type").and_then(Value::as_str) == Some("m.room.member")
        && event.get("state_key").and_then(Value::as_str) == Some(user.as_str())
        && joined(event.get("content"))
        && !joined(event.get("unsigned").and_then(|unsigned| unsigned.get("prev_content")))
}

#[cfg(test)]
mod tests;
