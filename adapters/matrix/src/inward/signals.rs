// SPDX-License-Identifier: EUPL-1.2
//! Who is writing and who is there, in the ephemeral part of a transaction (Application Service API § Pushing events: `m.typing`,
//! `m.presence`). Pure and lenient: whatever is neither is left out.

use dreiklang_model::{Availability, Presence};
use ruma::{OwnedRoomId, OwnedUserId};
use serde_json::Value;

use crate::namespace::Namespace;

/// How many of each are looked at in one transaction, and how many names in one of them.
const MOST: usize = 1000;

/// The rooms in which typing has changed, with everybody who is writing there now.
pub(crate) fn typing(ephemeral: &[Value]) -> Vec<(OwnedRoomId, Vec<OwnedUserId>)> {
    let events = ephemeral.iter().filter(|event| kind(event) == Some("m.typing")).take(MOST);
    let read = events.filter_map(|event| {
        let room = OwnedRoomId::try_from(event.get("room_id")?.as_str()?).ok()?;
        let users = event.get("content")?.get("user_ids")?.as_array()?;
        let users = users.iter().take(MOST).filter_map(|user| OwnedUserId::try_from(user.as_str()?).ok());
        Some((room, users.collect()))
    });
    read.collect()
}

/// Who is there, and how.
pub(crate) fn presence(ephemeral: &[Value], ours: &Namespace) -> Vec<(OwnedUserId, Presence)> {
    let events = ephemeral.iter().filter(|event| kind(event) == Some("m.presence")).take(MOST);
    let read = events.filter_map(|event| {
        let user = OwnedUserId::try_from(event.get("sender")?.as_str()?).ok().filter(|user| !ours.owns(user))?;
        let content = event.get("content")?;
        let availability = match content.get("presence")?.as_str()? {
            "online" => Availability::Online,
            "unavailable" => Availability::Away,
            "offline" => Availability::Offline,
            // MSC3026.
            "busy" | "org.matrix.msc3026.busy" => Availability::Busy,
            _ => return None,
        };
        Some((user, Presence::new(availability, content.get("status_msg").and_then(Value::as_str))))
    });
    read.collect()
}

fn kind(event: &Value) -> Option<&str> {
    event.get("type")?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Config;

    #[test]
    fn lists_of_writers() {
        let events = [
            json!({ "type": "m.typing", "room_id": "!a:hs", "content": { "user_ids": ["@alice:hs.example", 7, "nobody"] } }),
            json!({ "type": "m.typing", "room_id": "!b:hs", "content": { "user_ids": [] } }),
            json!({ "type": "m.typing", "room_id": "!c:hs", "content": {} }),
            json!({ "type": "m.typing", "content": { "user_ids": [] } }),
            json!({ "type": "m.receipt", "room_id": "!d:hs", "content": {} }),
            json!(7),
        ];
        let read: Vec<_> = typing(&events).into_iter().map(|(room, users)| (room.to_string(), users.len())).collect();
        assert_eq!(read, [("!a:hs".to_owned(), 1), ("!b:hs".to_owned(), 0)]);
    }

    #[test]
    fn states_of_presence() {
        let ours = Config::example("http://synapse:8008", "0.0.0.0:8481".parse().unwrap()).namespace().unwrap();
        let event = |sender: &str, content: Value| json!({ "type": "m.presence", "sender": sender, "content": content });
        let of = |sender: &str, content: Value| presence(&[event(sender, content)], &ours).pop().map(|(_, presence)| presence);
        for (word, availability) in [
            ("online", Some(Availability::Online)),
            ("unavailable", Some(Availability::Away)),
            ("offline", Some(Availability::Offline)),
            ("org.matrix.msc3026.busy", Some(Availability::Busy)),
            ("asleep", None),
        ] {
            let read = of("@alice:hs.example", json!({ "presence": word, "status_msg": "at lunch", "last_active_ago": 7 }));
            assert_eq!(read, availability.map(|availability| Presence::new(availability, Some("at lunch"))), "{word}");
        }
        assert_eq!(of("@_xmpp_bob=40x:hs.example", json!({ "presence": "online" })), None, "ghosts are ours");
        assert_eq!(of("@alice:hs.example", json!({})), None);
    }
}
