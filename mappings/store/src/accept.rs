// SPDX-License-Identifier: EUPL-1.2
//! Storing what was received: recognition, the name on its network, and the rows that follow from it.

use std::collections::HashSet;

use dreiklang_engine::port::{Arrival, NewRow, OrganisationKey, Role};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use crate::{
    names::{Name, name},
    reactions,
    rows::{bytes, chunks, insert_outbox},
    seal::Seal,
};

type Recognised = (OrganisationKey, i64, [u8; 16]);

/// Answers, in order, which arrivals are new.
pub(crate) async fn accept(
    connection: &mut SqliteConnection,
    seal: &Seal,
    arrivals: Vec<Arrival>,
) -> Result<Vec<bool>, sqlx::Error> {
    let mut new = recognise(connection, &arrivals).await?;
    // Each key is new once: a second arrival of the same key in this very batch is a repeat.
    let fresh: Vec<bool> =
        arrivals.iter().map(|arrival| new.remove(&(arrival.organisation, arrival.seen.slot, arrival.seen.digest))).collect();
    let stored: Vec<Arrival> = arrivals.into_iter().zip(&fresh).filter_map(|(arrival, fresh)| fresh.then_some(arrival)).collect();
    let named = stored.iter().filter(|arrival| arrival.role != Role::Nothing);
    let names: Vec<Name> = named.map(Name::of_arrival).collect();
    name(connection, &names).await?;
    for arrival in &stored {
        if let Some(change) = &arrival.reaction {
            reactions::apply(connection, arrival.organisation, change, arrival.accepted_at).await?;
        }
    }
    let rows: Vec<NewRow> = stored.into_iter().flat_map(|arrival| arrival.rows).collect();
    insert_outbox(connection, seal, &rows).await?;
    Ok(fresh)
}

async fn recognise(connection: &mut SqliteConnection, arrivals: &[Arrival]) -> Result<HashSet<Recognised>, sqlx::Error> {
    let mut new = HashSet::with_capacity(arrivals.len());
    for chunk in chunks(arrivals) {
        let mut insert: QueryBuilder<Sqlite> = QueryBuilder::new("INSERT INTO seen (organisation, slot, digest, at) ");
        insert.push_values(chunk, |mut values, arrival| {
            values
                .push_bind(arrival.organisation.0)
                .push_bind(arrival.seen.slot)
                .push_bind(bytes(arrival.seen.digest))
                .push_bind(arrival.accepted_at.as_millis());
        });
        insert.push(" ON CONFLICT DO NOTHING RETURNING organisation, slot, digest");
        for row in insert.build().fetch_all(&mut *connection).await? {
            let digest: Vec<u8> = row.try_get(2)?;
            if let Ok(digest) = digest.try_into() {
                new.insert((OrganisationKey(row.try_get(0)?), row.try_get(1)?, digest));
            }
        }
    }
    Ok(new)
}
