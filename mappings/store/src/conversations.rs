// SPDX-License-Identifier: EUPL-1.2
//! Conversations, their legs, and the chats that legs are bound to.

use dreiklang_engine::port::{Bound, LaneKey, LegRow, OrganisationKey, Persona, StoreError};
use dreiklang_model::{Address, ChatId, ConversationId, DisplayName, Network, PersonaId, Timestamp, Written};
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use crate::{
    people,
    rows::{self, bytes, conversation_id, corrupt, network},
    writer::failed,
};

/// A leg with both people. The person at home here is shown with the account he has on this network.
const LEG: &str = "SELECT leg.conversation, leg.network, leg.chat, leg.notes, ghost.written,
           home.id, home.name, here.network, here.address,
           other.id, other.name, there.network, there.address, look.hash, likeness.hash
    FROM leg
    JOIN persona AS home ON home.id = leg.persona
    JOIN account AS here ON here.persona = home.id AND here.network = leg.network
    JOIN persona AS other ON other.id = leg.other
    JOIN account AS there ON there.persona = other.id AND there.main = 1
    JOIN ghost ON ghost.persona = leg.other AND ghost.network = leg.network
    LEFT JOIN portrait AS look ON look.persona = home.id
    LEFT JOIN portrait AS likeness ON likeness.persona = other.id ";

fn leg(row: &SqliteRow) -> Result<LegRow, StoreError> {
    let text = |at: usize| row.try_get::<String, _>(at).map_err(corrupt);
    let maybe = |at: usize| row.try_get::<Option<String>, _>(at).map_err(corrupt);
    let person = |at: usize, look: usize| -> Result<Persona, StoreError> {
        let name = DisplayName::new(&text(at + 1)?);
        Ok(Persona {
            id: PersonaId(row.try_get(at).map_err(corrupt)?),
            account: Address::new(network(&text(at + 2)?)?, text(at + 3)?).map_err(corrupt)?,
            name: (!name.is_empty()).then_some(name),
            picture: people::picture(row, look)?,
        })
    };
    Ok(LegRow {
        conversation: conversation_id(&row.try_get::<Vec<u8>, _>(0).map_err(corrupt)?)?,
        network: network(&text(1)?)?,
        chat: maybe(2)?.map(rows::chat).transpose()?,
        notes: maybe(3)?,
        ghost: Written::new(text(4)?).map_err(corrupt)?,
        user: person(5, 13)?,
        other: person(9, 14)?,
    })
}

pub(crate) async fn find(pool: &SqlitePool, lane: &LaneKey) -> Result<Option<LegRow>, StoreError> {
    sqlx::query(sqlx::AssertSqlSafe(format!("{LEG} WHERE leg.conversation = ?1 AND leg.network = ?2")))
        .bind(bytes(lane.conversation.to_bytes()))
        .bind(lane.network.as_str())
        .fetch_optional(pool)
        .await
        .map_err(|error| failed(&error))?
        .as_ref()
        .map(leg)
        .transpose()
}

pub(crate) async fn find_by_chat(
    pool: &SqlitePool,
    organisation: OrganisationKey,
    on: &Network,
    chat: &ChatId,
) -> Result<Option<LegRow>, StoreError> {
    sqlx::query(sqlx::AssertSqlSafe(format!("{LEG} WHERE leg.organisation = ?1 AND leg.network = ?2 AND leg.chat = ?3")))
        .bind(organisation.0)
        .bind(on.as_str())
        .bind(chat.as_str())
        .fetch_optional(pool)
        .await
        .map_err(|error| failed(&error))?
        .as_ref()
        .map(leg)
        .transpose()
}

pub(crate) async fn chats(pool: &SqlitePool, organisation: OrganisationKey, on: &Network) -> Result<Vec<ChatId>, StoreError> {
    let found: Vec<String> =
        sqlx::query_scalar("SELECT chat FROM leg WHERE organisation = ?1 AND network = ?2 AND chat IS NOT NULL ORDER BY chat")
            .bind(organisation.0)
            .bind(on.as_str())
            .fetch_all(pool)
            .await
            .map_err(|error| failed(&error))?;
    found.into_iter().map(rows::chat).collect()
}

/// The direct conversation of two people, if there is one.
pub(crate) async fn direct(
    pool: &SqlitePool,
    organisation: OrganisationKey,
    one: PersonaId,
    other: PersonaId,
) -> Result<Option<ConversationId>, StoreError> {
    let known: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT conversation FROM direct WHERE one = ?1 AND other = ?2 AND organisation = ?3")
            .bind(one.0.min(other.0))
            .bind(one.0.max(other.0))
            .bind(organisation.0)
            .fetch_optional(pool)
            .await
            .map_err(|error| failed(&error))?;
    known.as_deref().map(conversation_id).transpose()
}

/// The direct conversation of two people and its legs; made if there is none.
pub(crate) async fn ensure_direct(
    connection: &mut SqliteConnection,
    organisation: OrganisationKey,
    people: [&Persona; 2],
    new: ConversationId,
    now: Timestamp,
) -> Result<Vec<u8>, sqlx::Error> {
    let [one, other] = people;
    let (low, high) = (one.id.0.min(other.id.0), one.id.0.max(other.id.0));
    let known: Option<Vec<u8>> = sqlx::query_scalar("SELECT conversation FROM direct WHERE one = ?1 AND other = ?2")
        .bind(low)
        .bind(high)
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(known) = known {
        return Ok(known);
    }
    let id = bytes(new.to_bytes());
    sqlx::query("INSERT INTO conversation (id, organisation, created_at) VALUES (?1, ?2, ?3)")
        .bind(id.clone())
        .bind(organisation.0)
        .bind(now.as_millis())
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO direct (one, other, organisation, conversation) VALUES (?1, ?2, ?3, ?4)")
        .bind(low)
        .bind(high)
        .bind(organisation.0)
        .bind(id.clone())
        .execute(&mut *connection)
        .await?;
    for (home, away) in [(one, other), (other, one)] {
        if *home.account.network() == Network::GATEWAY {
            continue;
        }
        sqlx::query("INSERT INTO leg (conversation, network, organisation, persona, other) VALUES (?1, ?2, ?3, ?4, ?5)")
            .bind(id.clone())
            .bind(home.account.network().as_str())
            .bind(organisation.0)
            .bind(home.id.0)
            .bind(away.id.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(id)
}

/// How legs of one kind are bound to chats: the statement that does it, and the one that asks.
pub(crate) type Binding = [&'static str; 2];

/// Those of direct conversations.
pub(crate) const DIRECT: Binding = [
    "UPDATE leg SET chat = ?4 WHERE conversation = ?1 AND network = ?2 AND chat IS ?3",
    "SELECT chat FROM leg WHERE conversation = ?1 AND network = ?2",
];
/// Those of rooms.
pub(crate) const ROOM: Binding = [
    "UPDATE room_leg SET chat = ?4 WHERE conversation = ?1 AND network = ?2 AND chat IS ?3",
    "SELECT chat FROM room_leg WHERE conversation = ?1 AND network = ?2",
];

/// Binds if the leg is still bound to `expected`; else answers what it is bound to.
pub(crate) async fn bind(
    connection: &mut SqliteConnection,
    [bind, ask]: Binding,
    lane: &LaneKey,
    expected: Option<&ChatId>,
    chat: Option<&ChatId>,
) -> Result<Option<Option<String>>, sqlx::Error> {
    let id = bytes(lane.conversation.to_bytes());
    let changed = sqlx::query(bind)
        .bind(id.clone())
        .bind(lane.network.as_str())
        .bind(expected.map(ChatId::as_str))
        .bind(chat.map(ChatId::as_str))
        .execute(&mut *connection)
        .await?;
    if changed.rows_affected() > 0 {
        return Ok(None);
    }
    let stands: Option<Option<String>> =
        sqlx::query_scalar(ask).bind(id).bind(lane.network.as_str()).fetch_optional(&mut *connection).await?;
    Ok(Some(stands.flatten()))
}

/// The answer of [`bind`] in the port's words.
pub(crate) fn bound(answer: Option<Option<String>>) -> Result<Bound, StoreError> {
    match answer {
        None => Ok(Bound::Yes),
        Some(stands) => Ok(Bound::Changed(stands.map(rows::chat).transpose()?)),
    }
}
