// SPDX-License-Identifier: EUPL-1.2
//! The law of the gateway on two networks in memory over the real database: nothing lost, nothing twice, nothing out of
//! order, and the sender learns the outcome.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{path::Path, sync::Arc, time::Duration};

use dreiklang_contract::world::{Counting, StillClock, World, left, right, saying};
use dreiklang_engine::{
    Policy,
    port::{Adapter, Clock, Deliverable, DeliveryError, Freshness, Health, LetterState, Received, Recipient, Store, Verdict},
};
use dreiklang_loopback::{Fate, Loopback, People};
use dreiklang_model::{Address, Feature, Reason, Report, What};
use dreiklang_store::{Seal, Sqlite};
use tempfile::TempDir;

struct Town {
    directory: TempDir,
    store: Arc<dyn Store>,
    world: World,
    left: People,
    right: People,
    right_network: Arc<Loopback>,
}

async fn open(directory: &Path) -> Arc<dyn Store> {
    Arc::new(Sqlite::open(&directory.join("dreiklang.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap())
}

async fn town(policy: Policy) -> Town {
    town_in(tempfile::tempdir().unwrap(), policy, Arc::default(), Counting::default(), Vec::new()).await
}

async fn town_in(directory: TempDir, policy: Policy, clock: Arc<StillClock>, entropy: Counting, fates: Vec<Fate>) -> Town {
    let store = open(directory.path()).await;
    let (left_network, left_people) = Loopback::new(left());
    let (right_network, right_people) = Loopback::new(right());
    right_network.plan(fates);
    let right_network = Arc::new(right_network);
    let adapters: Vec<Arc<dyn Adapter>> = vec![Arc::new(left_network), Arc::<Loopback>::clone(&right_network)];
    let world = World::start_at(Arc::clone(&store), adapters, policy, clock, entropy).await;
    Town { directory, store, world, left: left_people, right: right_people, right_network }
}

impl Town {
    fn alice(&self, id: &str, text: &str) -> Received {
        saying((&left(), "alice"), "right|bob", id, text, self.world.clock.now())
    }

    async fn hear_right(&mut self) -> Deliverable {
        tokio::time::timeout(Duration::from_secs(20), self.right.hear()).await.expect("something to hear").unwrap()
    }

    async fn hear_left(&mut self) -> Deliverable {
        tokio::time::timeout(Duration::from_secs(20), self.left.hear()).await.expect("something to hear").unwrap()
    }
}

fn text(delivery: &Deliverable) -> String {
    match &delivery.what {
        What::Message(message) => message.text.reading().into_owned(),
        other => panic!("{other:?} is no message"),
    }
}

#[tokio::test]
async fn a_message_crosses_and_is_answered() {
    let mut town = town(Policy::default()).await;
    assert_eq!(town.left.say(town.alice("1", "hello")).await, Some(Verdict::Stored));
    let heard = town.hear_right().await;
    assert_eq!(
        (text(&heard).as_str(), heard.leg.ghost.as_str(), heard.leg.user.address.as_str()),
        ("hello", "left|alice", "bob")
    );
    assert_eq!((heard.leg.ghost_name.as_str(), heard.late), ("alice", false));
    let answer = saying((&right(), "bob"), heard.leg.ghost.as_str(), "2", "hi", town.world.clock.now());
    assert_eq!(town.right.say(answer).await, Some(Verdict::Stored));
    let back = town.hear_left().await;
    assert_eq!(
        (text(&back).as_str(), back.leg.ghost.as_str(), back.leg.conversation),
        ("hi", "right|bob", heard.leg.conversation)
    );
}

#[tokio::test]
async fn the_same_thing_again_is_recognised() {
    let mut town = town(Policy::default()).await;
    assert_eq!(town.left.say(town.alice("1", "once")).await, Some(Verdict::Stored));
    assert_eq!(town.left.say(town.alice("1", "once")).await, Some(Verdict::Duplicate));
    assert_eq!(town.left.say(town.alice("2", "once")).await, Some(Verdict::Stored));
    let (first, second) = (town.hear_right().await, town.hear_right().await);
    assert_ne!(first.id, second.id);
}

#[tokio::test]
async fn both_sides_may_begin_at_the_same_moment() {
    let mut town = town(Policy::default()).await;
    let from_right = saying((&right(), "bob"), "left|alice", "1", "from right", town.world.clock.now());
    let verdicts = tokio::join!(town.left.say(town.alice("1", "from left")), town.right.say(from_right));
    assert_eq!(verdicts, (Some(Verdict::Stored), Some(Verdict::Stored)));
    let (here, there) = (town.hear_left().await, town.hear_right().await);
    assert_eq!(here.leg.conversation, there.leg.conversation);
}

#[tokio::test]
async fn order_is_kept_while_attempts_fail() {
    let mut town = town(Policy::default()).await;
    let unknown = || Fate::Fail(DeliveryError::Unknown { cause: "lost".to_owned() });
    town.right_network.plan([Fate::Take, unknown(), Fate::Panic, Fate::Take]);
    for number in 0..200 {
        assert_eq!(town.left.say(town.alice(&number.to_string(), &format!("{number}"))).await, Some(Verdict::Stored));
        if number == 20 {
            // The clock stands still: attempts become due only when it is moved.
            town.world.clock.pass(Duration::from_secs(3600));
        }
    }
    let clock = Arc::clone(&town.world.clock);
    let moving = tokio::spawn(async move {
        loop {
            clock.pass(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    for number in 0..200 {
        assert_eq!(text(&town.hear_right().await), number.to_string());
    }
    moving.abort();
}

#[tokio::test]
async fn a_lane_that_waits_holds_up_nobody() {
    let mut town = town(Policy::default()).await;
    let later = Fate::Fail(DeliveryError::Later { after: Some(Duration::from_secs(3600)), cause: "busy".to_owned() });
    town.right_network.plan([later]);
    assert_eq!(town.left.say(town.alice("1", "waits")).await, Some(Verdict::Stored));
    let waits = || async { town.store.letters(None, 10).await.unwrap().first().is_some_and(|letter| letter.attempts == 1) };
    while !waits().await {
        tokio::task::yield_now().await;
    }
    let carol = saying((&left(), "carol"), "right|bob", "1c", "passes", town.world.clock.now());
    assert_eq!(town.left.say(carol).await, Some(Verdict::Stored));
    assert_eq!(text(&town.hear_right().await), "passes");
    // The network comes back: the parked lane does not wait for its hour.
    let hub = town.world.engine.hub(&dreiklang_model::OrganisationId::new("town").unwrap(), &right()).unwrap();
    hub.health("air", &Health::Offline("gone".to_owned()));
    hub.health("air", &Health::Online);
    assert_eq!(text(&town.hear_right().await), "waits");
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let down = || Fate::Fail(DeliveryError::later("down"));
    let first =
        town_in(directory, Policy::default(), Arc::default(), Counting::default(), (0..1000).map(|_| down()).collect()).await;
    for number in 0..50 {
        assert_eq!(first.left.say(first.alice(&number.to_string(), &format!("{number}"))).await, Some(Verdict::Stored));
    }
    let Town { directory, world, store, .. } = first;
    let clock = Arc::clone(&world.clock);
    world.kill();
    drop(store);
    clock.pass(Duration::from_secs(600));
    let mut second = town_in(directory, Policy::default(), clock, Counting::default(), Vec::new()).await;
    assert_eq!(second.left.say(second.alice("7", "7")).await, Some(Verdict::Duplicate));
    for number in 0..50 {
        let heard = second.hear_right().await;
        assert_eq!(text(&heard), number.to_string());
        assert!(heard.late, "the original time is shown");
    }
    second.world.stop().await;
    assert!(second.directory.path().exists());
}

#[tokio::test]
async fn the_sender_learns_that_it_failed_and_the_letter_is_kept() {
    let mut town = town(Policy::default()).await;
    let never = DeliveryError::Never { reason: Reason::Rejected, cause: "blocked".to_owned() };
    town.right_network.plan([Fate::Fail(never)]);
    assert_eq!(town.left.say(town.alice("1", "unwanted")).await, Some(Verdict::Stored));
    let news = town.hear_left().await;
    let What::Report { of, report } = &news.what else { panic!("{:?}", news.what) };
    assert_eq!((of.as_str(), report), ("1", &Report::Failed(Reason::Rejected)));
    assert_eq!(town.store.letters(Some(LetterState::Dead), 10).await.unwrap().len(), 1);
    assert_eq!(town.left.say(town.alice("2", "next")).await, Some(Verdict::Stored));
    assert_eq!(text(&town.hear_right().await), "next", "the lane goes on");
}

#[tokio::test]
async fn the_sender_learns_that_it_waits_and_that_it_was_given_up() {
    let policy =
        Policy { tell_delay_after: Duration::from_secs(60), give_up_after: Duration::from_secs(600), ..Policy::default() };
    let mut town = town(policy).await;
    town.right_network.plan((0..1000).map(|_| Fate::Fail(DeliveryError::later("down"))));
    assert_eq!(town.left.say(town.alice("1", "patience")).await, Some(Verdict::Stored));
    let mut news = Vec::new();
    for passing in [61, 600] {
        town.world.clock.pass(Duration::from_secs(passing));
        let What::Report { report, .. } = town.hear_left().await.what else { panic!("no news") };
        news.push(report);
    }
    assert_eq!(news, [Report::Delayed, Report::Failed(Reason::Unreachable)]);
}

#[tokio::test]
async fn a_receipt_comes_after_the_far_side_has_it() {
    let mut town = town(Policy::default()).await;
    let asked = Received { wants_receipt: true, ..town.alice("1", "arrived?") };
    assert_eq!(town.left.say(asked).await, Some(Verdict::Stored));
    assert_eq!(text(&town.hear_right().await), "arrived?");
    let What::Report { of, report } = town.hear_left().await.what else { panic!("no receipt") };
    assert_eq!((of.as_str(), report), ("1", Report::Delivered));
}

#[tokio::test]
async fn a_late_bounce_finds_its_sender_but_only_from_its_recipient() {
    let mut town = town(Policy::default()).await;
    assert_eq!(town.left.say(town.alice("1", "into the void")).await, Some(Verdict::Stored));
    let heard = town.hear_right().await;
    while !town.store.letters(None, 1).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let hub = town.world.engine.hub(&dreiklang_model::OrganisationId::new("town").unwrap(), &right()).unwrap();
    let says = |who: &str| Address::new(right(), who).unwrap();
    let failed = Report::Failed(Reason::UnknownRecipient);
    assert!(!hub.report_back(heard.id, Some(&says("eve")), failed.clone()).await.unwrap());
    assert!(hub.report_back(heard.id, Some(&says("bob")), failed.clone()).await.unwrap());
    assert!(hub.report_back(heard.id, Some(&says("bob")), failed.clone()).await.unwrap(), "a second bounce is no second news");
    let What::Report { of, report } = town.hear_left().await.what else { panic!("no news") };
    assert_eq!((of.as_str(), report), ("1", failed));
    let answer = saying((&right(), "bob"), "left|alice", "2", "here after all", town.world.clock.now());
    assert_eq!(town.right.say(answer).await, Some(Verdict::Stored));
    assert_eq!(text(&town.hear_left().await), "here after all", "nothing came between");
}

#[tokio::test]
async fn a_bounce_that_is_quicker_than_our_own_commit_finds_its_sender() {
    let mut town = town(Policy::default()).await;
    let hub = town.world.engine.hub(&dreiklang_model::OrganisationId::new("town").unwrap(), &right()).unwrap();
    let bob = Address::new(right(), "bob").unwrap();
    for number in 0..50 {
        assert_eq!(town.left.say(town.alice(&number.to_string(), "into the void")).await, Some(Verdict::Stored));
        let heard = town.hear_right().await;
        assert!(hub.report_back(heard.id, Some(&bob), Report::Failed(Reason::UnknownRecipient)).await.unwrap(), "{number}");
        assert!(matches!(town.hear_left().await.what, What::Report { report: Report::Failed(_), .. }));
    }
}

#[tokio::test]
async fn history_that_is_pushed_again_is_held() {
    let mut town = town(Policy::default()).await;
    let old = town.world.clock.now();
    town.world.clock.pass(Duration::from_secs(25 * 3600));
    let replayed = saying((&left(), "alice"), "right|bob", "old", "old news", old);
    assert_eq!(town.left.say(replayed).await, Some(Verdict::Stored));
    assert_eq!(town.store.letters(Some(LetterState::Held), 10).await.unwrap().len(), 1);
    let asked_for = Received { freshness: Freshness::Asked, ..saying((&left(), "alice"), "right|bob", "gap", "missed", old) };
    assert_eq!(town.left.say(asked_for).await, Some(Verdict::Stored));
    let heard = town.hear_right().await;
    assert_eq!((text(&heard).as_str(), heard.late), ("missed", true));
}

#[tokio::test]
async fn who_may_not_is_refused_with_a_reason() {
    let policy = Policy { deny: vec!["eve*".to_owned()], longest_text: 100, messages_per_minute: 3, ..Policy::default() };
    let town = town(policy).await;
    let now = town.world.clock.now();
    let cases = [
        (saying((&left(), "eve"), "right|bob", "1", "hi", now), Reason::Forbidden),
        (saying((&left(), "alice"), "right|eve", "2", "hi", now), Reason::Forbidden),
        (saying((&left(), "alice"), "right|bob", "3", &"x".repeat(101), now), Reason::TooLarge),
        (saying((&left(), "alice"), "nonsense", "4", "hi", now), Reason::UnknownRecipient),
        (saying((&left(), "alice"), "left|carol", "5", "hi", now), Reason::UnknownRecipient),
        (saying((&left(), "alice"), "mail|carol", "6", "hi", now), Reason::NotConnected),
        (saying((&left(), "alice"), "~99", "7", "hi", now), Reason::UnknownRecipient),
    ];
    for (received, reason) in cases {
        assert_eq!(town.left.say(received).await, Some(Verdict::Refused(reason)));
    }
    for number in 10..13 {
        assert_eq!(town.left.say(town.alice(&number.to_string(), "hi")).await, Some(Verdict::Stored));
    }
    assert_eq!(town.left.say(town.alice("13", "hi")).await, Some(Verdict::Refused(Reason::TooMany)));
    assert_eq!(town.left.say(town.alice("12", "hi")).await, Some(Verdict::Duplicate), "a repeat costs nothing");
}

#[tokio::test]
async fn an_address_without_a_readable_form_gets_an_alias_that_stays() {
    let mut town = town(Policy::default()).await;
    let odd = saying((&left(), "al!ce"), "right|bob", "1", "hi", town.world.clock.now());
    assert_eq!(town.left.say(odd).await, Some(Verdict::Stored));
    let heard = town.hear_right().await;
    assert_eq!(heard.leg.ghost.as_str(), "~0");
    let answer = saying((&right(), "bob"), "~0", "2", "hello al!ce", town.world.clock.now());
    assert_eq!(town.right.say(answer).await, Some(Verdict::Stored));
    assert_eq!(town.hear_left().await.leg.user.address.as_str(), "al!ce");
}

#[tokio::test]
async fn what_cannot_cross_is_named_to_both() {
    let mut town = town(Policy::default()).await;
    let image = What::Unsupported { feature: Feature::Image, name: Some("cat.png".to_owned()) };
    assert_eq!(town.left.say(Received { what: image, ..town.alice("1", "") }).await, Some(Verdict::Stored));
    assert!(text(&town.hear_right().await).contains("cat.png"));
    let What::Report { report, .. } = town.hear_left().await.what else { panic!("no news") };
    assert_eq!(report, Report::Reduced(Feature::Image));
}

#[tokio::test]
async fn the_bot_opens_a_chat() {
    let mut town = town(Policy::default()).await;
    let ask = |id, text| saying((&left(), "alice"), "gateway|bot", id, text, town.world.clock.now());
    assert_eq!(town.left.say(ask("1", "chat right|bob")).await, Some(Verdict::Stored));
    let (first, second) = (town.hear_left().await, town.hear_left().await);
    let (answer, opened) = if first.leg.bot { (first, second) } else { (second, first) };
    assert!(text(&answer).contains("right|bob"), "{}", text(&answer));
    assert_eq!((&opened.what, opened.leg.ghost.as_str()), (&What::Opened, "right|bob"));
    assert_eq!(
        town.left.say(saying((&left(), "alice"), "gateway|bot", "2", "help", town.world.clock.now())).await,
        Some(Verdict::Stored)
    );
    assert!(text(&town.hear_left().await).contains("chat ADDRESS"));
}

#[tokio::test]
async fn the_bot_gives_invitations() {
    let mut town = town(Policy { deny: vec!["eve".into()], ..Policy::default() }).await;
    for (number, (words, expected)) in [
        ("invite", "loopback:right/left|alice"),
        ("invite left|dora", "loopback:right/left|dora"),
        ("invite right|bob", "loopback:left/right|bob"),
        ("invite right|eve", "do not allow"),
        ("invite nonsense", "not an address"),
    ]
    .into_iter()
    .enumerate()
    {
        let asked = saying((&left(), "alice"), "gateway|bot", &number.to_string(), words, town.world.clock.now());
        assert_eq!(town.left.say(asked).await, Some(Verdict::Stored));
        let answer = town.hear_left().await;
        assert!(text(&answer).contains(expected), "{words}: {}", text(&answer));
    }
}

#[tokio::test]
async fn a_long_text_arrives_whole_in_several_messages() {
    let mut town = town(Policy::default()).await;
    let long = "All work and no play. ".repeat(5000);
    assert_eq!(town.left.say(town.alice("1", &long)).await, Some(Verdict::Stored));
    let mut whole = String::new();
    while whole.len() < long.len() {
        whole.push_str(&text(&town.hear_right().await));
    }
    assert_eq!(whole, long);
}

#[tokio::test]
async fn a_chat_that_is_bound_needs_no_address() {
    let mut town = town(Policy::default()).await;
    let hub = town.world.engine.hub(&dreiklang_model::OrganisationId::new("town").unwrap(), &left()).unwrap();
    let alice = Address::new(left(), "alice").unwrap();
    let leg = hub.open_direct(&alice, "right|bob").await.unwrap().unwrap();
    let room = dreiklang_model::ChatId::new("!room").unwrap();
    hub.bind(leg.conversation, None, Some(&room)).await.unwrap();
    let said = Received { to: Recipient::Chat(room), ..town.alice("1", "in the room") };
    assert_eq!(town.left.say(said).await, Some(Verdict::Stored));
    assert_eq!(text(&town.hear_right().await), "in the room");
    let elsewhere = dreiklang_model::ChatId::new("!elsewhere").unwrap();
    let said = Received { to: Recipient::Chat(elsewhere), ..town.alice("2", "lost") };
    assert_eq!(town.left.say(said).await, Some(Verdict::Refused(Reason::UnknownRecipient)));
}

#[tokio::test]
async fn what_is_received_again_after_an_older_copy_was_restored_bears_the_same_id() {
    let mut heard = Vec::new();
    for days in [0, 1, 365] {
        // Each time a database that knows nothing of it, as the copy that was made before it came.
        let mut town = town(Policy::default()).await;
        let dated = town.world.clock.now();
        town.world.clock.pass(Duration::from_secs(days * 24 * 60 * 60));
        let mut received =
            Received { freshness: Freshness::Asked, ..saying((&left(), "alice"), "right|bob", "1", "hello", dated) };
        received.key.at = Some(dated);
        assert_eq!(town.left.say(received).await, Some(Verdict::Stored));
        heard.push(town.hear_right().await.id);
    }
    assert_eq!(heard[0], heard[1]);
    assert_ne!(heard[0], heard[2], "what is very old must not be forgotten at once");
}
