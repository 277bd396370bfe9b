// SPDX-License-Identifier: EUPL-1.2
//! `dreiklang status`: the connections and the queue of a running gateway.

use super::Outcome;
use crate::{admin::Status, config::Loaded, http, print};

pub(crate) async fn status(loaded: &Loaded, json: bool) -> anyhow::Result<Outcome> {
    let at = loaded.config.gateway.admin_listen;
    let text = match http::get(at, "/status").await {
        Ok((200, text)) => text,
        Ok((code, text)) => {
            print::line(&format!("the gateway at {at} answers with {code}: {}", text.trim()));
            return Ok(Outcome::Trouble);
        }
        Err(error) => {
            print::line(&format!("no gateway answers at {at}: {error}"));
            return Ok(Outcome::Trouble);
        }
    };
    let status: Status = serde_json::from_str(&text)?;
    if json {
        print::line(&text);
    } else {
        show(&status);
    }
    Ok(if status.ready { Outcome::Fine } else { Outcome::Trouble })
}

fn show(status: &Status) {
    print::line(&format!("dreiklang {}: {}", status.version, if status.ready { "ready" } else { "not ready" }));
    for link in &status.connections {
        let says = link.says.as_deref().unwrap_or("online");
        print::line(&format!("  {} {} {}: {says}", link.organisation, link.network, link.part));
    }
    if status.queue.is_empty() {
        print::line("  nothing waits");
    }
    for queued in &status.queue {
        print::line(&format!(
            "  {} to {}: {} {}, the oldest for {} s",
            queued.organisation, queued.network, queued.number, queued.state, queued.oldest_seconds
        ));
    }
}
