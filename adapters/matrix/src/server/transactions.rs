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
use serde_json::{Map, Value, json};

use super::{Door, Refused, fine};
use crate::{inbox, inward};

pub(super) async fn push(State(door): State<Door>, body: Result<Bytes, BytesRejection>) -> Result<Response, Refused> {
    let body = body.map_err(|rejection| {
        if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE { Refused::TOO_LARGE } else { Refused::NOT_JSON }
    })?;
    let Some(events) = events(&body) else {
        door.hub.dropped("malformed");
        return Err(Refused::NOT_JSON);
    };
    let events = events.iter().map(|event| inward::read(event, &door.service.ours)).collect();
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

/// The events of a transaction; everything else in it, known and unknown, is left alone.
fn events(body: &[u8]) -> Option<Vec<Value>> {
    let mut transaction: Map<String, Value> = serde_json::from_slice(body).ok()?;
    match transaction.remove("events") {
        None => Some(Vec::new()),
        Some(Value::Array(events)) => Some(events),
        Some(_) => None,
    }
}
