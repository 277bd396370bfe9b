// SPDX-License-Identifier: EUPL-1.2
//! One lane: the rows for one network in one conversation, delivered one after the other, in order.
//! A lane that must wait parks itself; it holds no worker and no neighbour. Which lanes there are is `dispatcher.rs`.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use dreiklang_model::{Network, Reason, Report, Timestamp, What};
use futures::FutureExt;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    fetching::Fetching,
    organisation::Live,
    port::{Adapter, Delivered, DeliveryError, LaneKey, NewRow, Role, Row, RowId, Settlement, StoreError},
    preparing::prepare,
    router::news,
};

/// How many rows a lane keeps in memory; what is beyond stays in the store until the lane gets there.
pub(crate) const AT_HAND: usize = 64;
/// Longest that one attempt may take; an attempt that moves a file goes on while that moves.
const ATTEMPT: Duration = Duration::from_secs(120);
/// How many bytes of a file must move in that time: who sends less would hold up others for as long as he likes.
const MOVING: u64 = 4 * 1024 * 1024;
/// Pause before the second attempt; doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// A row whose delivery panics so often is poison.
const POISON: u32 = 3;
/// A row whose file fails so often, which takes about ten minutes, fails itself: the chat does not wait for a place on the web.
const FETCHES: u32 = 11;

/// A lane at work.
pub(crate) struct Lane {
    pub(crate) live: Arc<Live>,
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) key: LaneKey,
    pub(crate) rows: mpsc::Receiver<Row>,
    /// There are rows in the store that were not put into `rows`.
    pub(crate) behind: Arc<AtomicBool>,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) stop: CancellationToken,
    pub(crate) last: RowId,
}

/// Why a lane rests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing is left to do.
    Empty,
    /// The gateway stops.
    Stopped,
}

impl Lane {
    /// Delivers until nothing is left.
    pub(crate) async fn work(&mut self) -> Rest {
        loop {
            while let Ok(row) = self.rows.try_recv() {
                if row.id > self.last && self.settle(row).await == Rest::Stopped {
                    return Rest::Stopped;
                }
            }
            if !self.behind.swap(false, Ordering::AcqRel) {
                return Rest::Empty;
            }
            loop {
                let page = match self.live.store.waiting_in(&self.key, self.last, AT_HAND).await {
                    Ok(page) => page,
                    Err(error) => {
                        tracing::error!(%error, "a lane cannot read its rows");
                        if self.pause(FIRST_PAUSE).await == Rest::Stopped {
                            return Rest::Stopped;
                        }
                        continue;
                    }
                };
                if page.is_empty() {
                    break;
                }
                for row in page {
                    if self.settle(row).await == Rest::Stopped {
                        return Rest::Stopped;
                    }
                }
            }
        }
    }

    /// Delivers one row until its fate is known and durable.
    async fn settle(&mut self, mut row: Row) -> Rest {
        self.last = row.id;
        let live = Arc::clone(&self.live);
        let (mut panics, mut fetches) = (0, 0);
        loop {
            if self.wait_until(row.due).await == Rest::Stopped {
                return Rest::Stopped;
            }
            let flight = live.in_flight.begin(&self.key, row.new.delivery);
            let fetching = Arc::<Fetching>::default();
            let outcome = tokio::select! {
                () = self.stop.cancelled() => return Rest::Stopped,
                outcome = self.attempt(&row, &fetching) => outcome,
            };
            let outcome = outcome.unwrap_or_else(|Panicked| {
                panics += 1;
                tracing::error!(network = %self.key.network, panics, "a delivery panicked");
                match panics {
                    POISON.. => Err(DeliveryError::Never { reason: Reason::Unreadable, cause: "delivery panics".to_owned() }),
                    _ => Err(DeliveryError::Unknown { cause: "delivery panicked".to_owned() }),
                }
            });
            if outcome.is_err() && fetching.is_to_blame() {
                fetches += 1;
            }
            let outcome = match outcome {
                Err(DeliveryError::Later { .. } | DeliveryError::Unknown { .. }) if fetches >= FETCHES => {
                    Err(DeliveryError::Never { reason: Reason::FileUnavailable, cause: "its file cannot be fetched".to_owned() })
                }
                outcome => outcome,
            };
            let now = self.live.clock.now();
            let (settlement, done) = self.judge(&mut row, outcome, now);
            let delivered = matches!(&settlement, Settlement::Delivered { .. });
            let notes = matches!(&settlement, Settlement::Delivered { notes: Some(_), .. });
            if self.store(settlement).await == Rest::Stopped {
                return Rest::Stopped;
            }
            drop(flight);
            if notes {
                self.live.forget(&self.key);
            }
            if delivered && !fetching.are_handed_out() {
                self.live.release(&row.new.event.what).await;
            }
            if done {
                return Rest::Empty;
            }
        }
    }

    async fn attempt(&self, row: &Row, fetching: &Arc<Fetching>) -> Result<Result<Delivered, DeliveryError>, Panicked> {
        let Ok(_slot) = self.slots.acquire().await else {
            return Ok(Err(DeliveryError::later("the gateway stops")));
        };
        if let What::Message(message) = &row.new.event.what
            && message.expires.is_some_and(|lifetime| self.live.clock.now().since(row.new.accepted_at) > lifetime.span())
        {
            // It is not kept as a dead letter either.
            return Ok(Ok(Delivered { without: Some(Reason::Expired), ..Delivered::default() }));
        }
        let prepared = match prepare(&self.live, self.adapter.as_ref(), &self.key, row).await {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Err(DeliveryError::later(error.to_string()))),
        };
        let hub = crate::Hub::new(Arc::clone(&self.live), self.key.network.clone()).fetching(Arc::clone(fetching));
        let delivering = AssertUnwindSafe(prepared.deliver(self.adapter.as_ref(), &hub)).catch_unwind();
        let mut delivering = std::pin::pin!(delivering);
        let mut read = 0;
        loop {
            match tokio::time::timeout(ATTEMPT, &mut delivering).await {
                Ok(Ok(outcome)) => return Ok(outcome),
                Ok(Err(_)) => return Err(Panicked),
                Err(_) if fetching.read() >= read + MOVING => read = fetching.read(),
                Err(_) => {
                    fetching.out_of_time();
                    return Ok(Err(DeliveryError::Unknown { cause: "no answer in time".to_owned() }));
                }
            }
        }
    }

    /// From an outcome to what is stored, and whether the lane may go on.
    fn judge(&self, row: &mut Row, outcome: Result<Delivered, DeliveryError>, now: Timestamp) -> (Settlement, bool) {
        let organisation = &self.live.organisation;
        let new = &row.new;
        match outcome {
            Ok(delivered) => {
                if !is_news(new) && delivered.without != Some(Reason::Expired) {
                    self.live.meter.delivered(&organisation.id, &new.source, &self.key.network, now.since(new.accepted_at));
                }
                if let Some(reason) = &delivered.without {
                    self.live.meter.failed(&organisation.id, &new.source, &self.key.network, reason);
                }
                let fate = delivered.without.map(Report::Failed).or(new.wants_receipt.then_some(Report::Delivered));
                let follow = fate.and_then(|report| self.tell(new, report));
                let notes = delivered.leg.map(|change| change.notes);
                let role = match &new.event.what {
                    What::Edit { of, .. } => Role::Version(*of),
                    _ => Role::Itself,
                };
                (Settlement::Delivered { row: row.id, native: delivered.native, role, notes, at: now, follow }, true)
            }
            Err(DeliveryError::Never { reason, cause }) => (self.bury(row, reason, cause, now), true),
            Err(DeliveryError::Later { .. } | DeliveryError::Unknown { .. })
                if now.since(new.accepted_at) > organisation.policy.give_up_after =>
            {
                (self.bury(row, Reason::Unreachable, "given up".to_owned(), now), true)
            }
            Err(DeliveryError::Later { after, cause }) => (self.postpone(row, after, cause, now), false),
            Err(DeliveryError::Unknown { cause }) => (self.postpone(row, None, cause, now), false),
        }
    }

    fn bury(&self, row: &Row, reason: Reason, cause: String, now: Timestamp) -> Settlement {
        let new = &row.new;
        tracing::warn!(organisation = %self.live.organisation.id, from = %new.source, to = %self.key.network, cause, "a message failed");
        if !is_news(new) {
            self.live.meter.failed(&self.live.organisation.id, &new.source, &self.key.network, &reason);
        }
        let follow = self.tell(new, Report::Failed(reason.clone()));
        Settlement::Buried { row: row.id, reason, cause, at: now, follow }
    }

    fn postpone(&self, row: &mut Row, after: Option<Duration>, cause: String, now: Timestamp) -> Settlement {
        self.live.meter.postponed(&self.live.organisation.id, &self.key.network);
        tracing::debug!(to = %self.key.network, attempts = row.attempts, cause, "a delivery waits");
        let pause = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(row.attempts.min(16)).unwrap_or(u32::MAX)).min(LONGEST_PAUSE);
        row.attempts += 1;
        row.due = now.plus(after.map_or(pause, |asked| asked.max(FIRST_PAUSE)));
        let waited = now.since(row.new.accepted_at);
        let tell = !row.delay_told && waited > self.live.organisation.policy.tell_delay_after;
        let follow = tell.then_some(Report::Delayed).and_then(|report| self.tell(&row.new, report));
        row.delay_told |= follow.is_some();
        Settlement::Postponed { row: row.id, due: row.due, cause, follow }
    }

    /// The news for the author of a message. News about news, and about what the gateway itself says, is not told; nor what becomes of
    /// a receipt: nobody knows that he sent one, and its name is that of somebody else's message.
    fn tell(&self, new: &NewRow, report: Report) -> Option<NewRow> {
        let silent = is_news(new) || matches!(new.event.what, What::Read { .. });
        let native = new.native.as_ref().filter(|_| !silent)?;
        Some(news(&self.live, self.key.conversation, &new.source, native, report))
    }

    /// Stores a settlement, however long that takes: what was delivered must not be forgotten.
    async fn store(&self, settlement: Settlement) -> Rest {
        loop {
            match self.live.store.settle(settlement.clone()).await {
                Ok(()) => return Rest::Empty,
                Err(StoreError::Closed) => return Rest::Stopped,
                Err(error) => {
                    tracing::error!(%error, "the fate of a delivery cannot be stored");
                    if self.pause(FIRST_PAUSE).await == Rest::Stopped {
                        return Rest::Stopped;
                    }
                }
            }
        }
    }

    /// Waits until a row is due, or its network came back.
    async fn wait_until(&self, due: Timestamp) -> Rest {
        let mut returns = self.live.health.returns(&self.key.network);
        let wait = due.since(self.live.clock.now());
        if wait.is_zero() {
            return if self.stop.is_cancelled() { Rest::Stopped } else { Rest::Empty };
        }
        tokio::select! {
            () = self.stop.cancelled() => Rest::Stopped,
            () = tokio::time::sleep(wait) => Rest::Empty,
            _ = returns.changed() => Rest::Empty,
        }
    }

    async fn pause(&self, span: Duration) -> Rest {
        tokio::select! {
            () = self.stop.cancelled() => Rest::Stopped,
            () = tokio::time::sleep(span) => Rest::Empty,
        }
    }
}

struct Panicked;

/// What the gateway itself says: nobody is told what became of it.
fn is_news(new: &NewRow) -> bool {
    new.source == Network::GATEWAY || matches!(new.event.what, What::Report { .. } | What::Opened)
}
