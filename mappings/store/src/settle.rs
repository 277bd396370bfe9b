// SPDX-License-Identifier: EUPL-1.2
//! Storing what became of rows of the outbox. A row that is gone (settled before, or dropped by an administrator) changes
//! nothing, so a repeat after a crash is harmless.

use std::collections::HashMap;

use dreiklang_engine::port::{NewRow, Role, Settlement};
use dreiklang_model::NativeId;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use crate::{
    names::{Name, name},
    rows::{DEAD, WAITING, chunks, insert_outbox},
    seal::Seal,
};

struct Done {
    row: i64,
    native: Option<NativeId>,
    role: Role,
    notes: Option<String>,
    follow: Option<NewRow>,
}

pub(crate) async fn settle(
    connection: &mut SqliteConnection,
    seal: &Seal,
    settlements: Vec<Settlement>,
) -> Result<(), sqlx::Error> {
    let mut delivered = Vec::with_capacity(settlements.len());
    let mut follows = Vec::new();
    for settlement in settlements {
        match settlement {
            Settlement::Delivered { row, native, role, notes, follow, .. } => {
                delivered.push(Done { row: row.0, native, role, notes, follow });
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
    insert_outbox(connection, seal, &follows).await
}

async fn deliver(connection: &mut SqliteConnection, delivered: Vec<Done>) -> Result<Vec<NewRow>, sqlx::Error> {
    let mut outcomes: HashMap<i64, Done> = HashMap::with_capacity(delivered.len());
    let ids: Vec<i64> = delivered.iter().map(|done| done.row).collect();
    outcomes.extend(delivered.into_iter().map(|done| (done.row, done)));
    let mut names = Vec::with_capacity(ids.len());
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
                // A lane is one of a direct conversation or one of a room.
                for update in [
                    "UPDATE leg SET notes = ?3 WHERE conversation = ?1 AND network = ?2",
                    "UPDATE room_leg SET notes = ?3 WHERE conversation = ?1 AND network = ?2",
                ] {
                    sqlx::query(update)
                        .bind(conversation.clone())
                        .bind(network.clone())
                        .bind(notes.clone())
                        .execute(&mut *connection)
                        .await?;
                }
            }
            if let Some(native) = done.native {
                let native = native.as_str().to_owned();
                let (event, part, organisation) = (row.try_get(1)?, row.try_get(2)?, row.try_get(4)?);
                names.push(Name {
                    event,
                    part,
                    network,
                    organisation,
                    conversation,
                    native,
                    origin: false,
                    role: done.role,
                    author: None,
                    proof: None,
                });
            }
            follows.extend(done.follow);
        }
    }
    name(connection, &names).await?;
    Ok(follows)
}
