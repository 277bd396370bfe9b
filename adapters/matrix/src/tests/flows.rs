// SPDX-License-Identifier: EUPL-1.2
//! Conversations over a homeserver that fails.

use dreiklang_model::{Attachment, ChatId, Emoji, FileName, MediaKind, MediaSource, MediaType, Reactions, Reason, Report};

use super::*;

#[tokio::test]
async fn an_event_counts_once_whatever_transaction_brings_it() {
    let mut gateway = Gateway::start().await;
    gateway.bound("!r").await;
    let (two, three) = (gateway.homeserver.say("!r", ALICE, "two"), gateway.homeserver.say("!r", ALICE, "three"));
    for events in [vec![&two], vec![&two, &three], vec![&three, &two]] {
        assert_eq!(gateway.push(&events).await, 200);
    }
    let four = gateway.homeserver.say("!r", ALICE, "four");
    assert_eq!(gateway.push(&[&json!("broken"), &four]).await, 200);
    gateway.bob_hears_texts(&["two", "three", "four"]).await;
}

#[tokio::test]
async fn what_is_said_before_the_ghost_comes_arrives_in_order() {
    let mut gateway = Gateway::start().await;
    let invitation = gateway.homeserver.room("!r", ALICE, GHOST);
    let early = gateway.homeserver.say("!r", ALICE, "1");
    // The ghost cannot come at once: meanwhile Alice goes on, and one event is never pushed.
    for _ in 0..2 {
        gateway.homeserver.fault("/join", false, 502, json!("bad gateway"));
    }
    assert_eq!(gateway.push(&[&invitation, &early]).await, 200);
    gateway.homeserver.say("!r", ALICE, "2");
    let late = gateway.homeserver.say("!r", ALICE, "3");
    assert_eq!(gateway.push(&[&late]).await, 200);
    gateway.bob_hears_texts(&["1", "2", "3"]).await;
    assert_eq!(gateway.hub.notes("duty/").await.unwrap(), []);
}

#[tokio::test]
async fn a_room_that_was_made_without_an_answer_is_found_again() {
    let mut gateway = Gateway::start().await;
    gateway.homeserver.fault("createRoom", true, 504, json!("timeout"));
    gateway.bob_says("a", "hello").await;
    until(async || !gateway.homeserver.said(GHOST).is_empty()).await;
    assert_eq!(gateway.homeserver.rooms(), 1);
    let answer = gateway.homeserver.world.lock().unwrap().member("!made0", ALICE, ALICE, "join");
    let hi = gateway.homeserver.say("!made0", ALICE, "hi");
    gateway.push(&[&answer, &hi]).await;
    gateway.bob_hears_texts(&["hi"]).await;
}

#[tokio::test]
async fn patience_and_unclear_answers_double_nothing() {
    let gateway = Gateway::start().await;
    gateway.homeserver.fault("/send/", false, 429, json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "", "retry_after_ms": 600 }));
    gateway.homeserver.fault("/send/", true, 500, json!({ "errcode": "M_UNKNOWN", "error": "" }));
    gateway.homeserver.fault("/send/", true, 502, json!("bad gateway"));
    for text in ["one", "two", "three"] {
        gateway.bob_says(text, text).await;
    }
    until(async || gateway.homeserver.said(GHOST).len() >= 3).await;
    let texts: Vec<String> = gateway.homeserver.said(GHOST).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["one", "two", "three"]);
}

#[tokio::test]
async fn a_change_of_reactions_that_was_cut_off_is_finished() {
    let mut gateway = Gateway::start().await;
    let invitation = gateway.homeserver.room("!dm", ALICE, GHOST);
    let first = gateway.homeserver.say("!dm", ALICE, "first");
    gateway.push(&[&invitation, &first]).await;
    let to = NativeId::new(format!("xmpp/{}", gateway.xmpp.hear().await.unwrap().id)).unwrap();
    let react = |emojis: &[&str]| {
        let with = Reactions::All(emojis.iter().filter_map(|text| Emoji::new(text)).collect());
        What::React { to: to.clone(), with }
    };
    gateway.bob_does("r1", react(&["👍", "🎉"])).await;
    until(async || gateway.homeserver.reactions().len() == 2).await;
    gateway.homeserver.fault("/redact/", true, 502, json!("bad gateway"));
    gateway.bob_does("r2", react(&[])).await;
    until(async || gateway.homeserver.reactions().is_empty()).await;
}

#[tokio::test]
async fn the_words_beside_a_lost_file_arrive_and_its_sender_is_told() {
    let mut gateway = Gateway::start().await;
    let file = Attachment {
        kind: MediaKind::Image,
        name: FileName::new("cat.png"),
        media_type: MediaType::new("image/png"),
        size: Some(7),
        dimensions: None,
        blurhash: None,
        duration: None,
        source: MediaSource { network: Network::XMPP, locator: "gone".to_owned() },
        link: None,
    };
    gateway.bob_does("a", What::Message(Message { attachments: vec![file], ..Message::text("look") })).await;
    assert!(matches!(gateway.bob_hears().await, What::Report { report: Report::Failed(Reason::FileUnavailable), .. }));
    let texts: Vec<String> = gateway.homeserver.said(GHOST).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["look\n[image “cat.png”: could not be carried by the gateway]"]);
}

#[tokio::test]
async fn a_ghost_the_homeserver_has_forgotten_is_made_again() {
    let gateway = Gateway::start().await;
    gateway.bob_says("a", "one").await;
    until(async || gateway.homeserver.said(GHOST).len() == 1).await;
    gateway.homeserver.world.lock().unwrap().users.remove(GHOST);
    gateway.bob_says("b", "two").await;
    until(async || gateway.homeserver.said(GHOST).len() == 2).await;
}

#[tokio::test]
async fn a_ghost_that_was_thrown_out_opens_a_new_room() {
    let gateway = Gateway::start().await;
    gateway.bob_says("a", "one").await;
    until(async || gateway.homeserver.said(GHOST).len() == 1).await;
    gateway.homeserver.world.lock().unwrap().member("!made0", ALICE, GHOST, "leave");
    gateway.bob_says("b", "two").await;
    until(async || gateway.homeserver.said(GHOST).len() == 2).await;
    let said = [("!made0".to_owned(), "one".to_owned()), ("!made1".to_owned(), "two".to_owned())];
    assert_eq!(gateway.homeserver.said(GHOST), said);
    assert!(gateway.hub.leg_of_chat(&ChatId::new("!made1").unwrap()).await.unwrap().is_some());
}

#[tokio::test]
async fn refusals_are_told() {
    let mut gateway = Gateway::start().await;
    gateway.homeserver.fault("/send/", false, 413, json!({ "errcode": "M_TOO_LARGE", "error": "" }));
    gateway.bob_says("a", "one").await;
    match gateway.bob_hears().await {
        What::Report { report: Report::Failed(Reason::TooLarge), .. } => {}
        other => panic!("{other:?}"),
    }
    let room = "!made0";
    let come = gateway.homeserver.world.lock().unwrap().member(room, ALICE, ALICE, "join");
    let long = gateway.homeserver.say(room, ALICE, &"x".repeat(2000));
    gateway.homeserver.fault("/send/", false, 503, json!("away"));
    assert_eq!(gateway.push(&[&come, &long]).await, 200);
    until(async || gateway.homeserver.said(GHOST).len() == 1).await;
    let world = gateway.homeserver.world.lock().unwrap();
    let notice = &world.rooms[room].events.last().unwrap()["content"];
    assert_eq!(notice["m.relates_to"]["m.in_reply_to"]["event_id"], long["event_id"]);
    assert!(notice["body"].as_str().unwrap().contains("too large"), "{notice}");
}

#[tokio::test]
async fn both_at_once_end_in_one_room_with_everything_in_it() {
    let mut gateway = Gateway::start().await;
    for text in ["one", "two"] {
        gateway.bob_says(text, text).await;
    }
    until(async || gateway.homeserver.said(GHOST).len() == 2).await;
    let invitation = gateway.homeserver.room("!hers", ALICE, GHOST);
    let hers = gateway.homeserver.say("!hers", ALICE, "mine");
    // The gateway is stopped in the middle as far as the homeserver can tell.
    gateway.homeserver.fault("/kick", false, 502, json!("bad gateway"));
    gateway.push(&[&invitation, &hers]).await;
    gateway.bob_hears_texts(&["mine"]).await;
    gateway.bob_says("c", "three").await;
    until(async || gateway.homeserver.world.lock().unwrap().rooms["!made0"].members[GHOST] == "leave").await;
    until(async || gateway.homeserver.said(GHOST).len() == 5).await;
    let hers: Vec<String> =
        gateway.homeserver.said(GHOST).into_iter().filter(|(room, _)| room == "!hers").map(|(_, text)| text).collect();
    assert_eq!(hers, ["one", "two", "three"]);
    assert_eq!(gateway.homeserver.world.lock().unwrap().rooms["!made0"].members[ALICE], "leave");
}

#[tokio::test]
async fn what_a_homeserver_lost_is_asked_for_after_its_outage() {
    let mut gateway = Gateway::start().await;
    gateway.bound("!r").await;
    for text in ["lost 1", "lost 2"] {
        gateway.homeserver.say("!r", ALICE, text);
    }
    gateway.homeserver.fault("/appservice/", false, 502, json!("bad gateway"));
    gateway.homeserver.fault("/send/", false, 502, json!("bad gateway"));
    gateway.bob_says("a", "makes the gateway look").await;
    gateway.bob_hears_texts(&["lost 1", "lost 2"]).await;
}

#[tokio::test]
async fn what_was_said_over_a_long_weekend_is_no_replay() {
    let mut gateway = Gateway::start().await;
    gateway.bound("!r").await;
    until(async || gateway.hub.note("alive").await.unwrap().is_some()).await;
    let homeserver = gateway.homeserver.clone();
    let missed = homeserver.say("!r", ALICE, "on friday");
    homeserver.world.lock().unwrap().calls.clear();
    let mut gateway = gateway.away(3).await;
    gateway.bob_hears_texts(&["on friday"]).await;
    // Asked for before the homeserver was called upon to push it.
    let calls = homeserver.world.lock().unwrap().calls.clone();
    let first = |path: &str| calls.iter().position(|call| call.contains(path));
    assert!(first("/messages").is_some() && first("/appservice/").is_none_or(|ping| Some(ping) > first("/messages")));
    assert_eq!(gateway.push(&[&missed]).await, 200);
}

#[tokio::test]
async fn a_transaction_that_never_comes_is_missed_and_its_events_arrive_in_order() {
    let mut gateway = Gateway::start().await;
    gateway.bound("!r").await;
    gateway.homeserver.say("!r", ALICE, "two");
    let three = gateway.homeserver.say("!r", ALICE, "three");
    assert_eq!(gateway.push_as(100, &[]).await, 200);
    assert_eq!(gateway.push_as(102, &[&three]).await, 200);
    gateway.bob_hears_texts(&["two", "three"]).await;
}

#[tokio::test]
async fn a_lost_event_is_found_behind_one_that_was_pushed() {
    let mut gateway = Gateway::start().await;
    gateway.bound("!r").await;
    gateway.homeserver.say("!r", ALICE, "lost");
    let pushed = gateway.homeserver.say("!r", ALICE, "pushed");
    assert_eq!(gateway.push(&[&pushed]).await, 200);
    gateway.homeserver.fault("/send/", false, 502, json!("bad gateway"));
    gateway.homeserver.fault("/appservice/", false, 502, json!("bad gateway"));
    gateway.bob_says("a", "makes the gateway look").await;
    let mut heard = Vec::new();
    for _ in 0..2 {
        let What::Message(message) = gateway.bob_hears().await else { panic!() };
        heard.push(message.text.reading().into_owned());
    }
    heard.sort_unstable();
    assert_eq!(heard, ["lost", "pushed"]);
}

#[tokio::test]
async fn what_is_said_in_the_old_room_while_the_conversation_moves_is_not_lost() {
    let mut gateway = Gateway::start().await;
    gateway.bound("!old").await;
    let invitation = gateway.homeserver.room("!new", ALICE, GHOST);
    gateway.homeserver.fault("/leave", false, 502, json!("bad gateway"));
    gateway.push(&[&invitation]).await;
    // The room is bound anew, but the ghost has not got away from the old one yet.
    let old = ChatId::new("!old").unwrap();
    until(async || gateway.hub.leg_of_chat(&old).await.unwrap().is_none()).await;
    let behind = gateway.homeserver.say("!old", ALICE, "into the old room");
    let ahead = gateway.homeserver.say("!new", ALICE, "into the new room");
    gateway.push(&[&behind, &ahead]).await;
    gateway.bob_hears_texts(&["into the old room", "into the new room"]).await;
    assert!(gateway.homeserver.said(GHOST)[0].1.contains("!new"));
    assert_eq!(gateway.homeserver.world.lock().unwrap().rooms["!old"].members[GHOST], "leave");
}
