// SPDX-License-Identifier: EUPL-1.2
//! Read receipts in the ephemeral part of a transaction (Application Service API § Pushing events, `m.receipt`). Pure and lenient:
//! whatever is no receipt is left out.

use dreiklang_model::{NativeId, Timestamp, What};
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde_json::Value;

use super::{Said, Sent};
use crate::namespace::Namespace;

/// How many receipts of one transaction are looked at.
const MOST: usize = 1000;

/// Who has read what, in public. Private receipts are nobody's business.
pub(crate) fn receipts(ephemeral: &[Value], ours: &Namespace) -> Vec<Said> {
    let mut found = Vec::new();
    for event in ephemeral.iter().filter(|event| event.get("type").and_then(Value::as_str) == Some("m.receipt")) {
        let room = event.get("room_id").and_then(Value::as_str).and_then(|room| OwnedRoomId::try_from(room).ok());
        let content = event.get("content").and_then(Value::as_object);
        let (Some(room), Some(content)) = (room, content) else { continue };
        for (read, receipts) in content {
            let Ok(event) = OwnedEventId::try_from(read.as_str()) else { continue };
            let Ok(up_to) = NativeId::new(read.as_str()) else { continue };
            for (reader, receipt) in receipts.get("m.read").and_then(Value::as_object).into_iter().flatten() {
                let Ok(sender) = OwnedUserId::try_from(reader.as_str()) else { continue };
                let Some(at) = receipt.get("ts").and_then(Value::as_i64) else { continue };
                if ours.owns(&sender) || found.len() == MOST {
                    continue;
                }
                let at = Timestamp::from_millis(at);
                let sent = Sent { room: room.clone(), event: event.clone(), sender, at };
                found.push(Said { sent, what: What::Read { up_to: up_to.clone() } });
            }
        }
    }
    found
}
