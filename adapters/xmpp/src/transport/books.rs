// SPDX-License-Identifier: EUPL-1.2
//! The ledgers of all open streams, within reach of each other. A server may hold several components of one program for
//! equals and hand what is meant for one to the connection of another (ejabberd does, unless `global_routes` is off): a barrier
//! or a refusal counts for the stream that wrote it, wherever it comes in.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dreiklang_model::Address;
use minidom::Element;
use tokio::sync::Notify;

use super::ledger::Ledger;
use crate::condition::Refusal;

/// The books of all open streams of an organisation.
#[derive(Default)]
pub(crate) struct Books(Mutex<Vec<Arc<Book>>>);

/// One stream's ledger.
pub(crate) struct Book {
    ledger: Mutex<Ledger>,
    /// Somebody else's connection changed the ledger.
    pub(super) moved: Notify,
}

impl Book {
    /// The ledger; never held over an await point.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    /// A book for a new stream.
    pub(super) fn open(&self, stream: String) -> Arc<Book> {
        let book = Arc::new(Book { ledger: Mutex::new(Ledger::new(stream)), moved: Notify::new() });
        self.all().push(Arc::clone(&book));
        book
    }

    /// Closes the book of a stream that is gone; answers what has to be written again.
    pub(super) fn close(&self, book: &Arc<Book>) -> impl Iterator<Item = Element> + use<> {
        self.all().retain(|other| !Arc::ptr_eq(other, book));
        std::mem::replace(&mut *book.ledger(), Ledger::new(String::new())).lost().into_iter()
    }

    /// A ping of ours came in, on its way or as its own answer: what was written before it has been routed.
    /// `false` when it is no barrier of an open stream.
    pub(super) fn returned(&self, id: &str) -> bool {
        self.all().iter().any(|book| {
            let known = book.ledger().returned(id);
            if known {
                book.moved.notify_one();
            }
            known
        })
    }

    /// See [`Ledger::refused`]: `true` when somebody waited for it and now knows.
    pub(super) fn refused(&self, id: &str, by: &Address, refusal: &Refusal) -> bool {
        self.all().iter().any(|book| {
            let settled = book.ledger().refused(id, by, refusal.clone()).is_none();
            if settled {
                book.moved.notify_one();
            }
            settled
        })
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Book>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn a_barrier_counts_wherever_it_comes_in() {
        let books = Books::default();
        let (one, other) = (books.open("s1".to_owned()), books.open("s2".to_owned()));
        let barrier = one.ledger().barrier(Instant::now());
        assert!(books.returned(&barrier));
        assert_eq!(one.ledger().waiting_since(), None);
        assert!(!books.returned("s3/1"));
        assert_eq!(books.close(&other).count(), 0);
        assert!(!books.returned("s2/1"), "the book of a stream that is gone is closed");
    }
}
