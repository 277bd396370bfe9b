// SPDX-License-Identifier: EUPL-1.2
//! The embedded database: SQLite behind the engine's [`Store`](dreiklang_engine::port::Store) port.
//!
//! One connection writes (`writer.rs`) and commits what queued up while the last commit ran; a few read. SQL stands only
//! in this crate, one file for each concern.

mod accept;
mod checkpoint;
mod conversations;
mod letters;
mod names;
mod notes;
mod people;
mod portraits;
mod reactions;
mod rooms;
mod rows;
mod schema;
mod seal;
mod settle;
mod sqlite;
mod writer;

pub use seal::Seal;
pub use sqlite::{OpenError, Sqlite};
