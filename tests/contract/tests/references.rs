// SPDX-License-Identifier: EUPL-1.2
//! Answers, edits, retractions, reactions and receipts between two networks in memory that can do all of it: each refers to the right
//! message by the name it has on the other side.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{sync::Arc, time::Duration};

use dreiklang_contract::world::{World, left, right, saying};
use dreiklang_engine::{
    Policy,
    port::{Adapter, Clock, Deliverable, DeliveryError, Received, Store, Verdict},
};
use dreiklang_loopback::{Fate, Loopback, People};
use dreiklang_model::{
    Address, Capabilities, Emoji, Feature, Message, NativeId, Network, Placed, Reactions, Reason, Reply, Report, Rich, Side,
    Timestamp, What,
    rich::{Block, Leaf, Span},
};
use dreiklang_store::{Seal, Sqlite};

struct Town {
    _directory: tempfile::TempDir,
    world: World,
    left: People,
    right: People,
    right_network: Arc<Loopback>,
}

async fn town(right_can: Capabilities) -> Town {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&directory.path().join("dreiklang.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap());
    let (left_network, left_people) = Loopback::new(left());
    let (right_network, right_people) = Loopback::new(right());
    let right_network = Arc::new(right_network.with(right_can));
    let adapters: Vec<Arc<dyn Adapter>> =
        vec![Arc::new(left_network.with(Capabilities::FULL)), Arc::<Loopback>::clone(&right_network)];
    let world = World::start(store, adapters, Policy::default()).await;
    Town { _directory: directory, world, left: left_people, right: right_people, right_network }
}

fn name(id: &str) -> NativeId {
    NativeId::new(id).unwrap()
}

fn emoji(text: &str) -> Emoji {
    Emoji::new(text).unwrap()
}

impl Town {
    fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    /// Alice, on the left, does something.
    async fn alice(&self, id: &str, what: What<NativeId>) {
        let done = Received { what, ..saying((&left(), "alice"), "right|bob", id, "", self.now()) };
        assert_eq!(self.left.say(done).await, Some(Verdict::Stored));
    }

    /// Bob, on the right, does something.
    async fn bob(&self, id: &str, what: What<NativeId>) {
        let done = Received { what, ..saying((&right(), "bob"), "left|alice", id, "", self.now()) };
        assert_eq!(self.right.say(done).await, Some(Verdict::Stored));
    }

    async fn at_bob(&mut self) -> What<Placed> {
        heard(self.right.hear()).await.what
    }

    async fn at_alice(&mut self) -> What<Placed> {
        heard(self.left.hear()).await.what
    }

    /// Alice says `text` under `id`; answers how it is named at Bob's.
    async fn said(&mut self, id: &str, text: &str) -> NativeId {
        self.alice(id, What::Message(Message::text(text))).await;
        let delivery = heard(self.right.hear()).await;
        name(&format!("right/{}", delivery.id))
    }
}

async fn heard(hearing: impl Future<Output = Option<Deliverable>>) -> Deliverable {
    tokio::time::timeout(Duration::from_secs(20), hearing).await.expect("something to hear").unwrap()
}

fn placed(native: &NativeId, by: Side) -> Placed {
    Placed { native: native.clone(), parts: vec![native.clone()], by }
}

#[tokio::test]
async fn answers_name_the_message_on_either_side() {
    let mut town = town(Capabilities::FULL).await;
    let there = town.said("a1", "coming?").await;
    let answer = |to: &NativeId| {
        What::Message(Message { in_reply_to: Some(Reply { to: to.clone(), quote: None }), ..Message::text("yes") })
    };
    town.bob("b1", answer(&there)).await;
    let What::Message(message) = town.at_alice().await else { panic!("no message") };
    assert_eq!(message.in_reply_to.unwrap().to, placed(&name("a1"), Side::User));
    town.alice("a2", answer(&name("a1"))).await;
    let What::Message(message) = town.at_bob().await else { panic!("no message") };
    assert_eq!(message.in_reply_to.unwrap().to, placed(&there, Side::Ghost));
}

#[tokio::test]
async fn every_edit_is_one_of_the_first_version_also_within_one_batch() {
    let mut town = town(Capabilities::FULL).await;
    let there = town.said("a1", "at 8").await;
    town.alice("a2", What::Edit { of: name("a1"), to: Message::text("at 9") }).await;
    // His client names the version that he saw last.
    town.alice("a3", What::Edit { of: name("a2"), to: Message::text("at 10") }).await;
    for text in ["at 9", "at 10"] {
        let What::Edit { of, to } = town.at_bob().await else { panic!("no edit") };
        assert_eq!((of, to.text.reading().as_ref()), (placed(&there, Side::Ghost), text));
    }
    town.alice("a4", What::Retract { of: name("a3") }).await;
    assert_eq!(town.at_bob().await, What::Retract { of: placed(&there, Side::Ghost) });
}

#[tokio::test]
async fn nobody_edits_or_retracts_what_the_other_one_said() {
    let mut town = town(Capabilities::FULL).await;
    let there = town.said("a1", "mine").await;
    town.bob("b1", What::Edit { of: there.clone(), to: Message::text("forged") }).await;
    let What::Message(message) = town.at_alice().await else { panic!("an edit of what is not his") };
    assert_eq!(message.text, "Correction: forged");
    town.bob("b2", What::Retract { of: there }).await;
    assert_eq!(town.at_bob().await, What::Report { of: name("b2"), report: Report::Reduced(Feature::Retraction) });
}

#[tokio::test]
async fn reactions_arrive_as_all_that_hold() {
    let mut town = town(Capabilities::FULL).await;
    let there = town.said("a1", "party").await;
    let to = placed(&there, Side::Ghost);
    let all = |emojis: &[&str]| Reactions::All(emojis.iter().map(|text| emoji(text)).collect());
    town.alice("r1", What::React { to: name("a1"), with: Reactions::And(emoji("👍")) }).await;
    assert_eq!(town.at_bob().await, What::React { to: to.clone(), with: all(&["👍"]) });
    town.world.clock.pass(Duration::from_secs(1));
    town.alice("r2", What::React { to: name("a1"), with: Reactions::And(emoji("🎉")) }).await;
    assert_eq!(town.at_bob().await, What::React { to: to.clone(), with: all(&["👍", "🎉"]) });
    town.alice("x1", What::Retract { of: name("r1") }).await;
    assert_eq!(town.at_bob().await, What::React { to: to.clone(), with: all(&["🎉"]) });
    town.alice("r3", What::React { to: name("a1"), with: Reactions::All(Vec::new()) }).await;
    assert_eq!(town.at_bob().await, What::React { to, with: all(&[]) });
}

#[tokio::test]
async fn a_target_with_one_reaction_for_each_person_gets_the_newest() {
    let mut town = town(Capabilities { most_reactions: 1, ..Capabilities::FULL }).await;
    town.said("a1", "party").await;
    for (id, text) in [("r1", "👍"), ("r2", "🎉")] {
        town.world.clock.pass(Duration::from_secs(1));
        town.alice(id, What::React { to: name("a1"), with: Reactions::And(emoji(text)) }).await;
        let What::React { with, .. } = town.at_bob().await else { panic!("no reaction") };
        assert_eq!(with, Reactions::All(vec![emoji(text)]));
    }
}

#[tokio::test]
async fn what_follows_a_message_waits_until_that_has_arrived() {
    let mut town = town(Capabilities::FULL).await;
    town.said("a0", "hello").await;
    town.right_network.plan([Fate::Fail(DeliveryError::later("down"))]);
    town.alice("a1", What::Message(Message::text("wrong"))).await;
    town.alice("a2", What::Edit { of: name("a1"), to: Message::text("right") }).await;
    town.world.clock.pass(Duration::from_secs(60));
    let first = heard(town.right.hear()).await;
    let What::Edit { of, .. } = town.at_bob().await else { panic!("no edit") };
    assert_eq!(of.native, name(&format!("right/{}", first.id)));
}

#[tokio::test]
async fn a_receipt_names_the_message_that_was_read() {
    let mut town = town(Capabilities::FULL).await;
    let there = town.said("a1", "read me").await;
    town.bob("b1", What::Read { up_to: there }).await;
    assert_eq!(town.at_alice().await, What::Read { up_to: placed(&name("a1"), Side::User) });
}

#[tokio::test]
async fn nobody_is_told_what_became_of_a_receipt() {
    let mut town = town(Capabilities::FULL).await;
    town.bob("b1", What::Message(Message::text("read me"))).await;
    let read = name(&format!("left/{}", heard(town.left.hear()).await.id));
    let never = DeliveryError::Never { reason: Reason::Rejected, cause: "no receipts here".to_owned() };
    town.right_network.plan([Fate::Fail(never)]);
    town.alice("a1", What::Read { up_to: read }).await;
    town.said("a2", "yes").await;
    town.bob("b2", What::Message(Message::text("well"))).await;
    assert_eq!(town.at_alice().await, What::Message(Message::text("well")));
}

#[tokio::test]
async fn a_plain_network_shows_all_of_it_as_text() {
    let mut town = town(Capabilities::PLAIN).await;
    town.said("a1", "party").await;
    town.alice("r1", What::React { to: name("a1"), with: Reactions::And(emoji("👍")) }).await;
    town.alice("x1", What::Retract { of: name("a1") }).await;
    for text in ["👍", "A message was deleted by its author."] {
        let What::Message(message) = town.at_bob().await else { panic!("no message") };
        assert_eq!(message.text, text);
    }
}

/// A text that mentions somebody, written so on the network at hand.
fn mentioning(network: Network, who: &str) -> Message<NativeId> {
    let who = Address::new(network, who).unwrap();
    let mention = Span { leaf: Leaf::Mention { who, name: "you".into() }, ..Span::plain("") };
    let text = Rich::new(vec![Block::Paragraph(vec![Span::plain("hey "), mention, Span::plain("!")])]);
    Message::text(dreiklang_model::Text::from(text))
}

#[tokio::test]
async fn whom_a_text_mentions_is_written_as_the_target_does() {
    let mut town = town(Capabilities::FULL).await;
    let who = |what: What<Placed>| {
        let (What::Message(message) | What::Edit { to: message, .. }) = what else { panic!("no text") };
        assert_eq!(message.text.reading(), "hey you!");
        let mentioned = message.text.rich().and_then(|rich| {
            rich.spans().into_iter().find_map(|span| match &span.leaf {
                Leaf::Mention { who, .. } => Some((who.network().clone(), who.as_str().to_owned())),
                Leaf::Text(_) => None,
            })
        });
        mentioned.map(|(network, who)| format!("{network} {who}"))
    };
    // The ghost of Bob is Bob at Bob's; Alice is her ghost there.
    for (written, expected) in [
        ("right|bob", Some("right bob")),
        ("alice", Some("right left|alice")),
        ("left|carol", Some("right left|carol")),
        ("~9", None),
        ("anna!", None),
    ] {
        town.alice(written, What::Message(mentioning(left(), written))).await;
        assert_eq!(who(town.at_bob().await).as_deref(), expected, "{written}");
    }
    town.said("a1", "first").await;
    town.alice("a2", What::Edit { of: name("a1"), to: mentioning(left(), "right|bob") }).await;
    assert_eq!(who(town.at_bob().await).as_deref(), Some("right bob"));
}
