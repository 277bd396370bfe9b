// SPDX-License-Identifier: EUPL-1.2
//! The outbox as the lanes read it and as an administrator sees it, and what goes when its time is over.

use dreiklang_engine::port::{Counts, LaneKey, Letter, LetterAction, LetterState, Row, RowId, StoreError};
use dreiklang_model::{EventId, OrganisationId, Timestamp};
use sqlx::{Row as _, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use crate::{
    rows::{DEAD, OUTBOX, WAITING, bytes, corrupt, network, outbox_row, state, state_number},
    seal::Seal,
    writer::failed,
};

fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(crate) async fn waiting(pool: &SqlitePool, seal: &Seal, after: RowId, limit: usize) -> Result<Vec<Row>, StoreError> {
    let sql = format!("SELECT {OUTBOX} FROM outbox WHERE id > ?1 AND state = {WAITING} ORDER BY id LIMIT ?2");
    let found = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(after.0).bind(limited(limit)).fetch_all(pool).await;
    found.map_err(|error| failed(&error))?.iter().map(|row| outbox_row(row, seal)).collect()
}

pub(crate) async fn waiting_in(
    pool: &SqlitePool,
    seal: &Seal,
    lane: &LaneKey,
    after: RowId,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let sql = format!(
        "SELECT {OUTBOX} FROM outbox
         WHERE conversation = ?1 AND network = ?2 AND id > ?3 AND state = {WAITING} ORDER BY id LIMIT ?4"
    );
    let found = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(bytes(lane.conversation.to_bytes()))
        .bind(lane.network.as_str())
        .bind(after.0)
        .bind(limited(limit))
        .fetch_all(pool)
        .await;
    found.map_err(|error| failed(&error))?.iter().map(|row| outbox_row(row, seal)).collect()
}

pub(crate) async fn counts(pool: &SqlitePool) -> Result<Vec<Counts>, StoreError> {
    let found = sqlx::query(
        "SELECT organisation.id, outbox.network, outbox.state, count(*), min(outbox.accepted_at)
         FROM outbox JOIN organisation ON organisation.key = outbox.organisation
         GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    )
    .fetch_all(pool)
    .await
    .map_err(|error| failed(&error))?;
    let count = |row: &SqliteRow| {
        Ok(Counts {
            organisation: OrganisationId::new(&row.try_get::<String, _>(0).map_err(corrupt)?).map_err(corrupt)?,
            network: network(&row.try_get::<String, _>(1).map_err(corrupt)?)?,
            state: state(row.try_get(2).map_err(corrupt)?),
            number: u64::try_from(row.try_get::<i64, _>(3).map_err(corrupt)?).unwrap_or(0),
            oldest: Timestamp::from_millis(row.try_get(4).map_err(corrupt)?),
        })
    };
    found.iter().map(count).collect()
}

pub(crate) async fn letters(pool: &SqlitePool, wanted: Option<LetterState>, limit: usize) -> Result<Vec<Letter>, StoreError> {
    let found = sqlx::query(
        "SELECT outbox.id, organisation.id, outbox.source, outbox.network, outbox.state, outbox.attempts, outbox.accepted_at,
                outbox.due, outbox.cause
         FROM outbox JOIN organisation ON organisation.key = outbox.organisation
         WHERE ?1 IS NULL OR outbox.state = ?1 ORDER BY outbox.id LIMIT ?2",
    )
    .bind(wanted.map(state_number))
    .bind(limited(limit))
    .fetch_all(pool)
    .await
    .map_err(|error| failed(&error))?;
    let letter = |row: &SqliteRow| {
        Ok(Letter {
            id: RowId(row.try_get(0).map_err(corrupt)?),
            organisation: OrganisationId::new(&row.try_get::<String, _>(1).map_err(corrupt)?).map_err(corrupt)?,
            source: network(&row.try_get::<String, _>(2).map_err(corrupt)?)?,
            network: network(&row.try_get::<String, _>(3).map_err(corrupt)?)?,
            state: state(row.try_get(4).map_err(corrupt)?),
            attempts: u32::try_from(row.try_get::<i64, _>(5).map_err(corrupt)?).unwrap_or(u32::MAX),
            accepted_at: Timestamp::from_millis(row.try_get(6).map_err(corrupt)?),
            due: Timestamp::from_millis(row.try_get(7).map_err(corrupt)?),
            cause: row.try_get(8).map_err(corrupt)?,
        })
    };
    found.iter().map(letter).collect()
}

/// Retrying moves a letter to the end of its lane under a new id, so that a running gateway meets it like a new one.
pub(crate) async fn act(
    connection: &mut SqliteConnection,
    letter: RowId,
    action: LetterAction,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    if action == LetterAction::Retry {
        let copied = sqlx::query(
            "INSERT INTO outbox (organisation, conversation, network, source, native, event, part, content, accepted_at,
                                 wants_receipt, state, attempts, due, delay_told)
             SELECT organisation, conversation, network, source, native, event, part, content, ?2,
                    wants_receipt, ?3, 0, 0, 0
             FROM outbox WHERE id = ?1 AND state <> ?3",
        )
        .bind(letter.0)
        .bind(now.as_millis())
        .bind(WAITING)
        .execute(&mut *connection)
        .await?;
        if copied.rows_affected() == 0 {
            return Ok(false);
        }
    }
    let gone = sqlx::query("DELETE FROM outbox WHERE id = ?1").bind(letter.0).execute(&mut *connection).await?;
    Ok(gone.rows_affected() > 0)
}

pub(crate) async fn expire(
    connection: &mut SqliteConnection,
    mappings: Timestamp,
    keys: Timestamp,
    dead: Timestamp,
) -> Result<u64, sqlx::Error> {
    let messages = sqlx::query("DELETE FROM message WHERE event < ?1")
        .bind(bytes(EventId::from_parts(mappings, 0).to_bytes()))
        .execute(&mut *connection)
        .await?;
    let reactions = sqlx::query("DELETE FROM reaction WHERE event < ?1")
        .bind(bytes(EventId::from_parts(mappings, 0).to_bytes()))
        .execute(&mut *connection)
        .await?;
    let seen = sqlx::query("DELETE FROM seen WHERE at < ?1").bind(keys.as_millis()).execute(&mut *connection).await?;
    let letters = sqlx::query("DELETE FROM outbox WHERE state = ?1 AND accepted_at < ?2")
        .bind(DEAD)
        .bind(dead.as_millis())
        .execute(&mut *connection)
        .await?;
    Ok(messages.rows_affected() + reactions.rows_affected() + seen.rows_affected() + letters.rows_affected())
}
