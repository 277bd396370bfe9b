// SPDX-License-Identifier: EUPL-1.2
//! Rooms: conversations of many, their legs, the addresses that lead to them, and who is in them.

use async_trait::async_trait;
use dreiklang_engine::{
    Hosting, RoomLeg,
    port::{Bound, LaneKey, MemberChange, MemberRow, OrganisationKey, Persona, RoomStore, StoreError},
};
use dreiklang_model::{
    Address, ChatId, ConversationId, DisplayName, Network, PersonaId, RoomAddress, RoomDetails, Standing, Timestamp, Written,
};
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use crate::{
    Sqlite, conversations, people,
    rows::{self, bytes, conversation_id, corrupt, network},
    writer::failed,
};

const LEG: &str =
    "SELECT room_leg.conversation, room_leg.network, room_leg.chat, room_leg.hosting, room.home, room.address, room.details,
           room_leg.notes
    FROM room_leg JOIN room ON room.conversation = room_leg.conversation ";

fn leg(row: &SqliteRow) -> Result<RoomLeg, StoreError> {
    let text = |at: usize| row.try_get::<String, _>(at).map_err(corrupt);
    let maybe = |at: usize| row.try_get::<Option<String>, _>(at).map_err(corrupt);
    Ok(RoomLeg {
        conversation: conversation_id(&row.try_get::<Vec<u8>, _>(0).map_err(corrupt)?)?,
        network: network(&text(1)?)?,
        chat: maybe(2)?.map(rows::chat).transpose()?,
        hosting: if row.try_get::<i64, _>(3).map_err(corrupt)? == OURS { Hosting::Ours } else { Hosting::Theirs },
        home: network(&text(4)?)?,
        address: text(5)?,
        details: serde_json::from_str(&text(6)?).map_err(corrupt)?,
        notes: maybe(7)?,
    })
}

const THEIRS: i64 = 0;
const OURS: i64 = 1;

fn standing(number: i64) -> Standing {
    match number {
        0 => Standing::Visitor,
        1 => Standing::Member,
        2 => Standing::Moderator,
        _ => Standing::Owner,
    }
}

const MEMBER: &str =
    "SELECT persona.id, persona.name, main.network, main.address, portrait.hash, room_member.nick, room_member.standing,
           ghost.written
    FROM room_member
    JOIN persona ON persona.id = room_member.persona
    JOIN account AS main ON main.persona = persona.id AND main.main = 1
    LEFT JOIN portrait ON portrait.persona = persona.id
    LEFT JOIN ghost ON ghost.persona = persona.id AND ghost.network = ?2 ";

fn member(row: &SqliteRow) -> Result<MemberRow, StoreError> {
    let text = |at: usize| row.try_get::<String, _>(at).map_err(corrupt);
    let name = DisplayName::new(&text(1)?);
    Ok(MemberRow {
        persona: Persona {
            id: PersonaId(row.try_get(0).map_err(corrupt)?),
            account: Address::new(network(&text(2)?)?, text(3)?).map_err(corrupt)?,
            name: (!name.is_empty()).then_some(name),
            picture: people::picture(row, 4)?,
        },
        nick: row.try_get::<Option<String>, _>(5).map_err(corrupt)?.map(|nick| DisplayName::new(&nick)),
        standing: standing(row.try_get(6).map_err(corrupt)?),
        written: row.try_get::<Option<String>, _>(7).map_err(corrupt)?.map(Written::new).transpose().map_err(corrupt)?,
    })
}

/// The conversation of a room; made, with its leg at home, if there is none.
async fn ensure(
    connection: &mut SqliteConnection,
    organisation: OrganisationKey,
    address: &RoomAddress,
    chat: &ChatId,
    new: ConversationId,
    now: Timestamp,
) -> Result<Vec<u8>, sqlx::Error> {
    let home = address.network().as_str();
    let known: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT conversation FROM room_leg WHERE organisation = ?1 AND network = ?2 AND chat = ?3")
            .bind(organisation.0)
            .bind(home)
            .bind(chat.as_str())
            .fetch_optional(&mut *connection)
            .await?;
    let id = match known {
        Some(known) => known,
        None => {
            let id = bytes(new.to_bytes());
            sqlx::query("INSERT INTO conversation (id, organisation, created_at) VALUES (?1, ?2, ?3)")
                .bind(id.clone())
                .bind(organisation.0)
                .bind(now.as_millis())
                .execute(&mut *connection)
                .await?;
            sqlx::query("INSERT INTO room (conversation, organisation, home, address, details) VALUES (?1, ?2, ?3, ?4, '{}')")
                .bind(id.clone())
                .bind(organisation.0)
                .bind(home)
                .bind(address.as_str())
                .execute(&mut *connection)
                .await?;
            sqlx::query("INSERT INTO room_leg (conversation, network, organisation, hosting, chat) VALUES (?1, ?2, ?3, ?4, ?5)")
                .bind(id.clone())
                .bind(home)
                .bind(organisation.0)
                .bind(THEIRS)
                .bind(chat.as_str())
                .execute(&mut *connection)
                .await?;
            id
        }
    };
    sqlx::query(
        "INSERT INTO room_address (organisation, network, address, conversation) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET conversation = excluded.conversation",
    )
    .bind(organisation.0)
    .bind(home)
    .bind(address.as_str())
    .bind(id.clone())
    .execute(&mut *connection)
    .await?;
    Ok(id)
}

async fn adopt(
    connection: &mut SqliteConnection,
    lane: &LaneKey,
    address: &RoomAddress,
    chat: &ChatId,
) -> Result<bool, sqlx::Error> {
    let id = bytes(lane.conversation.to_bytes());
    let taken: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM room WHERE conversation = ?1 AND (
             EXISTS (SELECT 1 FROM room_leg WHERE conversation = ?1 AND network = ?2)
             OR EXISTS (SELECT 1 FROM room_leg WHERE organisation = room.organisation AND network = ?2 AND chat = ?3)
             OR EXISTS (SELECT 1 FROM room_address WHERE organisation = room.organisation AND network = ?2 AND address = ?4))",
    )
    .bind(id.clone())
    .bind(lane.network.as_str())
    .bind(chat.as_str())
    .bind(address.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    if taken.is_some() {
        return Ok(false);
    }
    sqlx::query(
        "INSERT INTO room_leg (conversation, network, organisation, hosting, chat)
         SELECT ?1, ?2, organisation, ?3, ?4 FROM room WHERE conversation = ?1",
    )
    .bind(id.clone())
    .bind(lane.network.as_str())
    .bind(THEIRS)
    .bind(chat.as_str())
    .execute(&mut *connection)
    .await?;
    let named = sqlx::query(
        "INSERT INTO room_address (organisation, network, address, conversation)
         SELECT organisation, ?2, ?3, ?1 FROM room WHERE conversation = ?1",
    )
    .bind(id)
    .bind(lane.network.as_str())
    .bind(address.as_str())
    .execute(&mut *connection)
    .await?;
    Ok(named.rows_affected() > 0)
}

async fn drop_leg(connection: &mut SqliteConnection, lane: &LaneKey) -> Result<(), sqlx::Error> {
    for delete in [
        "DELETE FROM room_member WHERE conversation = ?1 AND network = ?2",
        "DELETE FROM room_address WHERE conversation = ?1 AND network = ?2",
        "DELETE FROM room_leg WHERE conversation = ?1 AND network = ?2",
        "DELETE FROM outbox WHERE conversation = ?1 AND network = ?2",
    ] {
        sqlx::query(delete)
            .bind(bytes(lane.conversation.to_bytes()))
            .bind(lane.network.as_str())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Answers whether anything changed.
async fn attend(
    connection: &mut SqliteConnection,
    lane: &LaneKey,
    changes: &[MemberChange],
    complete: bool,
) -> Result<bool, sqlx::Error> {
    let id = bytes(lane.conversation.to_bytes());
    let mut changed = 0;
    for change in changes {
        let done = match change.standing {
            Some(standing) => {
                sqlx::query(
                    "INSERT INTO room_member (conversation, persona, organisation, network, nick, standing)
                     SELECT ?1, ?2, organisation, ?3, ?4, ?5 FROM room WHERE conversation = ?1
                     ON CONFLICT DO UPDATE SET nick = excluded.nick, standing = excluded.standing
                     WHERE nick IS NOT excluded.nick OR standing <> excluded.standing",
                )
                .bind(id.clone())
                .bind(change.persona.0)
                .bind(lane.network.as_str())
                .bind(change.nick.as_ref().map(DisplayName::as_str))
                .bind(standing as i64)
                .execute(&mut *connection)
                .await?
            }
            None => {
                sqlx::query("DELETE FROM room_member WHERE conversation = ?1 AND persona = ?2")
                    .bind(id.clone())
                    .bind(change.persona.0)
                    .execute(&mut *connection)
                    .await?
            }
        };
        changed += done.rows_affected();
    }
    if complete {
        let present: Vec<i64> =
            changes.iter().filter(|change| change.standing.is_some()).map(|change| change.persona.0).collect();
        let present = serde_json::to_string(&present).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let gone = sqlx::query(
            "DELETE FROM room_member WHERE conversation = ?1 AND network = ?2 AND persona NOT IN (SELECT value FROM json_each(?3))",
        )
        .bind(id)
        .bind(lane.network.as_str())
        .bind(present)
        .execute(&mut *connection)
        .await?;
        changed += gone.rows_affected();
    }
    Ok(changed > 0)
}

async fn find(pool: &SqlitePool, lane: &LaneKey) -> Result<Option<RoomLeg>, StoreError> {
    sqlx::query(sqlx::AssertSqlSafe(format!("{LEG} WHERE room_leg.conversation = ?1 AND room_leg.network = ?2")))
        .bind(bytes(lane.conversation.to_bytes()))
        .bind(lane.network.as_str())
        .fetch_optional(pool)
        .await
        .map_err(|error| failed(&error))?
        .as_ref()
        .map(leg)
        .transpose()
}

#[async_trait]
impl RoomStore for Sqlite {
    async fn room(
        &self,
        organisation: OrganisationKey,
        address: &RoomAddress,
        chat: &ChatId,
        new: ConversationId,
        now: Timestamp,
    ) -> Result<ConversationId, StoreError> {
        let (address, chat) = (address.clone(), chat.clone());
        let id = self
            .writer
            .write(move |connection| Box::pin(async move { ensure(connection, organisation, &address, &chat, new, now).await }))
            .await?;
        conversation_id(&id)
    }

    async fn room_at(&self, organisation: OrganisationKey, address: &RoomAddress) -> Result<Option<ConversationId>, StoreError> {
        let found: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT conversation FROM room_address WHERE organisation = ?1 AND network = ?2 AND address = ?3")
                .bind(organisation.0)
                .bind(address.network().as_str())
                .bind(address.as_str())
                .fetch_optional(&self.readers)
                .await
                .map_err(|error| failed(&error))?;
        found.as_deref().map(conversation_id).transpose()
    }

    async fn add_room_leg(&self, lane: &LaneKey, hosting: Hosting) -> Result<(), StoreError> {
        let (lane, hosting) = (lane.clone(), if hosting == Hosting::Ours { OURS } else { THEIRS });
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    sqlx::query(
                        "INSERT INTO room_leg (conversation, network, organisation, hosting)
                         SELECT ?1, ?2, organisation, ?3 FROM room WHERE conversation = ?1 ON CONFLICT DO NOTHING",
                    )
                    .bind(bytes(lane.conversation.to_bytes()))
                    .bind(lane.network.as_str())
                    .bind(hosting)
                    .execute(connection)
                    .await
                    .map(drop)
                })
            })
            .await
    }

    async fn adopt_room(&self, lane: &LaneKey, address: &RoomAddress, chat: &ChatId) -> Result<bool, StoreError> {
        let (lane, address, chat) = (lane.clone(), address.clone(), chat.clone());
        self.writer.write(move |connection| Box::pin(async move { adopt(connection, &lane, &address, &chat).await })).await
    }

    async fn drop_room_leg(&self, lane: &LaneKey) -> Result<(), StoreError> {
        let lane = lane.clone();
        self.writer.write(move |connection| Box::pin(async move { drop_leg(connection, &lane).await })).await
    }

    async fn room_leg(&self, lane: &LaneKey) -> Result<Option<RoomLeg>, StoreError> {
        find(&self.readers, lane).await
    }

    async fn legs_of_room(&self, conversation: ConversationId) -> Result<Vec<RoomLeg>, StoreError> {
        sqlx::query(sqlx::AssertSqlSafe(format!("{LEG} WHERE room_leg.conversation = ?1 ORDER BY room_leg.network")))
            .bind(bytes(conversation.to_bytes()))
            .fetch_all(&self.readers)
            .await
            .map_err(|error| failed(&error))?
            .iter()
            .map(leg)
            .collect()
    }

    async fn room_of_chat(
        &self,
        organisation: OrganisationKey,
        on: &Network,
        chat: &ChatId,
    ) -> Result<Option<RoomLeg>, StoreError> {
        let select = format!("{LEG} WHERE room_leg.organisation = ?1 AND room_leg.network = ?2 AND room_leg.chat = ?3");
        sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(organisation.0)
            .bind(on.as_str())
            .bind(chat.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(|error| failed(&error))?
            .as_ref()
            .map(leg)
            .transpose()
    }

    async fn rooms(&self, organisation: OrganisationKey, on: &Network) -> Result<Vec<RoomLeg>, StoreError> {
        let select = format!("{LEG} WHERE room_leg.organisation = ?1 AND room_leg.network = ?2 ORDER BY room_leg.conversation");
        sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(organisation.0)
            .bind(on.as_str())
            .fetch_all(&self.readers)
            .await
            .map_err(|error| failed(&error))?
            .iter()
            .map(leg)
            .collect()
    }

    async fn bind_room(&self, lane: &LaneKey, expected: Option<&ChatId>, chat: Option<&ChatId>) -> Result<Bound, StoreError> {
        let (lane, expected, chat) = (lane.clone(), expected.cloned(), chat.cloned());
        let answer = self
            .writer
            .write(move |connection| {
                Box::pin(async move {
                    conversations::bind(connection, conversations::ROOM, &lane, expected.as_ref(), chat.as_ref()).await
                })
            })
            .await?;
        conversations::bound(answer)
    }

    async fn describe_room(&self, conversation: ConversationId, details: &RoomDetails) -> Result<bool, StoreError> {
        let details = serde_json::to_string(details).map_err(corrupt)?;
        self.writer
            .write(move |connection| {
                Box::pin(async move {
                    sqlx::query("UPDATE room SET details = ?2 WHERE conversation = ?1 AND details <> ?2")
                        .bind(bytes(conversation.to_bytes()))
                        .bind(details)
                        .execute(connection)
                        .await
                        .map(|done| done.rows_affected() > 0)
                })
            })
            .await
    }

    async fn attend(&self, lane: &LaneKey, changes: Vec<MemberChange>, complete: bool) -> Result<bool, StoreError> {
        let lane = lane.clone();
        self.writer.write(move |connection| Box::pin(async move { attend(connection, &lane, &changes, complete).await })).await
    }

    async fn members(
        &self,
        conversation: ConversationId,
        on: &Network,
        limit: usize,
    ) -> Result<(Vec<MemberRow>, usize), StoreError> {
        let id = bytes(conversation.to_bytes());
        let total: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM room_member WHERE conversation = ?1 AND network <> ?2")
            .bind(id.clone())
            .bind(on.as_str())
            .fetch_one(&self.readers)
            .await
            .map_err(|error| failed(&error))?;
        let select = format!(
            "{MEMBER} WHERE room_member.conversation = ?1 AND room_member.network <> ?2
             ORDER BY room_member.standing DESC, room_member.persona LIMIT ?3"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(id)
            .bind(on.as_str())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.readers)
            .await
            .map_err(|error| failed(&error))?;
        let members = rows.iter().map(member).collect::<Result<_, _>>()?;
        Ok((members, usize::try_from(total).unwrap_or(usize::MAX)))
    }

    async fn member(
        &self,
        conversation: ConversationId,
        on: &Network,
        persona: PersonaId,
    ) -> Result<Option<MemberRow>, StoreError> {
        let select = format!("{MEMBER} WHERE room_member.conversation = ?1 AND room_member.persona = ?3");
        sqlx::query(sqlx::AssertSqlSafe(select))
            .bind(bytes(conversation.to_bytes()))
            .bind(on.as_str())
            .bind(persona.0)
            .fetch_optional(&self.readers)
            .await
            .map_err(|error| failed(&error))?
            .as_ref()
            .map(member)
            .transpose()
    }
}
