// SPDX-License-Identifier: EUPL-1.2
//! `dreiklang check`: tries every connection and says what to do.

use dreiklang_engine::port::Finding;
use serde::Serialize;

use super::Outcome;
use crate::{compose, config::Loaded, print, state::State};

#[derive(Serialize)]
struct Line {
    organisation: String,
    network: String,
    fine: bool,
    what: String,
    says: String,
}

pub(crate) async fn check(loaded: &Loaded, json: bool) -> anyhow::Result<Outcome> {
    let state = State::open(loaded)?;
    let mut lines = Vec::new();
    for (organisation, adapters) in compose::organisations(loaded, &state.key)? {
        for adapter in adapters {
            let line = |Finding { fine, what, says }: Finding| Line {
                organisation: organisation.id.to_string(),
                network: adapter.network().to_string(),
                fine,
                what,
                says,
            };
            lines.extend(adapter.check().await.into_iter().map(line));
        }
    }
    if json {
        print::line(&serde_json::to_string(&lines)?);
    } else {
        for Line { organisation, network, fine, what, says } in &lines {
            let mark = if *fine { "fine   " } else { "TROUBLE" };
            print::line(&format!("{mark} {organisation} {network}: {what}: {says}"));
        }
    }
    Ok(if lines.iter().all(|line| line.fine) { Outcome::Fine } else { Outcome::Trouble })
}
