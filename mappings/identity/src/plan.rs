// SPDX-License-Identifier: EUPL-1.2
//! The address plan of one organisation: under which names the gateway lives on each network.

use std::{collections::BTreeMap, fmt};

use dreiklang_model::Network;

use crate::canonical::{mail, matrix, xmpp};

/// Longest server name and mail domain in bytes: the longest alias must fit beside it (255 and 254 in all).
const LONGEST_NAME: usize = 189;

/// Why a plan cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Not a name that a Matrix server can have.
    #[error("{0:?} is not a Matrix server name")]
    ServerName(String),
    /// Not a domain, or an address instead of one.
    #[error("{0:?} is not a domain")]
    Domain(String),
    /// The name leaves no room for addresses.
    #[error("{0:?} is too long: at most {LONGEST_NAME} bytes leave room for people's addresses")]
    TooLong(String),
    /// A component for a network that is not foreign to XMPP.
    #[error("XMPP needs no component domain for the network {0}")]
    NotForeign(Network),
    /// Two networks on one component domain.
    #[error("the component domain {0:?} is given to two networks")]
    Twice(String),
}

/// The key of stored aliases: without it nobody can tell whose alias one is. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct AliasKey([u8; 32]);

impl AliasKey {
    /// A key; aliases change with it, so it is made once and kept.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for AliasKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AliasKey(…)")
    }
}

/// Under which names one organisation's gateway lives. A network that is not named is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    server_name: Option<String>,
    components: BTreeMap<Network, String>,
    mail_domain: Option<String>,
    key: AliasKey,
}

impl Plan {
    /// A plan without any network.
    #[must_use]
    pub fn new(key: AliasKey) -> Self {
        Self { server_name: None, components: BTreeMap::new(), mail_domain: None, key }
    }

    /// With Matrix: ghosts live on this server.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn matrix(mut self, server_name: &str) -> Result<Self, PlanError> {
        if !matrix::is_server_name(server_name) {
            return Err(PlanError::ServerName(server_name.to_owned()));
        }
        self.server_name = Some(bounded(server_name.to_owned())?);
        Ok(self)
    }

    /// With XMPP: ghosts of `network` live below this component domain. Once for each foreign network.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn component(mut self, network: Network, domain: &str) -> Result<Self, PlanError> {
        if network == Network::XMPP || network == Network::GATEWAY {
            return Err(PlanError::NotForeign(network));
        }
        let domain = xmpp::domain(domain).ok_or_else(|| PlanError::Domain(domain.to_owned()))?;
        if self.components.iter().any(|(other, taken)| *other != network && *taken == domain) {
            return Err(PlanError::Twice(domain));
        }
        self.components.insert(network, bounded(domain)?);
        Ok(self)
    }

    /// With mail: ghosts have addresses in this domain.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn mail(mut self, domain: &str) -> Result<Self, PlanError> {
        let domain = mail::domain(domain).ok_or_else(|| PlanError::Domain(domain.to_owned()))?;
        self.mail_domain = Some(bounded(domain)?);
        Ok(self)
    }

    /// The Matrix server that ghosts live on.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The component domains, each with the network whose ghosts live there.
    pub fn components(&self) -> impl Iterator<Item = (&Network, &str)> {
        self.components.iter().map(|(network, domain)| (network, domain.as_str()))
    }

    /// The component domain of a network's ghosts.
    #[must_use]
    pub fn component_of(&self, network: &Network) -> Option<&str> {
        self.components.get(network).map(String::as_str)
    }

    /// The component domain under which the bot introduces itself; it answers on all of them.
    #[must_use]
    pub fn bot_component(&self) -> Option<&str> {
        self.component_of(&Network::MATRIX).or_else(|| self.components.values().next().map(String::as_str))
    }

    /// The mail domain.
    #[must_use]
    pub fn mail_domain(&self) -> Option<&str> {
        self.mail_domain.as_deref()
    }

    /// The networks that are connected.
    #[must_use]
    pub fn networks(&self) -> Vec<Network> {
        let matrix = self.server_name.as_ref().map(|_| Network::MATRIX);
        let xmpp = (!self.components.is_empty()).then_some(Network::XMPP);
        let mail = self.mail_domain.as_ref().map(|_| Network::MAIL);
        [matrix, xmpp, mail].into_iter().flatten().collect()
    }

    pub(crate) fn key(&self) -> &AliasKey {
        &self.key
    }
}

fn bounded(name: String) -> Result<String, PlanError> {
    if name.len() > LONGEST_NAME { Err(PlanError::TooLong(name)) } else { Ok(name) }
}
