// SPDX-License-Identifier: EUPL-1.2
//! From an event of a transaction to what it means for us. Pure and total: whatever a homeserver sends, it is read
//! leniently, and a broken event is [`Inward::Malformed`], never an error.

use dreiklang_model::{DisplayName, Feature, Kind, Message, NativeId, Timestamp, What};
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::namespace::Namespace;

/// What an event means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Inward {
    /// Somebody said something.
    Said(Said),
    /// Somebody's membership changed, or his name in the room.
    Member(Member),
    /// Somebody said something that nobody but the members' devices can read.
    Encrypted(Sent),
    /// A room was switched to encryption.
    EncryptionOn(OwnedRoomId),
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
            Self::Said(Said { sent, .. }) | Self::Encrypted(sent) => Some(&sent.room),
            _ => None,
        }
    }
}

/// A message, an edit or something that cannot be carried.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) sent: Sent,
    pub(crate) what: What,
}

/// A membership event (Client-Server API § m.room.member).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) sent: Sent,
    pub(crate) user: OwnedUserId,
    pub(crate) membership: Membership,
    pub(crate) name: Option<DisplayName>,
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
    if event.contains_key("state_key") {
        let encryption = kind == "m.room.encryption" && string(event, "state_key") == Some("");
        return if encryption { Inward::EncryptionOn(sent.room) } else { Inward::Ignored };
    }
    match kind {
        "m.room.message" => message(content, sent),
        "m.sticker" => unsupported(sent, Feature::Sticker, name(content)),
        "m.poll.start" | "org.matrix.msc3381.poll.start" => unsupported(sent, Feature::Poll, None),
        "m.room.encrypted" => Inward::Encrypted(sent),
        "m.reaction" => Inward::Dropped("reaction"),
        "m.room.redaction" => Inward::Dropped("retraction"),
        "m.poll.response" | "org.matrix.msc3381.poll.response" | "m.poll.end" | "org.matrix.msc3381.poll.end" => {
            Inward::Dropped("poll")
        }
        "m.call.invite" | "org.matrix.msc3401.call" => unsupported(sent, Feature::Call, None),
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
    Inward::Member(Member { user, membership: Membership::read(membership), name, preview: preview(event), sent })
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

fn message(content: &Map<String, Value>, sent: Sent) -> Inward {
    let relation = content.get("m.relates_to").and_then(Value::as_object);
    let replaced = relation
        .filter(|relation| string(relation, "rel_type") == Some("m.replace"))
        .and_then(|relation| string(relation, "event_id"))
        .and_then(|of| NativeId::new(of).ok());
    if let (Some(of), Some(new)) = (replaced, content.get("m.new_content").and_then(Value::as_object)) {
        return match said(new, None) {
            Some(What::Message(to)) => Inward::Said(Said { sent, what: What::Edit { of, to } }),
            // The new version is something that cannot be carried: it is named like a new message.
            Some(what) => Inward::Said(Said { sent, what }),
            None => Inward::Ignored,
        };
    }
    let answers = relation
        .and_then(|relation| relation.get("m.in_reply_to"))
        .and_then(Value::as_object)
        .and_then(|reply| string(reply, "event_id"))
        .and_then(|of| NativeId::new(of).ok());
    // An empty message has nothing to carry; a redacted one has lost its content.
    said(content, answers).map_or(Inward::Ignored, |what| Inward::Said(Said { sent, what }))
}

fn said(content: &Map<String, Value>, in_reply_to: Option<NativeId>) -> Option<What> {
    let feature = match string(content, "msgtype")? {
        "m.text" => return text(content, Kind::Text, in_reply_to),
        "m.emote" => return text(content, Kind::Emote, in_reply_to),
        "m.notice" => return text(content, Kind::Notice, in_reply_to),
        "m.image" => Feature::Image,
        "m.audio" => Feature::Audio,
        "m.video" => Feature::Video,
        "m.file" => Feature::File,
        "m.location" => Feature::Location,
        "m.key.verification.request" => return None,
        // An unknown kind has a readable body (Client-Server API § m.room.message).
        _ => return text(content, Kind::Text, in_reply_to),
    };
    Some(What::Unsupported { feature, name: name(content) })
}

fn text(content: &Map<String, Value>, kind: Kind, in_reply_to: Option<NativeId>) -> Option<What> {
    let body = string(content, "body")?;
    let body = if in_reply_to.is_some() { without_fallback(body) } else { body };
    (!body.trim().is_empty()).then(|| What::Message(Message { kind, text: body.to_owned(), subject: None, in_reply_to }))
}

/// Takes away the quotation that clients put before a reply until v1.13: lines that begin with `> `, the first of them with
/// `> <@user:server>` or `> * <@user:server>`, and the empty line after them.
fn without_fallback(body: &str) -> &str {
    if !(body.starts_with("> <@") || body.starts_with("> * <@")) {
        return body;
    }
    let mut rest = body;
    while rest.starts_with('>') {
        rest = rest.split_once('\n').map_or("", |(_, after)| after);
    }
    let rest = rest.strip_prefix('\n').unwrap_or(rest);
    if rest.trim().is_empty() { body } else { rest }
}

fn unsupported(sent: Sent, feature: Feature, name: Option<String>) -> Inward {
    Inward::Said(Said { sent, what: What::Unsupported { feature, name } })
}

/// The name of what cannot be carried, as one short line.
fn name(content: &Map<String, Value>) -> Option<String> {
    let name = string(content, "filename").or_else(|| string(content, "body"))?;
    let name = DisplayName::new(name);
    (!name.is_empty()).then(|| name.as_str().to_owned())
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

#[cfg(test)]
mod tests;
