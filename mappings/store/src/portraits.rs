// SPDX-License-Identifier: EUPL-1.2
//! Pictures of people: which one is wanted, and which one is shown. The bytes are sealed (`seal.rs`) before they come here.

use dreiklang_engine::port::{OrganisationKey, PortraitRow, StoreError};
use dreiklang_model::{MediaSource, Network, PersonaId, PictureHash, Portrait, Timestamp};
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use crate::{rows::corrupt, seal::Place, writer::failed};

/// Where a picture belongs.
pub(crate) fn place(organisation: OrganisationKey, key: &str) -> Place<'_> {
    Place { organisation, network: &Network::GATEWAY, key }
}

/// The name of that place.
pub(crate) fn key(persona: PersonaId) -> String {
    format!("portrait/{}", persona.0)
}

/// Writes down what his network shows; `false` when that was known.
pub(crate) async fn want(
    connection: &mut SqliteConnection,
    organisation: OrganisationKey,
    persona: PersonaId,
    portrait: &Portrait,
    source: Option<String>,
    [now, due]: [Timestamp; 2],
) -> Result<bool, sqlx::Error> {
    let changed = sqlx::query(
        "INSERT INTO portrait (persona, organisation, version, source, changed_at, due, attempts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)
         ON CONFLICT (persona) DO UPDATE SET version = excluded.version, source = excluded.source,
             changed_at = excluded.changed_at, attempts = 0,
             due = min(coalesce(portrait.due, ?8), max(excluded.changed_at, portrait.changed_at + ?7))
         WHERE portrait.version <> excluded.version",
    )
    .bind(persona.0)
    .bind(organisation.0)
    .bind(&portrait.version)
    .bind(source)
    .bind(now.as_millis())
    .bind(now.as_millis())
    .bind(i64::try_from(due.since(now).as_millis()).unwrap_or(i64::MAX))
    .bind(i64::MAX)
    .execute(connection)
    .await?;
    Ok(changed.rows_affected() > 0)
}

pub(crate) async fn due(pool: &SqlitePool, now: Timestamp, limit: usize) -> Result<Vec<PortraitRow>, StoreError> {
    sqlx::query(
        "SELECT organisation, persona, version, source, attempts FROM portrait WHERE due <= ?1 ORDER BY attempts, due LIMIT ?2",
    )
    .bind(now.as_millis())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(pool)
    .await
    .map_err(|error| failed(&error))?
    .iter()
    .map(row)
    .collect()
}

fn row(row: &SqliteRow) -> Result<PortraitRow, StoreError> {
    let source: Option<String> = row.try_get(3).map_err(corrupt)?;
    let source: Option<MediaSource> = source.map(|json| serde_json::from_str(&json).map_err(corrupt)).transpose()?;
    Ok(PortraitRow {
        organisation: OrganisationKey(row.try_get(0).map_err(corrupt)?),
        persona: PersonaId(row.try_get(1).map_err(corrupt)?),
        portrait: Portrait { version: row.try_get(2).map_err(corrupt)?, source },
        attempts: row.try_get(4).map_err(corrupt)?,
    })
}

/// What is shown from now on; `false` when something else is wanted by now.
pub(crate) async fn show(
    connection: &mut SqliteConnection,
    persona: PersonaId,
    version: &str,
    picture: Option<(PictureHash, Vec<u8>)>,
) -> Result<bool, sqlx::Error> {
    let (hash, bytes) = picture.unzip();
    let changed = sqlx::query("UPDATE portrait SET due = NULL, hash = ?3, picture = ?4 WHERE persona = ?1 AND version = ?2")
        .bind(persona.0)
        .bind(version)
        .bind(hash.as_ref().map(PictureHash::as_str))
        .bind(bytes)
        .execute(connection)
        .await?;
    Ok(changed.rows_affected() > 0)
}

pub(crate) async fn postpone(
    connection: &mut SqliteConnection,
    persona: PersonaId,
    version: &str,
    due: Option<Timestamp>,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE portrait SET due = ?3, attempts = attempts + 1 WHERE persona = ?1 AND version = ?2")
        .bind(persona.0)
        .bind(version)
        .bind(due.map(Timestamp::as_millis))
        .execute(connection)
        .await
        .map(drop)
}

/// The picture that is shown, sealed.
pub(crate) async fn shown(pool: &SqlitePool, persona: PersonaId) -> Result<Option<Vec<u8>>, StoreError> {
    let found: Option<Option<Vec<u8>>> = sqlx::query_scalar("SELECT picture FROM portrait WHERE persona = ?1")
        .bind(persona.0)
        .fetch_optional(pool)
        .await
        .map_err(|error| failed(&error))?;
    Ok(found.flatten())
}
