// SPDX-License-Identifier: EUPL-1.2
//! The outside of a stanza, read leniently: whatever stands in the attributes, no stanza is lost for it.

use minidom::Element;

use crate::{
    condition::Condition,
    xml::{Builder, element, in_stanza_namespace, namespace},
};

/// Longest id that is answered to; RFC 6120 knows no limit, and an answer repeats it.
const LONGEST_ID: usize = 1024;

/// Which of the three stanzas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Message,
    Presence,
    Iq,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Presence => "presence",
            Self::Iq => "iq",
        }
    }
}

/// The outside of a stanza.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope<'a> {
    pub(crate) kind: Kind,
    /// Who sends it, as written.
    pub(crate) from: &'a str,
    /// To whom, as written.
    pub(crate) to: &'a str,
    /// Its id, unless absent, empty or too long to be repeated.
    pub(crate) id: Option<&'a str>,
    /// Its type, as written.
    pub(crate) kind_of: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    /// [`None`] for what is no stanza or comes from or goes to nobody: servers of RFC 6120 §8.1 never send that.
    pub(crate) fn read(stanza: &'a Element) -> Option<Self> {
        let kind = match stanza.name() {
            "message" => Kind::Message,
            "presence" => Kind::Presence,
            "iq" => Kind::Iq,
            _ => return None,
        };
        let filled = |name| stanza.attr(name).filter(|value| !value.is_empty());
        in_stanza_namespace(stanza).then_some(())?;
        Some(Self {
            kind,
            from: filled("from")?,
            to: filled("to")?,
            id: filled("id").filter(|id| id.len() <= LONGEST_ID),
            kind_of: stanza.attr("type"),
        })
    }

    /// An answer's outside: the same kind and id, from whom it was sent to.
    pub(crate) fn answer(&self, kind_of: &'static str) -> Builder {
        element(self.kind.name(), namespace::COMPONENT)
            .attr("type", kind_of)
            .attr("from", self.to)
            .attr("to", self.from)
            .maybe_attr("id", self.id)
    }

    /// The answer that it went wrong (RFC 6120 §8.3); [`None`] where an answer would be answered in turn.
    pub(crate) fn refuse(&self, condition: Condition, says: Option<Says<'_>>) -> Option<Element> {
        let repeats = matches!(self.kind_of, Some("error"))
            || (self.kind == Kind::Iq && matches!(self.kind_of, Some("result")))
            || (self.kind == Kind::Iq && self.id.is_none());
        (!repeats).then(|| self.answer("error").child(condition.element(says)).build())
    }
}

/// A text for people in a stanza.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Says<'a> {
    /// The language, as BCP 47 tag.
    pub(crate) language: &'static str,
    /// The words.
    pub(crate) text: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(xml: &str) -> Element {
        xml.replace("/>", " xmlns='jabber:component:accept'/>").parse().unwrap()
    }

    #[test]
    fn odd_stanzas_have_an_envelope() {
        for (xml, kind, id) in [
            ("<message from='a@b' to='c@d' type='foo' id='1'/>", Kind::Message, Some("1")),
            ("<message from='a@b' to='c@d' type=''/>", Kind::Message, None),
            ("<iq from='a@b/🦊' to='c@d' type='result' id=''/>", Kind::Iq, None),
            ("<presence from='a@b' to='c@d' type='online'/>", Kind::Presence, None),
        ] {
            let stanza = parse(xml);
            let envelope = Envelope::read(&stanza).unwrap();
            assert_eq!((envelope.kind, envelope.id), (kind, id), "{xml}");
        }
        for xml in ["<message to='c@d'/>", "<message from='a@b'/>", "<message from='' to='c@d'/>", "<stream from='a' to='b'/>"] {
            assert!(Envelope::read(&parse(xml)).is_none(), "{xml}");
        }
        let elsewhere: Element = "<message xmlns='urn:x' from='a@b' to='c@d'/>".parse().unwrap();
        assert!(Envelope::read(&elsewhere).is_none());
    }

    #[test]
    fn errors_and_results_are_never_answered() {
        for (xml, answered) in [
            ("<message from='a@b/r' to='c@d' type='foo' id='1'/>", true),
            ("<message from='a@b/r' to='c@d'/>", true),
            ("<message from='a@b/r' to='c@d' type='error' id='1'/>", false),
            ("<presence from='a@b/r' to='c@d' type='error'/>", false),
            ("<iq from='a@b/r' to='c@d' type='get' id='1'/>", true),
            ("<iq from='a@b/r' to='c@d' type='get'/>", false),
            ("<iq from='a@b/r' to='c@d' type='result' id='1'/>", false),
            ("<iq from='a@b/r' to='c@d' type='error' id='1'/>", false),
        ] {
            let stanza = parse(xml);
            let answer = Envelope::read(&stanza).unwrap().refuse(Condition::BadRequest, None);
            assert_eq!(answer.is_some(), answered, "{xml}");
            if let Some(answer) = answer {
                assert_eq!((answer.attr("from"), answer.attr("to")), (Some("c@d"), Some("a@b/r")));
                assert_eq!((answer.attr("id"), answer.attr("type")), (stanza.attr("id"), Some("error")));
            }
        }
    }
}
