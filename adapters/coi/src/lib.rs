// SPDX-License-Identifier: EUPL-1.2
//! The mail adapter: Chat-over-IMAP, Delta Chat (encrypted), and plain mail programs.
//!
//! `transport` holds connections, `imap` and `lmtp` the two ways mail comes in, `inward` what a mail means (pure), `outward`
//! what is written into mail (pure), `sealed` keys and encrypted mail, and `adapter.rs` joins them to the gateway.

mod adapter;
mod address;
mod check;
mod config;
mod dkim;
mod enclosing;
mod flowed;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod imap;
mod intake;
mod inward;
mod lmtp;
#[cfg(feature = "measuring")]
#[doc(hidden)]
pub mod measuring;
mod message_id;
mod notices;
mod opaque;
mod outward;
mod portraits;
mod posts;
mod relays;
mod sealed;
mod spool;
mod thread;
mod transport;

pub use adapter::CoiAdapter;
pub use config::{Config, ConfigError, Dns, ImapConfig, LmtpConfig, Security, SmtpConfig};
