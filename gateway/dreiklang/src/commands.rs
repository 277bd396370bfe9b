// SPDX-License-Identifier: EUPL-1.2
//! What the command line does, one file for each command. Each answers whether all was fine.

mod check;
mod health;
mod invite;
mod queue;
mod registration;
mod run;
mod status;

pub(crate) use check::check;
pub(crate) use health::health;
pub(crate) use invite::invite;
pub(crate) use queue::queue;
pub(crate) use registration::registration;
pub(crate) use run::run;
pub(crate) use status::status;

/// What a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Fine,
    Trouble,
}
