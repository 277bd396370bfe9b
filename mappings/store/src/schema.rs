// SPDX-License-Identifier: EUPL-1.2
//! Brings a database file to the schema of this version, one numbered step after the other.

use sqlx::{Connection, SqliteConnection};

/// The steps, oldest first. A released step never changes; its number is `PRAGMA user_version` after it.
const STEPS: &[&str] = &[
    include_str!("../migrations/0001_start.sql"),
    include_str!("../migrations/0002_portraits.sql"),
    include_str!("../migrations/0003_rooms.sql"),
];

/// Why a database file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A newer version of the gateway wrote it.
    #[error("the database has schema {found}, this version knows up to {known}: it was written by a newer version")]
    Newer {
        /// In the file.
        found: i64,
        /// In this program.
        known: usize,
    },
    /// SQLite failed.
    #[error(transparent)]
    Sqlite(#[from] sqlx::Error),
}

pub(crate) async fn migrate(connection: &mut SqliteConnection) -> Result<(), SchemaError> {
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?;
    let done = usize::try_from(found).unwrap_or(0);
    if done > STEPS.len() {
        return Err(SchemaError::Newer { found, known: STEPS.len() });
    }
    for (index, step) in STEPS.iter().enumerate().skip(done) {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql(*step).execute(&mut *transaction).await?;
        let version = format!("PRAGMA user_version = {}", index + 1);
        sqlx::raw_sql(sqlx::AssertSqlSafe(version)).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(())
}
