// SPDX-License-Identifier: EUPL-1.2
//! From a row of the outbox to what its adapter delivers: the leg as it is now, and every reference as the target names it.
//! When and how often it is delivered is `lane.rs`.

use std::time::Duration;

use dreiklang_model::{DeliveryId, Event, What};

use crate::{
    Author, Hub, RoomLeg,
    organisation::Live,
    port::{Adapter, Deliverable, Delivered, DeliveryError, Known, LaneKey, RoomContent, RoomDelivery, Row, StoreError},
    references, room_router,
};

/// After so long the original time is shown with a message.
const LATE: Duration = Duration::from_secs(60);

/// One thing to deliver.
pub(crate) enum Prepared {
    /// To one person.
    Direct(Box<Deliverable>),
    /// Into a room.
    Room(Box<RoomDelivery>),
    /// It makes no sense there any more: it is done.
    Nothing,
    /// There is no such leg.
    NoLeg,
}

impl Prepared {
    pub(crate) async fn deliver(&self, adapter: &dyn Adapter, hub: &Hub) -> Result<Delivered, DeliveryError> {
        match self {
            Self::Direct(delivery) => adapter.deliver(hub, delivery).await,
            Self::Room(delivery) => adapter.deliver_to_room(hub, delivery).await,
            Self::Nothing => Ok(Delivered::default()),
            Self::NoLeg => {
                Err(DeliveryError::Never { reason: dreiklang_model::Reason::NotConnected, cause: "no leg there".to_owned() })
            }
        }
    }
}

pub(crate) async fn prepare(live: &Live, adapter: &dyn Adapter, lane: &LaneKey, row: &Row) -> Result<Prepared, StoreError> {
    if !live.is_known_room(lane.conversation)
        && let Some(leg) = live.leg(lane).await?
    {
        let Event { what, author, sent_at, .. } = row.new.event.clone();
        let most = adapter.capabilities(&leg).most_reactions;
        let Some(what) = references::placed(live, lane, author, most, what).await? else { return Ok(Prepared::Nothing) };
        let late = live.clock.now().since(sent_at) > LATE;
        return Ok(Prepared::Direct(Box::new(Deliverable { id: row.new.delivery, leg, sent_at, late, what })));
    }
    match live.room_leg(lane).await? {
        Some(leg) => into_room(live, adapter, lane, row, leg).await,
        None => Ok(Prepared::NoLeg),
    }
}

async fn into_room(live: &Live, adapter: &dyn Adapter, lane: &LaneKey, row: &Row, room: RoomLeg) -> Result<Prepared, StoreError> {
    let Event { what, author, sent_at, echo, .. } = row.new.event.clone();
    let author = match (&what, author) {
        (What::Report { of, .. }, _) => {
            let known = live.store.find(lane.conversation, &lane.network, of).await?;
            known.and_then(|known: Known| known.author)
        }
        (_, author) => author,
    };
    let replaces = match &what {
        What::Edit { of, .. } => Some(DeliveryId { event: *of, part: 0 }),
        _ => None,
    };
    let content = match echo {
        Some(echo) => RoomContent::Echo(echo),
        None => {
            let most = adapter.room_capabilities(&room).most_reactions;
            match references::placed(live, lane, author, most, what).await? {
                Some(what) => RoomContent::Event(Box::new(what)),
                None => return Ok(Prepared::Nothing),
            }
        }
    };
    let author = match author {
        Some(author) => room_router::author(live, lane, author).await?,
        None => Author::Gateway,
    };
    let late = live.clock.now().since(sent_at) > LATE;
    Ok(Prepared::Room(Box::new(RoomDelivery { id: row.new.delivery, room, author, sent_at, late, content, replaces })))
}
