// SPDX-License-Identifier: EUPL-1.2
//! What the gateway writes into mail. Pure: who sends it where is `adapter.rs`.

mod message;
mod notice;

pub(crate) use message::{Form, MARKER, Words, message};
pub(crate) use notice::{Fate, Notice, Speaker, notice, status};
