// SPDX-License-Identifier: EUPL-1.2
//! `dreiklang health`: is the gateway alive? For container health checks, which have no other program at hand.

use super::Outcome;
use crate::{config::Loaded, http, print};

pub(crate) async fn health(loaded: &Loaded) -> anyhow::Result<Outcome> {
    match http::get(loaded.config.gateway.admin_listen, "/livez").await {
        Ok((200, _)) => {
            print::line("alive");
            Ok(Outcome::Fine)
        }
        Ok((code, _)) => {
            print::line(&format!("the gateway answers with {code}"));
            Ok(Outcome::Trouble)
        }
        Err(error) => {
            print::line(&format!("no gateway answers at {}: {error}", loaded.config.gateway.admin_listen));
            Ok(Outcome::Trouble)
        }
    }
}
