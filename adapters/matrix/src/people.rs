// SPDX-License-Identifier: EUPL-1.2
//! The names and pictures of Matrix users, as their homeservers tell them. Whoever cannot be asked quickly does without.

use std::time::Duration;

use dreiklang_model::{DisplayName, Network, Portrait};
use futures::future::join_all;
use moka::sync::Cache;
use ruma::{OwnedUserId, UserId, api::client::profile::get_profile};

use crate::{
    client::{As, Client},
    inward::portrait,
};

/// Longest that a message waits for its sender's name.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a name is believed without hearing of it again.
const BELIEVED: Duration = Duration::from_secs(6 * 60 * 60);

/// What somebody shows of himself.
#[derive(Clone)]
pub(crate) struct Profile {
    /// No name where he has none.
    pub(crate) name: Option<DisplayName>,
    pub(crate) portrait: Portrait,
}

/// Profiles that were learnt; nothing where somebody's could not be.
pub(crate) struct People {
    profiles: Cache<OwnedUserId, Option<Profile>>,
}

impl Default for People {
    fn default() -> Self {
        Self { profiles: Cache::builder().max_capacity(50_000).time_to_live(BELIEVED).build() }
    }
}

impl People {
    /// Remembers a profile from a membership event.
    pub(crate) fn learn(&self, user: &UserId, profile: Profile) {
        self.profiles.insert(user.to_owned(), Some(profile));
    }

    /// His picture, or that he has none, as far as it is known.
    pub(crate) fn portrait(&self, user: &UserId) -> Option<Portrait> {
        self.profiles.get(user).flatten().map(|profile| profile.portrait)
    }

    /// His name, as far as it is known.
    pub(crate) fn name(&self, user: &UserId) -> Option<DisplayName> {
        self.profiles.get(user).flatten().and_then(|profile| profile.name)
    }

    /// Asks for the profiles of those who are unknown; all at once, and not for long.
    pub(crate) async fn meet(&self, client: &Client, users: impl IntoIterator<Item = OwnedUserId>) {
        let unknown: Vec<OwnedUserId> = users.into_iter().filter(|user| !self.profiles.contains_key(user)).collect();
        if unknown.is_empty() {
            return;
        }
        let asked = unknown.iter().map(async |user| {
            let profile = tokio::time::timeout(PATIENCE, ask(client, user)).await.ok().flatten();
            self.profiles.insert(user.clone(), profile);
        });
        join_all(asked).await;
    }
}

/// An address as somebody would paste it: a bare one could be of several networks, and the URI scheme of one says which is meant.
pub(crate) fn pasted(network: &Network, address: &str) -> String {
    let scheme = if *network == Network::XMPP {
        "xmpp:"
    } else if *network == Network::MAIL {
        "mailto:"
    } else {
        ""
    };
    if address.starts_with('@') || address.starts_with(scheme) { address.to_owned() } else { format!("{scheme}{address}") }
}

async fn ask(client: &Client, user: &UserId) -> Option<Profile> {
    let answer = client.call(As::Service, get_profile::v3::Request::new(user.to_owned())).await.ok()?;
    let text = |field| answer.get(field).and_then(serde_json::Value::as_str);
    Some(Profile {
        name: text("displayname").map(DisplayName::new).filter(|name| !name.is_empty()),
        portrait: portrait(text("avatar_url")),
    })
}
