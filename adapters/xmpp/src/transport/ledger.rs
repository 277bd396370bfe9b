// SPDX-License-Identifier: EUPL-1.2
//! What was written and is not proved yet. XEP-0114 has no acknowledgements: a ping to ourselves through the server, the
//! barrier, proves by its return that the server has routed everything written before it.

use std::{collections::VecDeque, sync::Arc};

use dreiklang_engine::port::DeliveryError;
use dreiklang_model::Address;
use minidom::Element;
use tokio::{sync::oneshot, time::Instant};

use crate::condition::Refusal;

/// What must reach one person, and who waits to hear of it.
#[derive(Debug)]
pub(crate) struct Order {
    /// The id of the stanzas.
    pub(crate) id: String,
    /// To whom.
    pub(crate) to: Address,
    /// The stanzas, in order.
    pub(crate) stanzas: Vec<Element>,
    /// Stanzas that several people get, behind the others.
    pub(crate) copies: Vec<Copies>,
    /// Who waits.
    pub(crate) done: oneshot::Sender<Result<(), DeliveryError>>,
}

/// A stanza, and everybody who gets it.
#[derive(Debug, Clone)]
pub(crate) struct Copies {
    /// The stanza, addressed to nobody yet.
    pub(crate) stanza: Element,
    /// Their JIDs.
    pub(crate) to: Vec<Arc<str>>,
}

#[derive(Debug)]
enum Written {
    /// Somebody waits for it and will repeat it himself.
    Order { id: String, to: Address, done: oneshot::Sender<Result<(), DeliveryError>> },
    /// Nobody waits for it: it is written again on the next connection.
    Answer(Element),
}

#[derive(Debug)]
struct Barrier {
    number: u64,
    at: Instant,
    before: Vec<Written>,
}

/// What was written and is not proved yet.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// Part of the barriers' ids: a barrier of an earlier connection proves nothing about this one.
    stream: String,
    last: u64,
    open: Vec<Written>,
    barriers: VecDeque<Barrier>,
    unproved: usize,
}

impl Ledger {
    pub(crate) fn new(stream: String) -> Self {
        Self { stream, last: 0, open: Vec::new(), barriers: VecDeque::new(), unproved: 0 }
    }

    /// An order's stanzas were written.
    pub(crate) fn ordered(&mut self, id: String, to: Address, done: oneshot::Sender<Result<(), DeliveryError>>) {
        self.unproved += 1;
        self.open.push(Written::Order { id, to, done });
    }

    /// An answer was written.
    pub(crate) fn answered(&mut self, answer: Element) {
        self.unproved += 1;
        self.open.push(Written::Answer(answer));
    }

    /// How much was written since the last barrier.
    pub(crate) fn since_barrier(&self) -> usize {
        self.open.len()
    }

    /// How much is not proved.
    pub(crate) fn unproved(&self) -> usize {
        self.unproved
    }

    /// When the oldest barrier that has not come back was written.
    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        self.barriers.front().map(|barrier| barrier.at)
    }

    /// Puts a barrier behind everything written so far; answers its id.
    pub(crate) fn barrier(&mut self, now: Instant) -> String {
        self.last += 1;
        self.barriers.push_back(Barrier { number: self.last, at: now, before: std::mem::take(&mut self.open) });
        format!("{}/{}", self.stream, self.last)
    }

    /// A ping of ours came back. What was written before it has been routed; `false` when it is no barrier of this stream.
    pub(crate) fn returned(&mut self, id: &str) -> bool {
        let number = id.strip_prefix(self.stream.as_str()).and_then(|rest| rest.strip_prefix('/')).and_then(|n| n.parse().ok());
        let Some(number) = number.filter(|number: &u64| (1..=self.last).contains(number)) else { return false };
        while let Some(barrier) = self.barriers.pop_front_if(|barrier| barrier.number <= number) {
            self.unproved = self.unproved.saturating_sub(barrier.before.len());
            for written in barrier.before {
                if let Written::Order { done, .. } = written {
                    // Whoever no longer waits will ask again with the same id.
                    let _ = done.send(Ok(()));
                }
            }
        }
        true
    }

    /// Somebody refused a stanza of ours. Whoever waits for it is told; [`None`] when nobody does (any more), so that the
    /// refusal has to be reported instead. Only the addressee himself can refuse.
    pub(crate) fn refused(&mut self, id: &str, by: &Address, refusal: Refusal) -> Option<Refusal> {
        let theirs = |written: &Written| matches!(written, Written::Order { id: its, to, .. } if its == id && to == by);
        let lists = self.barriers.iter_mut().map(|barrier| &mut barrier.before).chain([&mut self.open]);
        for list in lists {
            if let Some(at) = list.iter().position(theirs) {
                self.unproved = self.unproved.saturating_sub(1);
                return match list.remove(at) {
                    Written::Order { done, .. } => done.send(Err(refusal.clone().into_error())).err().map(|_| refusal),
                    Written::Answer(_) => Some(refusal),
                };
            }
        }
        Some(refusal)
    }

    /// The connection is gone: nobody knows how far the server came. Answers what has to be written again.
    pub(crate) fn lost(self) -> VecDeque<Element> {
        let written = self.barriers.into_iter().flat_map(|barrier| barrier.before).chain(self.open);
        let mut again = VecDeque::new();
        for one in written {
            match one {
                Written::Answer(answer) => again.push_back(answer),
                Written::Order { done, .. } => {
                    let _ =
                        done.send(Err(DeliveryError::Unknown { cause: "the connection broke before the barrier".to_owned() }));
                }
            }
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use dreiklang_model::{Network, Reason};

    use super::*;
    use crate::xml::{element, namespace};

    type Wait = oneshot::Receiver<Result<(), DeliveryError>>;

    fn to(who: &str) -> Address {
        Address::new(Network::XMPP, who).unwrap()
    }

    fn order(ledger: &mut Ledger, id: &str) -> Wait {
        let (done, wait) = oneshot::channel();
        ledger.ordered(id.into(), to("bob@x"), done);
        wait
    }

    fn refusal(temporary: bool) -> Refusal {
        Refusal { reason: Reason::Rejected, temporary, condition: "service-unavailable" }
    }

    #[test]
    fn a_barrier_proves_what_stood_before_it_and_nothing_else() {
        let mut ledger = Ledger::new("s1".into());
        let mut first = order(&mut ledger, "1");
        let barrier = ledger.barrier(Instant::now());
        let mut second = order(&mut ledger, "2");
        assert!(!ledger.returned("s0/1") && !ledger.returned("s1/9") && !ledger.returned("s1/x") && !ledger.returned("s1/0"));
        assert!(first.try_recv().is_err());
        assert!(ledger.returned(&barrier));
        assert!(matches!(first.try_recv(), Ok(Ok(()))));
        assert!(second.try_recv().is_err());
        assert_eq!((ledger.unproved(), ledger.waiting_since()), (1, None));
        assert!(ledger.returned(&barrier), "a second return is nothing new");
        let later = ledger.barrier(Instant::now());
        let last = ledger.barrier(Instant::now());
        assert!(ledger.returned(&last) && ledger.returned(&later));
        assert!(matches!(second.try_recv(), Ok(Ok(()))));
    }

    #[test]
    fn a_refusal_before_the_barrier_is_the_outcome() {
        let mut ledger = Ledger::new("s1".into());
        let (mut never, mut later) = (order(&mut ledger, "1"), order(&mut ledger, "2"));
        let _ = ledger.barrier(Instant::now());
        assert!(ledger.refused("1", &to("eve@x"), refusal(false)).is_some(), "only the addressee refuses");
        assert!(ledger.refused("1", &to("bob@x"), refusal(false)).is_none());
        assert!(ledger.refused("1", &to("bob@x"), refusal(false)).is_some(), "nobody waits any more");
        assert!(ledger.refused("2", &to("bob@x"), refusal(true)).is_none());
        assert!(matches!(never.try_recv(), Ok(Err(DeliveryError::Never { reason: Reason::Rejected, .. }))));
        assert!(matches!(later.try_recv(), Ok(Err(DeliveryError::Later { .. }))));
        assert_eq!(ledger.unproved(), 0);
    }

    #[test]
    fn a_lost_connection_leaves_orders_unknown_and_answers_to_repeat() {
        let mut ledger = Ledger::new("s1".into());
        let mut wait = order(&mut ledger, "1");
        ledger.answered(element("iq", namespace::COMPONENT).attr("id", "a").build());
        let _ = ledger.barrier(Instant::now());
        ledger.answered(element("iq", namespace::COMPONENT).attr("id", "b").build());
        let again: Vec<String> = ledger.lost().iter().filter_map(|answer| answer.attr("id").map(str::to_owned)).collect();
        assert_eq!(again, ["a", "b"]);
        assert!(matches!(wait.try_recv(), Ok(Err(DeliveryError::Unknown { .. }))));
    }
}
