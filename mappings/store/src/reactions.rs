// SPDX-License-Identifier: EUPL-1.2
//! What people have put under messages.

use dreiklang_engine::port::{Change, OrganisationKey, ReactionChange, StoreError};
use dreiklang_model::{Emoji, EventId, MOST_REACTIONS, NativeId, PersonaId, Timestamp};
use sqlx::{SqliteConnection, SqlitePool};

use crate::{
    rows::{bytes, corrupt},
    writer::failed,
};

pub(crate) async fn apply(
    connection: &mut SqliteConnection,
    organisation: OrganisationKey,
    change: &ReactionChange,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    let message = bytes(change.message.to_bytes());
    let persona = change.persona.0;
    match &change.change {
        Change::All(emojis) => {
            sqlx::query("DELETE FROM reaction WHERE event = ?1 AND persona = ?2")
                .bind(message.clone())
                .bind(persona)
                .execute(&mut *connection)
                .await?;
            for (index, emoji) in emojis.iter().take(MOST_REACTIONS).enumerate() {
                let later = at.plus(std::time::Duration::from_millis(index as u64));
                add(connection, organisation, &message, persona, emoji, None, later).await?;
            }
        }
        Change::Add(emoji, native) => {
            add(connection, organisation, &message, persona, emoji, Some(native), at).await?;
            sqlx::query(
                "DELETE FROM reaction WHERE event = ?1 AND persona = ?2 AND emoji NOT IN
                     (SELECT emoji FROM reaction WHERE event = ?1 AND persona = ?2 ORDER BY at DESC LIMIT ?3)",
            )
            .bind(message)
            .bind(persona)
            .bind(i64::try_from(MOST_REACTIONS).unwrap_or(i64::MAX))
            .execute(&mut *connection)
            .await?;
        }
        Change::Remove(native) => {
            sqlx::query("DELETE FROM reaction WHERE event = ?1 AND persona = ?2 AND native = ?3")
                .bind(message)
                .bind(persona)
                .bind(native.as_str())
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

async fn add(
    connection: &mut SqliteConnection,
    organisation: OrganisationKey,
    message: &[u8],
    persona: i64,
    emoji: &Emoji,
    native: Option<&NativeId>,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO reaction (event, persona, emoji, organisation, native, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET native = excluded.native",
    )
    .bind(message)
    .bind(persona)
    .bind(emoji.as_str())
    .bind(organisation.0)
    .bind(native.map(NativeId::as_str))
    .bind(at.as_millis())
    .execute(&mut *connection)
    .await?;
    Ok(())
}

pub(crate) async fn of(pool: &SqlitePool, message: EventId, persona: PersonaId) -> Result<Vec<Emoji>, StoreError> {
    let found: Vec<String> =
        sqlx::query_scalar("SELECT emoji FROM reaction WHERE event = ?1 AND persona = ?2 ORDER BY at, emoji")
            .bind(bytes(message.to_bytes()))
            .bind(persona.0)
            .fetch_all(pool)
            .await
            .map_err(|error| failed(&error))?;
    found.iter().map(|emoji| Emoji::new(emoji).ok_or_else(|| corrupt("a reaction that is none"))).collect()
}
