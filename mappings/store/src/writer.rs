// SPDX-License-Identifier: EUPL-1.2
//! The one connection that writes. What queued up while the last commit ran goes into the next one: no timers, and
//! the batch grows with the load. Nobody gets an answer before the commit that holds his write.
//!
//! A commit that only settles deliveries does not wait for the disk: it survives `kill -9` all the same, and after a power cut what it
//! settled is delivered once more under the same id. The next commit that waits makes it as safe as itself.

use std::sync::Arc;

use dreiklang_engine::port::{Arrival, Settlement, StoreError};
use futures::future::BoxFuture;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    accept,
    checkpoint::{self, Checkpoints},
    seal::Seal,
    settle,
};

/// Most writes that share one commit.
const MOST: usize = 512;
/// Writes that may wait before whoever writes must wait, too.
const QUEUE: usize = 1024;

type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Work = Box<dyn for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<Answer, sqlx::Error>> + Send>;

/// One write.
enum Job {
    Accept(Vec<Arrival>, oneshot::Sender<Result<Vec<bool>, StoreError>>),
    Settle(Box<Settlement>, oneshot::Sender<Result<(), StoreError>>),
    Other(Work),
    /// The log was moved into the database file but for a few pages: move these, so that it begins anew.
    Checkpoint,
    Close(oneshot::Sender<()>),
}

impl Job {
    /// How many rows it writes, about.
    fn writes(&self) -> usize {
        match self {
            Self::Accept(arrivals, _) => arrivals.len(),
            Self::Settle(..) | Self::Other(_) => 1,
            Self::Checkpoint | Self::Close(_) => 0,
        }
    }
}

/// The way to the writing connection.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
    committed: watch::Sender<u64>,
}

impl Writer {
    /// `connection` writes; `beside` moves its log into the database file.
    pub(crate) fn start(connection: SqliteConnection, beside: SqliteConnection, seal: Arc<Seal>) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let committed = watch::Sender::new(0);
        let writer = jobs.downgrade();
        let checkpoints = Checkpoints::start(beside, move || {
            let writer = writer.clone();
            Box::pin(async move {
                if let Some(jobs) = writer.upgrade() {
                    drop(jobs.send(Job::Checkpoint).await);
                }
            })
        });
        tokio::spawn(run(connection, seal, queue, committed.clone(), checkpoints));
        Self { jobs, committed }
    }

    pub(crate) fn committed(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    pub(crate) async fn accept(&self, arrivals: Vec<Arrival>) -> Result<Vec<bool>, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Accept(arrivals, answer)).await?;
        answered.await.unwrap_or_else(|_| Err(self.unanswered()))
    }

    pub(crate) async fn settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Settle(Box::new(settlement), answer)).await?;
        answered.await.unwrap_or_else(|_| Err(self.unanswered()))
    }

    /// Any other write. It runs inside a savepoint: when it fails, only it is undone.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            Box::pin(async move {
                let mut savepoint = connection.begin().await?;
                let done = work(&mut savepoint).await;
                match done {
                    Ok(value) => {
                        savepoint.commit().await?;
                        Ok(Box::new(move |outcome: Result<(), StoreError>| drop(answer.send(outcome.map(|()| value)))) as Answer)
                    }
                    Err(error) => {
                        savepoint.rollback().await?;
                        Ok(Box::new(move |_| drop(answer.send(Err(failed(&error))))) as Answer)
                    }
                }
            })
        });
        self.send(Job::Other(work)).await?;
        answered.await.unwrap_or_else(|_| Err(self.unanswered()))
    }

    /// Ends after everything before it is written.
    pub(crate) async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.send(Job::Close(answer)).await.is_ok() {
            drop(answered.await);
        }
    }

    /// Why nobody answered: the batch failed before it came to this write, or the writer has ended.
    fn unanswered(&self) -> StoreError {
        if self.jobs.is_closed() { StoreError::Closed } else { StoreError::Failed("the commit failed".to_owned()) }
    }

    async fn send(&self, job: Job) -> Result<(), StoreError> {
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)
    }
}

pub(crate) fn failed(error: &sqlx::Error) -> StoreError {
    StoreError::Failed(error.to_string())
}

/// Whether a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// It survives a power cut.
    Disk,
    /// It survives the end of this process.
    Process,
}

impl Durability {
    fn needed(batch: &[Job]) -> Self {
        if batch.iter().all(|job| matches!(job, Job::Settle(..))) { Self::Process } else { Self::Disk }
    }

    /// <https://www.sqlite.org/pragma.html#pragma_synchronous>
    fn pragma(self) -> &'static str {
        match self {
            Self::Disk => "PRAGMA synchronous = FULL",
            Self::Process => "PRAGMA synchronous = NORMAL",
        }
    }
}

async fn run(
    mut connection: SqliteConnection,
    seal: Arc<Seal>,
    mut queue: mpsc::Receiver<Job>,
    committed: watch::Sender<u64>,
    mut checkpoints: Checkpoints,
) {
    let mut batch = Vec::with_capacity(MOST);
    // As the connection was opened.
    let mut standing = Durability::Disk;
    while queue.recv_many(&mut batch, MOST).await > 0 {
        let close = batch.iter().position(|job| matches!(job, Job::Close(_)));
        let last = close.map(|at| batch.split_off(at));
        let mut batch = std::mem::take(&mut batch);
        let rest = batch.extract_if(.., |job| matches!(job, Job::Checkpoint)).next().is_some();
        let writes = batch.iter().map(Job::writes).sum();
        if !batch.is_empty() && brought_to(&mut connection, &mut standing, Durability::needed(&batch)).await {
            commit(&mut connection, &seal, batch, &committed).await;
        }
        if rest && let Err(error) = checkpoint::moved(&mut connection).await {
            tracing::warn!(%error, "the database's log could not be moved; it grows until that works");
        }
        checkpoints.after(writes);
        if let Some(Job::Close(answer)) = last.and_then(|rest| rest.into_iter().next()) {
            // The last connection to close leaves no log behind: that is this one.
            queue.close();
            checkpoints.end().await;
            if let Err(error) = connection.close().await {
                tracing::error!(%error, "the database did not close cleanly");
            }
            let _ = answer.send(());
            return;
        }
    }
}

/// Sees to it that the next commit waits for the disk if it needs to; `false`: it would not, and must not be made.
async fn brought_to(connection: &mut SqliteConnection, standing: &mut Durability, needed: Durability) -> bool {
    if needed == *standing {
        return true;
    }
    match sqlx::raw_sql(needed.pragma()).execute(connection).await {
        Ok(_) => {
            *standing = needed;
            true
        }
        Err(error) => {
            tracing::error!(%error, "the database does not say whether it waits for the disk");
            // To wait without need harms nobody; not to wait would break a promise.
            needed == Durability::Process
        }
    }
}

/// Writes a batch in one transaction and answers everybody.
async fn commit(connection: &mut SqliteConnection, seal: &Seal, batch: Vec<Job>, committed: &watch::Sender<u64>) {
    let mut answers: Vec<Answer> = Vec::with_capacity(batch.len());
    let outcome = transact(connection, seal, batch, &mut answers).await;
    if let Err(error) = &outcome {
        tracing::error!(%error, "a commit failed; nothing of it is stored");
    } else {
        committed.send_modify(|commits| *commits += 1);
    }
    for answer in answers {
        answer(outcome.as_ref().copied().map_err(failed));
    }
}

/// One transaction. Neighbours of the same kind share statements. Dropped unfinished, it is rolled back; jobs that were not
/// reached drop their answers, which reads as a failure on the other side.
async fn transact(
    connection: &mut SqliteConnection,
    seal: &Seal,
    batch: Vec<Job>,
    answers: &mut Vec<Answer>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut jobs = batch.into_iter().peekable();
    while let Some(job) = jobs.next() {
        match job {
            Job::Accept(mut arrivals, answer) => {
                let mut askers = vec![(arrivals.len(), answer)];
                while let Some(Job::Accept(more, answer)) = jobs.next_if(|job| matches!(job, Job::Accept(..))) {
                    askers.push((more.len(), answer));
                    arrivals.extend(more);
                }
                let mut stored = accept::accept(&mut transaction, seal, arrivals).await?.into_iter();
                for (number, answer) in askers {
                    let mine: Vec<bool> = stored.by_ref().take(number).collect();
                    answers.push(Box::new(move |outcome| drop(answer.send(outcome.map(|()| mine)))));
                }
            }
            Job::Settle(settlement, answer) => {
                let mut settlements = vec![*settlement];
                answers.push(Box::new(move |outcome| drop(answer.send(outcome))));
                while let Some(Job::Settle(more, answer)) = jobs.next_if(|job| matches!(job, Job::Settle(..))) {
                    settlements.push(*more);
                    answers.push(Box::new(move |outcome| drop(answer.send(outcome))));
                }
                settle::settle(&mut transaction, seal, settlements).await?;
            }
            Job::Other(work) => answers.push(work(&mut transaction).await?),
            Job::Checkpoint | Job::Close(_) => {}
        }
    }
    transaction.commit().await
}
