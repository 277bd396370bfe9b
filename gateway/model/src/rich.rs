// SPDX-License-Identifier: EUPL-1.2
//! Rich text: one tree that every network's form is read into and written from. The forms themselves are in `gateway/richtext`.
//!
//! A tree is always in its normal form, whoever built it: bounded in depth and size, no empty pieces, neighbours of the same kind
//! merged, white space outside of marks. So two trees that look the same are equal.

mod build;
mod cut;
mod format;
mod grid;
mod href;
mod line;
mod read;
mod tree;

pub use build::Builder;
pub(crate) use cut::cut;
pub use format::{Format, Formats, Marks};
pub use href::Href;
pub use read::Hand;
pub use tree::{Block, Cell, Leaf, Level, Rich, Row, Span};
