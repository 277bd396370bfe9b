// SPDX-License-Identifier: EUPL-1.2
//! What every store must show. Each check gets a fresh store; a test of the store's crate calls them all.

use std::{sync::Arc, time::Duration};

use dreiklang_engine::port::{
    Arrival, Bound, Change, Known, LaneKey, LetterAction, LetterState, NewRow, OrganisationKey, Persona, ReactionChange, Role,
    RowId, SeenKey, Settlement, Store,
};
use dreiklang_model::{
    Address, ChatId, ConversationId, DeliveryId, DisplayName, Emoji, Event, EventId, MediaSource, Message, NativeId, Network,
    OrganisationId, PictureHash, Portrait, Reason, Timestamp, What, Written,
};

use secrecy::{ExposeSecret as _, SecretSlice};

/// A world of two people in one direct conversation.
struct World {
    store: Arc<dyn Store>,
    organisation: OrganisationKey,
    alice: Persona,
    bob: Persona,
    conversation: ConversationId,
}

const NOW: i64 = 1_800_000_000_000;

fn now() -> Timestamp {
    Timestamp::from_millis(NOW)
}

fn event_id(number: u128) -> EventId {
    EventId::from_parts(now(), number)
}

impl World {
    async fn new(store: Arc<dyn Store>) -> Self {
        let organisation = store.organisation(&OrganisationId::new("town").unwrap()).await.unwrap();
        let account = |network, address: &str| Address::new(network, address).unwrap();
        let alice = store.persona(organisation, &account(Network::MATRIX, "@alice:hs"), None, now()).await.unwrap();
        let bob = store.persona(organisation, &account(Network::XMPP, "bob@x"), None, now()).await.unwrap();
        for (who, on, written) in [(&alice, Network::XMPP, "alice%hs@m"), (&bob, Network::MATRIX, "@_xmpp_bob=40x:hs")] {
            let written = Written::new(written).unwrap();
            assert_eq!(store.decide_written(organisation, who.id, &on, &written).await.unwrap(), Some(written));
        }
        let new = ConversationId::from_parts(now(), 1);
        let conversation = store.direct(organisation, &alice, &bob, new, now()).await.unwrap();
        Self { store, organisation, alice, bob, conversation }
    }

    fn lane(&self, network: Network) -> LaneKey {
        LaneKey { conversation: self.conversation, network }
    }

    fn row(&self, number: u128) -> NewRow {
        let id = event_id(number);
        NewRow {
            organisation: self.organisation,
            delivery: DeliveryId { event: id, part: 0 },
            lane: self.lane(Network::XMPP),
            source: Network::MATRIX,
            native: Some(NativeId::new(format!("${number}")).unwrap()),
            event: Event {
                id,
                conversation: self.conversation,
                author: Some(self.alice.id),
                sent_at: now(),
                what: What::Message(Message::text(format!("text {number}"))),
                echo: None,
            },
            accepted_at: now(),
            wants_receipt: false,
            held: false,
        }
    }

    fn arrival(&self, number: u128) -> Arrival {
        Arrival {
            organisation: self.organisation,
            seen: SeenKey { slot: 0, digest: number.to_be_bytes() },
            event: event_id(number),
            conversation: self.conversation,
            network: Network::MATRIX,
            native: NativeId::new(format!("${number}")).unwrap(),
            role: Role::Itself,
            author: Some(self.alice.id),
            proof: None,
            reaction: None,
            accepted_at: now(),
            rows: vec![self.row(number)],
        }
    }

    async fn waiting(&self) -> Vec<RowId> {
        self.store.waiting(RowId(0), 1000).await.unwrap().iter().map(|row| row.id).collect()
    }
}

/// What was seen once is never stored again, alone or in one batch.
pub async fn arrivals_are_stored_once(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let batch = vec![world.arrival(1), world.arrival(2), world.arrival(1)];
    assert_eq!(world.store.accept(batch).await.unwrap(), [true, true, false]);
    assert_eq!(world.store.accept(vec![world.arrival(2), world.arrival(3)]).await.unwrap(), [false, true]);
    let rows = world.store.waiting(RowId(0), 1000).await.unwrap();
    let texts: Vec<_> = rows.iter().map(|row| row.new.event.what.clone()).collect();
    let expected: Vec<_> = (1..=3).map(|number| What::Message(Message::text(format!("text {number}")))).collect();
    assert_eq!(texts, expected);
    assert!(world.store.seen(world.organisation, &world.arrival(1).seen).await.unwrap());
    assert!(!world.store.seen(world.organisation, &world.arrival(9).seen).await.unwrap());
}

/// The same key in another organisation is another thing.
pub async fn recognition_is_scoped_to_the_organisation(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let other = store.organisation(&OrganisationId::new("village").unwrap()).await.unwrap();
    assert_ne!(world.organisation, other);
    let elsewhere = Arrival { organisation: other, event: event_id(77), rows: Vec::new(), ..world.arrival(1) };
    assert_eq!(store.accept(vec![world.arrival(1), elsewhere]).await.unwrap(), [true, true]);
}

/// Rows leave in the order in which they came, however many writers there are, and each lane sees only its own.
pub async fn order_is_the_order_of_commits(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store).await);
    for start in [0_u128, 100, 200] {
        let arrivals = (start..start + 100).map(|number| world.arrival(number)).collect();
        assert!(world.store.accept(arrivals).await.unwrap().iter().all(|new| *new));
    }
    let rows = world.store.waiting(RowId(0), 1000).await.unwrap();
    let events: Vec<EventId> = rows.iter().map(|row| row.new.delivery.event).collect();
    assert_eq!(events, (0..300).map(event_id).collect::<Vec<_>>());
    assert!(rows.windows(2).all(|pair| pair[0].id < pair[1].id));
    let lane = world.lane(Network::XMPP);
    let page = world.store.waiting_in(&lane, rows[9].id, 5).await.unwrap();
    assert_eq!(page.iter().map(|row| row.id).collect::<Vec<_>>(), rows[10..15].iter().map(|row| row.id).collect::<Vec<_>>());
    assert!(world.store.waiting_in(&world.lane(Network::MAIL), RowId(0), 5).await.unwrap().is_empty());
}

/// A settled row is gone, its names stay; settling it again changes nothing.
pub async fn settling_is_idempotent(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.store.accept(vec![world.arrival(1)]).await.unwrap();
    let row = world.waiting().await[0];
    let settle = |follow| Settlement::Delivered {
        row,
        native: NativeId::new("there").ok(),
        role: Role::Itself,
        notes: Some("notes".to_owned()),
        at: now(),
        follow,
    };
    world.store.settle(settle(Some(world.row(50)))).await.unwrap();
    assert_eq!(world.waiting().await.len(), 1, "the receipt");
    world.store.settle(settle(Some(world.row(51)))).await.unwrap();
    assert_eq!(world.waiting().await.len(), 1, "no second receipt");
    let names = world.store.messages(world.organisation, event_id(1)).await.unwrap();
    let mut named: Vec<_> = names.iter().map(|name| (name.origin, name.native.as_str())).collect();
    named.sort_unstable();
    assert_eq!(named, [(false, "there"), (true, "$1")]);
    let leg = world.store.leg(&world.lane(Network::XMPP)).await.unwrap().unwrap();
    assert_eq!(leg.notes.as_deref(), Some("notes"));
}

/// A postponed row stays at the head of its lane and remembers what happened.
pub async fn postponed_rows_keep_their_place(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.store.accept(vec![world.arrival(1), world.arrival(2)]).await.unwrap();
    let before = world.waiting().await;
    let due = Timestamp::from_millis(NOW + 5000);
    let postponed = Settlement::Postponed { row: before[0], due, cause: "down".to_owned(), follow: None };
    world.store.settle(postponed).await.unwrap();
    let rows = world.store.waiting(RowId(0), 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), before);
    assert_eq!((rows[0].attempts, rows[0].due, rows[0].delay_told), (1, due, false));
}

/// A buried row waits no more; an administrator can revive it or throw it away.
pub async fn dead_letters_can_be_revived_and_dropped(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.store.accept(vec![world.arrival(1), world.arrival(2)]).await.unwrap();
    for row in world.waiting().await {
        let buried = Settlement::Buried { row, reason: Reason::Rejected, cause: "no".to_owned(), at: now(), follow: None };
        world.store.settle(buried).await.unwrap();
    }
    assert!(world.waiting().await.is_empty());
    let dead = world.store.letters(Some(LetterState::Dead), 10).await.unwrap();
    assert_eq!(dead.iter().map(|letter| letter.cause.as_deref()).collect::<Vec<_>>(), [Some("no"); 2]);
    assert!(world.store.act(dead[0].id, LetterAction::Retry, now()).await.unwrap());
    assert!(world.store.act(dead[1].id, LetterAction::Drop, now()).await.unwrap());
    assert!(!world.store.act(dead[1].id, LetterAction::Drop, now()).await.unwrap());
    let waiting = world.store.waiting(RowId(0), 10).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert!(waiting[0].id > dead[1].id, "a revived letter is met like a new one");
    assert_eq!(waiting[0].new.delivery.event, event_id(1));
}

/// Held rows wait for an administrator, not for their turn.
pub async fn held_rows_do_not_wait_for_their_turn(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut arrival = world.arrival(1);
    arrival.rows[0].held = true;
    world.store.accept(vec![arrival]).await.unwrap();
    assert!(world.waiting().await.is_empty());
    let counts = world.store.counts().await.unwrap();
    assert_eq!((counts[0].state, counts[0].number, counts[0].network.as_str()), (LetterState::Held, 1, "xmpp"));
    let held = world.store.letters(Some(LetterState::Held), 10).await.unwrap();
    assert!(world.store.act(held[0].id, LetterAction::Retry, now()).await.unwrap());
    assert_eq!(world.waiting().await.len(), 1);
}

/// Two people have one conversation, whoever starts it and however often.
pub async fn a_pair_has_one_conversation(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let new = |number| ConversationId::from_parts(now(), number);
    let again = tokio::join!(
        store.direct(world.organisation, &world.bob, &world.alice, new(2), now()),
        store.direct(world.organisation, &world.alice, &world.bob, new(3), now()),
    );
    assert_eq!((again.0.unwrap(), again.1.unwrap()), (world.conversation, world.conversation));
    for (one, other) in [(&world.alice, &world.bob), (&world.bob, &world.alice)] {
        assert_eq!(store.known_direct(world.organisation, one.id, other.id).await.unwrap(), Some(world.conversation));
    }
    assert_eq!(store.known_direct(world.organisation, world.alice.id, world.alice.id).await.unwrap(), None);
    let leg = store.leg(&world.lane(Network::XMPP)).await.unwrap().unwrap();
    assert_eq!((leg.user.id, leg.other.id, leg.ghost.as_str()), (world.bob.id, world.alice.id, "alice%hs@m"));
    let leg = store.leg(&world.lane(Network::MATRIX)).await.unwrap().unwrap();
    assert_eq!((leg.user.id, leg.other.id, leg.ghost.as_str()), (world.alice.id, world.bob.id, "@_xmpp_bob=40x:hs"));
    assert!(store.leg(&world.lane(Network::MAIL)).await.unwrap().is_none());
}

/// A chat is bound by whoever comes first; who comes second learns what stands.
pub async fn binding_compares_before_it_sets(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let lane = world.lane(Network::MATRIX);
    let (one, two) = (ChatId::new("!one").unwrap(), ChatId::new("!two").unwrap());
    assert_eq!(store.bind(&lane, None, Some(&one)).await.unwrap(), Bound::Yes);
    assert_eq!(store.bind(&lane, None, Some(&two)).await.unwrap(), Bound::Changed(Some(one.clone())));
    let leg = store.leg_of_chat(world.organisation, &Network::MATRIX, &one).await.unwrap().unwrap();
    assert_eq!(leg.conversation, world.conversation);
    assert_eq!(store.chats(world.organisation, &Network::MATRIX).await.unwrap(), std::slice::from_ref(&one));
    assert_eq!(store.bind(&lane, Some(&one), Some(&two)).await.unwrap(), Bound::Yes);
    assert!(store.leg_of_chat(world.organisation, &Network::MATRIX, &one).await.unwrap().is_none());
    assert_eq!(store.bind(&lane, Some(&two), None).await.unwrap(), Bound::Yes);
    assert!(store.chats(world.organisation, &Network::MATRIX).await.unwrap().is_empty());
}

/// How somebody is written is decided once; nobody else is written so.
pub async fn a_written_address_never_changes(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let (organisation, on) = (world.organisation, Network::MAIL);
    let (first, second) = (Written::new("matrix.alice=hs@gw").unwrap(), Written::new("other@gw").unwrap());
    assert_eq!(store.decide_written(organisation, world.alice.id, &on, &first).await.unwrap(), Some(first.clone()));
    assert_eq!(store.decide_written(organisation, world.alice.id, &on, &second).await.unwrap(), Some(first.clone()));
    assert_eq!(store.decide_written(organisation, world.bob.id, &on, &first).await.unwrap(), None);
    assert_eq!(store.ghost(organisation, &on, &first).await.unwrap().unwrap().id, world.alice.id);
    assert_eq!(store.ghost(organisation, &on, &second).await.unwrap(), None);
    assert_eq!(store.written(organisation, world.alice.id, &on).await.unwrap(), Some(first));
}

/// A person keeps his id; his name follows what his network says last.
pub async fn names_follow(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let name = DisplayName::new("Alice A.");
    let renamed = store.persona(world.organisation, &world.alice.account, Some(&name), now()).await.unwrap();
    assert_eq!((renamed.id, renamed.name), (world.alice.id, Some(name.clone())));
    let same = store.persona(world.organisation, &world.alice.account, None, now()).await.unwrap();
    assert_eq!(same.name, Some(name.clone()));
    let leg = store.leg(&world.lane(Network::XMPP)).await.unwrap().unwrap();
    assert_eq!(leg.other.name, Some(name));
    let stranger = Address::new(Network::MAIL, "x@y").unwrap();
    assert_eq!(store.known_persona(world.organisation, &stranger).await.unwrap(), None);
}

/// A message is found by its name on each network, a later version and a reaction by theirs; elsewhere the name is nothing.
pub async fn messages_are_found_by_their_names(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let name = |text: &str| NativeId::new(text).unwrap();
    let edit = Arrival { role: Role::Version(event_id(1)), ..world.arrival(2) };
    let reaction = Arrival { role: Role::Reaction(event_id(1)), rows: Vec::new(), ..world.arrival(3) };
    store.accept(vec![world.arrival(1), edit, reaction]).await.unwrap();
    for (row, role) in world.waiting().await.into_iter().zip([Role::Itself, Role::Version(event_id(1))]) {
        let native = Some(name(&format!("there {}", row.0)));
        let delivered = Settlement::Delivered { row, native, role, notes: None, at: now(), follow: None };
        store.settle(delivered).await.unwrap();
    }
    let found = async |on: Network, native: &str| store.find(world.conversation, &on, &name(native)).await.unwrap();
    for (on, native, event, role, origin) in [
        (Network::MATRIX, "$1", 1, Role::Itself, true),
        (Network::MATRIX, "$2", 2, Role::Version(event_id(1)), true),
        (Network::MATRIX, "$3", 3, Role::Reaction(event_id(1)), true),
        (Network::XMPP, "there 1", 1, Role::Itself, false),
        (Network::XMPP, "there 2", 2, Role::Version(event_id(1)), false),
    ] {
        // Whose it is is known by each of its names.
        let known = Known { event: event_id(event), role, origin, author: Some(world.alice.id) };
        assert_eq!(found(on, native).await, Some(known), "{native}");
    }
    assert_eq!(found(Network::XMPP, "$1").await, None);
    let elsewhere = ConversationId::from_parts(now(), 99);
    assert_eq!(store.find(elsewhere, &Network::MATRIX, &name("$1")).await.unwrap(), None);
}

/// Reactions are a set for each person and message, whichever way it changes.
pub async fn reactions_are_kept_as_a_set(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let emoji = |text: &str| Emoji::new(text).unwrap();
    let native = |number: u128| NativeId::new(format!("${number}")).unwrap();
    let steps = [
        (Change::Add(emoji("👍"), native(10)), vec!["👍"]),
        (Change::Add(emoji("🎉"), native(11)), vec!["👍", "🎉"]),
        (Change::Add(emoji("🎉"), native(11)), vec!["👍", "🎉"]),
        (Change::Remove(native(10)), vec!["🎉"]),
        (Change::Remove(native(10)), vec!["🎉"]),
        (Change::All(vec![emoji("b"), emoji("a")]), vec!["b", "a"]),
        (Change::All(Vec::new()), vec![]),
    ];
    for (number, (change, expected)) in (10..).zip(steps) {
        let reaction = Some(ReactionChange { message: event_id(1), persona: world.alice.id, change });
        let at = Timestamp::from_millis(NOW + i64::try_from(number).unwrap());
        store.accept(vec![Arrival { reaction, accepted_at: at, ..world.arrival(number) }]).await.unwrap();
        let expected: Vec<Emoji> = expected.into_iter().map(emoji).collect();
        assert_eq!(store.reactions(event_id(1), world.alice.id).await.unwrap(), expected);
        assert!(store.reactions(event_id(1), world.bob.id).await.unwrap().is_empty());
    }
}

/// Notes are the adapter's own, by network.
pub async fn notes_are_kept_by_network(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let (organisation, on) = (world.organisation, Network::MAIL);
    for (key, value) in [("a/1", "one"), ("a/2", "two"), ("b", "three")] {
        store.set_note(organisation, &on, key, Some(value)).await.unwrap();
    }
    store.set_note(organisation, &on, "a/2", Some("zwei")).await.unwrap();
    store.set_note(organisation, &on, "b", None).await.unwrap();
    let notes = store.notes(organisation, &on, "a/").await.unwrap();
    assert_eq!(notes, [("a/1".to_owned(), "one".to_owned()), ("a/2".to_owned(), "zwei".to_owned())]);
    assert_eq!(store.note(organisation, &on, "b").await.unwrap(), None);
    assert_eq!(store.note(organisation, &Network::XMPP, "a/1").await.unwrap(), None);
}

/// A secret stays as it was kept first, for its adapter alone.
pub async fn secrets_stay_and_are_not_readable(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let (organisation, on) = (world.organisation, Network::MAIL);
    let secret = |text: &str| SecretSlice::from(text.as_bytes().to_vec());
    let first = store.keep_secret(organisation, &on, "key/a", secret("private")).await.unwrap();
    let second = store.keep_secret(organisation, &on, "key/a", secret("another")).await.unwrap();
    for standing in [first, second, store.secret(organisation, &on, "key/a").await.unwrap().unwrap()] {
        assert_eq!(standing.expose_secret(), b"private");
    }
    assert!(store.secret(organisation, &on, "key/b").await.unwrap().is_none());
    assert!(store.secret(organisation, &Network::XMPP, "key/a").await.unwrap().is_none());
}

/// What is kept goes when its time is over, and nothing else.
pub async fn what_is_due_expires(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    store.accept(vec![world.arrival(1), world.arrival(2)]).await.unwrap();
    let rows = world.waiting().await;
    let buried = Settlement::Buried { row: rows[0], reason: Reason::Rejected, cause: String::new(), at: now(), follow: None };
    store.settle(buried).await.unwrap();
    assert_eq!(store.expire(now(), now(), now()).await.unwrap(), 0, "nothing is older than now");
    let later = Timestamp::from_millis(NOW + 1);
    assert_eq!(store.expire(later, now(), now()).await.unwrap(), 2, "two names of messages");
    assert_eq!(store.expire(later, later, later).await.unwrap(), 3, "two keys and a dead letter");
    assert_eq!(world.waiting().await, [rows[1]], "what waits never expires");
}

/// Whoever waits for rows is woken by a commit.
pub async fn commits_wake_readers(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let mut committed = store.committed();
    committed.mark_unchanged();
    store.accept(vec![world.arrival(1)]).await.unwrap();
    committed.changed().await.unwrap();
}

/// A picture is wanted once for each version, is due at once or after a rest, and is shown sealed until another one is.
pub async fn portraits_follow_the_newest_version(store: Arc<dyn Store>) {
    const REST: Duration = Duration::from_secs(60);
    let world = World::new(Arc::clone(&store)).await;
    let (bob, organisation) = (world.bob.id, world.organisation);
    let portrait = |version: &str| Portrait {
        version: version.to_owned(),
        source: Some(MediaSource { network: Network::XMPP, locator: format!("at {version}") }),
    };
    let want =
        async |version: &str, at: Timestamp| store.want_portrait(organisation, bob, &portrait(version), at, REST).await.unwrap();
    let due = async |at: Timestamp| -> Vec<(String, u32)> {
        let rows = store.due_portraits(at, 10).await.unwrap();
        rows.into_iter().map(|row| (row.portrait.version, row.attempts)).collect()
    };
    let hash = PictureHash::new("2fd4e1c67a2d28fced849ee1bb76e7391b93eb12").unwrap();
    assert!(due(now()).await.is_empty());
    assert!(want("1", now()).await);
    assert!(!want("1", now()).await);
    assert_eq!(due(now()).await, [("1".to_owned(), 0)]);
    assert_eq!(store.due_portraits(now(), 10).await.unwrap()[0].portrait, portrait("1"));

    store.postpone_portrait(bob, "1", Some(now().plus(REST))).await.unwrap();
    assert!(due(now()).await.is_empty());
    assert_eq!(due(now().plus(REST)).await, [("1".to_owned(), 1)]);
    store.postpone_portrait(bob, "1", None).await.unwrap();
    assert!(due(now().plus(REST * 100)).await.is_empty(), "it is given up");

    // Whoever changes again at once waits for his rest; what was on its way for the old version is not shown any more.
    assert!(want("2", now().plus(Duration::from_secs(1))).await);
    assert!(due(now().plus(Duration::from_secs(59))).await.is_empty());
    assert_eq!(due(now().plus(REST)).await, [("2".to_owned(), 0)]);
    assert!(!store.show_portrait(organisation, bob, "1", Some((&hash, b"old"))).await.unwrap());
    assert_eq!(store.picture(organisation, bob).await.unwrap(), None);
    assert!(store.show_portrait(organisation, bob, "2", Some((&hash, b"new"))).await.unwrap());
    assert!(due(now().plus(REST * 100)).await.is_empty());
    assert_eq!(store.picture(organisation, bob).await.unwrap().as_deref(), Some(b"new".as_slice()));

    // It stands with the person wherever he is looked up, and with nobody else.
    let known = store.known_persona(organisation, &world.bob.account).await.unwrap().unwrap();
    let leg = store.leg(&world.lane(Network::MATRIX)).await.unwrap().unwrap();
    for person in [&known, &leg.other, &store.persona_by_id(bob).await.unwrap().unwrap()] {
        assert_eq!((person.id, person.picture.as_ref()), (bob, Some(&hash)));
    }
    assert_eq!(leg.user.picture, None);
    assert!(store.show_portrait(organisation, bob, "2", None).await.unwrap());
    assert_eq!(store.picture(organisation, bob).await.unwrap(), None);
    assert_eq!(store.persona_by_id(bob).await.unwrap().unwrap().picture, None);
}
