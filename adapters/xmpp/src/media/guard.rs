// SPDX-License-Identifier: EUPL-1.2
//! Which hosts may be fetched from: strangers choose the addresses, and must not reach what only this machine can reach.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Private hosts that may be fetched from all the same, as `host:port`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    allowed: Arc<BTreeSet<String>>,
}

impl Guard {
    pub(crate) fn new(allowed: &[String]) -> Self {
        Self { allowed: Arc::new(allowed.iter().map(|one| one.to_ascii_lowercase()).collect()) }
    }

    /// May this address be asked? Names are judged once more by what they stand for, when they are looked up.
    pub(crate) fn admits(&self, url: &Url) -> bool {
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() {
            return false;
        }
        if self.names(url) {
            return true;
        }
        match url.host() {
            Some(Host::Ipv4(address)) => is_public(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => is_public(IpAddr::V6(address)),
            // Of a host that is named, this port is not: its name would lead to a private address.
            Some(Host::Domain(host)) => !self.knows(host),
            None => false,
        }
    }

    fn names(&self, url: &Url) -> bool {
        let place = url.host_str().zip(url.port_or_known_default()).map(|(host, port)| format!("{host}:{port}"));
        place.is_some_and(|place| self.allowed.contains(&place.to_ascii_lowercase()))
    }

    /// Is some port of this host named?
    fn knows(&self, host: &str) -> bool {
        self.allowed.iter().any(|place| place.rsplit_once(':').is_some_and(|(named, _)| named.eq_ignore_ascii_case(host)))
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let known = self.knows(name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let admitted: Vec<SocketAddr> = found.filter(|address| known || is_public(address.ip())).collect();
            if admitted.is_empty() {
                return Err(NoPublicAddress.into());
            }
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

/// A name that stands for private addresses only.
#[derive(Debug, thiserror::Error)]
#[error("the name stands for no public address")]
pub(super) struct NoPublicAddress;

/// Is it an address of the public internet (RFC 6890)?
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public_v4(v4),
            None => is_public_v6(v6),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Global unicast is 2000::/3; within it, 2001:db8::/32 is documentation, 2002::/16 and 64:ff9b::/96 lead into IPv4.
    let [first, second, ..] = address.segments();
    first & 0xe000 == 0x2000 && !(first == 0x2001 && (second == 0x0db8 || second < 0x0200)) && first != 0x2002
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_asked() {
        let guard = Guard::new(&["upload.town.example:443".to_owned(), "127.0.0.1:5280".to_owned()]);
        for (url, admitted) in [
            ("https://upload.example/x", true),
            ("https://upload.town.example/x", true),
            ("https://upload.town.example:8443/x", false),
            ("http://UPLOAD.town.example/x", false),
            ("http://93.184.216.34/x", true),
            ("http://127.0.0.1:5280/x", true),
            ("http://127.0.0.1:5281/x", false),
            ("http://127.1/x", false),
            ("http://0x7f000001/x", false),
            ("http://10.0.0.1/x", false),
            ("http://169.254.169.254/latest/meta-data", false),
            ("http://100.64.1.1/x", false),
            ("http://0.0.0.0/x", false),
            ("http://[::1]/x", false),
            ("http://[::ffff:10.0.0.1]/x", false),
            ("http://[fe80::1]/x", false),
            ("http://[fc00::1]/x", false),
            ("http://[2606:4700::1]/x", true),
            ("ftp://upload.example/x", false),
            ("file:///etc/passwd", false),
            ("https://user@upload.example/x", false),
        ] {
            assert_eq!(guard.admits(&Url::parse(url).unwrap()), admitted, "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_for_a_private_address_is_not_followed() {
        let name = || "localhost".parse::<Name>().unwrap();
        assert!(Guard::default().resolve(name()).await.is_err());
        assert!(Guard::new(&["localhost:80".to_owned()]).resolve(name()).await.is_ok());
    }
}
