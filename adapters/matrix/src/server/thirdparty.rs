// SPDX-License-Identifier: EUPL-1.2
//! Third-party lookups: from an address of another network to the ghost's and back (Application Service API § Third-party
//! networks). Clients use them to offer a field for the address.

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use dreiklang_engine::{Ghost, Lookup};
use dreiklang_model::{Network, RoomAddress};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Door, Refused, fine};
use crate::people::pasted;

#[derive(Deserialize)]
pub(super) struct Asked {
    address: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Behind {
    userid: Option<String>,
}

/// What to ask people for.
pub(super) async fn protocol(State(door): State<Door>, Path(name): Path<String>) -> Result<Response, Refused> {
    let network = connected(&door, &name)?;
    let title = if network == Network::XMPP { "XMPP" } else { network.as_str() };
    Ok(fine(&json!({
        "user_fields": ["address"],
        "location_fields": if network == Network::XMPP { json!(["address"]) } else { json!([]) },
        "icon": "",
        "field_types": { "address": { "regexp": "[^\\s]+@[^\\s]+", "placeholder": "name@server" } },
        "instances": [{ "network_id": network.as_str(), "desc": title, "fields": {} }],
    })))
}

/// The ghost of somebody on a network.
pub(super) async fn ghost_of(
    State(door): State<Door>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    let network = connected(&door, &name)?;
    let Some(address) = asked.address else { return Ok(fine(&json!([]))) };
    let found = match door.hub.resolve(&pasted(&network, address.trim())).await? {
        Lookup::Ghost(ghost) if *ghost.address.network() == network => json!([shown(&ghost)]),
        Lookup::Ghost(_) | Lookup::Nobody(_) => json!([]),
    };
    Ok(fine(&found))
}

/// Who is behind a ghost.
pub(super) async fn person_behind(State(door): State<Door>, Query(behind): Query<Behind>) -> Result<Response, Refused> {
    let Some(user) = behind.userid else { return Ok(fine(&json!([]))) };
    let found = match door.hub.ghost_at(&user).await? {
        Lookup::Ghost(ghost) if !ghost.bot => json!([shown(&ghost)]),
        Lookup::Ghost(_) | Lookup::Nobody(_) => json!([]),
    };
    Ok(fine(&found))
}

#[derive(Deserialize)]
pub(super) struct Led {
    alias: Option<String>,
}

/// The alias of a room on a network. Whether the room exists is found out when somebody joins it.
pub(super) async fn location_of(
    State(door): State<Door>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    let network = connected(&door, &name)?;
    let address = asked.address.unwrap_or_default().trim().trim_start_matches("xmpp:").to_lowercase();
    let room = RoomAddress::new(network, address).ok();
    let alias = room.as_ref().and_then(|room| door.hub.room_written(room)).map(|alias| alias.as_str().to_owned());
    // What cannot be read back is no address of a room.
    let alias = alias.filter(|alias| door.hub.room_named(alias) == room);
    Ok(fine(&room.zip(alias).map_or_else(|| json!([]), |(room, alias)| json!([location(&room, &alias)]))))
}

/// The room that an alias leads to.
pub(super) async fn room_behind(State(door): State<Door>, Query(led): Query<Led>) -> Response {
    let alias = led.alias.unwrap_or_default();
    let room = door.hub.room_named(&alias);
    fine(&room.map_or_else(|| json!([]), |room| json!([location(&room, &alias)])))
}

fn location(room: &RoomAddress, alias: &str) -> Value {
    json!({ "alias": alias, "protocol": room.network().as_str(), "fields": { "address": room.as_str() } })
}

fn connected(door: &Door, name: &str) -> Result<Network, Refused> {
    door.service.config.networks.iter().find(|network| network.as_str() == name).cloned().ok_or(Refused::NOTHING)
}

fn shown(ghost: &Ghost) -> Value {
    json!({
        "userid": ghost.written.as_str(),
        "protocol": ghost.address.network().as_str(),
        "fields": { "address": ghost.address.as_str() },
    })
}
