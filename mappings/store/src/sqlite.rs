// SPDX-License-Identifier: EUPL-1.2
//! The store put together: opening the file, and the port's methods, each a line to where its SQL stands.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use dreiklang_engine::port::{
    Arrival, Bound, Counts, Known, LaneKey, LegRow, Letter, LetterAction, LetterState, MessageRow, OrganisationKey, Persona,
    PortraitRow, Row, RowId, SeenKey, Settlement, Store, StoreError,
};
use dreiklang_model::{
    Address, ChatId, ConversationId, DisplayName, Emoji, EventId, NativeId, Network, OrganisationId, PersonaId, PictureHash,
    Portrait, Timestamp, Written,
};
use secrecy::SecretSlice;
use sqlx::{
    ConnectOptions, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::watch;

use crate::{
    conversations, letters, names, notes, people, portraits, reactions,
    rows::{bytes, conversation_id, corrupt},
    schema::{self, SchemaError},
    seal::{Place, Seal},
    writer::{Writer, failed},
};

/// Connections that read.
const READERS: u32 = 4;
/// How long to wait for another process (an administrator's command) that holds the database.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a database file cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the database {} cannot be opened: {cause}", path.display())]
pub struct OpenError {
    /// The file.
    pub path: std::path::PathBuf,
    /// Why.
    #[source]
    pub cause: SchemaError,
}

/// The embedded database.
#[derive(Clone)]
pub struct Sqlite {
    pub(crate) writer: Writer,
    pub(crate) readers: SqlitePool,
    seal: Arc<Seal>,
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sqlite")
    }
}

impl Sqlite {
    /// Opens the file, makes it if it is missing, and brings it to this version's schema. `seal` closes and opens its secret values.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(path: &Path, seal: Seal) -> Result<Self, OpenError> {
        let blame = |cause: SchemaError| OpenError { path: path.to_owned(), cause };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL would lose the last commits in a power cut: then we would have acknowledged what is gone.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
            .pragma("secure_delete", "ON")
            // Large batches spill into temporary files otherwise: texts outside of the state directory, and in an image with a
            // read-only root no file at all, and no commit.
            .pragma("temp_store", "MEMORY")
            .statement_cache_capacity(200)
            // A page of rows crosses from SQLite's thread at once.
            .row_buffer_size(1024);
        // The writer keeps the pages it changes again and again. It moves them to the file by itself only when `checkpoint.rs` does not.
        let writing = options.clone().pragma("cache_size", "-16384").pragma("wal_autocheckpoint", "32000");
        let mut connection = writing.connect().await.map_err(|error| blame(error.into()))?;
        schema::migrate(&mut connection).await.map_err(blame)?;
        let beside = options.connect().await.map_err(|error| blame(error.into()))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true))
            .await
            .map_err(|error| blame(error.into()))?;
        let seal = Arc::new(seal);
        Ok(Self { writer: Writer::start(connection, beside, Arc::clone(&seal)), readers, seal })
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn organisation(&self, id: &OrganisationId) -> Result<OrganisationKey, StoreError> {
        let id = id.clone();
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    sqlx::query("INSERT INTO organisation (id) VALUES (?1) ON CONFLICT DO NOTHING")
                        .bind(id.as_str())
                        .execute(&mut *connection)
                        .await?;
                    sqlx::query_scalar("SELECT key FROM organisation WHERE id = ?1").bind(id.as_str()).fetch_one(connection).await
                })
            })
            .await
            .map(OrganisationKey)
    }

    async fn persona(
        &self,
        organisation: OrganisationKey,
        account: &Address,
        name: Option<&DisplayName>,
        now: Timestamp,
    ) -> Result<Persona, StoreError> {
        if let Some(known) = self.known_persona(organisation, account).await?
            && (name.is_none() || name == known.name.as_ref())
        {
            return Ok(known);
        }
        let (owned, name) = (account.clone(), name.cloned());
        self.writer
            .write(move |connection| {
                Box::pin(async move { people::ensure(connection, organisation, &owned, name.as_ref(), now).await })
            })
            .await?;
        self.known_persona(organisation, account).await?.ok_or_else(|| corrupt("an account without a persona"))
    }

    async fn known_persona(&self, organisation: OrganisationKey, account: &Address) -> Result<Option<Persona>, StoreError> {
        people::known(&self.readers, organisation, account).await
    }

    async fn ghost(&self, organisation: OrganisationKey, on: &Network, written: &Written) -> Result<Option<Persona>, StoreError> {
        people::by_ghost(&self.readers, organisation, on, written).await
    }

    async fn written(&self, _: OrganisationKey, persona: PersonaId, on: &Network) -> Result<Option<Written>, StoreError> {
        people::written(&self.readers, persona, on).await
    }

    async fn decide_written(
        &self,
        organisation: OrganisationKey,
        persona: PersonaId,
        on: &Network,
        written: &Written,
    ) -> Result<Option<Written>, StoreError> {
        let (on, written) = (on.clone(), written.clone());
        let standing = self
            .writer
            .write(move |connection| {
                Box::pin(async move { people::decide(connection, organisation, persona, &on, &written).await })
            })
            .await?;
        standing.map(|text| Written::new(text).map_err(corrupt)).transpose()
    }

    async fn direct(
        &self,
        organisation: OrganisationKey,
        one: &Persona,
        other: &Persona,
        new: ConversationId,
        now: Timestamp,
    ) -> Result<ConversationId, StoreError> {
        let (one, other) = (one.clone(), other.clone());
        let id = self
            .writer
            .write(move |connection| {
                Box::pin(async move { conversations::ensure_direct(connection, organisation, [&one, &other], new, now).await })
            })
            .await?;
        conversation_id(&id)
    }

    async fn known_direct(
        &self,
        organisation: OrganisationKey,
        one: PersonaId,
        other: PersonaId,
    ) -> Result<Option<ConversationId>, StoreError> {
        conversations::direct(&self.readers, organisation, one, other).await
    }

    async fn leg(&self, lane: &LaneKey) -> Result<Option<LegRow>, StoreError> {
        conversations::find(&self.readers, lane).await
    }

    async fn leg_of_chat(
        &self,
        organisation: OrganisationKey,
        on: &Network,
        chat: &ChatId,
    ) -> Result<Option<LegRow>, StoreError> {
        conversations::find_by_chat(&self.readers, organisation, on, chat).await
    }

    async fn chats(&self, organisation: OrganisationKey, on: &Network) -> Result<Vec<ChatId>, StoreError> {
        conversations::chats(&self.readers, organisation, on).await
    }

    async fn bind(&self, lane: &LaneKey, expected: Option<&ChatId>, chat: Option<&ChatId>) -> Result<Bound, StoreError> {
        let (lane, expected, chat) = (lane.clone(), expected.cloned(), chat.cloned());
        let answer = self
            .writer
            .write(move |connection| {
                Box::pin(async move {
                    conversations::bind(connection, conversations::DIRECT, &lane, expected.as_ref(), chat.as_ref()).await
                })
            })
            .await?;
        conversations::bound(answer)
    }

    async fn accept(&self, arrivals: Vec<Arrival>) -> Result<Vec<bool>, StoreError> {
        self.writer.accept(arrivals).await
    }

    async fn seen(&self, organisation: OrganisationKey, key: &SeenKey) -> Result<bool, StoreError> {
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM seen WHERE organisation = ?1 AND slot = ?2 AND digest = ?3")
            .bind(organisation.0)
            .bind(key.slot)
            .bind(bytes(key.digest))
            .fetch_optional(&self.readers)
            .await
            .map_err(|error| failed(&error))?;
        Ok(found.is_some())
    }

    async fn settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        self.writer.settle(settlement).await
    }

    fn committed(&self) -> watch::Receiver<u64> {
        self.writer.committed()
    }

    async fn waiting(&self, after: RowId, limit: usize) -> Result<Vec<Row>, StoreError> {
        letters::waiting(&self.readers, &self.seal, after, limit).await
    }

    async fn waiting_in(&self, lane: &LaneKey, after: RowId, limit: usize) -> Result<Vec<Row>, StoreError> {
        letters::waiting_in(&self.readers, &self.seal, lane, after, limit).await
    }

    async fn messages(&self, organisation: OrganisationKey, event: EventId) -> Result<Vec<MessageRow>, StoreError> {
        names::of_event(&self.readers, organisation, event).await
    }

    async fn find(&self, conversation: ConversationId, on: &Network, native: &NativeId) -> Result<Option<Known>, StoreError> {
        names::find(&self.readers, conversation, on, native).await
    }

    async fn reactions(&self, message: EventId, persona: PersonaId) -> Result<Vec<Emoji>, StoreError> {
        reactions::of(&self.readers, message, persona).await
    }

    async fn persona_by_id(&self, persona: PersonaId) -> Result<Option<Persona>, StoreError> {
        people::by_id(&self.readers, persona).await
    }

    async fn want_portrait(
        &self,
        organisation: OrganisationKey,
        persona: PersonaId,
        portrait: &Portrait,
        now: Timestamp,
        rest: Duration,
    ) -> Result<bool, StoreError> {
        let source = portrait.source.as_ref().map(serde_json::to_string).transpose().map_err(corrupt)?;
        let portrait = portrait.clone();
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    portraits::want(connection, organisation, persona, &portrait, source, [now, now.plus(rest)]).await
                })
            })
            .await
    }

    async fn due_portraits(&self, now: Timestamp, limit: usize) -> Result<Vec<PortraitRow>, StoreError> {
        portraits::due(&self.readers, now, limit).await
    }

    async fn show_portrait(
        &self,
        organisation: OrganisationKey,
        persona: PersonaId,
        version: &str,
        picture: Option<(&PictureHash, &[u8])>,
    ) -> Result<bool, StoreError> {
        let key = portraits::key(persona);
        let sealed = picture.map(|(hash, bytes)| {
            let sealed = self.seal.seal_bytes(portraits::place(organisation, &key), bytes.to_vec());
            sealed.map(|sealed| (hash.clone(), sealed))
        });
        let (version, sealed) = (version.to_owned(), sealed.transpose()?);
        self.writer
            .write(move |connection| Box::pin(async move { portraits::show(connection, persona, &version, sealed).await }))
            .await
    }

    async fn postpone_portrait(&self, persona: PersonaId, version: &str, due: Option<Timestamp>) -> Result<(), StoreError> {
        let version = version.to_owned();
        self.writer
            .write(move |connection| Box::pin(async move { portraits::postpone(connection, persona, &version, due).await }))
            .await
    }

    async fn picture(&self, organisation: OrganisationKey, persona: PersonaId) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(sealed) = portraits::shown(&self.readers, persona).await? else { return Ok(None) };
        let key = portraits::key(persona);
        self.seal.open_bytes(portraits::place(organisation, &key), &sealed).map(Some)
    }

    async fn secret(
        &self,
        organisation: OrganisationKey,
        on: &Network,
        key: &str,
    ) -> Result<Option<SecretSlice<u8>>, StoreError> {
        let sealed = notes::sealed(&self.readers, organisation, on, key).await?;
        let place = Place { organisation, network: on, key };
        sealed.map(|sealed| self.seal.open(place, &sealed)).transpose()
    }

    async fn keep_secret(
        &self,
        organisation: OrganisationKey,
        on: &Network,
        key: &str,
        value: SecretSlice<u8>,
    ) -> Result<SecretSlice<u8>, StoreError> {
        let place = Place { organisation, network: on, key };
        let sealed = self.seal.seal(place, &value)?;
        let (network, name) = (on.clone(), key.to_owned());
        let standing = self
            .writer
            .write(move |connection| {
                Box::pin(async move { notes::keep_sealed(connection, organisation, &network, &name, sealed).await })
            })
            .await?;
        self.seal.open(place, &standing)
    }

    async fn note(&self, organisation: OrganisationKey, on: &Network, key: &str) -> Result<Option<String>, StoreError> {
        notes::get(&self.readers, organisation, on, key).await
    }

    async fn set_note(
        &self,
        organisation: OrganisationKey,
        on: &Network,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), StoreError> {
        let (on, key, value) = (on.clone(), key.to_owned(), value.map(str::to_owned));
        self.writer
            .write(move |connection| {
                Box::pin(async move { notes::set(connection, organisation, &on, &key, value.as_deref()).await })
            })
            .await
    }

    async fn notes(
        &self,
        organisation: OrganisationKey,
        on: &Network,
        prefix: &str,
    ) -> Result<Vec<(String, String)>, StoreError> {
        notes::list(&self.readers, organisation, on, prefix).await
    }

    async fn counts(&self) -> Result<Vec<Counts>, StoreError> {
        letters::counts(&self.readers).await
    }

    async fn letters(&self, state: Option<LetterState>, limit: usize) -> Result<Vec<Letter>, StoreError> {
        letters::letters(&self.readers, state, limit).await
    }

    async fn act(&self, letter: RowId, action: LetterAction, now: Timestamp) -> Result<bool, StoreError> {
        self.writer.write(move |connection| Box::pin(async move { letters::act(connection, letter, action, now).await })).await
    }

    async fn expire(&self, mappings: Timestamp, keys: Timestamp, dead: Timestamp) -> Result<u64, StoreError> {
        self.writer
            .write(move |connection| Box::pin(async move { letters::expire(connection, mappings, keys, dead).await }))
            .await
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_written_outside_of_the_state_directory() {
        let directory = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&directory.path().join("dreiklang.db"), Seal::new(&[7; 32]).unwrap()).await.unwrap();
        let place: i64 = sqlx::query_scalar("PRAGMA temp_store").fetch_one(&store.readers).await.unwrap();
        assert_eq!(place, 2, "temporary data stays in memory");
        let written = store.writer.write(|connection| {
            Box::pin(async move { sqlx::query_scalar::<_, i64>("PRAGMA temp_store").fetch_one(connection).await })
        });
        assert_eq!(written.await.unwrap(), 2);
    }
}
