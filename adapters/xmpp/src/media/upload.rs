// SPDX-License-Identifier: EUPL-1.2
//! Places for files on XMPP servers (XEP-0363): which service takes uploads, and slots in it. A slot is asked for as the ghost, so
//! that quotas count for each and not for the whole organisation.

use std::time::Duration;

use dreiklang_model::Attachment;
use minidom::Element;
use moka::sync::Cache;
use reqwest::header::{HeaderName, HeaderValue};

use crate::xml::{child, element, namespace};

/// How many parts of a domain are asked.
const MOST_PARTS: usize = 20;
/// How long it is believed which service takes uploads.
const BELIEVED: Duration = Duration::from_secs(10 * 60);

/// Where to put a file, and where it can be had afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) put: String,
    pub(crate) get: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Slot {
    /// The slot in a service's answer (XEP-0363 §5). Only the three headers that it allows are kept.
    pub(crate) fn read(answer: &Element) -> Option<Self> {
        let slot = child(answer, "slot", namespace::UPLOAD)?;
        let put = child(slot, "put", namespace::UPLOAD)?;
        let headers = put.children().filter(|one| one.is("header", namespace::UPLOAD)).filter_map(|header| {
            let name = header.attr("name")?.to_ascii_lowercase();
            let allowed = matches!(name.as_str(), "authorization" | "cookie" | "expires");
            let value = header.text().replace(['\r', '\n'], "");
            allowed.then_some(()).and_then(|()| Some((name.parse().ok()?, value.parse().ok()?)))
        });
        let get = child(slot, "get", namespace::UPLOAD)?.attr("url")?.to_owned();
        Some(Self { put: put.attr("url")?.to_owned(), get, headers: headers.collect() })
    }
}

/// Asks for a slot.
pub(crate) fn slot_request(from: &str, service: &str, id: &str, file: &Attachment, size: u64) -> Element {
    let request = element("request", namespace::UPLOAD)
        .attr("filename", file.name.as_str())
        .attr("size", &size.to_string())
        .attr("content-type", file.media_type.as_str());
    question("get", from, service, id).child(request).build()
}

/// Asks what a domain consists of, or what a part of it is.
pub(crate) fn disco(from: &str, whom: &str, id: &str, space: &'static str) -> Element {
    question("get", from, whom, id).child(element("query", space)).build()
}

fn question(kind: &str, from: &str, to: &str, id: &str) -> crate::xml::Builder {
    element("iq", namespace::COMPONENT).attr("type", kind).attr("from", from).attr("to", to).attr("id", id)
}

/// The parts of a domain, from its answer.
pub(crate) fn items(answer: &Element) -> Vec<String> {
    let query = child(answer, "query", namespace::DISCO_ITEMS);
    let items = query.into_iter().flat_map(Element::children).filter(|item| item.is("item", namespace::DISCO_ITEMS));
    items
        .filter_map(|item| item.attr("jid"))
        .filter(|jid| !jid.contains(['@', '/']))
        .take(MOST_PARTS)
        .map(str::to_owned)
        .collect()
}

/// Does a part say that it takes uploads?
pub(crate) fn takes_uploads(answer: &Element) -> bool {
    let query = child(answer, "query", namespace::DISCO_INFO);
    query.into_iter().flat_map(Element::children).any(|feature| feature.attr("var") == Some(namespace::UPLOAD))
}

/// Which service takes uploads for a domain, as far as that was found out lately.
pub(crate) struct Services(Cache<String, Option<String>>);

impl Services {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(10_000).time_to_live(BELIEVED).build())
    }

    pub(crate) fn known(&self, domain: &str) -> Option<Option<String>> {
        self.0.get(domain)
    }

    pub(crate) fn learn(&self, domain: &str, service: Option<String>) {
        self.0.insert(domain.to_owned(), service);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(content: &str) -> Element {
        format!("<iq xmlns='jabber:component:accept' type='result'>{content}</iq>").parse().unwrap()
    }

    #[test]
    fn slots() {
        let read = answer(
            "<slot xmlns='urn:xmpp:http:upload:0'><put url='https://up/1'><header name='Authorization'>Basic x\n</header>\
             <header name='Host'>evil</header></put><get url='https://down/1'/></slot>",
        );
        let slot = Slot::read(&read).unwrap();
        assert_eq!((slot.put.as_str(), slot.get.as_str()), ("https://up/1", "https://down/1"));
        assert_eq!(slot.headers, [(reqwest::header::AUTHORIZATION, HeaderValue::from_static("Basic x"))]);
        assert_eq!(Slot::read(&answer("<slot xmlns='urn:xmpp:http:upload:0'><put url='x'/></slot>")), None);
    }

    #[test]
    fn services() {
        let listed = answer(
            "<query xmlns='http://jabber.org/protocol/disco#items'><item jid='upload.x'/><item jid='a@x'/><item/></query>",
        );
        assert_eq!(items(&listed), ["upload.x"]);
        let info =
            |var: &str| answer(&format!("<query xmlns='http://jabber.org/protocol/disco#info'><feature var='{var}'/></query>"));
        assert!(takes_uploads(&info("urn:xmpp:http:upload:0")));
        assert!(!takes_uploads(&info("urn:xmpp:mam:2")));
    }
}
