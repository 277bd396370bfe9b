// SPDX-License-Identifier: EUPL-1.2
//! What the XMPP leg of an organisation needs to know. Reading it from a file is the binary's.

use std::{collections::BTreeMap, fmt, sync::Arc};

use dreiklang_model::Network;
use rustls::ClientConfig;
use secrecy::SecretString;

/// Why a configuration cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not a domain.
    #[error("“{0}” is not a domain name")]
    Domain(String),
    /// No component at all.
    #[error("no component domain is configured")]
    NoDomains,
    /// One domain for two networks.
    #[error("the component domain “{0}” is configured for two networks")]
    Twice(ComponentDomain),
    /// The server's address is not `host:port`.
    #[error("“{0}” is not of the form host:port")]
    Server(String),
    /// The secret is empty.
    #[error("the component secret is empty")]
    Secret,
    /// The HTTP client cannot be made.
    #[error("files cannot be fetched: {0}")]
    Http(String),
}

/// The domain of a component, in the form by which servers compare domains.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentDomain(String);

impl ComponentDomain {
    /// # Errors
    /// [`ConfigError::Domain`] for what is no domain.
    pub fn new(domain: &str) -> Result<Self, ConfigError> {
        match jid::BareJid::new(domain) {
            Ok(jid) if jid.node().is_none() => Ok(Self(jid.domain().as_str().to_owned())),
            _ => Err(ConfigError::Domain(domain.to_owned())),
        }
    }

    /// The domain.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ComponentDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The XMPP leg of an organisation.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the server takes components: `host:port`.
    pub server: String,
    /// Which component shows which foreign network.
    pub domains: BTreeMap<Network, ComponentDomain>,
    /// The secret shared with the server, the same for all components.
    pub secret: SecretString,
    /// The service that takes uploads (XEP-0363); found out by asking servers when it is not named.
    pub upload: Option<String>,
    /// Private places, as `host:port`, from which files may be fetched all the same.
    pub fetch_allow: Vec<String>,
    /// For files.
    pub tls: Arc<ClientConfig>,
}

impl Config {
    /// # Errors
    /// [`ConfigError`].
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        use secrecy::ExposeSecret;
        let port = self.server.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
        if !matches!(port, Some(Ok(1..))) {
            return Err(ConfigError::Server(self.server.clone()));
        }
        if self.domains.is_empty() {
            return Err(ConfigError::NoDomains);
        }
        for (network, domain) in &self.domains {
            if self.domains.iter().any(|(other, same)| other < network && same == domain) {
                return Err(ConfigError::Twice(domain.clone()));
            }
        }
        if self.secret.expose_secret().is_empty() { Err(ConfigError::Secret) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(server: &str, domains: &[(Network, &str)], secret: &str) -> Config {
        let domains = domains.iter().map(|(network, domain)| (network.clone(), ComponentDomain::new(domain).unwrap())).collect();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        let (upload, fetch_allow, tls) = (None, Vec::new(), Arc::new(tls));
        Config { server: server.into(), domains, secret: secret.into(), upload, fetch_allow, tls }
    }

    #[test]
    fn domains() {
        assert_eq!(ComponentDomain::new("Matrix.GW.example").unwrap().as_str(), "matrix.gw.example");
        for no in ["", "a b", "user@gw.example", "gw.example/x"] {
            assert!(ComponentDomain::new(no).is_err(), "{no}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let one = [(Network::MATRIX, "matrix.gw.example")];
        assert_eq!(config("prosody:5347", &one, "s").check(), Ok(()));
        assert_eq!(config("[::1]:5347", &one, "s").check(), Ok(()));
        assert!(matches!(config("prosody", &one, "s").check(), Err(ConfigError::Server(_))));
        assert!(matches!(config(":5347", &one, "s").check(), Err(ConfigError::Server(_))));
        assert!(matches!(config("prosody:0", &one, "s").check(), Err(ConfigError::Server(_))));
        assert_eq!(config("prosody:5347", &[], "s").check(), Err(ConfigError::NoDomains));
        assert_eq!(config("prosody:5347", &one, "").check(), Err(ConfigError::Secret));
        let twice = [(Network::MATRIX, "gw.example"), (Network::MAIL, "gw.example")];
        assert!(matches!(config("prosody:5347", &twice, "s").check(), Err(ConfigError::Twice(_))));
    }
}
