// SPDX-License-Identifier: EUPL-1.2
//! Storing what became of rows of the outbox. A row that is gone (settled before, or dropped by an administrator) changes
//! nothing, so a repeat after a crash is harmless.

use std::collections::HashMap;

use dreiklang_engine::port::{NewRow, Settlement};
use dreiklang_model::NativeId;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use crate::rows::{DEAD, WAITING, chunks, insert_outbox};

struct Done {
    row: i64,
    native: Option<NativeId>,
    notes: Option<String>,
    follow: Option<NewRow>,
}

/// What is left of a delivered row.
struct Left {
    event: Vec<u8>,
    part: i64,
    network: String,
    organisation: i64,
    conversation: Vec<u8>,
    native: String,
}

pub(crate) async fn settle(connection: &mut SqliteConnection, settlements: Vec<Settlement>) -> Result<(), sqlx::Error> {
    let mut delivered = Vec::with_capacity(settlements.len());
    let mut follows = Vec::new();
    for settlement in settlements {
        match settlement {
            Settlement::Delivered { row, native, notes, follow, .. } => {
                delivered.push(Done { row: row.0, native, notes, follow });
            }
            Settlement::Postponed { row, due, cause, follow } => {
                let changed = sqlx::query(
                    "UPDATE outbox SET attempts = attempts + 1, due = ?2, cause = ?3, delay_told = max(delay_told, ?4) WHERE id = ?1",
                )
                .bind(row.0)
                .bind(due.as_millis())
                .bind(cause)
                .bind(i64::from(follow.is_some()))
                .execute(&mut *connection)
                .await?;
                follows.extend(follow.filter(|_| changed.rows_affected() > 0));
            }
            Settlement::Buried { row, cause, follow, .. } => {
                let changed = sqlx::query("UPDATE outbox SET state = ?2, cause = ?3 WHERE id = ?1 AND state = ?4")
                    .bind(row.0)
                    .bind(DEAD)
                    .bind(cause)
                    .bind(WAITING)
                    .execute(&mut *connection)
                    .await?;
                follows.extend(follow.filter(|_| changed.rows_affected() > 0));
            }
        }
    }
    follows.extend(deliver(connection, delivered).await?);
    insert_outbox(connection, &follows).await
}

async fn deliver(connection: &mut SqliteConnection, delivered: Vec<Done>) -> Result<Vec<NewRow>, sqlx::Error> {
    let mut outcomes: HashMap<i64, Done> = HashMap::with_capacity(delivered.len());
    let ids: Vec<i64> = delivered.iter().map(|done| done.row).collect();
    outcomes.extend(delivered.into_iter().map(|done| (done.row, done)));
    let mut left = Vec::with_capacity(ids.len());
    let mut follows = Vec::new();
    for chunk in chunks(&ids) {
        let mut delete: QueryBuilder<Sqlite> = QueryBuilder::new("DELETE FROM outbox WHERE id IN (");
        let mut places = delete.separated(", ");
        for id in chunk {
            places.push_bind(*id);
        }
        delete.push(") RETURNING id, event, part, network, organisation, conversation");
        for row in delete.build().fetch_all(&mut *connection).await? {
            let Some(done) = outcomes.remove(&row.try_get(0)?) else { continue };
            let conversation: Vec<u8> = row.try_get(5)?;
            let network: String = row.try_get(3)?;
            if let Some(notes) = done.notes {
                sqlx::query("UPDATE leg SET notes = ?3 WHERE conversation = ?1 AND network = ?2")
                    .bind(conversation.clone())
                    .bind(network.clone())
                    .bind(notes)
                    .execute(&mut *connection)
                    .await?;
            }
            if let Some(native) = done.native {
                let native = native.as_str().to_owned();
                let (event, part, organisation) = (row.try_get(1)?, row.try_get(2)?, row.try_get(4)?);
                left.push(Left { event, part, network, organisation, conversation, native });
            }
            follows.extend(done.follow);
        }
    }
    remember(connection, left).await?;
    Ok(follows)
}

async fn remember(connection: &mut SqliteConnection, left: Vec<Left>) -> Result<(), sqlx::Error> {
    for chunk in chunks(&left) {
        let mut insert: QueryBuilder<Sqlite> =
            QueryBuilder::new("INSERT INTO message (event, part, network, organisation, conversation, native, origin) ");
        insert.push_values(chunk, |mut values, one| {
            values
                .push_bind(one.event.clone())
                .push_bind(one.part)
                .push_bind(one.network.clone())
                .push_bind(one.organisation)
                .push_bind(one.conversation.clone())
                .push_bind(one.native.clone())
                .push_bind(0_i64);
        });
        insert.push(" ON CONFLICT DO NOTHING");
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
}
