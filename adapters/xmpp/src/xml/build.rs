// SPDX-License-Identifier: EUPL-1.2
//! Building elements whose text is always legal XML.

use minidom::Element;
use rxml::{Namespace, NcName};

use super::namespace;

/// An element being built. Whatever is put in comes out as legal XML: what XML 1.0 §2.2 forbids is left out.
#[derive(Debug)]
pub(crate) struct Builder(Element);

/// Begins an element.
pub(crate) fn element(name: &'static str, namespace: &'static str) -> Builder {
    Builder(Element::bare(name, namespace))
}

/// Sets an attribute of an element.
pub(crate) fn set_attr(element: &mut Element, name: &'static str, value: &str) {
    if let Ok(name) = NcName::try_from(name) {
        element.set_attr(Namespace::NONE, name, legal(value));
    }
}

impl Builder {
    /// An attribute.
    pub(crate) fn attr(mut self, name: &'static str, value: &str) -> Self {
        set_attr(&mut self.0, name, value);
        self
    }

    /// An attribute, if it has a value.
    pub(crate) fn maybe_attr(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// `xml:lang`.
    pub(crate) fn lang(mut self, tag: &str) -> Self {
        if let Ok(name) = NcName::try_from("lang") {
            self.0.set_attr(Namespace::from(namespace::XML.to_owned()), name, legal(tag));
        }
        self
    }

    /// Text.
    pub(crate) fn text(mut self, text: &str) -> Self {
        let text = legal(text);
        if !text.is_empty() {
            self.0.append_text(text);
        }
        self
    }

    /// A child.
    pub(crate) fn child(mut self, child: impl Into<Element>) -> Self {
        self.0.append_child(child.into());
        self
    }

    /// Children.
    pub(crate) fn children<E: Into<Element>>(mut self, children: impl IntoIterator<Item = E>) -> Self {
        for child in children {
            self.0.append_child(child.into());
        }
        self
    }

    /// A child of the same namespace that holds only text.
    pub(crate) fn text_child(mut self, name: &'static str, text: &str) -> Self {
        self.0.append_child(Builder(Element::bare(name, self.0.ns())).text(text).build());
        self
    }

    pub(crate) fn build(self) -> Element {
        self.0
    }
}

impl From<Builder> for Element {
    fn from(builder: Builder) -> Self {
        builder.0
    }
}

/// The text without the characters that XML 1.0 §2.2 forbids.
fn legal(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_forbids_is_left_out() {
        assert_eq!(legal("a\u{0}\u{1b}[31m\t\r\nb\u{fffe}\u{ffff}😀\u{7f}\u{85}"), "a[31m\t\r\nb😀\u{7f}\u{85}");
    }

    #[test]
    fn an_element_with_everything() {
        let built = element("message", namespace::COMPONENT)
            .attr("to", "a'b\"<&>")
            .maybe_attr("id", None)
            .lang("de")
            .text_child("body", "1 < 2")
            .child(element("request", namespace::RECEIPTS))
            .build();
        assert_eq!(built.attr("to"), Some("a'b\"<&>"));
        assert_eq!(built.attr("id"), None);
        assert_eq!(built.attr_ns(namespace::XML, "lang"), Some("de"));
        assert_eq!(built.get_child("body", namespace::COMPONENT).unwrap().text(), "1 < 2");
        assert!(built.has_child("request", namespace::RECEIPTS));
    }
}
