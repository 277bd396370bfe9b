// SPDX-License-Identifier: EUPL-1.2
//! Names, descriptions and pictures of a component and its ghosts: vcard-temp (XEP-0054), nickname (XEP-0172 §4) and picture (XEP-0084)
//! by PEP.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use dreiklang_engine::{Ghost, Picture};
use dreiklang_model::words::{self, Text};
use minidom::Element;

use super::{Facts, presence::Appearance};
use crate::{
    outward::nick,
    xml::{Builder, child, element, namespace},
};

/// A ghost's vCard.
pub(super) fn ghost(ghost: &Ghost, picture: Option<&Picture>, facts: &Facts<'_>) -> Element {
    let photo = picture.map(|picture| {
        let photo = element("PHOTO", namespace::VCARD).text_child("TYPE", picture.media_type());
        photo.text_child("BINVAL", &STANDARD.encode(&picture.bytes))
    });
    let network = ghost.address.network().as_str();
    let description = words::say(facts.language, &Text::GhostDescription { organisation: facts.organisation, network });
    let name = ghost.name.as_str();
    element("vCard", namespace::VCARD)
        .text_child("FN", name)
        .text_child("NICKNAME", name)
        .text_child("JABBERID", ghost.written.as_str())
        .text_child("DESC", &description)
        .children(photo)
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
pub(super) fn published(pubsub: &Element, ghost: &Ghost, picture: Option<&Picture>) -> Option<Element> {
    let items = child(pubsub, "items", namespace::PUBSUB)?;
    let (node, id, payload) = match items.attr("node")? {
        namespace::NICK => (namespace::NICK, "current", nick(&ghost.name)),
        namespace::AVATAR_METADATA => (namespace::AVATAR_METADATA, picture?.hash.as_str(), metadata(picture?)),
        namespace::AVATAR_DATA => {
            let picture = picture?;
            // Whoever asks for another one has old metadata.
            let asked = child(items, "item", namespace::PUBSUB).and_then(|item| item.attr("id"));
            if asked.is_some_and(|asked| asked != picture.hash.as_str()) {
                return None;
            }
            let data = element("data", namespace::AVATAR_DATA).text(&STANDARD.encode(&picture.bytes));
            (namespace::AVATAR_DATA, picture.hash.as_str(), data)
        }
        _ => return None,
    };
    let item = element("item", namespace::PUBSUB).attr("id", id).child(payload);
    let items = element("items", namespace::PUBSUB).attr("node", node).child(item);
    Some(element("pubsub", namespace::PUBSUB).child(items).build())
}

/// XEP-0084 §4.1.
fn metadata(picture: &Picture) -> Builder {
    let info = element("info", namespace::AVATAR_METADATA)
        .attr("id", picture.hash.as_str())
        .attr("bytes", &picture.bytes.len().to_string())
        .attr("type", picture.media_type());
    element("metadata", namespace::AVATAR_METADATA).child(info)
}

/// What a contact is told when a ghost is called, or looks, otherwise than before (XEP-0163 §4.3).
pub(super) fn events(ghost: &Appearance, picture: Option<&Picture>, to: &str) -> Vec<Element> {
    let event = |node, id: &str, payload: Builder| {
        let item = element("item", namespace::PUBSUB_EVENT).attr("id", id).child(payload);
        let items = element("items", namespace::PUBSUB_EVENT).attr("node", node).child(item);
        element("message", namespace::COMPONENT)
            .attr("type", "headline")
            .attr("from", &ghost.jid)
            .attr("to", to)
            .child(element("event", namespace::PUBSUB_EVENT).child(items))
            .build()
    };
    let looks = match picture {
        Some(picture) => event(namespace::AVATAR_METADATA, picture.hash.as_str(), metadata(picture)),
        None => event(namespace::AVATAR_METADATA, "current", element("metadata", namespace::AVATAR_METADATA)),
    };
    let called = ghost.name.as_ref().map(|name| event(namespace::NICK, "current", nick(name)));
    called.into_iter().chain([looks]).collect()
}

#[cfg(test)]
mod tests {
    use dreiklang_model::{Address, DisplayName, Language, Network, PictureHash, Timestamp, Written};

    use super::*;
    use crate::avatars::Announced;

    #[test]
    fn a_ghost_says_who_it_is() {
        let facts = Facts {
            network: &Network::MATRIX,
            organisation: "Town",
            language: Language::English,
            since: Timestamp::from_millis(0),
            now: Timestamp::from_millis(1_031_699_305_000),
        };
        let alice = Ghost {
            written: Written::new("alice%hs.example@matrix.gw.example").unwrap(),
            address: Address::new(Network::MATRIX, "@alice:hs.example").unwrap(),
            name: DisplayName::new("Alice <A>"),
            bot: false,
            picture: None,
        };
        let card = ghost(&alice, None, &facts);
        assert_eq!(child(&card, "FN", namespace::VCARD).unwrap().text(), "Alice <A>");
        assert!(child(&card, "DESC", namespace::VCARD).unwrap().text().contains("Town (matrix)"));
        assert_eq!(child(&component(&facts), "FN", namespace::VCARD).unwrap().text(), "Gateway Town");

        let ask = |node: &str| {
            format!("<pubsub xmlns='{}'><items node='{node}'/></pubsub>", namespace::PUBSUB).parse::<Element>().unwrap()
        };
        let answer = published(&ask(namespace::NICK), &alice, None).unwrap();
        assert!(String::from(&answer).contains("Alice &lt;A&gt;"));
        assert!(published(&ask("urn:xmpp:avatar:metadata"), &alice, None).is_none());
        assert!(published(&element("pubsub", namespace::PUBSUB).build(), &alice, None).is_none());

        let hash = PictureHash::new("2fd4e1c67a2d28fced849ee1bb76e7391b93eb12").unwrap();
        let picture = Picture { hash: hash.clone(), bytes: b"\x89PNG".as_slice().into() };
        let answer = |content: Element| element("iq", namespace::COMPONENT).child(content).build();
        let card = crate::avatars::card(&answer(ghost(&alice, Some(&picture), &facts)));
        assert_eq!(card.picture.as_deref(), Some(b"\x89PNG".as_slice()));
        let data = published(&ask(namespace::AVATAR_DATA), &alice, Some(&picture)).unwrap();
        assert_eq!(crate::avatars::data(&answer(data)).as_deref(), Some(b"\x89PNG".as_slice()));
        assert!(published(&ask(namespace::AVATAR_METADATA), &alice, Some(&picture)).is_some());

        let shown = Appearance {
            jid: "alice@gw".into(),
            name: Some(alice.name.clone()),
            info: crate::service::disco::ghost(),
            presence: None,
            picture: Some(hash.clone()),
        };
        let read = |picture| -> Vec<_> { events(&shown, picture, "bob@x").iter().filter_map(crate::avatars::in_event).collect() };
        assert_eq!(read(Some(&picture)), [Announced::Nick(alice.name.clone()), Announced::Picture(Some(hash))]);
        assert_eq!(read(None)[1], Announced::Picture(None));
    }
}
