// SPDX-License-Identifier: EUPL-1.2
//! A homeserver in memory that does what it is told, also badly: the faults that a real one shows once a year.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex},
};

use axum::{
    body::Bytes,
    extract::State,
    http::{Method, StatusCode, Uri},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What happens to the next call of a path that contains `path`.
pub(super) struct Fault {
    pub(super) path: &'static str,
    /// The call is carried out before the error is answered.
    pub(super) done: bool,
    pub(super) status: u16,
    pub(super) body: Value,
}

#[derive(Default)]
pub(super) struct Room {
    pub(super) members: BTreeMap<String, String>,
    state: BTreeMap<String, Value>,
    pub(super) events: Vec<Value>,
}

#[derive(Default)]
pub(super) struct World {
    pub(super) users: BTreeSet<String>,
    pub(super) rooms: BTreeMap<String, Room>,
    pub(super) aliases: BTreeMap<String, String>,
    pub(super) faults: VecDeque<Fault>,
    /// The paths that were called, in order.
    pub(super) calls: Vec<String>,
    transactions: BTreeMap<String, String>,
    events: u64,
}

#[derive(Clone, Default)]
pub(super) struct Homeserver {
    pub(super) world: Arc<Mutex<World>>,
}

impl Homeserver {
    pub(super) async fn start() -> (Self, String) {
        let homeserver = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(answer).with_state(homeserver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (homeserver, url)
    }

    pub(super) fn fault(&self, path: &'static str, done: bool, status: u16, body: Value) {
        self.world.lock().unwrap().faults.push_back(Fault { path, done, status, body });
    }

    /// A room of a user with somebody asked in; answers the invitation.
    pub(super) fn room(&self, room: &str, user: &str, asked: &str) -> Value {
        let mut world = self.world.lock().unwrap();
        world.users.insert(user.to_owned());
        world.rooms.entry(room.to_owned()).or_default();
        world.member(room, user, user, "join");
        world.member(room, user, asked, "invite")
    }

    /// Somebody says something; nothing is pushed.
    pub(super) fn say(&self, room: &str, user: &str, text: &str) -> Value {
        self.world.lock().unwrap().add(room, user, "m.room.message", None, json!({ "msgtype": "m.text", "body": text }))
    }

    /// The texts somebody said in a room.
    pub(super) fn said(&self, user: &str) -> Vec<(String, String)> {
        let world = self.world.lock().unwrap();
        let mut said = Vec::new();
        for (room, it) in &world.rooms {
            let by = it.events.iter().filter(|event| event["sender"] == user && event["type"] == "m.room.message");
            said.extend(by.map(|event| (room.clone(), event["content"]["body"].as_str().unwrap().to_owned())));
        }
        said
    }

    /// The reactions that stand in any room.
    pub(super) fn reactions(&self) -> Vec<String> {
        let world = self.world.lock().unwrap();
        let events = world.rooms.values().flat_map(|room| &room.events).filter(|event| event["type"] == "m.reaction");
        events.filter_map(|event| event["content"]["m.relates_to"]["key"].as_str().map(str::to_owned)).collect()
    }

    pub(super) fn rooms(&self) -> usize {
        self.world.lock().unwrap().rooms.len()
    }
}

impl Room {
    fn is_public(&self) -> bool {
        self.state.get("m.room.join_rules/").is_some_and(|event| event["content"]["join_rule"] == "public")
    }
}

impl World {
    pub(super) fn add(&mut self, room: &str, sender: &str, kind: &str, key: Option<&str>, content: Value) -> Value {
        self.events += 1;
        let mut event = json!({
            "type": kind, "room_id": room, "sender": sender, "event_id": format!("$e{}", self.events),
            "origin_server_ts": 1_900_000_000_000_u64 + self.events,
        });
        event["content"] = content;
        let it = self.rooms.get_mut(room).unwrap();
        if let Some(key) = key {
            event["state_key"] = json!(key);
            it.state.insert(format!("{kind}/{key}"), event.clone());
        }
        it.events.push(event.clone());
        event
    }

    pub(super) fn member(&mut self, room: &str, by: &str, user: &str, membership: &str) -> Value {
        self.rooms.get_mut(room).unwrap().members.insert(user.to_owned(), membership.to_owned());
        self.add(room, by, "m.room.member", Some(user), json!({ "membership": membership, "displayname": "Alice" }))
    }

    fn serve(&mut self, method: &Method, path: &[String], user: &str, body: &Value) -> (u16, Value) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let is_in = |world: &Self, room: &str| {
            world.rooms.get(room).is_some_and(|room| room.members.get(user).is_some_and(|membership| membership == "join"))
        };
        if user != "service" && !self.users.contains(user) {
            return (403, error("M_FORBIDDEN", "Application service has not registered this user"));
        }
        match (method.as_str(), path.as_slice()) {
            ("POST", ["v1", "appservice", ..]) => (200, json!({ "duration_ms": 1 })),
            ("POST", ["v3", "register"]) => {
                let user = format!("@{}:hs.example", body["username"].as_str().unwrap());
                if self.users.insert(user.clone()) {
                    (200, json!({ "user_id": user }))
                } else {
                    (400, error("M_USER_IN_USE", ""))
                }
            }
            ("PUT", ["v3", "devices" | "profile", ..]) => (200, json!({})),
            ("GET", ["v3", "profile", who, ..]) if self.users.contains(*who) => (200, json!({ "displayname": "Alice" })),
            ("GET", ["v3", "joined_rooms"]) => {
                let rooms: Vec<&String> = self.rooms.keys().filter(|room| is_in(self, room)).collect();
                (200, json!({ "joined_rooms": rooms }))
            }
            ("GET", ["v3", "directory", "room", alias]) => match self.aliases.get(*alias) {
                Some(room) => (200, json!({ "room_id": room, "servers": ["hs.example"] })),
                None => (404, error("M_NOT_FOUND", "")),
            },
            ("GET", ["v3", "directory", "list", ..]) => (200, json!({ "visibility": "private" })),
            ("POST", ["v3", "createRoom"]) => {
                let room = format!("!made{}", self.rooms.len());
                if let Some(name) = body["room_alias_name"].as_str()
                    && self.aliases.insert(format!("#{name}:hs.example"), room.clone()).is_some()
                {
                    self.aliases.insert(format!("#{name}:hs.example"), format!("!made{}", self.rooms.len() - 1));
                    return (400, error("M_ROOM_IN_USE", ""));
                }
                self.rooms.insert(room.clone(), Room::default());
                self.member(&room, user, user, "join");
                for event in body["initial_state"].as_array().into_iter().flatten() {
                    self.add(&room, user, event["type"].as_str().unwrap(), event["state_key"].as_str(), event["content"].clone());
                }
                for asked in body["invite"].as_array().into_iter().flatten() {
                    self.member(&room, user, asked.as_str().unwrap(), "invite");
                }
                (200, json!({ "room_id": room }))
            }
            ("POST", ["v3", "join", room] | ["v3", "rooms", room, "join"]) => {
                if self.rooms.get(*room).is_none_or(|it| !it.is_public() && !it.members.contains_key(user)) {
                    return (403, error("M_FORBIDDEN", "not invited"));
                }
                self.member(room, user, user, "join");
                (200, json!({ "room_id": room }))
            }
            ("POST", ["v3", "rooms", room, "leave"]) => {
                self.member(room, user, user, "leave");
                (200, json!({}))
            }
            // Who has left may read what was said until then.
            ("GET", ["v3", "rooms", room, "messages"]) => {
                let events = &self.rooms[*room].events;
                let left =
                    events.iter().rposition(|event| event["state_key"] == user && event["content"]["membership"] == "leave");
                let until = if is_in(self, room) { events.len() } else { left.unwrap_or_default() };
                let events: Vec<&Value> = events.iter().take(until).rev().collect();
                (200, json!({ "start": "s", "chunk": events }))
            }
            (_, ["v3", "rooms", room, ..]) if !is_in(self, room) => (403, error("M_FORBIDDEN", "not in room")),
            ("POST", ["v3", "rooms", room, "invite"]) => {
                self.member(room, user, body["user_id"].as_str().unwrap(), "invite");
                (200, json!({}))
            }
            ("POST", ["v3", "rooms", room, "kick"]) => {
                self.member(room, user, body["user_id"].as_str().unwrap(), "leave");
                (200, json!({}))
            }
            ("GET", ["v3", "rooms", room, "joined_members"]) => {
                let joined = self.rooms[*room].members.iter().filter(|(_, membership)| *membership == "join");
                let joined = joined.map(|(user, _)| (user.clone(), json!({ "display_name": "Alice" })));
                (200, json!({ "joined": joined.collect::<serde_json::Map<_, _>>() }))
            }
            ("PUT", ["v3", "rooms", room, "state", kind, ..]) => {
                self.add(room, user, kind, Some(""), body.clone());
                (200, json!({ "event_id": "$state" }))
            }
            ("GET", ["v3", "rooms", room, "state"]) => (200, self.rooms[*room].state.values().cloned().collect()),
            ("GET", ["v3", "rooms", room, "state", kind, key @ ..]) => {
                let key = key.first().copied().unwrap_or_default();
                match self.rooms[*room].state.get(&format!("{kind}/{key}")) {
                    // It is asked for as a whole event.
                    Some(event) if *kind == "m.room.create" => (200, event.clone()),
                    Some(event) => (200, event["content"].clone()),
                    None => (404, error("M_NOT_FOUND", "")),
                }
            }
            ("PUT", ["v3", "rooms", room, "send", kind, transaction]) => {
                let known = format!("{room}/{transaction}");
                if let Some(event) = self.transactions.get(&known) {
                    return (200, json!({ "event_id": event }));
                }
                let event = self.add(room, user, kind, None, body.clone())["event_id"].as_str().unwrap().to_owned();
                self.transactions.insert(known, event.clone());
                (200, json!({ "event_id": event }))
            }
            ("PUT", ["v3", "rooms", room, "redact", event, transaction]) => {
                // Like a real one, it remembers the transaction and not what was asked with it.
                if self.transactions.insert(format!("{room}/{transaction}"), (*event).to_owned()).is_none()
                    && let Some(redacted) =
                        self.rooms.get_mut(*room).and_then(|room| room.events.iter_mut().find(|one| one["event_id"] == *event))
                {
                    redacted["content"] = json!({});
                }
                (200, json!({ "event_id": "$redaction" }))
            }
            ("GET", ["v1", "rooms", room, "relations", event, ..]) => {
                let events = self.rooms[*room].events.iter();
                let about: Vec<_> = events.filter(|one| one["content"]["m.relates_to"]["event_id"] == *event).collect();
                (200, json!({ "chunk": about }))
            }
            _ => (404, error("M_NOT_FOUND", "")),
        }
    }
}

fn error(code: &str, text: &str) -> Value {
    json!({ "errcode": code, "error": text })
}

async fn answer(State(homeserver): State<Homeserver>, method: Method, uri: Uri, body: Bytes) -> (StatusCode, String) {
    let url = reqwest::Url::parse(&format!("http://hs{uri}")).unwrap();
    let user = url.query_pairs().find(|(key, _)| key == "user_id").map_or("service".to_owned(), |(_, user)| user.into_owned());
    let decoded: Vec<String> = url.path_segments().unwrap().skip(2).map(decoded).collect();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let mut world = homeserver.world.lock().unwrap();
    world.calls.push(uri.path().to_owned());
    let fault = world.faults.iter().position(|fault| uri.path().contains(fault.path)).and_then(|at| world.faults.remove(at));
    if fault.as_ref().is_none_or(|fault| fault.done) {
        let (status, answer) = world.serve(&method, &decoded, &user, &body);
        if fault.is_none() {
            return (StatusCode::from_u16(status).unwrap(), answer.to_string());
        }
    }
    let fault = fault.unwrap();
    (StatusCode::from_u16(fault.status).unwrap(), fault.body.to_string())
}

fn decoded(segment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = segment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}
