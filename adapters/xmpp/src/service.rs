// SPDX-License-Identifier: EUPL-1.2
//! What servers and clients ask of a component and its ghosts: information, contacts, presence. Every question is answered.
//! Messages of people are not here.

mod contacts;
mod disco;
mod iq;
mod presence;
mod profile;
mod resources;

use std::sync::Arc;

use dreiklang_engine::{Ghost, Hub, Lookup, Picture};
use dreiklang_model::{Language, Network, Presence, Reason, Timestamp};
use minidom::Element;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use self::contacts::Contacts;
pub(crate) use self::resources::Resources;
use crate::{
    acquaintances::Met,
    address,
    config::ComponentDomain,
    envelope::{Envelope, Kind},
    foreign::{self, Events, Foreign},
    hosted::{Desk, Hosted},
    transport::Task,
    xml::Builder,
};

/// How ghosts are there, by bare JID; unknown is available.
pub(crate) type Present = moka::sync::Cache<String, Presence>;

/// What the service of one component works with.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) hub: Hub,
    pub(crate) domain: ComponentDomain,
    /// The network that the component shows.
    pub(crate) network: Network,
    /// All components of the organisation.
    pub(crate) components: Arc<Vec<(ComponentDomain, Network)>>,
    /// Since when it serves.
    pub(crate) since: Timestamp,
    /// How ghosts are there.
    pub(crate) present: Present,
    /// How people are there.
    pub(crate) resources: Resources,
    /// Who told lately how he looks.
    pub(crate) met: Met,
    /// Rooms of other servers, where news of them goes, and who listens in them.
    pub(crate) foreign: Arc<Foreign>,
    pub(crate) news: Events,
    pub(crate) listener: Arc<str>,
    /// Where answers go.
    pub(crate) answers: mpsc::Sender<Element>,
}

/// Whom a question is addressed to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Addressee {
    /// The component, which is also the bot.
    Component,
    /// A ghost.
    Ghost(Ghost),
    /// Nobody, and why.
    Nobody(Reason),
}

/// What a ghost can do, for presence (XEP-0115 §4).
pub(crate) fn ghost_caps() -> Builder {
    disco::ghost().caps()
}

/// What answers say about the organisation.
#[derive(Debug, Clone, Copy)]
struct Facts<'a> {
    network: &'a Network,
    organisation: &'a str,
    language: Language,
    /// Since when the component serves.
    since: Timestamp,
    now: Timestamp,
}

/// Answers until the channel closes; on `stop` tells all contacts that the ghosts are gone, then cancels `farewell`.
pub(crate) async fn serve(
    service: Service,
    (desk, hosted): (Desk, Arc<Hosted>),
    mut tasks: mpsc::Receiver<Task>,
    stop: CancellationToken,
    farewell: CancellationToken,
) {
    let contacts = Contacts::new(service.clone());
    let mut announcing = None;
    let mut leaving = None;
    loop {
        tokio::select! {
            task = tasks.recv() => match task {
                Some(Task::Stanza(stanza)) => match desk.take(&service.hub, stanza) {
                    Ok(None) => {}
                    Ok(Some(refusal)) => service.send(refusal).await,
                    Err(stanza) => match service.standing_in(&stanza) {
                        None => service.answer(&contacts, &stanza).await,
                        Some(other) => other.answer(&Contacts::new(other.clone()), &stanza).await,
                    },
                },
                Some(Task::Present(ghost)) => contacts.show(&ghost, false).await,
                Some(Task::Portrayed(ghost)) => contacts.show(&ghost, true).await,
                Some(Task::Online) => {
                    foreign::online(&service.news, service.domain.as_str()).await;
                    desk.online();
                    let contacts = contacts.clone();
                    announcing = Some(AbortOnDropHandle::new(tokio::spawn(async move { contacts.announce().await })));
                }
                None => break,
            },
            () = stop.cancelled(), if leaving.is_none() => {
                drop(announcing.take());
                let (contacts, farewell) = (contacts.clone(), farewell.clone());
                let (service, hosted) = (service.clone(), Arc::clone(&hosted));
                leaving = Some(AbortOnDropHandle::new(tokio::spawn(async move {
                    for told in hosted.close(&service.hub, service.domain.as_str()).await {
                        service.send(told).await;
                    }
                    contacts.take_leave().await;
                    farewell.cancel();
                })));
            }
        }
    }
}

impl Service {
    fn facts(&self) -> Facts<'_> {
        let organisation = self.hub.organisation();
        Facts {
            network: &self.network,
            organisation: &organisation.name,
            language: organisation.language,
            since: self.since,
            now: self.hub.now(),
        }
    }

    /// The service of another component, when the server handed over here what is meant for that one.
    fn standing_in(&self, stanza: &Element) -> Option<Self> {
        let meant = address::domain(Envelope::read(stanza)?.to);
        let (domain, network) = self.components.iter().find(|(domain, _)| domain.as_str() == meant)?;
        (*domain != self.domain).then(|| Self { domain: domain.clone(), network: network.clone(), ..self.clone() })
    }

    async fn answer(&self, contacts: &Contacts, stanza: &Element) {
        let Some(envelope) = Envelope::read(stanza) else { return };
        match envelope.kind {
            Kind::Iq => {
                if let Some(answer) = iq::answer(self, &envelope, stanza).await {
                    self.send(answer).await;
                }
            }
            Kind::Presence if self.foreign.knows(address::bare(envelope.from)) => {
                foreign::see(&self.foreign, &self.news, &envelope, stanza, &self.listener).await;
            }
            Kind::Presence => contacts.receive(&envelope, stanza).await,
            Kind::Message => {}
        }
    }

    /// The answer to a question to a ghost of this component.
    pub(crate) async fn answer_for(&self, question: &Element) -> Option<Element> {
        iq::answer(self, &Envelope::read(question)?, question).await
    }

    /// The picture that is shown of a ghost.
    async fn picture(&self, ghost: &str) -> Option<Picture> {
        match self.addressee(ghost).await {
            Ok(Addressee::Ghost(Ghost { address, picture: Some(_), .. })) => match self.hub.picture(&address).await {
                Ok(picture) => picture,
                Err(error) => {
                    tracing::error!(%error, "a picture cannot be read");
                    None
                }
            },
            _ => None,
        }
    }

    async fn send(&self, answer: Element) {
        if self.answers.send(answer).await.is_err() {
            self.hub.dropped("untold");
        }
    }

    /// Who stands behind an address of this component.
    async fn addressee(&self, to: &str) -> Result<Addressee, dreiklang_engine::port::StoreError> {
        let bare = address::bare(to);
        if bare == self.domain.as_str() {
            return Ok(Addressee::Component);
        }
        Ok(match self.hub.ghost_at(bare).await? {
            Lookup::Ghost(ghost) if ghost.bot => Addressee::Component,
            Lookup::Ghost(ghost) => Addressee::Ghost(ghost),
            Lookup::Nobody(reason) => Addressee::Nobody(reason),
        })
    }
}
