// SPDX-License-Identifier: EUPL-1.2
//! Stanza errors (RFC 6120 §8.3) and what they mean: outward why something was refused, inward what became of a delivery.

use dreiklang_engine::port::DeliveryError;
use dreiklang_model::Reason;
use minidom::Element;

use crate::{
    envelope::Says,
    xml::{element, namespace, stanza_child},
};

/// Longest text of a far side that people are shown, in characters.
const LONGEST_SAID: usize = 300;

/// The conditions that the gateway answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    BadRequest,
    Conflict,
    FeatureNotImplemented,
    Forbidden,
    Gone,
    InternalServerError,
    ItemNotFound,
    JidMalformed,
    NotAcceptable,
    NotAllowed,
    RegistrationRequired,
    RemoteServerNotFound,
    RemoteServerTimeout,
    ResourceConstraint,
    ServiceUnavailable,
}

impl Condition {
    /// Why something was refused, as a condition.
    pub(crate) fn of(reason: &Reason) -> Self {
        match reason {
            Reason::UnknownRecipient | Reason::FileUnavailable => Self::ItemNotFound,
            Reason::Forbidden | Reason::NotAuthenticated | Reason::KeyChanged => Self::Forbidden,
            Reason::Rejected | Reason::NeedsInvitation | Reason::Said(_) => Self::ServiceUnavailable,
            Reason::InvitedOnly => Self::RegistrationRequired,
            Reason::TooLarge | Reason::Encrypted(_) | Reason::EncryptedRoom | Reason::WrongKey => Self::NotAcceptable,
            Reason::ForbiddenFile => Self::NotAllowed,
            Reason::TooMany => Self::ResourceConstraint,
            Reason::Unreachable | Reason::Expired => Self::RemoteServerTimeout,
            Reason::NotConnected => Self::RemoteServerNotFound,
            Reason::Unreadable => Self::BadRequest,
        }
    }

    /// Name and error type.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::BadRequest => ("bad-request", "modify"),
            Self::Conflict => ("conflict", "cancel"),
            Self::FeatureNotImplemented => ("feature-not-implemented", "cancel"),
            Self::Forbidden => ("forbidden", "auth"),
            Self::Gone => ("gone", "cancel"),
            Self::InternalServerError => ("internal-server-error", "wait"),
            Self::ItemNotFound => ("item-not-found", "cancel"),
            Self::JidMalformed => ("jid-malformed", "modify"),
            Self::NotAcceptable => ("not-acceptable", "modify"),
            Self::NotAllowed => ("not-allowed", "cancel"),
            Self::RegistrationRequired => ("registration-required", "auth"),
            Self::RemoteServerNotFound => ("remote-server-not-found", "cancel"),
            Self::RemoteServerTimeout => ("remote-server-timeout", "wait"),
            Self::ResourceConstraint => ("resource-constraint", "wait"),
            Self::ServiceUnavailable => ("service-unavailable", "cancel"),
        }
    }

    /// The `<error/>`.
    pub(crate) fn element(self, says: Option<Says<'_>>) -> Element {
        let (name, kind) = self.names();
        let error = element("error", namespace::COMPONENT).attr("type", kind).child(element(name, namespace::STANZA_ERRORS));
        let text = says.map(|says| element("text", namespace::STANZA_ERRORS).lang(says.language).text(says.text));
        error.children(text).build()
    }
}

/// What an error stanza says about something that we sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// For the sender.
    pub(crate) reason: Reason,
    /// Worth another try (`type='wait'`, RFC 6120 §8.3.2).
    pub(crate) temporary: bool,
    /// The condition, or `unknown`; for the log.
    pub(crate) condition: &'static str,
}

impl Refusal {
    /// Reads a stanza of type `error`, however incomplete: servers send errors without a condition, and the codes of the
    /// time before RFC 3920.
    pub(crate) fn read(stanza: &Element) -> Self {
        let Some(error) = stanza_child(stanza, "error") else {
            return Self { reason: Reason::Rejected, temporary: false, condition: "unknown" };
        };
        let conditions = error.children().filter(|child| child.has_ns(namespace::STANZA_ERRORS) && child.name() != "text");
        let condition = conditions.map(minidom::Element::name).find_map(known).or_else(|| error.attr("code").and_then(legacy));
        let said = error.children().find(|child| child.is("text", namespace::STANZA_ERRORS)).map(minidom::Element::text);
        Self {
            reason: reason(condition.unwrap_or("unknown"), said.as_deref().map(cleaned).filter(|said| !said.is_empty())),
            temporary: error.attr("type") == Some("wait"),
            condition: condition.unwrap_or("unknown"),
        }
    }

    /// What the engine does about a delivery that was refused before it was proved.
    pub(crate) fn into_error(self) -> DeliveryError {
        let cause = format!("refused: {}", self.condition);
        if self.temporary { DeliveryError::later(cause) } else { DeliveryError::Never { reason: self.reason, cause } }
    }
}

/// The conditions of RFC 6120 §8.3.3.
fn known(name: &str) -> Option<&'static str> {
    const ALL: [&str; 22] = [
        "bad-request",
        "conflict",
        "feature-not-implemented",
        "forbidden",
        "gone",
        "internal-server-error",
        "item-not-found",
        "jid-malformed",
        "not-acceptable",
        "not-allowed",
        "not-authorized",
        "payment-required",
        "policy-violation",
        "recipient-unavailable",
        "redirect",
        "registration-required",
        "remote-server-not-found",
        "remote-server-timeout",
        "resource-constraint",
        "service-unavailable",
        "subscription-required",
        "unexpected-request",
    ];
    ALL.into_iter().find(|known| *known == name)
}

/// XEP-0086.
fn legacy(code: &str) -> Option<&'static str> {
    Some(match code {
        "302" => "redirect",
        "400" => "bad-request",
        "401" => "not-authorized",
        "402" => "payment-required",
        "403" => "forbidden",
        "404" => "item-not-found",
        "405" => "not-allowed",
        "406" => "not-acceptable",
        "407" => "registration-required",
        "408" | "504" => "remote-server-timeout",
        "409" => "conflict",
        "500" => "internal-server-error",
        "501" => "feature-not-implemented",
        "502" | "503" | "510" => "service-unavailable",
        _ => return None,
    })
}

fn reason(condition: &str, said: Option<String>) -> Reason {
    match condition {
        "gone" | "item-not-found" | "jid-malformed" | "redirect" => Reason::UnknownRecipient,
        "remote-server-not-found" | "remote-server-timeout" => Reason::Unreachable,
        "resource-constraint" => Reason::TooMany,
        _ => said.map_or(Reason::Rejected, Reason::Said),
    }
}

/// On one line, without control characters, and short.
fn cleaned(said: &str) -> String {
    let words: Vec<&str> = said.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(LONGEST_SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_condition() {
        for (reason, name, kind) in [
            (Reason::UnknownRecipient, "item-not-found", "cancel"),
            (Reason::Forbidden, "forbidden", "auth"),
            (Reason::Rejected, "service-unavailable", "cancel"),
            (Reason::TooLarge, "not-acceptable", "modify"),
            (Reason::TooMany, "resource-constraint", "wait"),
            (Reason::Unreachable, "remote-server-timeout", "wait"),
            (Reason::NotAuthenticated, "forbidden", "auth"),
            (Reason::Encrypted("OMEMO".into()), "not-acceptable", "modify"),
            (Reason::NeedsInvitation, "service-unavailable", "cancel"),
            (Reason::InvitedOnly, "registration-required", "auth"),
            (Reason::EncryptedRoom, "not-acceptable", "modify"),
            (Reason::KeyChanged, "forbidden", "auth"),
            (Reason::WrongKey, "not-acceptable", "modify"),
            (Reason::NotConnected, "remote-server-not-found", "cancel"),
            (Reason::FileUnavailable, "item-not-found", "cancel"),
            (Reason::Expired, "remote-server-timeout", "wait"),
            (Reason::ForbiddenFile, "not-allowed", "cancel"),
            (Reason::Unreadable, "bad-request", "modify"),
            (Reason::Said("no".into()), "service-unavailable", "cancel"),
        ] {
            let error = Condition::of(&reason).element(Some(Says { language: "de", text: "Nein." }));
            assert_eq!(error.attr("type"), Some(kind), "{reason:?}");
            assert!(error.has_child(name, namespace::STANZA_ERRORS), "{reason:?}");
            let text = error.get_child("text", namespace::STANZA_ERRORS).unwrap();
            assert_eq!((text.text().as_str(), text.attr_ns(namespace::XML, "lang")), ("Nein.", Some("de")));
        }
    }

    #[test]
    fn every_refusal_is_understood() {
        let stanza = |error: &str| {
            let ns = namespace::STANZA_ERRORS;
            format!("<message xmlns='jabber:component:accept' type='error'>{}</message>", error.replace("NS", ns))
                .parse::<Element>()
                .unwrap()
        };
        for (error, reason, temporary) in [
            ("<error type='cancel'><item-not-found xmlns='NS'/></error>", Reason::UnknownRecipient, false),
            ("<error type='cancel'><gone xmlns='NS'>xmpp:x@y</gone></error>", Reason::UnknownRecipient, false),
            ("<error type='cancel'><service-unavailable xmlns='NS'/></error>", Reason::Rejected, false),
            ("<error type='cancel'><remote-server-not-found xmlns='NS'/></error>", Reason::Unreachable, false),
            ("<error type='wait'><remote-server-timeout xmlns='NS'/></error>", Reason::Unreachable, true),
            ("<error type='wait'><resource-constraint xmlns='NS'/></error>", Reason::TooMany, true),
            (
                "<error type='auth'><forbidden xmlns='NS'/><text xmlns='NS'> Ask\n the \u{85}admin </text></error>",
                Reason::Said("Ask the admin".into()),
                false,
            ),
            ("<error code='404'/>", Reason::UnknownRecipient, false),
            ("<error code='503'/>", Reason::Rejected, false),
            ("<error type='cancel'><odd xmlns='NS'/></error>", Reason::Rejected, false),
            ("<error/>", Reason::Rejected, false),
            ("", Reason::Rejected, false),
        ] {
            let refusal = Refusal::read(&stanza(error));
            assert_eq!((refusal.reason.clone(), refusal.temporary), (reason, temporary), "{error}");
            assert_eq!(matches!(refusal.into_error(), DeliveryError::Later { .. }), temporary, "{error}");
        }
    }

    #[test]
    fn what_a_far_side_says_is_short() {
        assert_eq!(cleaned(&"ä ".repeat(1000)).chars().count(), LONGEST_SAID);
    }
}
