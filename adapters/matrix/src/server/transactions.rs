// SPDX-License-Identifier: EUPL-1.2
//! Events that the homeserver pushes (Application Service API § Pushing events). The answer is 200 only when everything in the
//! transaction is durable. The transaction's own id decides nothing about its events: homeservers repeat events under other
//! ids, and ids with other events. It only shows that a transaction before this one never came.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{Path, State, rejection::BytesRejection},
    response::Response,
};
use dreiklang_engine::port::Freshness;
use serde_json::{Value, json, value::RawValue};

use super::{Door, Refused, fine};
use crate::{inbox, inward, reconcile, signals};

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
    let (typing, presence) = (inward::typing(&ephemeral), inward::presence(&ephemeral, &door.service.ours));
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
            inbox::take_receipts(&service, &hub, receipts).await?;
            signals::sense(&service, &hub, typing, presence).await
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
#[derive(Debug, PartialEq)]
struct Transaction {
    events: Vec<Value>,
    ephemeral: Vec<Value>,
}

fn read(body: &[u8]) -> Option<Transaction> {
    let transaction: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    let events = match transaction.get("events") {
        Some(events) => list(events)?,
        None => Vec::new(),
    };
    // With both of its names switched on, the same list comes twice.
    let ephemeral = transaction.get("ephemeral").or_else(|| transaction.get("de.sorunome.msc2409.ephemeral"));
    Some(Transaction { events, ephemeral: ephemeral.and_then(|events| list(events)).unwrap_or_default() })
}

/// Each event is read for itself: one that cannot be read (too deep, half a surrogate pair, a number out of range) must not keep
/// the others from coming, for the homeserver would send the whole transaction again for ever.
fn list(events: &RawValue) -> Option<Vec<Value>> {
    let events: Vec<&RawValue> = serde_json::from_str(events.get()).ok()?;
    Some(events.into_iter().map(|event| serde_json::from_str(event.get()).unwrap_or_default()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_that_cannot_be_read_keeps_no_other_from_coming() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for odd in ["7", "null", r#"{"a":"\ud800"}"#, r#"{"a":1e999}"#, &deep] {
            let body = format!(r#"{{"events":[{odd},{{"a":1}},{odd}],"other":{odd}}}"#);
            let read = read(body.as_bytes()).unwrap().events;
            assert_eq!((read.len(), &read[1]), (3, &json!({"a": 1})), "{}", &odd[..odd.len().min(20)]);
        }
        for none in ["{}", r#"{"other":7}"#] {
            assert_eq!(read(none.as_bytes()).unwrap().events, [] as [Value; 0]);
        }
        for bad in ["", "[]", "7", r#"{"events":7}"#, r#"{"events":[}"#, r#"{"events":[1]"#, &deep] {
            assert_eq!(read(bad.as_bytes()), None, "{}", &bad[..bad.len().min(20)]);
        }
        assert_eq!(read(b"{\"events\":[\"\xff\"]}"), None);
    }
}
