// SPDX-License-Identifier: EUPL-1.2
//! Personas, their accounts, and how they are written on other networks.

use dreiklang_engine::port::{OrganisationKey, Persona, StoreError};
use dreiklang_model::{Address, DisplayName, Network, PersonaId, PictureHash, Timestamp, Written};
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use crate::{
    rows::{corrupt, network},
    writer::failed,
};

/// The persona's id, its name, the main account's network and address, and the picture that is shown.
fn persona(row: &SqliteRow) -> Result<Persona, StoreError> {
    let name = DisplayName::new(&row.try_get::<String, _>(1).map_err(corrupt)?);
    let on = network(&row.try_get::<String, _>(2).map_err(corrupt)?)?;
    let account = Address::new(on, row.try_get::<String, _>(3).map_err(corrupt)?).map_err(corrupt)?;
    let picture = picture(row, 4)?;
    Ok(Persona { id: PersonaId(row.try_get(0).map_err(corrupt)?), account, name: (!name.is_empty()).then_some(name), picture })
}

/// The name of a picture in a column.
pub(crate) fn picture(row: &SqliteRow, at: usize) -> Result<Option<PictureHash>, StoreError> {
    let hash: Option<String> = row.try_get(at).map_err(corrupt)?;
    hash.map(|hash| PictureHash::new(&hash).map_err(corrupt)).transpose()
}

pub(crate) async fn by_id(pool: &SqlitePool, id: PersonaId) -> Result<Option<Persona>, StoreError> {
    sqlx::query(
        "SELECT persona.id, persona.name, main.network, main.address, portrait.hash
         FROM persona
         JOIN account AS main ON main.persona = persona.id AND main.main = 1
         LEFT JOIN portrait ON portrait.persona = persona.id
         WHERE persona.id = ?1",
    )
    .bind(id.0)
    .fetch_optional(pool)
    .await
    .map_err(|error| failed(&error))?
    .as_ref()
    .map(persona)
    .transpose()
}

pub(crate) async fn known(
    pool: &SqlitePool,
    organisation: OrganisationKey,
    account: &Address,
) -> Result<Option<Persona>, StoreError> {
    sqlx::query(
        "SELECT persona.id, persona.name, main.network, main.address, portrait.hash
         FROM account
         JOIN persona ON persona.id = account.persona
         JOIN account AS main ON main.persona = persona.id AND main.main = 1
         LEFT JOIN portrait ON portrait.persona = persona.id
         WHERE account.organisation = ?1 AND account.network = ?2 AND account.address = ?3",
    )
    .bind(organisation.0)
    .bind(account.network().as_str())
    .bind(account.as_str())
    .fetch_optional(pool)
    .await
    .map_err(|error| failed(&error))?
    .as_ref()
    .map(persona)
    .transpose()
}

pub(crate) async fn by_ghost(
    pool: &SqlitePool,
    organisation: OrganisationKey,
    on: &Network,
    written: &Written,
) -> Result<Option<Persona>, StoreError> {
    sqlx::query(
        "SELECT persona.id, persona.name, main.network, main.address, portrait.hash
         FROM ghost
         JOIN persona ON persona.id = ghost.persona
         JOIN account AS main ON main.persona = persona.id AND main.main = 1
         LEFT JOIN portrait ON portrait.persona = persona.id
         WHERE ghost.organisation = ?1 AND ghost.network = ?2 AND ghost.written = ?3",
    )
    .bind(organisation.0)
    .bind(on.as_str())
    .bind(written.as_str())
    .fetch_optional(pool)
    .await
    .map_err(|error| failed(&error))?
    .as_ref()
    .map(persona)
    .transpose()
}

pub(crate) async fn written(pool: &SqlitePool, persona: PersonaId, on: &Network) -> Result<Option<Written>, StoreError> {
    let found: Option<String> = sqlx::query_scalar("SELECT written FROM ghost WHERE persona = ?1 AND network = ?2")
        .bind(persona.0)
        .bind(on.as_str())
        .fetch_optional(pool)
        .await
        .map_err(|error| failed(&error))?;
    found.map(|text| Written::new(text).map_err(corrupt)).transpose()
}

/// Makes the persona of an account if there is none, and sets its name if one is given.
pub(crate) async fn ensure(
    connection: &mut SqliteConnection,
    organisation: OrganisationKey,
    account: &Address,
    name: Option<&DisplayName>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let known: Option<i64> =
        sqlx::query_scalar("SELECT persona FROM account WHERE organisation = ?1 AND network = ?2 AND address = ?3")
            .bind(organisation.0)
            .bind(account.network().as_str())
            .bind(account.as_str())
            .fetch_optional(&mut *connection)
            .await?;
    let name = name.map(DisplayName::as_str);
    if let Some(id) = known {
        if let Some(name) = name {
            sqlx::query("UPDATE persona SET name = ?2 WHERE id = ?1 AND name <> ?2")
                .bind(id)
                .bind(name)
                .execute(&mut *connection)
                .await?;
        }
        return Ok(());
    }
    let id: i64 = sqlx::query_scalar("INSERT INTO persona (organisation, name, created_at) VALUES (?1, ?2, ?3) RETURNING id")
        .bind(organisation.0)
        .bind(name.unwrap_or(""))
        .bind(now.as_millis())
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO account (organisation, network, address, persona, main) VALUES (?1, ?2, ?3, ?4, 1)")
        .bind(organisation.0)
        .bind(account.network().as_str())
        .bind(account.as_str())
        .bind(id)
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// The first decision stays: what stands afterwards, or nothing if another persona is written so.
pub(crate) async fn decide(
    connection: &mut SqliteConnection,
    organisation: OrganisationKey,
    persona: PersonaId,
    on: &Network,
    written: &Written,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query("INSERT INTO ghost (organisation, network, written, persona) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")
        .bind(organisation.0)
        .bind(on.as_str())
        .bind(written.as_str())
        .bind(persona.0)
        .execute(&mut *connection)
        .await?;
    sqlx::query_scalar("SELECT written FROM ghost WHERE persona = ?1 AND network = ?2")
        .bind(persona.0)
        .bind(on.as_str())
        .fetch_optional(&mut *connection)
        .await
}
