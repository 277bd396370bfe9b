// SPDX-License-Identifier: EUPL-1.2
//! Rooms over networks in memory and the real database: who is in one, what is said in it, and who may change what was said.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{sync::Arc, time::Duration};

use dreiklang_contract::world::{World, left, right, saying};
use dreiklang_engine::{
    Attendance, Author, Hosting, Hub, Policy, RoomLeg,
    linking::{self, Wish},
    port::{Adapter, Received, Recipient, RoomContent, RoomDelivery, Store, Verdict, Wanted},
};
use dreiklang_loopback::{Loopback, People};
use dreiklang_model::{
    Address, Capabilities, ChatId, DisplayName, Echo, Message, NativeId, Network, OrganisationId, Placed, Reason, RoomAddress,
    RoomDetails, Standing, What,
};
use dreiklang_store::{Seal, Sqlite};
use tempfile::TempDir;

/// A room that is at home on `left` and hosted on `right`.
struct Room {
    _directory: TempDir,
    world: World,
    left: People,
    right: People,
    here: RoomLeg,
    there: RoomLeg,
}

fn hub(world: &World, network: &Network) -> Hub {
    world.engine.hub(&OrganisationId::new("town").unwrap(), network).unwrap()
}

fn person(network: &Network, name: &str, standing: Option<Standing>) -> Attendance {
    Attendance { who: Address::new(network.clone(), name).unwrap(), nick: Some(DisplayName::new(&name.to_uppercase())), standing }
}

async fn gateway(policy: Policy) -> (TempDir, World, People, People) {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&directory.path().join("dreiklang.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap());
    let (left_network, left) = Loopback::new(left());
    let (right_network, right) = Loopback::new(right());
    let adapters: Vec<Arc<dyn Adapter>> =
        vec![Arc::new(left_network.with(Capabilities::FULL)), Arc::new(right_network.with(Capabilities::FULL))];
    let world = World::start(store, adapters, policy).await;
    (directory, world, left, right)
}

async fn room() -> Room {
    let (directory, world, left_people, right_people) = gateway(Policy::default()).await;
    let there = hub(&world, &right());
    let leg = there.room_at("left#plan", None).await.unwrap().unwrap();
    assert_eq!((leg.chat.as_ref(), leg.hosting, leg.home.clone()), (None, Hosting::Ours, left()));
    there.bind_room(leg.conversation, None, Some(&ChatId::new("plan here").unwrap())).await.unwrap();
    let there = there.room(leg.conversation).await.unwrap().unwrap();
    let here = hub(&world, &left()).room(leg.conversation).await.unwrap().unwrap();
    assert_eq!((here.hosting, here.address.as_str()), (Hosting::Theirs, "#plan"));
    Room { _directory: directory, world, left: left_people, right: right_people, here, there }
}

fn in_room(leg: &RoomLeg, who: &str, id: &str, what: What<NativeId>, echo: Option<&str>) -> Received {
    let at = dreiklang_model::Timestamp::from_millis(1_800_000_000_000);
    let to = Recipient::Room { chat: leg.chat.clone().unwrap(), echo: echo.map(|text| Echo(text.to_owned())) };
    Received { to, what, ..saying((&leg.network, who), "", id, "", at) }
}

fn says(text: &str) -> What<NativeId> {
    What::Message(Message::text(text))
}

async fn heard(people: &mut People) -> RoomDelivery {
    tokio::time::timeout(Duration::from_secs(20), people.hear_in_rooms()).await.expect("something to hear").unwrap()
}

async fn wanted(people: &mut People, fits: impl Fn(&Wanted) -> bool) -> Wanted {
    let waiting = async {
        loop {
            let wanted = people.room_wanted().await.unwrap();
            if fits(&wanted) {
                return wanted;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the room to be brought up to date")
}

fn event(delivery: &RoomDelivery) -> &What<Placed> {
    match &delivery.content {
        RoomContent::Event(what) => what,
        RoomContent::Echo(_) => panic!("an echo"),
    }
}

fn text(what: &What<Placed>) -> String {
    let (What::Message(message) | What::Edit { to: message, .. }) = what else { panic!("{what:?}") };
    message.text.reading().into_owned()
}

fn ghost(delivery: &RoomDelivery) -> (&str, &str) {
    match &delivery.author {
        Author::Ghost(member) => (member.ghost.written.as_str(), member.nick.as_str()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_said_at_home_is_heard_where_the_room_is_hosted() {
    let mut room = room().await;
    let alice = [person(&left(), "alice", Some(Standing::Moderator))];
    hub(&room.world, &left()).attend(room.here.chat.as_ref().unwrap(), alice.to_vec(), true).await.unwrap();
    assert_eq!(room.left.say(in_room(&room.here, "alice", "1", says("hello"), None)).await, Some(Verdict::Stored));
    let delivery = heard(&mut room.right).await;
    assert_eq!((text(event(&delivery)).as_str(), ghost(&delivery)), ("hello", ("left|alice", "ALICE")));
    assert_eq!(delivery.room.chat, room.there.chat);
}

#[tokio::test]
async fn what_is_said_where_the_room_is_hosted_is_heard_at_home_and_by_the_neighbours() {
    let mut room = room().await;
    let said = in_room(&room.there, "bob", "1", says("hi"), Some("<raw/>"));
    assert_eq!(room.right.say(said.clone()).await, Some(Verdict::Stored));
    assert_eq!(room.right.say(said).await, Some(Verdict::Duplicate));
    let at_home = heard(&mut room.left).await;
    assert_eq!((text(event(&at_home)).as_str(), ghost(&at_home).0), ("hi", "right|bob"));
    let neighbours = heard(&mut room.right).await;
    assert!(matches!(&neighbours.content, RoomContent::Echo(Echo(raw)) if raw == "<raw/>"));
    assert!(matches!(&neighbours.author, Author::Own { address } if address.as_str() == "bob"));
}

#[tokio::test]
async fn a_message_is_known_by_the_name_that_the_room_gave_it() {
    let mut room = room().await;
    room.right.say(in_room(&room.there, "bob", "1", says("hi"), Some("<raw/>"))).await;
    let echo = heard(&mut room.right).await;
    heard(&mut room.left).await;
    // An answer refers to the room's name, a correction to the author's own.
    let to = NativeId::new(format!("right/{}", echo.id)).unwrap();
    let answer = What::Message(Message { in_reply_to: Some(dreiklang_model::Reply { to, quote: None }), ..Message::text("yes") });
    // The delivery is settled after it was heard: whoever answers faster waits for that.
    room.right.say(in_room(&room.there, "carl", "2", answer, Some("<answer/>"))).await;
    let answered = heard(&mut room.left).await;
    let What::Message(Message { in_reply_to: Some(reply), .. }) = event(&answered) else { panic!("{:?}", answered.content) };
    assert!(reply.to.native.as_str().starts_with("left/"));
    let edit = What::Edit { of: NativeId::new("1").unwrap(), to: Message::text("hi!") };
    room.right.say(in_room(&room.there, "bob", "3", edit, Some("<edit/>"))).await;
    assert!(matches!(event(&heard(&mut room.left).await), What::Edit { .. }));
}

#[tokio::test]
async fn only_the_author_changes_and_only_a_moderator_takes_back_what_others_said() {
    let mut room = room().await;
    let chat = room.here.chat.clone().unwrap();
    let people = vec![person(&left(), "alice", Some(Standing::Member)), person(&left(), "mod", Some(Standing::Moderator))];
    hub(&room.world, &left()).attend(&chat, people, true).await.unwrap();
    room.left.say(in_room(&room.here, "alice", "1", says("hello"), None)).await;
    heard(&mut room.right).await;
    let of = || NativeId::new("1").unwrap();
    // A foreign edit is a message of its own, marked as a correction; a foreign retraction is nothing.
    room.left.say(in_room(&room.here, "eve", "2", What::Edit { of: of(), to: Message::text("evil") }, None)).await;
    let edited = heard(&mut room.right).await;
    assert!(matches!(event(&edited), What::Message(_)));
    room.left.say(in_room(&room.here, "eve", "3", What::Retract { of: of() }, None)).await;
    room.left.say(in_room(&room.here, "mod", "4", What::Retract { of: of() }, None)).await;
    let retracted = heard(&mut room.right).await;
    assert!(matches!(event(&retracted), What::Retract { .. }));
    assert_eq!(ghost(&retracted).0, "left|mod");
}

#[tokio::test]
async fn each_side_is_told_who_is_on_the_others() {
    let mut room = room().await;
    let home = hub(&room.world, &left());
    let chat = room.here.chat.clone().unwrap();
    let everybody = vec![person(&left(), "alice", Some(Standing::Member)), person(&left(), "mod", Some(Standing::Owner))];
    home.attend(&chat, everybody, true).await.unwrap();
    let both = wanted(&mut room.right, |wanted| wanted.total == 2).await;
    let standings: Vec<_> = both.members.iter().map(|member| (member.ghost.written.as_str(), member.standing)).collect();
    assert_eq!(standings, [("left|mod", Standing::Owner), ("left|alice", Standing::Member)]);
    home.attend(&chat, vec![person(&left(), "alice", None)], false).await.unwrap();
    let one = wanted(&mut room.right, |wanted| wanted.total == 1).await;
    assert_eq!(one.members[0].nick.as_str(), "MOD");
    let bob = vec![person(&right(), "bob", Some(Standing::Member))];
    hub(&room.world, &right()).attend(room.there.chat.as_ref().unwrap(), bob, true).await.unwrap();
    assert_eq!(wanted(&mut room.left, |wanted| wanted.total == 1).await.members[0].ghost.written.as_str(), "right|bob");
}

#[tokio::test]
async fn only_its_home_says_what_a_room_is_called() {
    let mut room = room().await;
    let named = |name: &str| RoomDetails { name: Some(DisplayName::new(name)), ..RoomDetails::default() };
    let there = hub(&room.world, &right());
    there.describe_room(room.there.chat.as_ref().unwrap(), &named("Wrong")).await.unwrap();
    hub(&room.world, &left()).describe_room(room.here.chat.as_ref().unwrap(), &named("Plans")).await.unwrap();
    let told = wanted(&mut room.right, |wanted| wanted.room.details.name.is_some()).await;
    assert_eq!(told.room.details.name.unwrap().as_str(), "Plans");
}

#[tokio::test]
async fn two_addresses_of_one_chat_are_one_room_and_rules_are_kept() {
    let policy = Policy { deny_rooms: vec!["#secret*".to_owned()], ..Policy::default() };
    let (_directory, world, _left, _right) = gateway(policy).await;
    let there = hub(&world, &right());
    let first = there.room_at("left#plan", None).await.unwrap().unwrap();
    let again = there.room_at("left#plan", None).await.unwrap().unwrap();
    assert_eq!(first.conversation, again.conversation);
    assert_eq!(there.room_at("left#secrets", None).await.unwrap(), Err(Reason::Forbidden));
    assert_eq!(there.room_at("nonsense", None).await.unwrap(), Err(Reason::UnknownRecipient));
    let address = RoomAddress::new(left(), "#plan").unwrap();
    assert_eq!(there.room_written(&address).unwrap().as_str(), "left#plan");
}

#[tokio::test]
async fn two_rooms_that_exist_are_linked_and_parted() {
    let (_directory, world, mut left_people, mut right_people) = gateway(Policy::default()).await;
    let store = &world.store;
    let key = store.organisation(&OrganisationId::new("town").unwrap()).await.unwrap();
    let done = async |wish: Wish, number: u128| {
        let id = dreiklang_model::EventId::from_parts(dreiklang_model::Timestamp::from_millis(1_800_000_000_000), number);
        let name = linking::wish(store.as_ref(), key, &wish, id).await.unwrap();
        let outcome = async {
            loop {
                if let Some(outcome) = linking::outcome(store.as_ref(), key, &name).await.unwrap() {
                    return outcome.done;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), outcome).await.expect("an answer")
    };
    let link = || Wish::Link("left#plan".to_owned(), "right#team".to_owned());
    assert!(done(link(), 1).await && done(link(), 2).await, "again, nothing changes");
    assert!(!done(Wish::Link("left#plan".to_owned(), "right#other".to_owned()), 3).await, "one leg on each network");
    assert!(!done(Wish::Link("left#other".to_owned(), "right#team".to_owned()), 4).await, "it belongs to another conversation");
    assert!(!done(Wish::Link("nonsense".to_owned(), "right#x".to_owned()), 5).await);
    // Both are told of the other.
    assert!(text(event(&heard(&mut left_people).await)).contains("#team"));
    assert!(text(event(&heard(&mut right_people).await)).contains("#plan"));
    let here = hub(&world, &left()).room_of_chat(&ChatId::new("chat of #plan").unwrap()).await.unwrap().unwrap();
    let there = hub(&world, &right()).room_of_chat(&ChatId::new("chat of #team").unwrap()).await.unwrap().unwrap();
    assert_eq!((here.conversation, there.hosting), (there.conversation, Hosting::Theirs));
    left_people.say(in_room(&here, "alice", "1", says("hello"), None)).await;
    assert_eq!(text(event(&heard(&mut right_people).await)), "hello");
    right_people.say(in_room(&there, "bob", "2", says("hi"), None)).await;
    assert_eq!(text(event(&heard(&mut left_people).await)), "hi");
    assert!(done(Wish::Unlink("right#team".to_owned()), 6).await);
    assert!(hub(&world, &right()).room_of_chat(&ChatId::new("chat of #team").unwrap()).await.unwrap().is_none());
    assert_eq!(
        right_people.say(in_room(&there, "bob", "3", says("hi"), None)).await,
        Some(Verdict::Refused(Reason::UnknownRecipient))
    );
    assert!(done(link(), 7).await, "and linked again");
}
