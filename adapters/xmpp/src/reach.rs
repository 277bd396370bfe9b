// SPDX-License-Identifier: EUPL-1.2
//! Can the server reach a domain? Whether a person exists there no server tells a stranger (RFC 6121 §8.5.1).

use minidom::Element;

use crate::{
    condition::Refusal,
    xml::{element, namespace},
};

/// Asks a domain what it is (XEP-0030): who is no XMPP server cannot answer.
pub(crate) fn question(from: &str, domain: &str, id: &str) -> Element {
    element("iq", namespace::COMPONENT)
        .attr("type", "get")
        .attr("from", from)
        .attr("to", domain)
        .attr("id", id)
        .child(element("query", namespace::DISCO_INFO))
        .build()
}

/// `false`: the own server says in the domain's name that it does not get there. [`None`]: there is somebody.
pub(crate) fn verdict(answer: &Element) -> Option<bool> {
    let error = answer.attr("type") == Some("error");
    let unreachable = ["remote-server-not-found", "item-not-found", "not-allowed", "forbidden"];
    (error && unreachable.contains(&Refusal::read(answer).condition)).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_real_servers() {
        for (answer, verdict_) in [
            ("<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", None),
            ("<iq type='error'><error type='cancel'><not-allowed xmlns='NS'/></error></iq>", Some(false)),
            ("<iq type='error'><error type='auth'><forbidden xmlns='NS'/></error></iq>", Some(false)),
            ("<iq type='error'><error type='cancel'><remote-server-not-found xmlns='NS'/></error></iq>", Some(false)),
            ("<iq type='error'><error type='wait'><remote-server-timeout xmlns='NS'/></error></iq>", None),
            ("<iq type='error'><error type='cancel'><service-unavailable xmlns='NS'/></error></iq>", None),
        ] {
            let xml = answer.replace("NS", namespace::STANZA_ERRORS).replacen("<iq", "<iq xmlns='jabber:component:accept'", 1);
            assert_eq!(verdict(&xml.parse().unwrap()), verdict_, "{answer}");
        }
    }
}
