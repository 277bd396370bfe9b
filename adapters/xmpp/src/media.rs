// SPDX-License-Identifier: EUPL-1.2
//! Files on the way: fetched from where people put them, and put where their servers take them. What stanzas say of files is
//! `inward/files.rs` and `outward.rs`.

mod fetch;
mod guard;
mod upload;

pub(crate) use fetch::{LARGEST, Web};
pub(crate) use upload::{Services, Slot, disco, items, slot_request, takes_uploads};
