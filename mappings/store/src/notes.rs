// SPDX-License-Identifier: EUPL-1.2
//! Small durable values of the adapters, and secret ones, which are sealed (`seal.rs`) before they come here.

use dreiklang_engine::port::{OrganisationKey, StoreError};
use dreiklang_model::Network;
use sqlx::{SqliteConnection, SqlitePool};

use crate::writer::failed;

pub(crate) async fn get(
    pool: &SqlitePool,
    organisation: OrganisationKey,
    on: &Network,
    key: &str,
) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar("SELECT value FROM note WHERE organisation = ?1 AND network = ?2 AND key = ?3")
        .bind(organisation.0)
        .bind(on.as_str())
        .bind(key)
        .fetch_optional(pool)
        .await
        .map_err(|error| failed(&error))
}

pub(crate) async fn list(
    pool: &SqlitePool,
    organisation: OrganisationKey,
    on: &Network,
    prefix: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    // Keys compare by bytes; nothing that begins with the prefix sorts after the prefix and the highest code point.
    sqlx::query_as("SELECT key, value FROM note WHERE organisation = ?1 AND network = ?2 AND key >= ?3 AND key < ?4 ORDER BY key")
        .bind(organisation.0)
        .bind(on.as_str())
        .bind(prefix)
        .bind(format!("{prefix}\u{10ffff}"))
        .fetch_all(pool)
        .await
        .map_err(|error| failed(&error))
}

pub(crate) async fn set(
    connection: &mut SqliteConnection,
    organisation: OrganisationKey,
    on: &Network,
    key: &str,
    value: Option<&str>,
) -> Result<(), sqlx::Error> {
    let Some(value) = value else {
        sqlx::query("DELETE FROM note WHERE organisation = ?1 AND network = ?2 AND key = ?3")
            .bind(organisation.0)
            .bind(on.as_str())
            .bind(key)
            .execute(connection)
            .await?;
        return Ok(());
    };
    sqlx::query(
        "INSERT INTO note (organisation, network, key, value) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (organisation, network, key) DO UPDATE SET value = excluded.value",
    )
    .bind(organisation.0)
    .bind(on.as_str())
    .bind(key)
    .bind(value)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn sealed(
    pool: &SqlitePool,
    organisation: OrganisationKey,
    on: &Network,
    key: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    sqlx::query_scalar("SELECT value FROM sealed WHERE organisation = ?1 AND network = ?2 AND key = ?3")
        .bind(organisation.0)
        .bind(on.as_str())
        .bind(key)
        .fetch_optional(pool)
        .await
        .map_err(|error| failed(&error))
}

/// Keeps a sealed value unless one is there; answers what stands.
pub(crate) async fn keep_sealed(
    connection: &mut SqliteConnection,
    organisation: OrganisationKey,
    on: &Network,
    key: &str,
    value: Vec<u8>,
) -> Result<Vec<u8>, sqlx::Error> {
    sqlx::query("INSERT INTO sealed (organisation, network, key, value) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")
        .bind(organisation.0)
        .bind(on.as_str())
        .bind(key)
        .bind(value)
        .execute(&mut *connection)
        .await?;
    sqlx::query_scalar("SELECT value FROM sealed WHERE organisation = ?1 AND network = ?2 AND key = ?3")
        .bind(organisation.0)
        .bind(on.as_str())
        .bind(key)
        .fetch_one(connection)
        .await
}
