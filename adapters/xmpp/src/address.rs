// SPDX-License-Identifier: EUPL-1.2
//! JIDs as they come in. The texts are kept as the server wrote them; only the part by which people are told apart is
//! brought into canonical form, for the network knows resources that no library takes.

use dreiklang_model::{Address, Network};

/// The resource of everything that the gateway sends.
pub(crate) const RESOURCE: &str = "gw";

/// Without the resource.
pub(crate) fn bare(jid: &str) -> &str {
    jid.split_once('/').map_or(jid, |(bare, _)| bare)
}

/// The domain.
pub(crate) fn domain(jid: &str) -> &str {
    let bare = bare(jid);
    bare.rsplit_once('@').map_or(bare, |(_, domain)| domain)
}

/// The person, or service, behind a JID; [`None`] for what is no JID.
pub(crate) fn person(jid: &str) -> Option<Address> {
    // Twice: a few signs come out of nameprep as others that are not prepared yet.
    let once = jid::BareJid::new(bare(jid)).ok()?;
    let bare = jid::BareJid::new(once.as_str()).ok()?;
    Address::new(Network::XMPP, bare.as_str()).ok()
}

/// A ghost's address with the gateway's resource.
pub(crate) fn full(ghost: &str) -> String {
    format!("{ghost}/{RESOURCE}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts() {
        for (jid, its_bare, its_domain, its_person) in [
            ("Bob@XMPP.example/Täst", "Bob@XMPP.example", "XMPP.example", Some("bob@xmpp.example")),
            ("bob@xmpp.example/🦊/a@b", "bob@xmpp.example", "xmpp.example", Some("bob@xmpp.example")),
            ("xmpp.example", "xmpp.example", "xmpp.example", Some("xmpp.example")),
            ("evil\\@x.org", "evil\\@x.org", "x.org", Some("evil\\@x.org")),
            ("", "", "", None),
            ("@x", "@x", "x", None),
            ("a b@x", "a b@x", "x", None),
        ] {
            assert_eq!(bare(jid), its_bare);
            assert_eq!(domain(jid), its_domain);
            assert_eq!(person(jid).as_ref().map(Address::as_str), its_person, "{jid}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_canonical_stays(jid in any::<String>()) {
            let _ = domain(&jid);
            if let Some(who) = person(&jid) {
                let again = person(who.as_str());
                prop_assert_eq!(again.as_ref().map(Address::as_str), Some(who.as_str()));
            }
        }
    }
}
