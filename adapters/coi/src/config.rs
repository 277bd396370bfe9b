// SPDX-License-Identifier: EUPL-1.2
//! What the mail adapter has to be told. Reading files is the binary's.

use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc};

use rustls::ClientConfig;
use secrecy::SecretString;

/// How mail comes in and goes out for one organisation.
#[derive(Clone)]
pub struct Config {
    /// The domain in which ghosts have their addresses.
    pub domain: String,
    /// A mailbox that receives everything for the domain.
    pub imap: Option<ImapConfig>,
    /// A listener to which the organisation's mail server hands everything for the domain.
    pub lmtp: Option<LmtpConfig>,
    /// Where mail is handed in.
    pub smtp: SmtpConfig,
    /// Whose `Authentication-Results` are believed (RFC 8601 §2.5): the organisation's own mail server. It must remove those
    /// that strangers wrote under its name.
    pub trusted_authserv_id: Option<String>,
    /// Check DKIM signatures here, asking this DNS, where the mail server has not said who the author is.
    pub dkim: Option<Dns>,
    /// Where files wait that came by mail.
    pub spool: PathBuf,
    /// The one TLS configuration of the process.
    pub tls: Arc<ClientConfig>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Config({})", self.domain)
    }
}

/// A mailbox that is read by IMAP (RFC 9051, RFC 3501).
#[derive(Debug, Clone)]
pub struct ImapConfig {
    /// `host:port`.
    pub server: String,
    /// How the connection is protected.
    pub security: Security,
    /// The login.
    pub user: String,
    /// Its password.
    pub password: SecretString,
    /// The mailbox; `INBOX` unless configured otherwise.
    pub mailbox: String,
}

/// A listener for LMTP (RFC 2033).
#[derive(Debug, Clone)]
pub struct LmtpConfig {
    /// Where to listen.
    pub listen: SocketAddr,
}

/// A server that takes mail for delivery (RFC 6409).
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// `host:port`.
    pub server: String,
    /// How the connection is protected.
    pub security: Security,
    /// The login, where one is needed.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
}

/// Whom to ask for DNS records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dns {
    /// The system's servers (`/etc/resolv.conf`).
    System,
    /// This one.
    Server(SocketAddr),
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// TLS after `STARTTLS`; never without.
    StartTls,
    /// Not at all: for a server on the same machine.
    None,
}

/// A configuration with which no mail can be carried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The domain is none.
    #[error("mail.domain: “{0}” is not a domain")]
    Domain(String),
    /// A server is not `host:port`.
    #[error("{setting}: “{value}” is not host:port")]
    Server {
        /// Which setting.
        setting: &'static str,
        /// What stands there.
        value: String,
    },
    /// Nothing says how mail comes in.
    #[error("mail: configure how mail comes in: `imap` or `lmtp`")]
    NoWayIn,
    /// A login without a password.
    #[error("mail.smtp: the user is named but no password is given")]
    NoPassword,
    /// Unprotected and not on this machine.
    #[error("{0}: security = \"none\" is for servers on this machine only; use \"tls\" or \"starttls\"")]
    Unprotected(&'static str),
    /// No sender could ever be believed.
    #[error(
        "mail.trusted_authserv_id: name the mail server whose Authentication-Results are to be believed, or set \
         mail.verify_dkim = true"
    )]
    NothingTrusted,
    /// There is no DNS to ask.
    #[error("mail.verify_dkim: DNS cannot be asked: {0}. Name a server in mail.dns")]
    Resolver(String),
}
