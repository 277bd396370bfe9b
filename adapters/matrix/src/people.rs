// SPDX-License-Identifier: EUPL-1.2
//! The names of Matrix users, as their homeservers tell them. A name that cannot be learnt quickly does without.

use std::time::Duration;

use dreiklang_model::DisplayName;
use futures::future::join_all;
use moka::sync::Cache;
use ruma::{
    OwnedUserId, UserId,
    api::client::profile::get_profile_field,
    profile::{ProfileFieldName, ProfileFieldValue},
};

use crate::client::{As, Client};

/// Longest that a message waits for its sender's name.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a name is believed without hearing of it again.
const BELIEVED: Duration = Duration::from_secs(6 * 60 * 60);

/// Names that were learnt; none where somebody has no name or it could not be learnt.
pub(crate) struct People {
    names: Cache<OwnedUserId, Option<DisplayName>>,
}

impl Default for People {
    fn default() -> Self {
        Self { names: Cache::builder().max_capacity(50_000).time_to_live(BELIEVED).build() }
    }
}

impl People {
    /// Remembers a name from a membership event.
    pub(crate) fn learn(&self, user: &UserId, name: Option<DisplayName>) {
        self.names.insert(user.to_owned(), name);
    }

    /// His name, as far as it is known.
    pub(crate) fn name(&self, user: &UserId) -> Option<DisplayName> {
        self.names.get(user).flatten()
    }

    /// Asks for the names of those who are unknown; all at once, and not for long.
    pub(crate) async fn meet(&self, client: &Client, users: impl IntoIterator<Item = OwnedUserId>) {
        let unknown: Vec<OwnedUserId> = users.into_iter().filter(|user| !self.names.contains_key(user)).collect();
        if unknown.is_empty() {
            return;
        }
        let asked = unknown.iter().map(async |user| {
            let name = tokio::time::timeout(PATIENCE, ask(client, user)).await.ok().flatten();
            self.learn(user, name);
        });
        join_all(asked).await;
    }
}

async fn ask(client: &Client, user: &UserId) -> Option<DisplayName> {
    let request = get_profile_field::v3::Request::new(user.to_owned(), ProfileFieldName::DisplayName);
    let answer = client.call(As::Service, request).await.ok()?;
    match answer.value {
        Some(ProfileFieldValue::DisplayName(name)) => Some(DisplayName::new(&name)).filter(|name| !name.is_empty()),
        _ => None,
    }
}
