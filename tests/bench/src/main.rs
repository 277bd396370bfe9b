// SPDX-License-Identifier: EUPL-1.2
//! Benchmarks. `cargo run --release -p dreiklang-bench -- all`; the figures stand in `docs/performance.md`.
//! Not tests: nothing here fails because a machine is slow.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark reports and may fail"
)]

mod accept;
mod commit;
mod convert;
mod disk;
mod history;
mod idle;
mod mail;
mod process;
mod router;
mod sealed;
mod town;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
struct Cli {
    /// Where the databases are written: the disk that is measured.
    #[arg(long, default_value = "target", global = true)]
    on: PathBuf,
    /// The program that is started for `process`.
    #[arg(long, default_value = "target/release/dreiklang", global = true)]
    gateway: PathBuf,
    /// The page whose table of conversions `convert` writes anew.
    #[arg(long, global = true)]
    write: Option<PathBuf>,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum What {
    /// Inbox and outbox commits of the store alone.
    Commit,
    /// Loopback to loopback through the whole engine.
    Router,
    /// Cost per message as history grows to a million messages.
    History,
    /// From a homeserver's transaction to our 200.
    Accept,
    /// The mail leg, out by submission and in by LMTP.
    Mail,
    /// From a mail server's news to the inbox.
    Idle,
    /// Turning a message of one network into one of another.
    Convert,
    /// Encryption: time for each message, memory for each key.
    Sealed,
    /// The disk alone.
    Disk,
    /// Start and memory of the real program.
    Process,
    /// All of them.
    All,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let cli = Cli::parse();
    let on = &cli.on;
    match cli.what {
        What::Accept => accept::run(on).await,
        What::Commit => commit::run(on).await,
        What::Router => router::run(on).await,
        What::History => history::run(on).await,
        What::Mail => mail::run(on).await,
        What::Idle => idle::run(on).await,
        What::Convert => convert::run(cli.write.as_deref()),
        What::Sealed => sealed::run(),
        What::Disk => disk::run(on),
        What::Process => process::run(on, &cli.gateway).await,
        What::All => {
            disk::run(on);
            process::run(on, &cli.gateway).await;
            accept::run(on).await;
            commit::run(on).await;
            router::run(on).await;
            mail::run(on).await;
            idle::run(on).await;
            convert::run(cli.write.as_deref());
            sealed::run();
            history::run(on).await;
        }
    }
}
