// SPDX-License-Identifier: EUPL-1.2
//! The handshake that opening an invitation starts (SecureJoin, the host's side). Each step can be repeated: the answer to one message
//! has always the same Message-ID, and it is durable before the message counts as read.

use dreiklang_engine::{Ghost, Hub, Lookup, port::StoreError};
use dreiklang_model::Address;
use dreiklang_openpgp::{
    MailAddress, Randomness,
    securejoin::{Answer, Host, Request},
};

use super::{
    Vault,
    keys::blocking,
    opening::Unsealed,
    peers::{Met, Program, Sighting},
};
use crate::{address::canonical, message_id, posts::Post};

/// What comes of a message of the handshake.
#[derive(Debug)]
pub(crate) enum Step {
    /// Send this.
    Answer(Post),
    /// Nothing; the word says why, for the metric.
    Dropped(&'static str),
}

impl Vault {
    /// Answers a message of a guest. `name`: under which a ghost is shown. What it changes is durable when it answers; the answer is not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn shake_hands(
        &self,
        hub: &Hub,
        unsealed: &Unsealed,
        request: Request,
        incoming: &str,
        name: impl Fn(&Ghost) -> String,
    ) -> Result<Step, StoreError> {
        let open = self.invitations.open(hub).await?;
        let Some(open) = open.into_iter().find(|open| open.token() == request.token()) else {
            return Ok(Step::Dropped("uninvited"));
        };
        let Lookup::Ghost(ghost) = hub.ghost_at(&open.ghost).await? else { return Ok(Step::Dropped("uninvited")) };
        let name = name(&ghost);
        let (Ok(address), Some(invite)) = (MailAddress::new(&open.ghost), open.invite(&name)) else {
            return Ok(Step::Dropped("uninvited"));
        };
        let key = self.keys.of(hub, &open.ghost).await?;
        let id = message_id::of_answer(incoming, &self.domain);
        let mut randomness = Randomness::from_seed(hub.seed()?);
        let (opened, at) = (std::sync::Arc::clone(&unsealed.opened), hub.now());
        let answer = blocking(move || {
            let host = Host { key: &key, address: &address, name: &name };
            request.answer(&opened, &invite, &host, &id, at, &mut randomness)
        })
        .await?;
        match answer {
            Ok(Answer::Key { to, mail }) => Ok(post(hub, open.ghost, to.as_str(), mail)),
            Ok(Answer::Contact { guest, mail }) => {
                let Some(address) = canonical(guest.address.as_str()) else { return Ok(Step::Dropped("malformed")) };
                if hub.organisation().policy.admits(&address).is_err() {
                    return Ok(Step::Dropped("forbidden"));
                }
                // The invitation proves the key, not the address: for that his domain has to speak.
                if !vouches(unsealed, &address) {
                    return Ok(Step::Dropped("forged"));
                }
                let to = guest.address.clone();
                let (met, program) = (Met::Invited, Some(Program::Chat));
                let met = Sighting { address, certificate: guest.certificate, met, mutual: true, program };
                self.peers.meet(hub, met).await?;
                Ok(post(hub, open.ghost, to.as_str(), mail))
            }
            Ok(Answer::Room { .. }) => Ok(Step::Dropped("uninvited")),
            Err(error) => {
                tracing::info!(%error, "a handshake is not continued");
                Ok(Step::Dropped("handshake"))
            }
        }
    }
}

fn vouches(unsealed: &Unsealed, address: &Address) -> bool {
    unsealed.vouched.as_ref() == Some(address)
}

fn post(hub: &Hub, from: String, to: &str, mail: Vec<u8>) -> Step {
    match String::from_utf8(mail) {
        Ok(mail) => Step::Answer(Post { from: Some(from), to: to.to_owned(), mail, at: hub.now() }),
        Err(_) => Step::Dropped("malformed"),
    }
}
