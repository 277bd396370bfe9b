// SPDX-License-Identifier: EUPL-1.2
//! The command line. Exit codes: 0 fine, 1 trouble found, 2 wrong use.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A gateway that lets people on Matrix, XMPP and mail talk to each other.
#[derive(Debug, Parser)]
#[command(name = "dreiklang", version, about, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", default_value = "/etc/dreiklang/config.toml", env = "DREIKLANG_CONFIG")]
    pub(crate) config: PathBuf,
    /// Answer as JSON, for programs.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the gateway until it is told to stop (SIGTERM or SIGINT).
    Run,
    /// Try every connection and say what works and what to do.
    Check,
    /// Work with the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write the application-service file for the homeserver and the settings for the XMPP and mail servers.
    Registration(Registration),
    /// Show the connections and the queue of a running gateway.
    Status,
    /// Is the gateway alive? For container health checks.
    Health,
    /// Make a link and a QR code with which a Delta Chat user can write to somebody.
    Invite(Invite),
    /// Show which rooms are bridged.
    Rooms,
    /// Link two rooms that exist already on different networks.
    Link(Link),
    /// Undo a link: the room stands alone again.
    Unlink(Unlink),
    /// Show, retry or drop messages that wait.
    Queue(Queue),
}

/// Work with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read the configuration and say what is wrong with it.
    Check,
    /// Print an example with every setting explained.
    Example,
}

/// Where the files go.
#[derive(Debug, Args)]
pub(crate) struct Registration {
    /// The directory to write to.
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// To whom the invitation leads.
#[derive(Debug, Args)]
pub(crate) struct Invite {
    /// A person on Matrix or XMPP in any usual form (@name:server, xmpp:name@server), or `bot`.
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    /// Of this organisation; needed only where several are configured.
    #[arg(long, value_name = "ID")]
    pub(crate) organisation: Option<String>,
    /// Write the QR code to this file as a picture instead of the terminal.
    #[arg(long, value_name = "FILE")]
    pub(crate) png: Option<PathBuf>,
    /// Take back every invitation to this address: their links lead nowhere from now on.
    #[arg(long, conflicts_with = "png")]
    pub(crate) revoke: bool,
}

/// Two rooms.
#[derive(Debug, Args)]
pub(crate) struct Link {
    /// A room: #plan:hs.example, or team@conference.xmpp.example.
    #[arg(value_name = "ROOM")]
    pub(crate) one: String,
    /// The room of another network that is to be the same conversation.
    #[arg(value_name = "OTHER")]
    pub(crate) other: String,
    /// Of this organisation; needed only where several are configured.
    #[arg(long, value_name = "ID")]
    pub(crate) organisation: Option<String>,
}

/// One room.
#[derive(Debug, Args)]
pub(crate) struct Unlink {
    /// The room.
    #[arg(value_name = "ROOM")]
    pub(crate) one: String,
    /// Of this organisation; needed only where several are configured.
    #[arg(long, value_name = "ID")]
    pub(crate) organisation: Option<String>,
}

/// Which messages, and what with them.
#[derive(Debug, Args)]
pub(crate) struct Queue {
    #[command(subcommand)]
    pub(crate) action: Option<QueueAction>,
    /// Only those in this state.
    #[arg(long, value_enum)]
    pub(crate) state: Option<QueueState>,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: usize,
}

/// What to do with messages.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum QueueAction {
    /// Try again: the messages of these numbers, or all dead and held ones.
    Retry(Which),
    /// Throw away the messages of these numbers.
    Drop(Which),
}

/// Which messages.
#[derive(Debug, Clone, Args)]
pub(crate) struct Which {
    /// Their numbers, as `queue` shows them.
    pub(crate) numbers: Vec<i64>,
    /// All dead and held messages.
    #[arg(long, conflicts_with = "numbers")]
    pub(crate) all: bool,
}

/// The state of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QueueState {
    Waiting,
    Held,
    Dead,
}
