// SPDX-License-Identifier: EUPL-1.2
//! Encrypted messages: the gateway cannot read them and must not carry the placeholder text that stands beside them.

use minidom::Element;

use crate::xml::{child, namespace};

/// What an encrypted message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Encryption {
    /// Content, by the scheme's name for people.
    Content(String),
    /// Only keys: nothing that anybody wrote.
    KeysOnly,
}

/// How a message is encrypted, if it is: by its payload, else by what it says of itself (XEP-0380), else by OTR's prefix.
pub(super) fn encryption(message: &Element, body: Option<&str>) -> Option<Encryption> {
    for omemo in [namespace::OMEMO_LEGACY, namespace::OMEMO_1, namespace::OMEMO_2] {
        if let Some(encrypted) = child(message, "encrypted", omemo) {
            let content = encrypted.children().any(|part| part.name() == "payload");
            return Some(if content { named("OMEMO") } else { Encryption::KeysOnly });
        }
    }
    let schemes = [("openpgp", namespace::OPENPGP, "OpenPGP"), ("x", namespace::OPENPGP_LEGACY, "OpenPGP")];
    for (name, space, scheme) in schemes {
        if child(message, name, space).is_some() {
            return Some(named(scheme));
        }
    }
    if let Some(says) = child(message, "encryption", namespace::EME) {
        let known = match says.attr("namespace") {
            Some(namespace::OMEMO_LEGACY | namespace::OMEMO_1 | namespace::OMEMO_2) => "OMEMO",
            Some(namespace::OPENPGP | namespace::OPENPGP_LEGACY) => "OpenPGP",
            Some("urn:xmpp:otr:0") => "OTR",
            _ => says.attr("name").unwrap_or(""),
        };
        let name: String = known.chars().filter(|c| !c.is_control()).take(32).collect();
        return Some(named(if name.is_empty() { "?" } else { &name }));
    }
    body.is_some_and(|body| body.starts_with("?OTR:") || body.starts_with("?OTRv")).then(|| named("OTR"))
}

fn named(scheme: &str) -> Encryption {
    Encryption::Content(scheme.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes() {
        let omemo = Some(named("OMEMO"));
        for (xml, expected) in [
            ("<encrypted xmlns='eu.siacs.conversations.axolotl'><header/><payload>x</payload></encrypted>", omemo.clone()),
            ("<encrypted xmlns='urn:xmpp:omemo:2'><header/><payload>x</payload></encrypted>", omemo.clone()),
            ("<encrypted xmlns='eu.siacs.conversations.axolotl'><header/></encrypted>", Some(Encryption::KeysOnly)),
            ("<openpgp xmlns='urn:xmpp:openpgp:0'>x</openpgp>", Some(named("OpenPGP"))),
            ("<x xmlns='jabber:x:encrypted'>x</x>", Some(named("OpenPGP"))),
            ("<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl'/>", omemo),
            ("<encryption xmlns='urn:xmpp:eme:0' namespace='urn:new' name='Newcrypt'/>", Some(named("Newcrypt"))),
            ("<encryption xmlns='urn:xmpp:eme:0'/>", Some(named("?"))),
            ("<x xmlns='jabber:x:oob'/>", None),
        ] {
            let message: Element = format!("<message xmlns='jabber:client'>{xml}</message>").parse().unwrap();
            assert_eq!(encryption(&message, Some("I sent you an encrypted message")), expected, "{xml}");
        }
        let plain = Element::bare("message", namespace::CLIENT);
        assert_eq!(encryption(&plain, Some("?OTRv23?")), Some(named("OTR")));
        assert_eq!(encryption(&plain, Some("?OTR is a thing")), None);
        assert_eq!(encryption(&plain, None), None);
    }
}
