// SPDX-License-Identifier: EUPL-1.2
//! The connection of one component: opening it, keeping it, and proving what was delivered over it.
//! What the stanzas mean is not here.

mod back_off;
mod books;
mod connection;
mod ledger;
mod questions;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use back_off::BackOff;
pub(crate) use books::Books;
pub(crate) use connection::{Connection, OpenError, open};
pub(crate) use ledger::{Copies, Order};
pub(crate) use questions::Questions;
pub(crate) use session::{End, Ports, Task, serve};
