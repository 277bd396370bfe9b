// SPDX-License-Identifier: EUPL-1.2
//! The XMPP adapter: one external component (XEP-0114) for each foreign network.
//!
//! `xml` reads and writes the stream, `transport` keeps the connection and proves what was delivered, `outward` and `inward`
//! turn the canonical model into stanzas and back (pure), `service` answers what servers and clients ask of ghosts.
//! `hosted` serves the rooms of other networks.

mod acquaintances;
mod adapter;
mod address;
mod avatars;
mod chat_states;
mod component;
mod condition;
mod config;
mod envelope;
mod foreign;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod hosted;
mod inward;
#[cfg(feature = "measuring")]
#[doc(hidden)]
pub mod measuring;
mod media;
mod mention;
mod outward;
mod reach;
mod senders;
mod service;
mod sharing;
mod signals;
mod transport;
mod xml;

pub use adapter::XmppAdapter;
pub use config::{ComponentDomain, Config, ConfigError};
