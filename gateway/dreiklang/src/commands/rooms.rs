// SPDX-License-Identifier: EUPL-1.2
//! `dreiklang rooms`, `link` and `unlink`: which rooms are bridged, and linking rooms that exist already. Only the running gateway sits in
//! the rooms: a link is left to it, and its answer awaited.

use std::time::Duration;

use dreiklang_engine::{
    Hosting, RoomLeg,
    linking::{self, Wish},
    port::{Clock as _, Entropy as _, OrganisationKey, RoomStore as _, Store as _, SystemClock, SystemEntropy},
};
use dreiklang_model::{EventId, Network};
use dreiklang_store::{Seal, Sqlite};
use serde::Serialize;

use super::{Outcome, organisation};
use crate::{config::Loaded, print, state::State};

/// How long the running gateway's answer is awaited.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Serialize)]
struct Line {
    organisation: String,
    home: String,
    address: String,
    network: String,
    chat: Option<String>,
    hosted: bool,
}

/// Lists the legs of all rooms.
pub(crate) async fn rooms(loaded: &Loaded, json: bool) -> anyhow::Result<Outcome> {
    let state = State::open(loaded)?;
    let store = Sqlite::open(&state.database, Seal::new(&state.seal)?).await?;
    let mut lines = Vec::new();
    for one in &loaded.config.organisations {
        let key = store.organisation(&one.id).await?;
        for network in [Network::MATRIX, Network::XMPP, Network::MAIL] {
            let legs = store.rooms(key, &network).await?;
            lines.extend(legs.into_iter().map(|leg| line(one.id.as_str(), leg)));
        }
    }
    store.close().await;
    lines.sort_by(|one, other| (&one.address, &one.network).cmp(&(&other.address, &other.network)));
    if json {
        print::line(&serde_json::to_string(&lines)?);
    } else if lines.is_empty() {
        print::line("no room is bridged");
    } else {
        for Line { organisation, address, network, chat, hosted, .. } in lines {
            let (chat, hosted) =
                (chat.as_deref().unwrap_or("not open yet"), if hosted { " (hosted by the gateway)" } else { "" });
            print::line(&format!("{organisation} {address}: {network} {chat}{hosted}"));
        }
    }
    Ok(Outcome::Fine)
}

fn line(organisation: &str, leg: RoomLeg) -> Line {
    Line {
        organisation: organisation.to_owned(),
        home: leg.home.as_str().to_owned(),
        address: leg.address,
        network: leg.network.as_str().to_owned(),
        chat: leg.chat.map(|chat| chat.as_str().to_owned()),
        hosted: leg.hosting == Hosting::Ours,
    }
}

/// Leaves a wish to the running gateway and says what came of it.
pub(crate) async fn wish(loaded: &Loaded, named: Option<&str>, wish: &Wish) -> anyhow::Result<Outcome> {
    let id = organisation(loaded, named)?;
    let state = State::open(loaded)?;
    let store = Sqlite::open(&state.database, Seal::new(&state.seal)?).await?;
    let key = store.organisation(&id).await?;
    let outcome = answered(&store, key, wish).await;
    store.close().await;
    outcome
}

async fn answered(store: &Sqlite, key: OrganisationKey, wish: &Wish) -> anyhow::Result<Outcome> {
    let id = EventId::from_parts(SystemClock.now(), SystemEntropy.random());
    let name = linking::wish(store, key, wish, id).await?;
    let answer = async {
        loop {
            if let Some(outcome) = linking::outcome(store, key, &name).await? {
                return anyhow::Ok(outcome);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(outcome) => {
            let outcome = outcome?;
            print::line(&outcome.says);
            Ok(if outcome.done { Outcome::Fine } else { Outcome::Trouble })
        }
        Err(_) => {
            print::line("no gateway has answered yet: it does it as soon as it runs");
            Ok(Outcome::Trouble)
        }
    }
}
