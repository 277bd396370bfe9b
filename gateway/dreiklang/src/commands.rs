// SPDX-License-Identifier: EUPL-1.2
//! What the command line does, one file for each command. Each answers whether all was fine.

mod check;
mod health;
mod invite;
mod queue;
mod registration;
mod rooms;
mod run;
mod status;

pub(crate) use check::check;
pub(crate) use health::health;
pub(crate) use invite::invite;
pub(crate) use queue::queue;
pub(crate) use registration::registration;
pub(crate) use rooms::{rooms, wish};
pub(crate) use run::run;
pub(crate) use status::status;

use anyhow::Context as _;
use dreiklang_model::OrganisationId;

use crate::config::Loaded;

/// The organisation that is meant: the one that is named, or the only one.
fn organisation(loaded: &Loaded, named: Option<&str>) -> anyhow::Result<OrganisationId> {
    let mut all = loaded.config.organisations.iter();
    let found = match named {
        Some(named) => all.find(|one| one.id.as_str() == named).with_context(|| format!("there is no organisation {named}")),
        None => match (all.next(), all.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(anyhow::anyhow!("several organisations are configured: name one with --organisation")),
        },
    };
    found.map(|one| one.id.clone())
}

/// What a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Fine,
    Trouble,
}
