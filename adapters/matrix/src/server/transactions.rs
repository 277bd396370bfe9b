// SPDX-License-Identifier: EUPL-1.2
//! Events that the homeserver pushes (Application Service API § Pushing events). The answer is 200 only when everything in the
//! transaction is durable. The transaction's own id decides nothing about its events: homeservers repeat events under other
//! ids, and ids with other events. It only shows that a transaction before this one never came.

use axum::{
    body::Bytes,
    extract::{Path, State, rejection::BytesRejection},
    response::Response,
};
use dreiklang_engine::port::Freshness;
use serde_json::{Map, Value, json};

use super::{Door, Refused, fine};
use crate::{inbox, inward, reconcile};

pub(super) async fn push(
    State(door): State<Door>,
    Path(transaction): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    let body = body.map_err(|rejection| {
        if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE { Refused::TOO_LARGE } else { Refused::NOT_JSON }
    })?;
    let Some(Transaction { events, ephemeral }) = read(&body) else {
        door.hub.dropped("malformed");
        return Err(Refused::NOT_JSON);
    };
    tracing::debug!(transaction, events = events.len(), ephemeral = ephemeral.len(), "pushed");
    let receipts = inward::receipts(&ephemeral, &door.service.ours);
    let events: Vec<_> = events.iter().map(|event| inward::read(event, &door.service.ours)).collect();
    let gap = door.service.sequence.gap_before(&transaction);
    // The homeserver may hang up; what was begun is finished all the same, so that its repeat finds it done.
    let taken = tokio::spawn({
        let Door { service, hub } = door.clone();
        async move {
            if gap {
                tracing::warn!("a transaction of the homeserver never came: the rooms are read");
                hub.dropped("gap");
                service.missed.notify_one();
                reconcile::before(&service, &hub, &events).await;
            }
            inbox::take(&service, &hub, events, Freshness::Pushed).await?;
            inbox::take_receipts(&service, &hub, receipts).await
        }
    });
    match taken.await {
        Ok(taken) => taken?,
        Err(error) => {
            tracing::error!(panicked = error.is_panic(), "a transaction was not taken");
            return Err(Refused::AGAIN);
        }
    }
    Ok(fine(&json!({})))
}

/// What concerns us of a transaction; everything else in it, known and unknown, is left alone.
struct Transaction {
    events: Vec<Value>,
    ephemeral: Vec<Value>,
}

fn read(body: &[u8]) -> Option<Transaction> {
    let mut transaction: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let events = match transaction.remove("events") {
        None => Vec::new(),
        Some(Value::Array(events)) => events,
        Some(_) => return None,
    };
    // With both of its names switched on, the same list comes twice.
    let ephemeral = transaction.remove("ephemeral").or_else(|| transaction.remove("de.sorunome.msc2409.ephemeral"));
    let ephemeral = match ephemeral {
        Some(Value::Array(ephemeral)) => ephemeral,
        _ => Vec::new(),
    };
    Some(Transaction { events, ephemeral })
}
