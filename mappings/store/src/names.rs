// SPDX-License-Identifier: EUPL-1.2
//! How events are named on networks, and finding an event by such a name.

use dreiklang_engine::port::{Arrival, Known, MessageRow, OrganisationKey, Proof, Role, StoreError};
use dreiklang_model::{ConversationId, EventId, NativeId, Network, PersonaId};
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use crate::{
    rows::{self, bytes, chunks, conversation_id, corrupt, event_id, network},
    writer::failed,
};

/// How far back a name is looked for, in names of its conversation.
const REACH: i64 = 50_000;

const ITSELF: i64 = 0;
const VERSION: i64 = 1;
const REACTION: i64 = 2;

/// A row of the table.
pub(crate) struct Name {
    pub(crate) event: Vec<u8>,
    pub(crate) part: i64,
    pub(crate) network: String,
    pub(crate) organisation: i64,
    pub(crate) conversation: Vec<u8>,
    pub(crate) native: String,
    pub(crate) origin: bool,
    pub(crate) role: Role,
    pub(crate) author: Option<PersonaId>,
    pub(crate) proof: Option<Proof>,
}

impl Name {
    pub(crate) fn of_arrival(arrival: &Arrival) -> Self {
        Self {
            event: bytes(arrival.event.to_bytes()),
            part: 0,
            network: arrival.network.as_str().to_owned(),
            organisation: arrival.organisation.0,
            conversation: bytes(arrival.conversation.to_bytes()),
            native: arrival.native.as_str().to_owned(),
            origin: true,
            role: arrival.role,
            author: arrival.author,
            proof: arrival.proof,
        }
    }
}

/// Remembers names. A name that an event has already stays.
pub(crate) async fn name(connection: &mut SqliteConnection, names: &[Name]) -> Result<(), sqlx::Error> {
    for chunk in chunks(names) {
        let mut insert: QueryBuilder<Sqlite> = QueryBuilder::new(
            "INSERT INTO message (event, part, network, organisation, conversation, native, digest, origin, role, about, author, proof) ",
        );
        insert.push_values(chunk, |mut values, one| {
            let (role, about) = match one.role {
                Role::Itself | Role::Nothing => (ITSELF, None),
                Role::Version(of) => (VERSION, Some(of)),
                Role::Reaction(to) => (REACTION, Some(to)),
            };
            values
                .push_bind(one.event.clone())
                .push_bind(one.part)
                .push_bind(one.network.clone())
                .push_bind(one.organisation)
                .push_bind(one.conversation.clone())
                .push_bind(one.native.clone())
                .push_bind(digest(&one.network, &one.native))
                .push_bind(i64::from(one.origin))
                .push_bind(role)
                .push_bind(about.map(|event| bytes(event.to_bytes())))
                .push_bind(one.author.map(|author| author.0))
                .push_bind(one.proof.map(|proof| proof as i64));
        });
        insert.push(" ON CONFLICT DO NOTHING");
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Tells names apart in the index without holding them twice; whoever finds one compares the names themselves.
fn digest(network: &str, native: &str) -> i64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(network.as_bytes()).update(&[0]).update(native.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    i64::from_le_bytes(first)
}

pub(crate) async fn find(
    pool: &SqlitePool,
    conversation: ConversationId,
    on: &Network,
    native: &NativeId,
) -> Result<Option<Known>, StoreError> {
    let found = sqlx::query(
        "SELECT message.event, message.role, message.about, message.origin,
                (SELECT first.author FROM message AS first WHERE first.event = message.event AND first.origin = 1 LIMIT 1)
         FROM (SELECT event, digest FROM message WHERE conversation = ?1 ORDER BY event DESC LIMIT ?2) AS recent
         JOIN message ON message.event = recent.event
         WHERE recent.digest = ?3 AND message.network = ?4 AND message.native = ?5 LIMIT 1",
    )
    .bind(bytes(conversation.to_bytes()))
    .bind(REACH)
    .bind(digest(on.as_str(), native.as_str()))
    .bind(on.as_str())
    .bind(native.as_str())
    .fetch_optional(pool)
    .await
    .map_err(|error| failed(&error))?;
    found.as_ref().map(known).transpose()
}

fn known(row: &SqliteRow) -> Result<Known, StoreError> {
    let about = row.try_get::<Option<Vec<u8>>, _>(2).map_err(corrupt)?.map(|bytes| event_id(&bytes)).transpose()?;
    let role = match (row.try_get::<i64, _>(1).map_err(corrupt)?, about) {
        (VERSION, Some(of)) => Role::Version(of),
        (REACTION, Some(to)) => Role::Reaction(to),
        _ => Role::Itself,
    };
    Ok(Known {
        event: event_id(&row.try_get::<Vec<u8>, _>(0).map_err(corrupt)?)?,
        role,
        origin: row.try_get::<i64, _>(3).map_err(corrupt)? != 0,
        author: row.try_get::<Option<i64>, _>(4).map_err(corrupt)?.map(PersonaId),
    })
}

pub(crate) async fn of_event(
    pool: &SqlitePool,
    organisation: OrganisationKey,
    event: EventId,
) -> Result<Vec<MessageRow>, StoreError> {
    let found = sqlx::query(
        "SELECT conversation, network, native, origin, part FROM message
         WHERE event = ?1 AND organisation = ?2 ORDER BY part, network",
    )
    .bind(bytes(event.to_bytes()))
    .bind(organisation.0)
    .fetch_all(pool)
    .await
    .map_err(|error| failed(&error))?;
    let message = |row: &SqliteRow| {
        Ok(MessageRow {
            conversation: conversation_id(&row.try_get::<Vec<u8>, _>(0).map_err(corrupt)?)?,
            network: network(&row.try_get::<String, _>(1).map_err(corrupt)?)?,
            native: rows::native(row.try_get(2).map_err(corrupt)?)?,
            origin: row.try_get::<i64, _>(3).map_err(corrupt)? != 0,
            part: u16::try_from(row.try_get::<i64, _>(4).map_err(corrupt)?).map_err(corrupt)?,
        })
    };
    found.iter().map(message).collect()
}
