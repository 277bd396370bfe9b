// SPDX-License-Identifier: EUPL-1.2
//! Names and descriptions of a component and its ghosts: vcard-temp (XEP-0054), nickname by PEP (XEP-0172 §4).

use dreiklang_engine::Ghost;
use dreiklang_model::words::{self, Text};
use minidom::Element;

use super::Facts;
use crate::{
    outward::nick,
    xml::{child, element, namespace},
};

/// A ghost's vCard.
pub(super) fn ghost(ghost: &Ghost, facts: &Facts<'_>) -> Element {
    let network = ghost.address.network().as_str();
    let description = words::say(facts.language, &Text::GhostDescription { organisation: facts.organisation, network });
    let name = ghost.name.as_str();
    element("vCard", namespace::VCARD)
        .text_child("FN", name)
        .text_child("NICKNAME", name)
        .text_child("JABBERID", ghost.written.as_str())
        .text_child("DESC", &description)
        .build()
}

/// The component's vCard.
pub(super) fn component(facts: &Facts<'_>) -> Element {
    let name = words::say(facts.language, &Text::GatewayName { organisation: facts.organisation });
    let description = words::say(facts.language, &Text::BotPolicy { organisation: facts.organisation });
    let card = element("vCard", namespace::VCARD).text_child("FN", &name).text_child("NICKNAME", &name);
    card.text_child("DESC", &description).build()
}

/// What a ghost publishes under the node that is asked for; [`None`] when it publishes nothing there.
pub(super) fn published(pubsub: &Element, ghost: &Ghost) -> Option<Element> {
    let items = child(pubsub, "items", namespace::PUBSUB)?;
    if items.attr("node") != Some(namespace::NICK) {
        return None;
    }
    let item = element("item", namespace::PUBSUB).attr("id", "current").child(nick(&ghost.name));
    let items = element("items", namespace::PUBSUB).attr("node", namespace::NICK).child(item);
    Some(element("pubsub", namespace::PUBSUB).child(items).build())
}

#[cfg(test)]
mod tests {
    use dreiklang_model::{Address, DisplayName, Language, Network, Written};

    use super::*;

    #[test]
    fn a_ghost_says_who_it_is() {
        let facts = Facts { network: &Network::MATRIX, organisation: "Town", language: Language::English };
        let alice = Ghost {
            written: Written::new("alice%hs.example@matrix.gw.example").unwrap(),
            address: Address::new(Network::MATRIX, "@alice:hs.example").unwrap(),
            name: DisplayName::new("Alice <A>"),
            bot: false,
        };
        let card = ghost(&alice, &facts);
        assert_eq!(child(&card, "FN", namespace::VCARD).unwrap().text(), "Alice <A>");
        assert!(child(&card, "DESC", namespace::VCARD).unwrap().text().contains("Town (matrix)"));
        assert_eq!(child(&component(&facts), "FN", namespace::VCARD).unwrap().text(), "Gateway Town");

        let ask = |node: &str| {
            format!("<pubsub xmlns='{}'><items node='{node}'/></pubsub>", namespace::PUBSUB).parse::<Element>().unwrap()
        };
        let answer = published(&ask(namespace::NICK), &alice).unwrap();
        assert!(String::from(&answer).contains("Alice &lt;A&gt;"));
        assert!(published(&ask("urn:xmpp:avatar:metadata"), &alice).is_none());
        assert!(published(&element("pubsub", namespace::PUBSUB).build(), &alice).is_none());
    }
}
