// SPDX-License-Identifier: EUPL-1.2
//! A protected byte stream to a server. `STARTTLS` itself is each protocol's.

use std::{fmt, io, sync::Arc, time::Duration};

use rustls::{CertificateError, ClientConfig};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::config::{ConfigError, Security};

/// Longest that a connection, or its TLS handshake, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to a server, whatever protects it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug> Stream for T {}

/// A server's name and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerName {
    host: String,
    port: u16,
}

impl ServerName {
    /// From `host:port`; an IPv6 address stands in brackets.
    pub(crate) fn new(setting: &'static str, value: &str) -> Result<Self, ConfigError> {
        let wrong = || ConfigError::Server { setting, value: value.to_owned() };
        let (host, port) = value.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() || host.contains(char::is_whitespace) {
            Err(wrong())
        } else {
            Ok(Self { host: host.to_owned(), port })
        }
    }

    fn is_this_machine(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost") || self.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Opens connections to one server.
#[derive(Clone)]
pub(crate) struct Connector {
    server: ServerName,
    security: Security,
    tls: Arc<ClientConfig>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connector({}, {:?})", self.server, self.security)
    }
}

impl Connector {
    /// Refuses to leave this machine unprotected.
    pub(crate) fn new(
        setting: &'static str,
        server: &str,
        security: Security,
        tls: Arc<ClientConfig>,
    ) -> Result<Self, ConfigError> {
        let server = ServerName::new(setting, server)?;
        if security == Security::None && !server.is_this_machine() {
            return Err(ConfigError::Unprotected(setting));
        }
        Ok(Self { server, security, tls })
    }

    pub(crate) fn server(&self) -> &ServerName {
        &self.server
    }

    pub(crate) fn security(&self) -> Security {
        self.security
    }

    /// A TCP connection, with TLS already when that comes first.
    pub(crate) async fn open(&self) -> io::Result<Box<dyn Stream>> {
        let tcp = timeout(PATIENCE, TcpStream::connect((self.server.host.as_str(), self.server.port))).await??;
        tcp.set_nodelay(true)?;
        match self.security {
            Security::Tls => self.secure(Box::new(tcp)).await,
            Security::StartTls | Security::None => Ok(Box::new(tcp)),
        }
    }

    /// TLS over a connection on which both sides agreed to it.
    pub(crate) async fn secure(&self, stream: Box<dyn Stream>) -> io::Result<Box<dyn Stream>> {
        let name = rustls_pki_types::ServerName::try_from(self.server.host.clone())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let secured = timeout(PATIENCE, connector.connect(name, stream)).await?;
        Ok(Box::new(secured.map_err(|error| explained(error, &self.server.host))?))
    }
}

/// What is wrong with a certificate, and what to do, in words for an administrator.
fn explained(error: io::Error, host: &str) -> io::Error {
    use CertificateError as Wrong;
    let Some(rustls::Error::InvalidCertificate(wrong)) = error.get_ref().and_then(|cause| cause.downcast_ref()) else {
        return error;
    };
    let words = match wrong {
        Wrong::Expired | Wrong::ExpiredContext { .. } => format!("the certificate of {host} has expired"),
        Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => format!("the certificate of {host} is not valid yet"),
        Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
            format!("the certificate is not for {host}: write the server as the name that stands in it")
        }
        Wrong::UnknownIssuer | Wrong::BadSignature => {
            format!("no known authority vouches for the certificate of {host}: name yours in gateway.ca_file")
        }
        Wrong::Revoked => format!("the certificate of {host} was revoked"),
        other => format!("the certificate of {host} cannot be accepted: {other}"),
    };
    io::Error::new(error.kind(), words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_certificate_is_explained() {
        for (wrong, words) in [
            (CertificateError::UnknownIssuer, "gateway.ca_file"),
            (CertificateError::BadSignature, "gateway.ca_file"),
            (CertificateError::Expired, "the certificate of mail.example has expired"),
            (CertificateError::NotValidForName, "not for mail.example"),
            (CertificateError::BadEncoding, "cannot be accepted"),
        ] {
            let error = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::InvalidCertificate(wrong));
            let shown = explained(error, "mail.example").to_string();
            assert!(shown.contains(words), "{shown}");
        }
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(explained(refused, "mail.example").kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn servers_are_host_and_port() {
        for (value, shown) in
            [("mail.example:993", Some("mail.example:993")), ("[::1]:143", Some("[::1]:143")), ("mail", None), (":1", None)]
        {
            assert_eq!(ServerName::new("x", value).ok().map(|name| name.to_string()).as_deref(), shown, "{value}");
        }
    }
}
