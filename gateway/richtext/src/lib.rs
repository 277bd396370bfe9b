// SPDX-License-Identifier: EUPL-1.2
//! The forms in which networks write rich text, each with a reader and a writer: HTML (of Matrix and of mail, XHTML-IM to read), XEP-0393
//! styling, Markdown. Pure functions on the tree of `gateway/model/src/rich`; how text reads without formatting is the model's.
//!
//! Law of each pair, kept by `tests/round_trip.rs`: what a writer claims to carry, its reader gives back. Readers take whatever comes:
//! linear in its length, without recursion, and nothing of it is ever run, fetched or passed on that the tree has no word for.

mod guard;
pub mod html;
pub mod markdown;
mod nesting;
pub mod styling;
