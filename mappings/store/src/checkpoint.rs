// SPDX-License-Identifier: EUPL-1.2
//! Moving what was committed from SQLite's write-ahead log into the database file, beside the writer: a commit that did it itself
//! would keep everybody waiting for tens of milliseconds.

use futures::future::BoxFuture;
use sqlx::{Connection, Row, SqliteConnection};
use tokio::{sync::mpsc, task::JoinHandle};

/// After how many writes the log is moved.
const EVERY: usize = 2_000;
/// So few pages are left to the writer: it is the only one that can find the log empty and begin it anew.
const FEW: i64 = 64;
/// How often a log that grows on is followed before the writer does the rest all the same.
const ROUNDS: usize = 4;

/// The log's mover, seen from the writer.
pub(super) struct Checkpoints {
    writes: usize,
    ask: mpsc::Sender<()>,
    task: JoinHandle<()>,
}

impl Checkpoints {
    /// `connection` is its own; after each time it calls `rest`.
    pub(super) fn start(connection: SqliteConnection, rest: impl Fn() -> BoxFuture<'static, ()> + Send + 'static) -> Self {
        let (ask, asked) = mpsc::channel(1);
        Self { writes: 0, ask, task: tokio::spawn(run(connection, asked, rest)) }
    }

    /// So much more was committed. Never waits.
    pub(super) fn after(&mut self, writes: usize) {
        self.writes += writes;
        // Full: one is under way, and this is asked again after the next commit.
        if self.writes >= EVERY && self.ask.try_send(()).is_ok() {
            self.writes = 0;
        }
    }

    /// Returns when its connection is closed.
    pub(super) async fn end(self) {
        drop(self.ask);
        drop(self.task.await);
    }
}

async fn run(mut connection: SqliteConnection, mut asked: mpsc::Receiver<()>, rest: impl Fn() -> BoxFuture<'static, ()> + Send) {
    while asked.recv().await.is_some() {
        for _ in 0..ROUNDS {
            match moved(&mut connection).await {
                Ok(left) if left > FEW => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "the database's log could not be moved; it grows until that works");
                    break;
                }
            }
        }
        rest().await;
    }
    drop(connection.close().await);
}

/// Moves what can be moved without making anybody wait; answers how many pages are left in the log.
/// <https://www.sqlite.org/pragma.html#pragma_wal_checkpoint>
pub(super) async fn moved(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let row = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(connection).await?;
    let (all, done): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
    Ok(all - done)
}
