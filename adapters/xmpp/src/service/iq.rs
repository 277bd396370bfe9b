// SPDX-License-Identifier: EUPL-1.2
//! Every `<iq/>` of type get or set is answered (RFC 6120 §8.2.3), whatever it asks.

use dreiklang_engine::{Lookup, Picture};
use dreiklang_model::{
    Reason,
    words::{self, Text},
};
use minidom::Element;

use super::{Addressee, Facts, Service, disco, profile};
use crate::{
    condition::Condition,
    envelope::{Envelope, Says},
    hosted::listed,
    inward::stamp,
    xml::{child, element, namespace},
};

/// What a question is answered with.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// Done; with a payload, if there is one to show.
    Result(Option<Element>),
    /// Not done.
    Refusal(Condition),
    /// Not done, and why for people.
    Refused(Reason),
    /// Whose ghost is meant by this text has to be looked up.
    Resolve(String),
}

/// The answer to an `<iq/>`; [`None`] for what is itself an answer, or cannot be answered.
pub(super) async fn answer(service: &Service, envelope: &Envelope<'_>, stanza: &Element) -> Option<Element> {
    if matches!(envelope.kind_of, Some("result" | "error")) {
        return None;
    }
    if envelope.id.is_none() {
        service.hub.dropped("malformed");
        return None;
    }
    let facts = service.facts();
    let mut answer = match (one_payload(envelope, stanza), service.addressee(envelope.to).await) {
        (Some((false, payload)), Ok(Addressee::Component)) if lists_rooms(payload) => match service.hub.rooms().await {
            Ok(rooms) => Answer::Result(Some(listed(service.domain.as_str(), &rooms))),
            Err(error) => failed(&error),
        },
        (None, _) => Answer::Refusal(Condition::BadRequest),
        (Some((set, payload)), Ok(addressee)) => {
            let picture = if shows_picture(payload) { service.picture(envelope.to).await } else { None };
            decide(set, payload, &addressee, picture.as_ref(), &facts)
        }
        (Some(_), Err(error)) => failed(&error),
    };
    if let Answer::Resolve(pasted) = answer {
        answer = match service.hub.resolve(&pasted).await {
            Ok(Lookup::Ghost(ghost)) => Answer::Result(Some(gateway_result(ghost.written.as_str()))),
            Ok(Lookup::Nobody(reason)) => Answer::Refused(reason),
            Err(error) => failed(&error),
        };
    }
    match answer {
        Answer::Result(payload) => Some(envelope.answer("result").children(payload).build()),
        Answer::Refusal(condition) => envelope.refuse(condition, None),
        Answer::Refused(reason) => {
            let text = words::reason(facts.language, &reason);
            let condition = if reason == Reason::NotConnected { Condition::ItemNotFound } else { Condition::of(&reason) };
            envelope.refuse(condition, Some(Says { language: facts.language.tag(), text: &text }))
        }
        Answer::Resolve(_) => envelope.refuse(Condition::InternalServerError, None),
    }
}

fn failed(error: &dreiklang_engine::port::StoreError) -> Answer {
    tracing::error!(%error, "a question could not be answered");
    Answer::Refusal(Condition::InternalServerError)
}

/// Whether it is a set, and what is asked: exactly one element (RFC 6120 §8.2.3).
fn one_payload<'a>(envelope: &Envelope<'_>, stanza: &'a Element) -> Option<(bool, &'a Element)> {
    let set = match envelope.kind_of {
        Some("get") => false,
        Some("set") => true,
        _ => return None,
    };
    let mut payloads = stanza.children();
    payloads.next().filter(|_| payloads.next().is_none()).map(|payload| (set, payload))
}

/// Which rooms are there?
fn lists_rooms(payload: &Element) -> bool {
    payload.is("query", namespace::DISCO_ITEMS) && payload.attr("node").is_none()
}

/// Is the answer about how somebody looks?
fn shows_picture(payload: &Element) -> bool {
    let node = child(payload, "items", namespace::PUBSUB).and_then(|items| items.attr("node"));
    payload.is("vCard", namespace::VCARD) || matches!(node, Some(namespace::AVATAR_DATA | namespace::AVATAR_METADATA))
}

fn decide(set: bool, payload: &Element, addressee: &Addressee, picture: Option<&Picture>, facts: &Facts<'_>) -> Answer {
    let ghost = match addressee {
        Addressee::Nobody(reason) => return Answer::Refused(reason.clone()),
        Addressee::Ghost(ghost) => Some(ghost),
        Addressee::Component => None,
    };
    let found = |payload: Option<Element>| match payload {
        Some(payload) => Answer::Result(Some(payload)),
        None => Answer::Refusal(Condition::ItemNotFound),
    };
    let space = payload.ns();
    match (set, payload.name(), space.as_str(), ghost) {
        (false, "query", namespace::DISCO_INFO, Some(_)) => found(disco::ghost().query(payload.attr("node"))),
        (false, "query", namespace::DISCO_INFO, None) => found(disco::component(facts).query(payload.attr("node"))),
        (false, "query", namespace::DISCO_ITEMS, _) => match payload.attr("node") {
            None => Answer::Result(Some(element("query", namespace::DISCO_ITEMS).build())),
            Some(_) => Answer::Refusal(Condition::ItemNotFound),
        },
        (false, "ping", namespace::PING, _) => Answer::Result(None),
        (false, "query", namespace::VERSION, _) => {
            let version = element("query", namespace::VERSION).text_child("name", "Dreiklang");
            Answer::Result(Some(version.text_child("version", env!("CARGO_PKG_VERSION")).build()))
        }
        // XEP-0202: the gateway's own time, for it is the program that ghosts use.
        (false, "time", namespace::TIME, _) => match stamp(facts.now) {
            Some(utc) => {
                let time = element("time", namespace::TIME).text_child("tzo", "+00:00").text_child("utc", &utc);
                Answer::Result(Some(time.build()))
            }
            None => Answer::Refusal(Condition::ServiceUnavailable),
        },
        // XEP-0012 §5: how long it serves. When a person was last there is his affair (§3): the gateway does not know it.
        (false, "query", namespace::LAST, None) => {
            let seconds = facts.now.since(facts.since).as_secs().to_string();
            Answer::Result(Some(element("query", namespace::LAST).attr("seconds", &seconds).build()))
        }
        (false, "query", namespace::LAST, Some(_)) => Answer::Refusal(Condition::Forbidden),
        (false, "vCard", namespace::VCARD, Some(ghost)) => Answer::Result(Some(profile::ghost(ghost, picture, facts))),
        (false, "vCard", namespace::VCARD, None) => Answer::Result(Some(profile::component(facts))),
        (false, "vcard", namespace::VCARD_4, _) => Answer::Refusal(Condition::ItemNotFound),
        (false, "pubsub", namespace::PUBSUB, ghost) => found(ghost.and_then(|ghost| profile::published(payload, ghost, picture))),
        (true, "vCard", namespace::VCARD, _)
        | (true, "vcard", namespace::VCARD_4, _)
        | (true, "pubsub", namespace::PUBSUB, _) => Answer::Refusal(Condition::NotAllowed),
        (false, "query", namespace::GATEWAY, None) => Answer::Result(Some(gateway_prompt(facts))),
        (true, "query", namespace::GATEWAY, None) => match child(payload, "prompt", namespace::GATEWAY).map(Element::text) {
            Some(pasted) if !pasted.trim().is_empty() => Answer::Resolve(pasted.trim().to_owned()),
            _ => Answer::Refusal(Condition::BadRequest),
        },
        // Nobody has to register: everybody of either network reaches everybody of the other.
        (_, _, namespace::REGISTER, _) => Answer::Refusal(Condition::FeatureNotImplemented),
        _ => Answer::Refusal(Condition::ServiceUnavailable),
    }
}

/// XEP-0100 §6.
fn gateway_prompt(facts: &Facts<'_>) -> Element {
    element("query", namespace::GATEWAY)
        .text_child("desc", &words::say(facts.language, &Text::GatewayDescription))
        .text_child("prompt", &words::say(facts.language, &Text::GatewayPrompt))
        .build()
}

fn gateway_result(jid: &str) -> Element {
    element("query", namespace::GATEWAY).text_child("jid", jid).build()
}

#[cfg(test)]
mod tests {
    use dreiklang_engine::Ghost;
    use dreiklang_model::{Address, DisplayName, Language, Network, Timestamp, Written};

    use super::*;

    fn facts() -> Facts<'static> {
        Facts {
            network: &Network::MATRIX,
            organisation: "Town",
            language: Language::English,
            since: Timestamp::from_millis(0),
            now: Timestamp::from_millis(1_031_699_305_000),
        }
    }

    fn ghost() -> Addressee {
        Addressee::Ghost(Ghost {
            written: Written::new("alice%hs@matrix.gw").unwrap(),
            address: Address::new(Network::MATRIX, "@alice:hs").unwrap(),
            name: DisplayName::new("Alice"),
            bot: false,
            picture: None,
        })
    }

    fn ask(kind: &str, payload: &str, addressee: &Addressee) -> Answer {
        let xml = format!("<iq xmlns='jabber:component:accept' from='bob@x/r' to='t' id='1' type='{kind}'>{payload}</iq>");
        let stanza: Element = xml.parse().unwrap();
        let envelope = Envelope::read(&stanza).unwrap();
        match one_payload(&envelope, &stanza) {
            Some((set, payload)) => decide(set, payload, addressee, None, &facts()),
            None => Answer::Refusal(Condition::BadRequest),
        }
    }

    #[test]
    fn every_question_has_an_answer() {
        use Condition::{BadRequest, FeatureNotImplemented, Forbidden, ItemNotFound, NotAllowed, ServiceUnavailable};
        let (gateway, ghost) = (Addressee::Component, ghost());
        for (kind, payload, addressee, refused) in [
            ("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", &gateway, None),
            ("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", &ghost, None),
            ("get", "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>", &ghost, Some(ItemNotFound)),
            ("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", &gateway, None),
            ("get", "<query xmlns='http://jabber.org/protocol/disco#items' node='x'/>", &gateway, Some(ItemNotFound)),
            ("get", "<ping xmlns='urn:xmpp:ping'/>", &ghost, None),
            ("get", "<query xmlns='jabber:iq:version'/>", &gateway, None),
            ("get", "<time xmlns='urn:xmpp:time'/>", &ghost, None),
            ("get", "<query xmlns='jabber:iq:last'/>", &gateway, None),
            ("get", "<query xmlns='jabber:iq:last'/>", &ghost, Some(Forbidden)),
            ("get", "<vCard xmlns='vcard-temp'/>", &ghost, None),
            ("get", "<vCard xmlns='vcard-temp'/>", &gateway, None),
            ("set", "<vCard xmlns='vcard-temp'/>", &ghost, Some(NotAllowed)),
            ("get", "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>", &ghost, Some(ItemNotFound)),
            (
                "get",
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:avatar:metadata'/></pubsub>",
                &ghost,
                Some(ItemNotFound),
            ),
            (
                "get",
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='http://jabber.org/protocol/nick'/></pubsub>",
                &ghost,
                None,
            ),
            ("get", "<query xmlns='jabber:iq:gateway'/>", &gateway, None),
            ("get", "<query xmlns='jabber:iq:gateway'/>", &ghost, Some(ServiceUnavailable)),
            ("set", "<query xmlns='jabber:iq:gateway'/>", &gateway, Some(BadRequest)),
            ("set", "<query xmlns='jabber:iq:gateway'><prompt> </prompt></query>", &gateway, Some(BadRequest)),
            ("get", "<query xmlns='jabber:iq:register'/>", &gateway, Some(FeatureNotImplemented)),
            ("set", "<query xmlns='jabber:iq:roster'/>", &ghost, Some(ServiceUnavailable)),
            ("get", "<x xmlns='urn:unknown'/>", &gateway, Some(ServiceUnavailable)),
            ("get", "", &gateway, Some(BadRequest)),
            ("get", "<ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/>", &gateway, Some(BadRequest)),
            ("foo", "<ping xmlns='urn:xmpp:ping'/>", &gateway, Some(BadRequest)),
        ] {
            match (ask(kind, payload, addressee), refused) {
                (Answer::Result(_), None) => {}
                (Answer::Refusal(condition), Some(refused)) => assert_eq!(condition, refused, "{kind} {payload}"),
                (other, _) => panic!("{kind} {payload}: {other:?}"),
            }
        }
        let nobody = Addressee::Nobody(Reason::UnknownRecipient);
        assert_eq!(ask("get", "<ping xmlns='urn:xmpp:ping'/>", &nobody), Answer::Refused(Reason::UnknownRecipient));
    }

    #[test]
    fn times() {
        let Answer::Result(Some(time)) = ask("get", "<time xmlns='urn:xmpp:time'/>", &ghost()) else { panic!() };
        assert_eq!(child(&time, "utc", namespace::TIME).unwrap().text(), "2002-09-10T23:08:25.000Z");
        let Answer::Result(Some(last)) = ask("get", "<query xmlns='jabber:iq:last'/>", &Addressee::Component) else { panic!() };
        assert_eq!(last.attr("seconds"), Some("1031699305"));
    }

    #[test]
    fn pasted_addresses_are_looked_up() {
        let prompt = "<query xmlns='jabber:iq:gateway'><prompt> @alice:hs </prompt></query>";
        assert_eq!(ask("set", prompt, &Addressee::Component), Answer::Resolve("@alice:hs".into()));
        assert_eq!(child(&gateway_result("alice%hs@gw"), "jid", namespace::GATEWAY).unwrap().text(), "alice%hs@gw");
    }
}
