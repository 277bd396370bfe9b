// SPDX-License-Identifier: EUPL-1.2
//! Who may see whom: durable subscriptions, and presence told to those who have one and to nobody else.

use std::time::Duration;

use dreiklang_engine::port::{Sensed, StoreError};
use dreiklang_model::{DisplayName, words};
use minidom::Element;

use super::{
    Addressee, Service, disco,
    presence::{self, Appearance, Asks, Change},
    profile,
};
use crate::{
    acquaintances, address,
    avatars::{self, Announced},
    condition::Condition,
    envelope::Envelope,
};

/// Where subscriptions are noted: `subscription/<ghost>/<user>`; neither can contain a slash.
const NOTES: &str = "subscription/";
/// Presences between two pauses when all contacts are told something.
const BURST: usize = 50;
/// The pause, which keeps the pace below a thousand a second.
const PAUSE: Duration = Duration::from_millis(50);

/// The contacts of one component's ghosts.
#[derive(Clone)]
pub(super) struct Contacts {
    service: Service,
}

impl Contacts {
    pub(super) fn new(service: Service) -> Self {
        Self { service }
    }

    /// Does what follows from a presence stanza.
    pub(super) async fn receive(&self, envelope: &Envelope<'_>, stanza: &Element) {
        let asks = Asks::read(envelope.kind_of, stanza);
        match asks {
            Asks::Nothing => self.sense(envelope, stanza).await,
            // There are no rooms here, and a client that hears nothing waits for ever.
            Asks::Join => {
                if let Some(answer) = envelope.refuse(Condition::ServiceUnavailable, None) {
                    self.service.send(answer).await;
                }
            }
            _ => {
                if let Err(error) = self.follow(asks, envelope).await {
                    tracing::error!(%error, "a subscription could not be changed");
                    if let Some(answer) = envelope.refuse(Condition::InternalServerError, None) {
                        self.service.send(answer).await;
                    }
                }
            }
        }
    }

    /// Somebody tells how he is there.
    async fn sense(&self, envelope: &Envelope<'_>, stanza: &Element) {
        let Some(of) = address::person(envelope.from) else { return };
        if envelope.kind_of.is_none()
            && let Some(picture) = avatars::in_presence(stanza)
        {
            let asker = address::full(address::bare(envelope.to));
            let announced = Announced::Picture(picture);
            acquaintances::announced(&self.service.hub, &self.service.met, &of, asker, announced).await;
        }
        if !self.service.hub.organisation().policy.presence {
            return;
        }
        if let Some(presence) = presence::read(envelope.kind_of, stanza) {
            let presence = self.service.resources.changed(of.as_str(), envelope.from, presence);
            self.service.hub.signal(Sensed::Presence { of, presence });
        }
    }

    /// Tells the contacts of a ghost how he is there and, with `anew`, how he is called and looks.
    pub(super) async fn show(&self, ghost: &str, anew: bool) {
        let users = self.seers(&format!("{NOTES}{ghost}/")).await;
        if users.is_empty() {
            return;
        }
        match self.appearance(ghost).await {
            Ok(Ok(appearance)) => {
                let picture = self.service.picture(ghost).await;
                for (number, (_, user)) in users.into_iter().enumerate() {
                    pause_between(number).await;
                    self.service.send(appearance.shown(&user)).await;
                    if anew {
                        for event in profile::events(&appearance, picture.as_ref(), &user) {
                            self.service.send(event).await;
                        }
                    }
                }
            }
            Ok(Err(_)) => {}
            Err(error) => tracing::error!(%error, "presence could not be told"),
        }
    }

    async fn follow(&self, asks: Asks, envelope: &Envelope<'_>) -> Result<(), StoreError> {
        let Some(user) = address::person(envelope.from) else {
            self.service.hub.dropped("malformed");
            return Ok(());
        };
        let ghost = self.appearance(envelope.to).await?;
        let jid = ghost.as_ref().map_or(address::bare(envelope.to), |ghost| ghost.jid.as_str());
        let note = format!("{NOTES}{jid}/{}", user.as_str());
        let hub = &self.service.hub;
        let seen = hub.note(&note).await?.is_some();
        // A user who may not take part may not see ghosts either.
        let admitted = hub.organisation().policy.admits(&user).map_err(|reason| words::reason(hub.language(), &reason));
        let ghost = ghost.and_then(|ghost| admitted.map(|()| ghost));
        let (answers, change) =
            presence::follow(asks, ghost.as_ref().map_err(String::as_str), seen, user.as_str(), envelope.to, envelope.from);
        match change {
            Some(Change::Allow) => hub.set_note(&note, Some("from")).await?,
            Some(Change::Forget) => hub.set_note(&note, None).await?,
            None => {}
        }
        for answer in answers {
            self.service.send(answer).await;
        }
        Ok(())
    }

    /// Who is behind an address, or why there is nobody, in words for people.
    async fn appearance(&self, to: &str) -> Result<Result<Appearance, String>, StoreError> {
        let facts = self.service.facts();
        Ok(match self.service.addressee(to).await? {
            Addressee::Component => Ok(Appearance {
                jid: self.service.domain.as_str().to_owned(),
                name: Some(DisplayName::new(&words::say(
                    facts.language,
                    &words::Text::GatewayName { organisation: facts.organisation },
                ))),
                info: disco::component(&facts),
                presence: None,
                picture: None,
            }),
            Addressee::Ghost(ghost) => {
                let jid = ghost.written.as_str().to_owned();
                let presence = self.service.present.get(&jid);
                Ok(Appearance { jid, name: Some(ghost.name), info: disco::ghost(), presence, picture: ghost.picture })
            }
            Addressee::Nobody(reason) => Err(words::reason(facts.language, &reason)),
        })
    }

    /// Tells all contacts that the ghosts are there: after a connection, servers know nothing of them.
    pub(super) async fn announce(&self) {
        let mut last: Option<(String, Result<Appearance, String>)> = None;
        for (number, (ghost, user)) in self.all().await.into_iter().enumerate() {
            pause_between(number).await;
            let appearance = match last.take() {
                Some((same, appearance)) if same == ghost => appearance,
                _ => match self.appearance(&ghost).await {
                    Ok(appearance) => appearance,
                    Err(error) => {
                        tracing::error!(%error, "presence could not be told");
                        return;
                    }
                },
            };
            let presence = match &appearance {
                Ok(appearance) => appearance.shown(&user),
                Err(_) => presence::unavailable(&ghost, &user),
            };
            self.service.send(presence).await;
            if self.service.hub.organisation().policy.presence {
                self.service.send(presence::probe(&ghost, &user)).await;
            }
            last = Some((ghost, appearance));
        }
    }

    /// Tells all contacts that the ghosts are gone.
    pub(super) async fn take_leave(&self) {
        for (ghost, user) in self.all().await {
            self.service.send(presence::unavailable(&ghost, &user)).await;
        }
    }

    /// Ghost and user of every subscription to this component's ghosts; those of one ghost stand together.
    async fn all(&self) -> Vec<(String, String)> {
        self.seers(NOTES).await
    }

    /// The same, of subscriptions whose notes begin with `prefix`.
    async fn seers(&self, prefix: &str) -> Vec<(String, String)> {
        let notes = match self.service.hub.notes(prefix).await {
            Ok(notes) => notes,
            Err(error) => {
                tracing::error!(%error, "subscriptions could not be read");
                Vec::new()
            }
        };
        let pair = |(key, _): (String, String)| {
            let (ghost, user) = key.strip_prefix(NOTES)?.split_once('/')?;
            Some((ghost.to_owned(), user.to_owned()))
        };
        let ours = |(ghost, _): &(String, String)| address::domain(ghost) == self.service.domain.as_str();
        notes.into_iter().filter_map(pair).filter(ours).collect()
    }
}

async fn pause_between(number: usize) {
    if number > 0 && number.is_multiple_of(BURST) {
        tokio::time::sleep(PAUSE).await;
    }
}
