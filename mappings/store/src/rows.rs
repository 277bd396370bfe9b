// SPDX-License-Identifier: EUPL-1.2
//! Between values and columns: identifiers as bytes, enums as numbers, rows of the outbox; and inserts of many rows at once.

use dreiklang_engine::port::{LaneKey, LetterState, NewRow, OrganisationKey, Row, RowId, StoreError};
use dreiklang_model::{ChatId, ConversationId, DeliveryId, Event, EventId, NativeId, Network, Timestamp};
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, sqlite::SqliteRow};

use crate::seal::{Place, Seal};

/// Why a row could not be read.
pub(crate) fn corrupt(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(what.to_string())
}

pub(crate) fn event_id(bytes: &[u8]) -> Result<EventId, StoreError> {
    EventId::from_bytes(bytes).map_err(corrupt)
}

pub(crate) fn conversation_id(bytes: &[u8]) -> Result<ConversationId, StoreError> {
    ConversationId::from_bytes(bytes).map_err(corrupt)
}

pub(crate) fn network(name: &str) -> Result<Network, StoreError> {
    match name {
        "matrix" => Ok(Network::MATRIX),
        "xmpp" => Ok(Network::XMPP),
        "mail" => Ok(Network::MAIL),
        other => Network::new(other).map_err(corrupt),
    }
}

pub(crate) fn native(id: String) -> Result<NativeId, StoreError> {
    NativeId::new(id).map_err(corrupt)
}

pub(crate) fn chat(id: String) -> Result<ChatId, StoreError> {
    ChatId::new(id).map_err(corrupt)
}

pub(crate) fn bytes(id: [u8; 16]) -> Vec<u8> {
    id.to_vec()
}

pub(crate) const WAITING: i64 = 0;
pub(crate) const HELD: i64 = 1;
pub(crate) const DEAD: i64 = 2;

pub(crate) fn state(number: i64) -> LetterState {
    match number {
        WAITING => LetterState::Waiting,
        HELD => LetterState::Held,
        _ => LetterState::Dead,
    }
}

pub(crate) fn state_number(state: LetterState) -> i64 {
    match state {
        LetterState::Waiting => WAITING,
        LetterState::Held => HELD,
        LetterState::Dead => DEAD,
    }
}

/// The columns of [`outbox_row`], in its order.
pub(crate) const OUTBOX: &str = "id, organisation, conversation, network, source, native, event, part, content, accepted_at, \
     wants_receipt, state, attempts, due, delay_told";

/// Under which name the content of a delivery is sealed: it stays the same when an administrator retries the letter.
fn content_key(delivery: DeliveryId) -> String {
    format!("outbox/{delivery}")
}

pub(crate) fn outbox_row(row: &SqliteRow, seal: &Seal) -> Result<Row, StoreError> {
    let text = |at: usize| row.try_get::<String, _>(at).map_err(corrupt);
    let number = |at: usize| row.try_get::<i64, _>(at).map_err(corrupt);
    let blob = |at: usize| row.try_get::<Vec<u8>, _>(at).map_err(corrupt);
    let delivery = DeliveryId { event: event_id(&blob(6)?)?, part: u16::try_from(number(7)?).map_err(corrupt)? };
    let (organisation, target) = (OrganisationKey(number(1)?), network(&text(3)?)?);
    let content = seal.open_bytes(Place { organisation, network: &target, key: &content_key(delivery) }, &blob(8)?)?;
    let event: Event = serde_json::from_slice(&content).map_err(corrupt)?;
    Ok(Row {
        id: RowId(number(0)?),
        new: NewRow {
            organisation,
            lane: LaneKey { conversation: conversation_id(&blob(2)?)?, network: target },
            source: network(&text(4)?)?,
            native: row.try_get::<Option<String>, _>(5).map_err(corrupt)?.map(native).transpose()?,
            delivery,
            event,
            accepted_at: Timestamp::from_millis(number(9)?),
            wants_receipt: number(10)? != 0,
            held: number(11)? == HELD,
        },
        attempts: u32::try_from(number(12)?).unwrap_or(u32::MAX),
        due: Timestamp::from_millis(number(13)?),
        delay_told: number(14)? != 0,
    })
}

/// Puts rows into the outbox, in order. What they say is sealed: SQLite leaves pieces of what was deleted in its pages.
pub(crate) async fn insert_outbox(connection: &mut SqliteConnection, seal: &Seal, rows: &[NewRow]) -> Result<(), sqlx::Error> {
    const HEAD: &str = "INSERT INTO outbox (organisation, conversation, network, source, native, event, part, content, \
         accepted_at, wants_receipt, state, attempts, due, delay_told) ";
    for chunk in chunks(rows) {
        let mut insert: QueryBuilder<Sqlite> = QueryBuilder::new(HEAD);
        let mut unwritable = None;
        insert.push_values(chunk, |mut values, row| {
            let content = sealed_content(seal, row).unwrap_or_else(|error| {
                unwritable = Some(error);
                Vec::new()
            });
            values
                .push_bind(row.organisation.0)
                .push_bind(bytes(row.lane.conversation.to_bytes()))
                .push_bind(row.lane.network.as_str().to_owned())
                .push_bind(row.source.as_str().to_owned())
                .push_bind(row.native.as_ref().map(|native| native.as_str().to_owned()))
                .push_bind(bytes(row.delivery.event.to_bytes()))
                .push_bind(i64::from(row.delivery.part))
                .push_bind(content)
                .push_bind(row.accepted_at.as_millis())
                .push_bind(i64::from(row.wants_receipt))
                .push_bind(if row.held { HELD } else { WAITING })
                .push_bind(0_i64)
                .push_bind(0_i64)
                .push_bind(0_i64);
        });
        if let Some(error) = unwritable {
            return Err(sqlx::Error::Encode(error.into()));
        }
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
}

fn sealed_content(seal: &Seal, row: &NewRow) -> Result<Vec<u8>, StoreError> {
    let content = serde_json::to_vec(&row.event).map_err(corrupt)?;
    let place = Place { organisation: row.organisation, network: &row.lane.network, key: &content_key(row.delivery) };
    seal.seal_bytes(place, content)
}

/// Cuts a slice into pieces of 64, 16, 4 and 1, so that only four statements of each kind are ever prepared.
pub(crate) fn chunks<T>(mut rest: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = [64, 16, 4, 1].into_iter().find(|size| *size <= rest.len())?;
        let (piece, left) = rest.split_at(size);
        rest = left;
        Some(piece)
    })
}
