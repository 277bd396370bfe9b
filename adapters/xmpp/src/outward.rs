// SPDX-License-Identifier: EUPL-1.2
//! From the canonical model to stanzas. Pure: the same delivery gives the same stanzas, so a repeat is recognised.

use dreiklang_engine::port::Deliverable;
use dreiklang_model::{
    DisplayName, Kind, Language, Message, NativeId, Placed, Reason, Report, What,
    words::{self, Text},
};
use minidom::Element;

use crate::{
    address,
    condition::Condition,
    envelope::Says,
    inward::stamp,
    senders::Origin,
    xml::{Builder, element, namespace},
};

/// The stanzas for one delivery. `origin` is where the message came from that a report is about, if that is still known.
pub(crate) fn stanzas(delivery: &Deliverable, origin: Option<&Origin>, language: Language) -> Vec<Element> {
    let writer = Writer { delivery, language };
    match &delivery.what {
        What::Message(message) | What::Edit { to: message, .. } => vec![writer.message(message)],
        // The engine makes text of them for this network.
        What::Retract { .. } | What::React { .. } | What::Read { .. } => Vec::new(),
        What::Unsupported { feature, name } => {
            vec![writer.note(&Text::CannotCarry { feature: *feature, name: name.as_deref() })]
        }
        What::Opened => vec![writer.note(&Text::Opened { name: delivery.leg.ghost_name.as_str() })],
        What::Report { of, report } => match (report, origin) {
            (Report::Delivered, _) => vec![writer.receipt(of, origin)],
            (Report::Delayed, _) => vec![writer.note(&Text::Delayed)],
            (Report::Reduced(feature), _) => vec![writer.note(&Text::Reduced { feature: *feature })],
            (Report::Failed(reason), Some(origin)) => vec![writer.failure(of, reason, origin)],
            (Report::Failed(reason), None) => vec![writer.note(&Text::Failed { reason })],
        },
    }
}

/// XEP-0172.
pub(crate) fn nick(name: &DisplayName) -> Builder {
    element("nick", namespace::NICK).text(name.as_str())
}

struct Writer<'a> {
    delivery: &'a Deliverable,
    language: Language,
}

impl Writer<'_> {
    fn envelope(&self) -> Builder {
        element("message", namespace::COMPONENT)
            .attr("type", "chat")
            .attr("from", &address::full(self.delivery.leg.ghost.as_str()))
            .attr("to", self.delivery.leg.user.address.as_str())
            .attr("id", &self.delivery.id.to_string())
    }

    fn message(&self, message: &Message<Placed>) -> Element {
        let delivery = self.delivery;
        let mut stanza = self.envelope();
        if let Some(subject) = &message.subject {
            stanza = stanza.text_child("subject", subject);
        }
        let body = match message.kind {
            Kind::Emote => format!("/me {}", message.text),
            Kind::Text | Kind::Notice => message.text.clone(),
        };
        let late = delivery.late.then(|| stamp(delivery.sent_at)).flatten();
        let delay = late.map(|stamp| {
            let from = address::domain(delivery.leg.ghost.as_str());
            element("delay", namespace::DELAY).attr("from", from).attr("stamp", &stamp)
        });
        stanza
            .text_child("body", &body)
            .child(nick(&delivery.leg.ghost_name))
            .child(element("origin-id", namespace::SID).attr("id", &delivery.id.to_string()))
            .child(element("request", namespace::RECEIPTS))
            .child(element("store", namespace::HINTS))
            .children(delay)
            .build()
    }

    /// Something the gateway says where the ghost would.
    fn note(&self, text: &Text<'_>) -> Element {
        let said = words::say(self.language, text);
        self.message(&Message { kind: Kind::Notice, ..Message::text(said) })
    }

    /// XEP-0184 §5. Shown in the chat to which the message was sent.
    fn receipt(&self, of: &NativeId, origin: Option<&Origin>) -> Element {
        let receipt = match origin {
            Some(origin) => self.envelope().attr("from", &origin.to),
            None => self.envelope(),
        };
        receipt
            .child(element("received", namespace::RECEIPTS).attr("id", of.as_str()))
            .child(element("store", namespace::HINTS))
            .build()
    }

    /// RFC 6120 §8.3, to the device that sent the message.
    fn failure(&self, of: &NativeId, reason: &Reason, origin: &Origin) -> Element {
        let text = words::reason(self.language, reason);
        element("message", namespace::COMPONENT)
            .attr("type", "error")
            .attr("from", &origin.to)
            .attr("to", &origin.device)
            .attr("id", of.as_str())
            .child(Condition::of(reason).element(Some(Says { language: self.language.tag(), text: &text })))
            .build()
    }
}

#[cfg(test)]
mod tests {
    use dreiklang_engine::{Leg, Person};
    use dreiklang_model::{Address, ConversationId, DeliveryId, EventId, Feature, Network, PersonaId, Timestamp, Written};
    use proptest::prelude::*;

    use super::*;
    use crate::xml::child;

    fn delivery(what: What<Placed>) -> Deliverable {
        let at = Timestamp::from_millis(1_031_699_305_000);
        let person = |network, address: &str| Person { persona: PersonaId(1), address: Address::new(network, address).unwrap() };
        Deliverable {
            id: DeliveryId { event: EventId::from_parts(at, 7), part: 1 },
            leg: Leg {
                conversation: ConversationId::from_parts(at, 8),
                user: person(Network::XMPP, "bob@xmpp.example"),
                ghost: Written::new("alice%hs.example@matrix.gw.example").unwrap(),
                other: person(Network::MATRIX, "@alice:hs.example"),
                ghost_name: DisplayName::new("Alice"),
                bot: false,
                chat: None,
                notes: None,
            },
            sent_at: at,
            late: false,
            what,
        }
    }

    fn one(delivery: &Deliverable, origin: Option<&Origin>) -> Element {
        let mut all = stanzas(delivery, origin, Language::English);
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    fn body(stanza: &Element) -> String {
        child(stanza, "body", namespace::COMPONENT).unwrap().text()
    }

    #[test]
    fn a_message_has_everything_that_clients_use() {
        let said = Message { subject: Some("Plan".into()), kind: Kind::Emote, ..Message::text("waves") };
        let sent = Deliverable { late: true, ..delivery(What::Message(said)) };
        let stanza = one(&sent, None);
        let id = sent.id.to_string();
        assert_eq!(stanza.attr("type"), Some("chat"));
        assert_eq!(stanza.attr("from"), Some("alice%hs.example@matrix.gw.example/gw"));
        assert_eq!(stanza.attr("to"), Some("bob@xmpp.example"));
        assert_eq!(stanza.attr("id"), Some(id.as_str()));
        assert_eq!(body(&stanza), "/me waves");
        assert_eq!(child(&stanza, "subject", namespace::COMPONENT).unwrap().text(), "Plan");
        assert_eq!(child(&stanza, "nick", namespace::NICK).unwrap().text(), "Alice");
        assert_eq!(child(&stanza, "origin-id", namespace::SID).unwrap().attr("id"), Some(id.as_str()));
        assert!(child(&stanza, "request", namespace::RECEIPTS).is_some());
        assert!(child(&stanza, "store", namespace::HINTS).is_some());
        let delay = child(&stanza, "delay", namespace::DELAY).unwrap();
        assert_eq!(delay.attr("stamp"), Some("2002-09-10T23:08:25.000Z"));
        assert_eq!(delay.attr("from"), Some("matrix.gw.example"));
        assert!(child(&one(&delivery(What::Message(Message::text("x"))), None), "delay", namespace::DELAY).is_none());
    }

    #[test]
    fn reports() {
        let of = NativeId::new("theirs").unwrap();
        let report = |report| delivery(What::Report { of: of.clone(), report });
        let origin = Origin { device: "bob@xmpp.example/phone".into(), to: "\\40alice\\3ahs.example@matrix.gw.example".into() };

        let receipt = one(&report(Report::Delivered), None);
        assert_eq!(child(&receipt, "received", namespace::RECEIPTS).unwrap().attr("id"), Some("theirs"));
        assert_eq!(receipt.attr("from"), Some("alice%hs.example@matrix.gw.example/gw"));
        assert!(child(&receipt, "request", namespace::RECEIPTS).is_none(), "a receipt asks for no receipt");
        assert_eq!(one(&report(Report::Delivered), Some(&origin)).attr("from"), Some(origin.to.as_str()));

        let failed = one(&report(Report::Failed(Reason::UnknownRecipient)), Some(&origin));
        assert_eq!((failed.attr("type"), failed.attr("id")), (Some("error"), Some("theirs")));
        assert_eq!((failed.attr("from"), failed.attr("to")), (Some(origin.to.as_str()), Some("bob@xmpp.example/phone")));
        let error = child(&failed, "error", namespace::COMPONENT).unwrap();
        assert!(child(error, "item-not-found", namespace::STANZA_ERRORS).is_some());
        assert!(!child(error, "text", namespace::STANZA_ERRORS).unwrap().text().is_empty());

        let told = one(&report(Report::Failed(Reason::UnknownRecipient)), None);
        assert_eq!(told.attr("type"), Some("chat"));
        assert!(body(&told).contains("not delivered"));
        assert!(!body(&one(&report(Report::Delayed), None)).is_empty());
        assert!(body(&one(&report(Report::Reduced(Feature::Poll)), None)).contains("poll"));
    }

    #[test]
    fn what_was_not_reduced_is_still_readable() {
        let native = NativeId::new("first").unwrap();
        let of = Placed { parts: vec![native.clone()], native, by: dreiklang_model::Side::Ghost };
        assert_eq!(body(&one(&delivery(What::Edit { of, to: Message::text("right") }), None)), "right");
        assert!(body(&one(&delivery(What::Opened), None)).contains("Alice"));
        let file = What::Unsupported { feature: Feature::File, name: Some("a.pdf".into()) };
        assert!(body(&one(&delivery(file), None)).contains("a.pdf"));
    }

    proptest! {
        #[test]
        fn any_text_is_well_formed_and_comes_back(text in any::<String>(), name in any::<String>()) {
            let mut sent = delivery(What::Message(Message::text(text.clone())));
            sent.leg.ghost_name = DisplayName::new(&name);
            let mut bytes = rxml::bytes::BytesMut::new();
            crate::xml::write(&one(&sent, None), &mut bytes).unwrap();
            let back: Element = std::str::from_utf8(&bytes).unwrap().parse().unwrap();
            let legal = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
            prop_assert_eq!(body(&back), text.chars().filter(legal).collect::<String>());
        }
    }
}
