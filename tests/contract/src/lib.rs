// SPDX-License-Identifier: EUPL-1.2
//! Contract suites: what every store and every adapter must show, whichever technology is behind it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "this crate is a test")]

pub mod book;
pub mod store;
pub mod world;
