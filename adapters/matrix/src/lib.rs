// SPDX-License-Identifier: EUPL-1.2
//! The Matrix adapter: an application service (Application Service API of Matrix v1.18) with a ghost for everybody of the
//! other networks, in direct chats and in rooms. It knows no other network and no database.
//!
//! Pure: what an event says (`inward`), what is sent (`outward`), who is ours (`namespace`), the registration file.
//! The rim: the homeserver calls us (`server`), we call the homeserver (`client`). Between them: ghosts, chats,
//! rooms of many (`rooms`), invitations, duties that outlive a crash, reconciliation, health.

mod adapter;
mod chats;
mod check;
mod client;
mod config;
mod delivery;
mod duties;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod ghosts;
mod health;
mod inbox;
mod invitations;
mod inward;
mod keyed_lock;
#[cfg(feature = "measuring")]
#[doc(hidden)]
pub mod measuring;
mod media;
mod moving;
mod namespace;
mod notices;
mod openings;
mod outward;
mod people;
mod reconcile;
mod registration;
mod rooms;
mod sending;
mod sequence;
mod server;
mod service;
mod signals;
#[cfg(test)]
mod tests;
mod watermarks;

pub use adapter::MatrixAdapter;
pub use config::{Config, ConfigError};
pub use registration::registration;
