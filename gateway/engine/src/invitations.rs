// SPDX-License-Identifier: EUPL-1.2
//! Invitations: how people of a network that lets nobody write unasked come to somebody's ghost. Which networks are like that, and what
//! an invitation is there, the adapters know.

use std::sync::Arc;

use dreiklang_model::{Network, Reason};

use crate::{
    Ghost, Hub,
    leg::shown_name,
    organisation::Live,
    port::{Adapter, Invitation, Persona, StoreError, bot},
    router,
};

/// Whom an invitation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom<'a> {
    /// The bot.
    Bot,
    /// Whoever is meant by something pasted or typed.
    Person(&'a str),
}

/// An invitation, and to whom it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// The ghost.
    pub ghost: Ghost,
    /// For people of this network.
    pub network: Network,
    /// The invitation.
    pub invitation: Invitation,
}

/// The person that is meant.
pub(crate) async fn person(live: &Live, whom: Whom<'_>, from: &Network) -> Result<Result<Persona, Reason>, StoreError> {
    let address = match whom {
        Whom::Bot => bot(),
        Whom::Person(pasted) => router::choose(live, from, pasted).await?,
    };
    let Some(address) = address else { return Ok(Err(Reason::UnknownRecipient)) };
    if *address.network() != Network::GATEWAY {
        if !live.adapters.contains_key(address.network()) {
            return Ok(Err(Reason::NotConnected));
        }
        if let Err(reason) = live.organisation.policy.admits(&address) {
            return Ok(Err(reason));
        }
    }
    Ok(Ok(live.persona(&address, None).await?))
}

/// An invitation to the person's ghost on the first network that has them; [`None`]: everybody can write to him unasked.
pub(crate) async fn invite(live: &Arc<Live>, to: &Persona) -> Result<Option<Invited>, StoreError> {
    for (network, adapter, ghost) in ghosts(live, to).await? {
        let hub = Hub::new(Arc::clone(live), network.clone());
        if let Some(invitation) = adapter.invite(&hub, &ghost).await? {
            return Ok(Some(Invited { ghost, network, invitation }));
        }
    }
    Ok(None)
}

/// Takes back every invitation to the person's ghosts; answers how many there were.
pub(crate) async fn revoke(live: &Arc<Live>, to: &Persona) -> Result<usize, StoreError> {
    let mut number = 0;
    for (network, adapter, ghost) in ghosts(live, to).await? {
        number += adapter.revoke(&Hub::new(Arc::clone(live), network), &ghost).await?;
    }
    Ok(number)
}

/// The person as he appears on each network but his own, in a fixed order. How he is written there is decided by it.
async fn ghosts(live: &Live, of: &Persona) -> Result<Vec<(Network, Arc<dyn Adapter>, Ghost)>, StoreError> {
    let bot = *of.account.network() == Network::GATEWAY;
    let name = if bot { live.bot_name.clone() } else { shown_name(live, &of.account, of.name.as_ref()) };
    let mut adapters: Vec<_> = live.adapters.iter().filter(|(network, _)| *network != of.account.network()).collect();
    adapters.sort_by_key(|(network, _)| (*network).clone());
    let mut ghosts = Vec::new();
    for (network, adapter) in adapters {
        let written = match bot {
            true => live.organisation.book.write(&of.account, network).map_err(|_| Reason::NotConnected),
            false => router::decide(live, of, network).await?,
        };
        let Ok(written) = written else { continue };
        let ghost = Ghost { written, address: of.account.clone(), name: name.clone(), bot, picture: of.picture.clone() };
        ghosts.push((network.clone(), Arc::clone(adapter), ghost));
    }
    Ok(ghosts)
}
