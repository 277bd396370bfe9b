// SPDX-License-Identifier: EUPL-1.2
//! Our users on the homeserver: made when first needed, each with one device, their names following those of the people
//! behind them. What was applied is remembered durably, so that a restart repeats nothing.

use dreiklang_engine::{Hub, Picture, port::Media};
use dreiklang_model::{Address, Attachment, DisplayName, FileName, MediaKind, MediaSource, MediaType, Network, PictureHash};
use futures::StreamExt as _;
use moka::sync::Cache;
use ruma::{
    OwnedUserId, UserId,
    api::client::{account::register, device::update_device, profile::set_profile_field},
    profile::ProfileFieldValue,
};
use serde::{Deserialize, Serialize};

use crate::{
    client::{As, CallError, Client, DEVICE},
    keyed_lock::KeyedLock,
    service::{Service, Trouble},
};

/// One of our users who exists on the homeserver.
#[derive(Debug, Clone)]
pub(crate) struct Puppet {
    pub(crate) user: OwnedUserId,
    device: bool,
}

impl Puppet {
    /// The identity of his requests.
    pub(crate) fn identity(&self) -> As<'_> {
        if self.device { As::Device(&self.user) } else { As::User(&self.user) }
    }
}

/// What the homeserver is known to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Applied {
    /// He has his device.
    device: bool,
    /// His name, once it was set.
    #[serde(default)]
    name: Option<DisplayName>,
    /// His picture, once one was set.
    #[serde(default)]
    picture: Option<PictureHash>,
}

/// All of our users.
pub(crate) struct Ghosts {
    applied: Cache<OwnedUserId, Applied>,
    turns: KeyedLock<OwnedUserId>,
}

impl Default for Ghosts {
    fn default() -> Self {
        Self { applied: Cache::new(50_000), turns: KeyedLock::default() }
    }
}

impl Ghosts {
    /// Sees to it that the user exists and, when a name is given, bears it. Idempotent; asks the homeserver only for what
    /// is not known to be done.
    ///
    /// # Errors
    /// [`Trouble`]; a name that is refused is no trouble, the ghost then keeps the one he has.
    pub(crate) async fn ensure(
        &self,
        client: &Client,
        hub: &Hub,
        user: &UserId,
        name: Option<&DisplayName>,
    ) -> Result<Puppet, Trouble> {
        let named = |applied: &Applied| name.is_none() || applied.name.as_ref() == name;
        if let Some(applied) = self.applied.get(user).filter(named) {
            return Ok(Puppet { user: user.to_owned(), device: applied.device });
        }
        let _turn = self.turns.lock(user.to_owned()).await;
        let mut applied = match self.remembered(hub, user).await? {
            Some(applied) => applied,
            None => {
                let applied = Applied { device: make(client, user).await?, name: None, picture: None };
                self.remember(hub, user, &applied).await?;
                applied
            }
        };
        if let Some(name) = name.filter(|_| !named(&applied)) {
            match set_name(client, user, name).await {
                Ok(()) => {}
                Err(CallError::Refused(refusal)) if !refusal.identity => tracing::warn!(%refusal, "a ghost's name is refused"),
                Err(error) => return Err(error.into()),
            }
            applied.name = Some(name.clone());
            self.remember(hub, user, &applied).await?;
        }
        Ok(Puppet { user: user.to_owned(), device: applied.device })
    }

    /// Sees to it that a ghost who exists shows this picture of the person `of`, or none. Idempotent; asks nothing when it is known to be
    /// done. What fails is tried again the next time: nothing waits for a picture.
    pub(crate) async fn dress(&self, service: &Service, hub: &Hub, user: &UserId, of: &Address, wanted: Option<&PictureHash>) {
        if let Err(cause) = self.dressed(service, hub, user, of, wanted).await {
            tracing::warn!(cause, "a ghost does not show its picture");
        }
    }

    async fn dressed(
        &self,
        service: &Service,
        hub: &Hub,
        user: &UserId,
        of: &Address,
        wanted: Option<&PictureHash>,
    ) -> Result<(), String> {
        let done = |applied: &Applied| applied.picture.as_ref() == wanted;
        if self.applied.get(user).is_some_and(|applied| done(&applied)) {
            return Ok(());
        }
        let _turn = self.turns.lock(user.to_owned()).await;
        let known = self.remembered(hub, user).await.map_err(|trouble| trouble.to_string())?;
        let Some(mut applied) = known.filter(|applied| !done(applied)) else { return Ok(()) };
        let shown = hub.picture(of).await.map_err(|error| error.to_string())?;
        let address = match &shown {
            Some(picture) => {
                let (file, media) = upload(picture);
                service.repository.put(user, &file, media).await.map_err(|error| error.to_string())?
            }
            None => String::new(),
        };
        let value = ProfileFieldValue::AvatarUrl(address.into());
        let request = set_profile_field::v3::Request::new(user.to_owned(), value);
        service.client.call(As::User(user), request).await.map_err(|error| error.to_string())?;
        applied.picture = shown.map(|picture| picture.hash);
        self.remember(hub, user, &applied).await.map_err(|trouble| trouble.to_string())
    }

    /// Does the user exist, as far as we know?
    pub(crate) async fn exists(&self, hub: &Hub, user: &UserId) -> bool {
        matches!(self.remembered(hub, user).await, Ok(Some(_)))
    }

    /// The homeserver does not know the user, or his device, after all: the next [`Self::ensure`] makes him again.
    pub(crate) async fn forget(&self, hub: &Hub, user: &UserId) -> Result<(), Trouble> {
        let _turn = self.turns.lock(user.to_owned()).await;
        self.applied.invalidate(user);
        Ok(hub.set_note(&key(user), None).await?)
    }

    async fn remembered(&self, hub: &Hub, user: &UserId) -> Result<Option<Applied>, Trouble> {
        if let Some(applied) = self.applied.get(user) {
            return Ok(Some(applied));
        }
        let note = hub.note(&key(user)).await?;
        let applied: Option<Applied> = note.and_then(|note| serde_json::from_str(&note).ok());
        if let Some(applied) = &applied {
            self.applied.insert(user.to_owned(), applied.clone());
        }
        Ok(applied)
    }

    async fn remember(&self, hub: &Hub, user: &UserId, applied: &Applied) -> Result<(), Trouble> {
        let note = serde_json::to_string(applied).unwrap_or_default();
        hub.set_note(&key(user), Some(&note)).await?;
        self.applied.insert(user.to_owned(), applied.clone());
        Ok(())
    }
}

/// A picture as a file.
fn upload(picture: &Picture) -> (Attachment, Media) {
    let size = Some(picture.bytes.len() as u64);
    let file = Attachment {
        kind: MediaKind::Image,
        name: FileName::new("picture"),
        media_type: MediaType::new(picture.media_type()),
        size,
        dimensions: None,
        blurhash: None,
        duration: None,
        source: MediaSource { network: Network::GATEWAY, locator: String::new() },
        link: None,
    };
    let bytes = picture.bytes.clone();
    (file, Media { size, bytes: futures::stream::once(async move { Ok(bytes) }).boxed() })
}

fn key(user: &UserId) -> String {
    format!("ghost/{user}")
}

/// Registers the user and his device; answers whether he has the device. `inhibit_login` because servers with their own
/// login refuse anything else (Application Service API § Server admin style permissions).
async fn make(client: &Client, user: &UserId) -> Result<bool, CallError> {
    let mut request = register::v3::Request::new();
    request.username = Some(user.localpart().to_owned());
    request.inhibit_login = true;
    request.login_type = Some(register::LoginType::ApplicationService);
    match client.call(As::Service, request).await {
        Ok(_) => {}
        Err(error) if error.code() == Some("M_USER_IN_USE") => {}
        Err(error) => return Err(error),
    }
    match client.call(As::User(user), update_device::v3::Request::new(DEVICE.into())).await {
        Ok(_) => Ok(true),
        Err(CallError::Refused(refusal)) if !refusal.identity => {
            tracing::warn!(%refusal, "the homeserver makes no devices for ghosts: repeats are recognised until it restarts");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

async fn set_name(client: &Client, user: &UserId, name: &DisplayName) -> Result<(), CallError> {
    let name = ProfileFieldValue::DisplayName(name.as_str().to_owned());
    client.call(As::User(user), set_profile_field::v3::Request::new(user.to_owned(), name)).await.map(drop)
}
