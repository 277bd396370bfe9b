// SPDX-License-Identifier: EUPL-1.2
//! What the gateway writes into mail. Pure: who sends it where is `adapter.rs`.

mod act;
mod formatted;
mod message;
mod notice;
mod place;
mod receipt;

pub(crate) use act::{edit, in_clear, reaction, receipt, retraction, timer};
pub(crate) use message::{Asking, Enclosed, Form, Frame, MARKER, Words, message};
pub(crate) use notice::{Fate, Notice, Speaker, notice, status};
pub(crate) use place::place_file;
pub(crate) use receipt::{LetterRead, letter_read};
