// SPDX-License-Identifier: EUPL-1.2
//! Bringing the files of a message to where the recipient's client can fetch them: finding a service that takes uploads, asking it
//! for a slot as the ghost, and filling that from the network that holds the file.

use std::time::Duration;

use dreiklang_engine::{Hub, port::DeliveryError};
use dreiklang_model::{Attachment, Reason};
use minidom::Element;
use tokio::sync::{mpsc, oneshot};

use crate::{
    address,
    component::{Component, Shared},
    media::{LARGEST, Slot, disco, items, slot_request, takes_uploads},
    transport::Order,
    xml::namespace,
};

/// Longest wait for the answer of another server.
const ANSWER: Duration = Duration::from_secs(6);

/// A file of a delivery as its recipient gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reachable {
    /// What it is.
    pub(crate) file: Attachment,
    /// Where it can be had.
    pub(crate) address: String,
}

/// The way to ask servers through one component.
pub(crate) struct Asking<'a> {
    pub(crate) component: &'a Component,
    pub(crate) orders: &'a mpsc::Sender<Order>,
    pub(crate) shared: &'a Shared,
}

impl Asking<'_> {
    /// Asks somebody and waits for the answer, an error included; [`None`]: there is none in time.
    pub(crate) async fn ask(&self, whom: &str, question: impl FnOnce(&str) -> Element) -> Option<Element> {
        let (id, answer) = self.shared.questions.ask(whom)?;
        let stanzas = vec![question(&id)];
        let to = address::person(whom)?;
        let asked = async {
            let (done, _routed) = oneshot::channel();
            self.orders.send(Order { id, to, stanzas, copies: Vec::new(), done }).await.ok()?;
            answer.await.ok()
        };
        tokio::time::timeout(ANSWER, asked).await.ok()?
    }

    /// Where the files that `ghost` sends to people of a domain, or of several, can be had, in their order. [`None`]: no server takes them
    /// for these people.
    pub(crate) async fn place(
        &self,
        hub: &Hub,
        ghost: &str,
        domain: Option<&str>,
        files: &[Attachment],
    ) -> Result<Option<Vec<Reachable>>, DeliveryError> {
        let Some(service) = self.service(domain).await else { return Ok(None) };
        let mut places = Vec::with_capacity(files.len());
        for file in files {
            let (file, media) = hub.open(file).await?;
            let Some(size) = media.size.or(file.size) else {
                return Err(DeliveryError::Never { reason: Reason::Unreadable, cause: "a file of unknown size".to_owned() });
            };
            if size > LARGEST {
                return Err(DeliveryError::Never { reason: Reason::TooLarge, cause: "a file larger than is carried".to_owned() });
            }
            let slot = self.slot(ghost, &service, &file, size).await?;
            self.shared.web.put(&slot, file.media_type.as_str(), size, media).await?;
            places.push(Reachable { file, address: slot.get });
        }
        Ok(Some(places))
    }

    async fn slot(&self, ghost: &str, service: &str, file: &Attachment, size: u64) -> Result<Slot, DeliveryError> {
        let from = address::full(ghost);
        let Some(answer) = self.ask(service, |id| slot_request(&from, service, id, file, size)).await else {
            return Err(DeliveryError::later("the upload service does not answer"));
        };
        if let Some(slot) = Slot::read(&answer) {
            return Ok(slot);
        }
        let too_large = crate::xml::child(&answer, "error", namespace::COMPONENT)
            .is_some_and(|error| error.children().any(|child| child.name() == "file-too-large"));
        if too_large {
            return Err(DeliveryError::Never {
                reason: Reason::TooLarge,
                cause: "larger than the upload service takes".to_owned(),
            });
        }
        Err(DeliveryError::later("the upload service gives no slot"))
    }

    /// The service that takes uploads for people of a domain: one of their server's, else one of the server that the component
    /// belongs to.
    async fn service(&self, domain: Option<&str>) -> Option<String> {
        if let Some(configured) = &self.shared.upload {
            return Some(configured.clone());
        }
        let above = self.component.domain.as_str().match_indices('.').map(|(at, _)| &self.component.domain.as_str()[at + 1..]);
        for candidate in domain.into_iter().chain(above.filter(|above| above.contains('.'))) {
            if let Some(service) = self.service_of(candidate).await {
                return Some(service);
            }
        }
        None
    }

    async fn service_of(&self, domain: &str) -> Option<String> {
        if let Some(known) = self.shared.services.known(domain) {
            return known;
        }
        let from = self.component.domain.as_str();
        let listed = self.ask(domain, |id| disco(from, domain, id, namespace::DISCO_ITEMS)).await?;
        let parts = items(&listed);
        // All at once: a part that does not answer must not hold up the others.
        let asked = parts.iter().map(|part| self.ask(part, move |id| disco(from, part, id, namespace::DISCO_INFO)));
        let answers = futures::future::join_all(asked).await;
        let takes = answers.iter().position(|info| info.as_ref().is_some_and(takes_uploads));
        let found = takes.and_then(|at| parts.into_iter().nth(at));
        self.shared.services.learn(domain, found.clone());
        found
    }
}

/// Where the files are: uploaded, or, where no server takes them, at the gateway's own links.
pub(crate) async fn handed_out(
    hub: &Hub,
    placed: Result<Option<Vec<Reachable>>, DeliveryError>,
    files: &[Attachment],
) -> Result<Vec<Reachable>, DeliveryError> {
    let nowhere =
        || DeliveryError::Never { reason: Reason::Rejected, cause: "no server takes files for this recipient".to_owned() };
    let unplaced = match placed {
        Ok(Some(places)) => return Ok(places),
        Ok(None) => nowhere(),
        Err(error @ DeliveryError::Never { reason: Reason::TooLarge, .. }) => error,
        Err(error) => return Err(error),
    };
    let mut places = Vec::with_capacity(files.len());
    for file in files {
        match hub.hand_out(file).await? {
            Some((file, address)) => places.push(Reachable { file, address }),
            None => return Err(unplaced),
        }
    }
    Ok(places)
}
