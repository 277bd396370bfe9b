// SPDX-License-Identifier: EUPL-1.2
//! The way of what holds only for a moment (typing, presence): beside the outbox, in memory only, the newest value of each thing and
//! no more. What a slow network does not take in time is forgotten. Nothing here makes a conversation or a person.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dreiklang_model::{Address, Network, Presence, Typing};
use tokio::{sync::Notify, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    Hub, Leg,
    hub::Ghost,
    leg::shown_name,
    organisation::Live,
    port::{LaneKey, Reading, Recipient, Sensed, Signal, StoreError},
};

/// How many things of one network may wait or be shown.
const MOST: usize = 2000;
/// How many are shown at once.
const AT_ONCE: usize = 64;
/// How long one may take to be shown.
const PATIENCE: Duration = Duration::from_secs(5);
/// That somebody writes is no news after so long.
const STALE: Duration = Duration::from_secs(10);
/// After so long without a word he no longer writes: his client, or its server, has gone away.
const ENDS: Duration = Duration::from_secs(60);
/// Least time between two signals about the same thing.
const REST: Duration = Duration::from_millis(250);

/// What a signal is about: the newer one replaces the older.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum About {
    Typing(Address, Recipient),
    Presence(Address),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Typing(Typing),
    Presence(Presence),
}

/// What was sensed on one network and is to be shown elsewhere.
#[derive(Default)]
pub(crate) struct Signals {
    board: Mutex<Board>,
    news: Notify,
}

#[derive(Default)]
struct Board {
    waiting: HashMap<About, (Instant, Value)>,
    /// Who is shown as writing, and until when without another word.
    writing: HashMap<About, Instant>,
}

impl Board {
    /// `false`: there is no room.
    fn put(&mut self, about: About, value: Value, now: Instant) -> bool {
        match value {
            Value::Typing(Typing::Started) => {
                if let Some(until) = self.writing.get_mut(&about) {
                    *until = now + ENDS;
                    // An end that nobody has seen is taken back. A message is seen as one in any case.
                    match self.waiting.get(&about) {
                        Some((_, Value::Typing(Typing::Sent))) => drop(self.waiting.insert(about, (now, value))),
                        _ => drop(self.waiting.remove(&about)),
                    }
                    return true;
                }
                if self.writing.len() >= MOST {
                    return false;
                }
            }
            Value::Typing(_) => {
                if !self.writing.contains_key(&about) {
                    self.waiting.remove(&about);
                    return true;
                }
            }
            Value::Presence(_) => {}
        }
        if self.waiting.len() >= MOST && !self.waiting.contains_key(&about) {
            return false;
        }
        self.waiting.insert(about, (now, value));
        true
    }

    /// The oldest that is not about what is being shown already, and still worth it.
    fn take(&mut self, busy: &HashSet<About>, now: Instant) -> Option<(About, Value)> {
        self.waiting.retain(|_, (since, value)| *value != Value::Typing(Typing::Started) || now.duration_since(*since) < STALE);
        let about =
            self.waiting.iter().filter(|(about, _)| !busy.contains(about)).min_by_key(|(_, (since, _))| *since)?.0.clone();
        let (_, value) = self.waiting.remove(&about)?;
        match value {
            Value::Typing(Typing::Started) => drop(self.writing.insert(about.clone(), now + ENDS)),
            Value::Typing(_) => drop(self.writing.remove(&about)),
            Value::Presence(_) => {}
        }
        Some((about, value))
    }

    /// It could not be shown to anybody: nor can its end.
    fn unseen(&mut self, about: &About) {
        self.writing.remove(about);
        if self.waiting.get(about).is_some_and(|(_, value)| matches!(value, Value::Typing(Typing::Paused | Typing::Sent))) {
            self.waiting.remove(about);
        }
    }

    /// Nobody is believed to write for ever.
    fn end(&mut self, now: Instant) {
        for (about, until) in &mut self.writing {
            if *until <= now {
                // Until it is shown; then it is taken out.
                *until = now + ENDS;
                self.waiting.insert(about.clone(), (now, Value::Typing(Typing::Paused)));
            }
        }
    }

    fn next_end(&self) -> Option<Instant> {
        self.writing.values().min().copied()
    }
}

impl Signals {
    /// Takes what was sensed; never waits. `false`: there was no room for it.
    pub(crate) fn sense(&self, sensed: Sensed) -> bool {
        let (about, value) = match sensed {
            Sensed::Typing { from, to, typing } => (About::Typing(from, to), Value::Typing(typing)),
            Sensed::Presence { of, presence } => (About::Presence(of), Value::Presence(presence)),
        };
        let taken = self.board().put(about, value, Instant::now());
        self.news.notify_one();
        taken
    }

    /// A message arrived: whoever wrote it writes it no longer.
    pub(crate) fn sent(&self, from: &Address, to: &Recipient) {
        let mut board = self.board();
        if board.waiting.is_empty() && board.writing.is_empty() {
            return;
        }
        board.put(About::Typing(from.clone(), to.clone()), Value::Typing(Typing::Sent), Instant::now());
        self.news.notify_one();
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows what is sensed on `source` until stopped.
pub(crate) async fn run(live: Arc<Live>, source: Network, stop: CancellationToken) {
    let Some(signals) = live.signals.get(&source) else { return };
    let mut running = JoinSet::new();
    let mut busy = HashSet::new();
    loop {
        let next_end = signals.board().next_end();
        tokio::select! {
            () = stop.cancelled() => return,
            () = signals.news.notified() => {}
            Some(done) = running.join_next() => match done {
                Ok(about) => drop(busy.remove(&about)),
                Err(error) => {
                    tracing::error!(panicked = error.is_panic(), "a signal was not shown");
                    // Which one is not known.
                    running.shutdown().await;
                    busy.clear();
                }
            },
            () = until(next_end) => signals.board().end(Instant::now()),
        }
        while running.len() < AT_ONCE {
            let taken = signals.board().take(&busy, Instant::now());
            let Some((about, value)) = taken else { break };
            busy.insert(about.clone());
            let (live, source) = (Arc::clone(&live), source.clone());
            running.spawn(async move {
                let rested = Instant::now() + REST;
                match tokio::time::timeout(PATIENCE, show(&live, &source, &about, value)).await {
                    Ok(Ok(true)) => {}
                    Ok(Ok(false)) => unseen(&live, &source, &about),
                    Ok(Err(error)) => {
                        tracing::debug!(%error, "a signal was not shown");
                        unseen(&live, &source, &about);
                    }
                    Err(_) => live.meter.dropped(&live.organisation.id, &source, "slow_signal"),
                }
                tokio::time::sleep_until(rested).await;
                about
            });
        }
    }
}

fn unseen(live: &Live, source: &Network, about: &About) {
    if let Some(signals) = live.signals.get(source) {
        signals.board().unseen(about);
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// `false`: it was not shown to anybody.
async fn show(live: &Arc<Live>, source: &Network, about: &About, value: Value) -> Result<bool, StoreError> {
    match (about, value) {
        (About::Typing(from, to), Value::Typing(typing)) => {
            let Some(leg) = far_leg(live, source, from, to).await? else { return Ok(false) };
            let target = leg.user.address.network().clone();
            return Ok(show_on(live, &target, &Signal::Typing { leg: Box::new(leg), typing }).await);
        }
        (About::Presence(of), Value::Presence(presence)) => {
            let policy = &live.organisation.policy;
            let Some(person) = live.store.known_persona(live.key, of).await?.filter(|_| policy.admits(of).is_ok()) else {
                return Ok(false);
            };
            for target in live.adapters.keys().filter(|target| *target != source) {
                let Some(written) = live.store.written(live.key, person.id, target).await? else { continue };
                let name = shown_name(live, of, person.name.as_ref());
                let ghost = Ghost { written, address: of.clone(), name, bot: false, picture: person.picture.clone() };
                show_on(live, target, &Signal::Presence { ghost, presence: presence.clone() }).await;
            }
        }
        _ => {}
    }
    Ok(true)
}

async fn show_on(live: &Arc<Live>, target: &Network, signal: &Signal) -> bool {
    match live.adapters.get(target).filter(|_| live.health.is_up(target)) {
        Some(adapter) => adapter.signal(&Hub::new(Arc::clone(live), target.clone()), signal).await,
        None => false,
    }
}

/// The other side's leg of the conversation that two people have already.
async fn far_leg(live: &Live, source: &Network, from: &Address, to: &Recipient) -> Result<Option<Leg>, StoreError> {
    let policy = &live.organisation.policy;
    if policy.admits(from).is_err() {
        return Ok(None);
    }
    let (conversation, other) = match to {
        Recipient::Room { .. } => return Ok(None),
        Recipient::Chat(chat) => {
            let leg = live.leg_of_chat(source, chat).await?.filter(|leg| leg.user.address == *from);
            let Some(leg) = leg else { return Ok(None) };
            (leg.conversation, leg.other.address)
        }
        Recipient::Ghost(text) => {
            let other = match live.organisation.book.read(text, source) {
                Reading::Ghost { address, .. } => live.store.known_persona(live.key, &address).await?,
                Reading::Stored(written) => live.store.ghost(live.key, source, &written).await?,
                Reading::Bot | Reading::Foreign => None,
            };
            let (Some(other), Some(author)) = (other, live.store.known_persona(live.key, from).await?) else { return Ok(None) };
            let known = match live.conversation_of(author.id, other.id) {
                Some(known) => Some(known),
                None => live.store.known_direct(live.key, author.id, other.id).await?,
            };
            let Some(conversation) = known else { return Ok(None) };
            (conversation, other.account)
        }
    };
    if policy.admits(&other).is_err() {
        return Ok(None);
    }
    live.leg(&LaneKey { conversation, network: other.network().clone() }).await
}

#[cfg(test)]
mod tests {
    use dreiklang_model::Availability;

    use super::*;

    fn writing(who: &str) -> About {
        About::Typing(Address::new(Network::XMPP, who).unwrap(), Recipient::Ghost("alice".to_owned()))
    }

    fn typing(typing: Typing) -> Value {
        Value::Typing(typing)
    }

    fn taken(board: &mut Board, now: Instant) -> Vec<Value> {
        std::iter::from_fn(|| board.take(&HashSet::new(), now)).map(|(_, value)| value).collect()
    }

    #[test]
    fn the_newest_replaces_what_waits() {
        let (mut board, now) = (Board::default(), Instant::now());
        for value in [Typing::Started, Typing::Paused, Typing::Started, Typing::Started] {
            assert!(board.put(writing("bob"), typing(value), now));
        }
        assert_eq!(taken(&mut board, now), [typing(Typing::Started)]);
        // He is shown as writing: saying so again is no news, an end is one, and an end that was taken back is none, unless it was that
        // of a message.
        board.put(writing("bob"), typing(Typing::Started), now);
        assert_eq!(taken(&mut board, now), []);
        board.put(writing("bob"), typing(Typing::Paused), now);
        board.put(writing("bob"), typing(Typing::Started), now);
        assert_eq!(taken(&mut board, now), []);
        board.put(writing("bob"), typing(Typing::Sent), now);
        assert_eq!(taken(&mut board, now), [typing(Typing::Sent)]);
        for value in [Typing::Started, Typing::Sent, Typing::Started] {
            board.put(writing("bob"), typing(value), now);
            if value == Typing::Started {
                assert_eq!(taken(&mut board, now), [typing(Typing::Started)]);
            }
        }
        board.put(writing("bob"), typing(Typing::Sent), now);
        assert_eq!(taken(&mut board, now), [typing(Typing::Sent)]);
        for end in [Typing::Sent, Typing::Paused] {
            board.put(writing("bob"), typing(end), now);
        }
        assert_eq!(taken(&mut board, now), [], "nobody is shown as writing");
    }

    #[test]
    fn presence_keeps_its_last_value() {
        let (mut board, now) = (Board::default(), Instant::now());
        let of = About::Presence(Address::new(Network::XMPP, "bob").unwrap());
        for availability in [Availability::Online, Availability::Away] {
            board.put(of.clone(), Value::Presence(Presence::new(availability, None)), now);
        }
        assert_eq!(taken(&mut board, now), [Value::Presence(Presence::new(Availability::Away, None))]);
    }

    #[test]
    fn nothing_waits_long_and_nobody_writes_for_ever() {
        let (mut board, now) = (Board::default(), Instant::now());
        board.put(writing("bob"), typing(Typing::Started), now);
        assert_eq!(taken(&mut board, now + STALE), []);
        board.put(writing("bob"), typing(Typing::Started), now);
        assert_eq!(taken(&mut board, now), [typing(Typing::Started)]);
        board.end(now + ENDS / 2);
        assert_eq!(taken(&mut board, now), []);
        board.end(board.next_end().unwrap());
        assert_eq!(taken(&mut board, now), [typing(Typing::Paused)]);
        assert_eq!(board.next_end(), None);
    }

    #[test]
    fn one_thing_is_shown_at_a_time_and_there_is_an_end_to_how_many_wait() {
        let (mut board, now) = (Board::default(), Instant::now());
        board.put(writing("bob"), typing(Typing::Started), now);
        assert_eq!(board.take(&HashSet::from([writing("bob")]), now), None);
        for number in 0..2 * MOST {
            board.put(writing(&format!("x{number}")), typing(Typing::Started), now);
        }
        assert_eq!(board.waiting.len(), MOST);
        assert!(!board.put(writing("late"), typing(Typing::Started), now));
        assert!(board.put(writing("bob"), typing(Typing::Paused), now), "what waits already can still be changed");
    }
}
