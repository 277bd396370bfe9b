// SPDX-License-Identifier: EUPL-1.2
//! What the adapter must be told. Reading it from a file is the binary's task.

use std::{fmt, net::SocketAddr, sync::Arc};

use dreiklang_model::Network;
use secrecy::SecretString;

use crate::namespace::Namespace;

/// Id and sender of the application service: the same for every organisation, each has its own homeserver.
pub(crate) const SERVICE: &str = "dreiklang";

/// An application service on one homeserver.
#[derive(Clone)]
pub struct Config {
    /// Base URL of the homeserver's client API (`http://synapse:8008`).
    pub homeserver: String,
    /// Where the homeserver reaches us: the address we listen on.
    pub listen: SocketAddr,
    /// The same as a URL, as the homeserver writes it.
    pub url: String,
    /// The domain of the homeserver's users (`hs.example`).
    pub server_name: String,
    /// By what the homeserver knows us.
    pub as_token: SecretString,
    /// By what we know the homeserver.
    pub hs_token: SecretString,
    /// The other networks that are connected: each has its own ghosts.
    pub networks: Vec<Network>,
    /// TLS for `https` homeservers; built in one place for the whole gateway.
    pub tls: Arc<rustls::ClientConfig>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("homeserver", &self.homeserver)
            .field("listen", &self.listen)
            .field("server_name", &self.server_name)
            .field("networks", &self.networks)
            .finish_non_exhaustive()
    }
}

/// Why a configuration cannot work.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not a base URL.
    #[error("`{key}` must be a URL with http:// or https:// and a host, like http://synapse:8008")]
    Url {
        /// The configuration's key.
        key: &'static str,
    },
    /// Not the name of a homeserver.
    #[error("`server_name` must be the domain of the homeserver's users, like hs.example")]
    ServerName,
    /// A token is missing or no word.
    #[error("`{key}` must be a long random word without white space")]
    Token {
        /// The configuration's key.
        key: &'static str,
    },
    /// The HTTP client could not be built.
    #[error("the HTTP client cannot be built")]
    Http(#[source] reqwest::Error),
}

impl Config {
    /// Who is ours on this homeserver.
    ///
    /// # Errors
    /// [`ConfigError::ServerName`].
    pub(crate) fn namespace(&self) -> Result<Namespace, ConfigError> {
        Namespace::new(&self.server_name, &self.networks).ok_or(ConfigError::ServerName)
    }
}

/// A base URL: scheme, host, perhaps a port and a path, nothing more.
pub(crate) fn base_url(text: &str, key: &'static str) -> Result<String, ConfigError> {
    let url = reqwest::Url::parse(text).map_err(|_| ConfigError::Url { key })?;
    let plain = matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() && url.fragment().is_none();
    if plain { Ok(url.as_str().trim_end_matches('/').to_owned()) } else { Err(ConfigError::Url { key }) }
}

#[cfg(test)]
impl Config {
    /// A gateway for `hs.example` that trusts nobody's TLS.
    pub(crate) fn example(homeserver: &str, listen: SocketAddr) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        Self {
            homeserver: homeserver.to_owned(),
            listen,
            url: format!("http://{listen}"),
            server_name: "hs.example".to_owned(),
            as_token: "as-secret".into(),
            hs_token: "hs-secret".into(),
            networks: vec![Network::XMPP, Network::MAIL],
            tls: Arc::new(tls),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls() {
        for (text, base) in [
            ("http://synapse:8008", Some("http://synapse:8008")),
            ("https://hs.example/", Some("https://hs.example")),
            ("https://hs.example/matrix", Some("https://hs.example/matrix")),
            ("hs.example", None),
            ("ftp://hs.example", None),
            ("http://hs.example?x=1", None),
            ("", None),
        ] {
            assert_eq!(base_url(text, "homeserver").ok().as_deref(), base, "{text}");
        }
    }
}
