// SPDX-License-Identifier: EUPL-1.2
//! What is kept is kept for a time that the organisation's rules name; then it goes.

use std::{sync::Arc, time::Duration};

use dreiklang_model::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::organisation::Live;

const EVERY: Duration = Duration::from_secs(60 * 60);

/// Removes what is due, hourly, until stopped. The store is shared: the longest time of all organisations counts.
pub(crate) async fn run(lives: Vec<Arc<Live>>, stop: CancellationToken) {
    loop {
        if let Some(live) = lives.first() {
            let now = live.clock.now();
            let longest = |span: fn(&crate::Policy) -> Duration| {
                let longest = lives.iter().map(|live| span(&live.organisation.policy)).max().unwrap_or_default();
                Timestamp::from_millis(now.as_millis().saturating_sub(i64::try_from(longest.as_millis()).unwrap_or(i64::MAX)))
            };
            match live.store.expire(longest(|p| p.keep_mappings), longest(|p| p.keep_seen), longest(|p| p.keep_dead)).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "expired"),
                Err(error) => tracing::error!(%error, "what is due cannot be removed"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
