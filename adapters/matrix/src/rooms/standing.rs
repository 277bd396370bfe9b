// SPDX-License-Identifier: EUPL-1.2
//! Who may do what in a room, from its power levels (Client-Server API § m.room.power_levels) and, from room version 12 on, from who
//! created it. Pure and total.

use std::collections::{BTreeSet, HashMap};

use dreiklang_model::Standing;
use ruma::{OwnedUserId, UserId};
use serde_json::{Map, Value};

/// From here on somebody keeps order: what it takes by default to throw out, to ban and to redact.
const MODERATOR: i64 = 50;
/// From here on somebody does everything.
const OWNER: i64 = 100;

/// The power levels of a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Powers {
    /// Who stands above all levels (room version 12).
    founders: BTreeSet<OwnedUserId>,
    users: HashMap<OwnedUserId, i64>,
    others: i64,
    to_speak: i64,
}

impl Powers {
    /// From the whole `m.room.create` event and the content of `m.room.power_levels`, where there is one.
    pub(crate) fn read(create: &Value, levels: &Value) -> Self {
        let content = create.get("content").unwrap_or(&Value::Null);
        let sender = create.get("sender").and_then(user);
        let Some(levels) = levels.as_object() else {
            // Without power levels its creator may do everything. Since version 11 he is who sent the event.
            let creator = content.get("creator").and_then(user).or(sender);
            let founders = creator.into_iter().chain(additional(content)).collect();
            return Self { founders, ..Self::default() };
        };
        let founders = match founders_stand_above(content) {
            true => sender.into_iter().chain(additional(content)).collect(),
            false => BTreeSet::new(),
        };
        let users = levels.get("users").and_then(Value::as_object).into_iter().flatten();
        let spoken = levels.get("events").and_then(Value::as_object).and_then(|events| level(events, "m.room.message"));
        Self {
            founders,
            users: users.filter_map(|(user, level)| Some((OwnedUserId::try_from(user.as_str()).ok()?, number(level)?))).collect(),
            others: level(levels, "users_default").unwrap_or(0),
            to_speak: spoken.or_else(|| level(levels, "events_default")).unwrap_or(0),
        }
    }

    /// How somebody who is in the room stands.
    pub(crate) fn standing(&self, user: &UserId) -> Standing {
        let level = self.users.get(user).copied().unwrap_or(self.others);
        match level {
            _ if self.founders.contains(user) => Standing::Owner,
            OWNER.. => Standing::Owner,
            MODERATOR.. => Standing::Moderator,
            level if level >= self.to_speak => Standing::Member,
            _ => Standing::Visitor,
        }
    }
}

/// Do the room's creators stand above its power levels (room version 12 § Authorization rules; MSC4289)?
fn founders_stand_above(create: &Value) -> bool {
    let version = create.get("room_version").and_then(Value::as_str).unwrap_or("1");
    version == "org.matrix.hydra.11" || version.parse::<u32>().is_ok_and(|version| version >= 12)
}

fn additional(create: &Value) -> impl Iterator<Item = OwnedUserId> {
    create.get("additional_creators").and_then(Value::as_array).into_iter().flatten().filter_map(user)
}

fn user(value: &Value) -> Option<OwnedUserId> {
    OwnedUserId::try_from(value.as_str()?).ok()
}

fn level(of: &Map<String, Value>, key: &str) -> Option<i64> {
    number(of.get(key)?)
}

/// Until room version 9 a level may also be written as text.
fn number(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_i64(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As Synapse writes them: version 11 lists the creator, version 12 must not.
    const VERSION_11: &str = include_str!("../../fixtures/room-11.json");
    const VERSION_12: &str = include_str!("../../fixtures/room-12.json");

    fn standing(create: &Value, levels: &Value, user: &str) -> Standing {
        Powers::read(create, levels).standing(<&UserId>::try_from(user).unwrap())
    }

    #[test]
    fn standings_in_both_versions() {
        for (recorded, version) in [(VERSION_11, "11"), (VERSION_12, "12")] {
            let state: Value = serde_json::from_str(recorded).unwrap();
            assert_eq!(state["create"]["content"]["room_version"], version);
            let mut levels = state["power_levels"]["content"].clone();
            levels["users"]["@mod:hs.example"] = json!(50);
            levels["users"]["@muted:hs.example"] = json!(-1);
            levels["users"]["@admin:hs.example"] = json!(100);
            levels["users"]["@old:hs.example"] = json!("50");
            for (user, expected) in [
                ("@alice:hs.example", Standing::Owner),
                ("@admin:hs.example", Standing::Owner),
                ("@mod:hs.example", Standing::Moderator),
                ("@old:hs.example", Standing::Moderator),
                ("@bob:hs.example", Standing::Member),
                ("@muted:hs.example", Standing::Visitor),
            ] {
                assert_eq!(standing(&state["create"], &levels, user), expected, "{user} in version {version}");
            }
        }
    }

    #[test]
    fn what_levels_mean() {
        let created = |version: &str| json!({ "sender": "@alice:hs.example", "content": { "room_version": version, "additional_creators": ["@second:hs.example"] } });
        for (version, levels, user, expected) in [
            // Only since version 12 do creators stand above their levels.
            ("11", json!({ "users": { "@alice:hs.example": 0 } }), "@alice:hs.example", Standing::Member),
            ("12", json!({}), "@second:hs.example", Standing::Owner),
            ("13", json!({}), "@alice:hs.example", Standing::Owner),
            ("org.matrix.hydra.11", json!({}), "@alice:hs.example", Standing::Owner),
            ("odd", json!({}), "@alice:hs.example", Standing::Member),
            // Without levels at all the creator is the only one who has any.
            ("11", json!(null), "@alice:hs.example", Standing::Owner),
            ("11", json!(null), "@bob:hs.example", Standing::Member),
            // An announcement room.
            ("11", json!({ "events_default": 50 }), "@bob:hs.example", Standing::Visitor),
            ("11", json!({ "events_default": 50, "events": { "m.room.message": 0 } }), "@bob:hs.example", Standing::Member),
            ("11", json!({ "users_default": 50 }), "@bob:hs.example", Standing::Moderator),
            ("11", json!({ "users": 7, "events": [], "events_default": "x" }), "@bob:hs.example", Standing::Member),
        ] {
            assert_eq!(standing(&created(version), &levels, user), expected, "{levels} in version {version} for {user}");
        }
        assert_eq!(standing(&json!(7), &json!({}), "@bob:hs.example"), Standing::Member);
    }
}
