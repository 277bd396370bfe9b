// SPDX-License-Identifier: EUPL-1.2
//! Rooms over a homeserver that fails.

use dreiklang_engine::{
    Attendance, Author, Hosting, RoomLeg,
    port::{RoomContent, RoomDelivery},
};
use dreiklang_model::{ChatId, Entry, Standing};

use super::*;

const ROOM: &str = "!plan";
const PORTAL: &str = "#_xmpp_team=40muc.example:hs.example";

impl Gateway {
    /// A room of Alice's that everybody may join.
    fn public(&self, room: &str) {
        self.homeserver.room(room, ALICE, ALICE);
        let mut world = self.homeserver.world.lock().unwrap();
        world.member(room, ALICE, ALICE, "join");
        let create: Value = serde_json::from_str(include_str!("../../fixtures/room-12.json")).unwrap();
        for kind in ["create", "power_levels"] {
            world.add(room, ALICE, &format!("m.room.{kind}"), Some(""), create[kind]["content"].clone());
        }
        world.add(room, ALICE, "m.room.join_rules", Some(""), json!({ "join_rule": "public" }));
        world.add(room, ALICE, "m.room.name", Some(""), json!({ "name": "Plans" }));
        world.aliases.insert("#plan:hs.example".to_owned(), room.to_owned());
    }

    /// The room as it is hosted on the other network, with Bob in it.
    async fn joined(&self) -> RoomLeg {
        let leg = self.there.room_at("#plan%hs.example@matrix.gw.example", None).await.unwrap().unwrap();
        let chat = ChatId::new("plan there").unwrap();
        self.there.bind_room(leg.conversation, None, Some(&chat)).await.unwrap();
        let bob = Attendance { who: Address::new(Network::XMPP, BOB).unwrap(), nick: None, standing: Some(Standing::Member) };
        self.there.attend(&chat, vec![bob], true).await.unwrap();
        self.there.room(leg.conversation).await.unwrap().unwrap()
    }

    async fn bob_says_in(&self, leg: &RoomLeg, text: &str) {
        let said = Received {
            key: SourceKey { scope: "room".to_owned(), id: text.to_owned(), at: None },
            native: NativeId::new(text).unwrap(),
            from: Address::new(Network::XMPP, BOB).unwrap(),
            name: None,
            to: Recipient::Room { chat: leg.chat.clone().unwrap(), echo: None },
            sent_at: Still::default().now(),
            freshness: Freshness::Asked,
            proof: None,
            wants_receipt: false,
            what: What::Message(Message::text(text)),
        };
        assert_eq!(self.xmpp.say(said).await, Some(Verdict::Stored));
    }

    async fn heard_there(&mut self) -> RoomDelivery {
        tokio::time::timeout(Duration::from_secs(10), self.xmpp.hear_in_rooms()).await.expect("nothing is heard").unwrap()
    }

    async fn hears_there(&mut self, texts: &[&str]) {
        for text in texts {
            match self.heard_there().await.content {
                RoomContent::Event(what) => match *what {
                    What::Message(message) => assert_eq!(message.text, **text),
                    other => panic!("{other:?} instead of {text}"),
                },
                RoomContent::Echo(_) => panic!("an echo"),
            }
        }
    }

    async fn standing(&self, leg: &RoomLeg, user: &str) -> Option<Standing> {
        let wanted = self.there.wanted(leg.conversation, 100).await.unwrap().unwrap();
        wanted.members.iter().find(|member| member.ghost.address.as_str() == user).map(|member| member.standing)
    }

    async fn asks_for(&self, alias: &str) -> u16 {
        let url = format!("{}/_matrix/app/v1/rooms/{}", self.url, alias.replace('#', "%23"));
        reqwest_client().get(url).bearer_auth("hs-secret").send().await.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn a_room_is_entered_and_everything_said_in_it_is_carried_once() {
    let mut gateway = Gateway::start().await;
    gateway.public(ROOM);
    let leg = gateway.joined().await;
    assert_eq!((leg.details.name.as_ref().unwrap().as_str(), leg.details.entry), ("Plans", Entry::Open));
    assert_eq!(gateway.standing(&leg, ALICE).await, Some(Standing::Owner));
    let one = gateway.homeserver.say(ROOM, ALICE, "one");
    let two = gateway.homeserver.say(ROOM, ALICE, "two");
    for events in [vec![&one], vec![&one, &two]] {
        assert_eq!(gateway.push(&events).await, 200);
    }
    gateway.hears_there(&["one", "two"]).await;
    // The ghost comes in when it speaks, and what was sent without an answer is not sent twice.
    gateway.homeserver.fault("/send/", true, 502, json!("bad gateway"));
    gateway.bob_says_in(&leg, "three").await;
    gateway.bob_says_in(&leg, "four").await;
    until(async || gateway.homeserver.said(GHOST).len() == 2).await;
    let said: Vec<String> = gateway.homeserver.said(GHOST).into_iter().map(|(_, text)| text).collect();
    assert_eq!(said, ["three", "four"]);
}

#[tokio::test]
async fn who_comes_and_who_may_do_what_is_told() {
    let gateway = Gateway::start().await;
    gateway.public(ROOM);
    let leg = gateway.joined().await;
    let dave = "@dave:hs.example";
    let came = gateway.homeserver.world.lock().unwrap().member(ROOM, dave, dave, "join");
    assert_eq!(gateway.push(&[&came]).await, 200);
    until(async || gateway.standing(&leg, dave).await == Some(Standing::Member)).await;
    let levels = json!({ "users": { dave: 50 } });
    let raised = gateway.homeserver.world.lock().unwrap().add(ROOM, ALICE, "m.room.power_levels", Some(""), levels);
    assert_eq!(gateway.push(&[&raised]).await, 200);
    until(async || gateway.standing(&leg, dave).await == Some(Standing::Moderator)).await;
    let left = gateway.homeserver.world.lock().unwrap().member(ROOM, dave, dave, "leave");
    assert_eq!(gateway.push(&[&left]).await, 200);
    until(async || gateway.standing(&leg, dave).await.is_none()).await;
    assert_eq!(gateway.hub.notes("duty/").await.unwrap(), []);
}

#[tokio::test]
async fn what_was_never_pushed_of_a_room_is_found() {
    let mut gateway = Gateway::start().await;
    gateway.public(ROOM);
    gateway.homeserver.say(ROOM, ALICE, "before the gateway came");
    gateway.joined().await;
    gateway.homeserver.say(ROOM, ALICE, "two");
    let three = gateway.homeserver.say(ROOM, ALICE, "three");
    assert_eq!(gateway.push_as(100, &[]).await, 200);
    assert_eq!(gateway.push_as(102, &[&three]).await, 200);
    gateway.hears_there(&["two", "three"]).await;
}

#[tokio::test]
async fn a_ghost_that_was_thrown_out_stays_out_and_its_author_is_told() {
    let mut gateway = Gateway::start().await;
    gateway.public(ROOM);
    let leg = gateway.joined().await;
    gateway.bob_says_in(&leg, "one").await;
    until(async || gateway.homeserver.said(GHOST).len() == 1).await;
    let thrown = gateway.homeserver.world.lock().unwrap().member(ROOM, ALICE, GHOST, "leave");
    assert_eq!(gateway.push(&[&thrown]).await, 200);
    gateway.bob_says_in(&leg, "two").await;
    let told = gateway.heard_there().await;
    assert!(matches!(told.content, RoomContent::Event(what) if matches!(*what, What::Report { .. })));
    assert!(matches!(told.author, Author::Own { .. }));
    assert_eq!(gateway.homeserver.said(GHOST).len(), 1);
}

#[tokio::test]
async fn a_portal_that_was_made_without_an_answer_is_found_again() {
    let mut gateway = Gateway::start().await;
    gateway.homeserver.fault("createRoom", true, 504, json!("timeout"));
    assert_eq!(gateway.asks_for(PORTAL).await, 500);
    assert_eq!(gateway.asks_for(PORTAL).await, 200);
    assert_eq!(gateway.homeserver.rooms(), 1);
    let leg = gateway.hub.room_of_chat(&ChatId::new("!made0").unwrap()).await.unwrap().unwrap();
    assert_eq!((leg.hosting, leg.address.as_str()), (Hosting::Ours, "team@muc.example"));
    let came = gateway.homeserver.world.lock().unwrap().member("!made0", ALICE, ALICE, "join");
    let said = gateway.homeserver.say("!made0", ALICE, "hello");
    assert_eq!(gateway.push(&[&came, &said]).await, 200);
    gateway.hears_there(&["hello"]).await;
    // What it is called at home is shown here.
    let home = gateway.there.room(leg.conversation).await.unwrap().unwrap();
    let details = dreiklang_model::RoomDetails { topic: dreiklang_model::Topic::new("of today"), ..home.details.clone() };
    gateway.there.describe_room(home.chat.as_ref().unwrap(), &details).await.unwrap();
    until(async || {
        let world = gateway.homeserver.world.lock().unwrap();
        world.rooms["!made0"]
            .events
            .iter()
            .any(|event| event["type"] == "m.room.topic" && event["content"]["topic"] == "of today")
    })
    .await;
}
