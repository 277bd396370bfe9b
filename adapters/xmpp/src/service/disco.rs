// SPDX-License-Identifier: EUPL-1.2
//! What a component and its ghosts are and can do (XEP-0030), and the hash that saves clients the question (XEP-0115).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use dreiklang_model::{Network, words, words::Text};
use minidom::Element;
use sha1::{Digest, Sha1};

use super::Facts;
use crate::xml::{Builder, element, namespace};

/// Names the program in capability hashes.
const NODE: &str = "urn:dreiklang:gateway";

/// What both can do.
const COMMON: [&str; 8] = [
    namespace::CAPS,
    namespace::DISCO_INFO,
    namespace::NICK,
    namespace::PING,
    namespace::RECEIPTS,
    namespace::TIME,
    namespace::VCARD,
    namespace::VERSION,
];

/// What somebody is and can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Info {
    /// Category, type and name.
    identities: Vec<(&'static str, String, Option<String>)>,
    features: Vec<&'static str>,
}

/// The component: a gateway to the network it shows.
pub(super) fn component(facts: &Facts<'_>) -> Info {
    // The registrar's name for mail gateways; other networks go by their own name.
    let kind = if *facts.network == Network::MAIL { "smtp" } else { facts.network.as_str() };
    let name = words::say(facts.language, &Text::GatewayName { organisation: facts.organisation });
    let features = COMMON
        .into_iter()
        .chain([namespace::DISCO_ITEMS, namespace::LAST, namespace::GATEWAY, namespace::JID_ESCAPING, namespace::MUC])
        .collect();
    // The second for those who look for rooms; clients do not choose a gateway for new rooms of their own.
    let identities = vec![("gateway", kind.to_owned(), Some(name.clone())), ("conference", "text".to_owned(), Some(name))];
    Info { identities, features }
}

/// A ghost: an account, and the client it seems to use. Without a name, so that all ghosts share one hash.
pub(super) fn ghost() -> Info {
    let identities = vec![("account", "registered".to_owned(), None), ("client", "web".to_owned(), None)];
    Info {
        identities,
        features: COMMON
            .into_iter()
            .chain([
                namespace::AVATAR_METADATA_NOTIFY,
                namespace::CHAT_STATES,
                namespace::CORRECT,
                namespace::FALLBACK,
                namespace::MARKERS,
                namespace::MENTIONS,
                namespace::NICK_NOTIFY,
                namespace::OOB,
                namespace::REACTIONS,
                namespace::REFERENCE,
                namespace::REPLY,
                namespace::RETRACT_1,
                namespace::SFS,
                namespace::SID,
                namespace::STYLING,
            ])
            .collect(),
    }
}

impl Info {
    /// The verification string (XEP-0115 §5.1).
    fn ver(&self) -> String {
        let identity = |(category, kind, name): &(&str, String, Option<String>)| {
            format!("{category}/{kind}//{}<", name.as_deref().unwrap_or("").replace('<', "&lt;"))
        };
        let mut identities: Vec<String> = self.identities.iter().map(identity).collect();
        let mut features = self.features.clone();
        identities.sort_unstable();
        features.sort_unstable();
        let features: String = features.iter().map(|feature| format!("{feature}<")).collect();
        STANDARD.encode(Sha1::digest(format!("{}{features}", identities.concat())))
    }

    /// For presence (XEP-0115 §4).
    pub(super) fn caps(&self) -> Builder {
        element("c", namespace::CAPS).attr("hash", "sha-1").attr("node", NODE).attr("ver", &self.ver())
    }

    /// The answer to a question about `node`; [`None`] when there is no such node.
    pub(super) fn query(&self, node: Option<&str>) -> Option<Element> {
        if node.is_some_and(|node| node != format!("{NODE}#{}", self.ver())) {
            return None;
        }
        let identities = self.identities.iter().map(|(category, kind, name)| {
            let identity = element("identity", namespace::DISCO_INFO).attr("category", category).attr("type", kind);
            identity.maybe_attr("name", name.as_deref())
        });
        let features = self.features.iter().map(|feature| element("feature", namespace::DISCO_INFO).attr("var", feature));
        let query = element("query", namespace::DISCO_INFO).maybe_attr("node", node);
        Some(query.children(identities).children(features).build())
    }
}

#[cfg(test)]
mod tests {
    use dreiklang_model::{Language, Timestamp};

    use super::*;

    #[test]
    fn the_hash_is_that_of_the_specification() {
        // XEP-0115 §5.2.
        let exodus = Info {
            identities: vec![("client", "pc".into(), Some("Exodus 0.9.1".into()))],
            features: vec!["http://jabber.org/protocol/muc", namespace::DISCO_INFO, namespace::DISCO_ITEMS, namespace::CAPS],
        };
        assert_eq!(exodus.ver(), "QgayPKawpkPSDYmwT/WM94uAlu0=");
    }

    #[test]
    fn identities() {
        for (network, kind) in [(Network::MATRIX, "matrix"), (Network::MAIL, "smtp")] {
            let facts = Facts {
                network: &network,
                organisation: "Town",
                language: Language::English,
                since: Timestamp::from_millis(0),
                now: Timestamp::from_millis(1_031_699_305_000),
            };
            let query = component(&facts).query(None).unwrap();
            let identity = query.children().find(|child| child.name() == "identity").unwrap();
            assert_eq!((identity.attr("category"), identity.attr("type")), (Some("gateway"), Some(kind)));
            assert_eq!(identity.attr("name"), Some("Gateway Town"));
            assert!(query.children().any(|feature| feature.attr("var") == Some("jabber:iq:gateway")));
        }
    }

    #[test]
    fn the_node_of_the_hash_is_known_and_no_other() {
        let ghost = ghost();
        let caps = ghost.caps().build();
        let node = format!("{}#{}", caps.attr("node").unwrap(), caps.attr("ver").unwrap());
        assert_eq!(ghost.query(Some(&node)).unwrap().attr("node"), Some(node.as_str()));
        assert!(ghost.query(Some("urn:dreiklang:gateway#other")).is_none());
        let features = ghost.features.clone();
        assert!(features.iter().all(|one| features.iter().filter(|other| *other == one).count() == 1));
    }
}
