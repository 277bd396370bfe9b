// SPDX-License-Identifier: EUPL-1.2
//! Addresses: their canonical form on each network, how an address of one network is written on another, and who is
//! meant by what people paste.
//!
//! * [`mod@canonical`] – the form by which each network compares its own addresses.
//! * [`codec`] – the readable, reversible forms on each network.
//! * stored aliases – the short forms of what has no readable form. Readable and stored forms never meet.
//! * [`plan`] – the domains of one organisation.
//! * [`book`] – all of it together: the engine's [`AddressBook`](dreiklang_engine::port::AddressBook).
//!
//! Pure: no I/O, no clock, no randomness; the same question always has the same answer, and no input panics.

pub mod book;
pub mod canonical;
pub mod codec;
mod invisible;
mod parts;
mod pasted;
pub mod plan;
mod stored;

pub use book::Book;
pub use canonical::{NotCanonical, canonical};
pub use parts::{Parts, parts};
pub use plan::{AliasKey, Plan, PlanError};
