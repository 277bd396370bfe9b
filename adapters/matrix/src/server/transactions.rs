// SPDX-License-Identifier: EUPL-1.2
//! Events that the homeserver pushes (Application Service API § Pushing events). The answer is 200 only when everything in the
//! transaction is durable. The transaction's own id is not looked at: homeservers repeat events under other ids, and ids with
//! other events.

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    response::Response,
};
use dreiklang_engine::port::Freshness;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Door, Refused, fine};
use crate::{inbox, inward};

/// What is read of a transaction; everything else, known and unknown, is left alone.
#[derive(Deserialize)]
struct Transaction {
    #[serde(default)]
    events: Vec<Value>,
}

pub(super) async fn push(State(door): State<Door>, body: Result<Bytes, BytesRejection>) -> Result<Response, Refused> {
    let body = body.map_err(|rejection| {
        if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE { Refused::TOO_LARGE } else { Refused::NOT_JSON }
    })?;
    let transaction: Transaction = serde_json::from_slice(&body).map_err(|_| {
        door.hub.dropped("malformed");
        Refused::NOT_JSON
    })?;
    let events = transaction.events.iter().map(|event| inward::read(event, &door.service.ours)).collect();
    // The homeserver may hang up; what was begun is finished all the same, so that its repeat finds it done.
    let taken = tokio::spawn({
        let Door { service, hub } = door.clone();
        async move { inbox::take(&service, &hub, events, Freshness::Pushed).await }
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
