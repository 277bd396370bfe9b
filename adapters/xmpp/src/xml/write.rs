// SPDX-License-Identifier: EUPL-1.2
//! Elements as bytes.

use minidom::{Element, Node};
use rxml::{
    Namespace, NcNameStr,
    bytes::BytesMut,
    writer::{Encoder, Item, SimpleNamespaces},
};

/// Appends `element` to `output`.
///
/// # Errors
/// [`rxml::Error`] for text that XML cannot hold; nothing is appended then. What [`super::Builder`] built never fails.
pub(crate) fn write(element: &Element, output: &mut BytesMut) -> Result<(), rxml::Error> {
    let before = output.len();
    let written = items(element, &mut Encoder::new(), output);
    if written.is_err() {
        output.truncate(before);
    }
    written
}

fn items(element: &Element, encoder: &mut Encoder<SimpleNamespaces>, output: &mut BytesMut) -> Result<(), rxml::Error> {
    encoder.encode(Item::ElementHeadStart(Namespace::from(element.ns()), <&NcNameStr>::try_from(element.name())?), output)?;
    for ((namespace, name), value) in element.attrs() {
        encoder.encode(Item::Attribute(namespace.clone(), name, value), output)?;
    }
    encoder.encode(Item::ElementHeadEnd, output)?;
    for node in element.nodes() {
        match node {
            Node::Element(child) => items(child, encoder, output)?,
            Node::Text(text) => encoder.encode(Item::Text(text), output)?,
        }
    }
    encoder.encode(Item::ElementFoot, output)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::xml::{element, namespace};

    #[test]
    fn illegal_text_is_an_error_and_leaves_nothing_behind() {
        let mut illegal = Element::bare("message", namespace::COMPONENT);
        illegal.append_text("a\u{0}b");
        let mut output = BytesMut::from(&b"before"[..]);
        assert!(write(&illegal, &mut output).is_err());
        assert_eq!(&output[..], b"before");
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>(), value in any::<String>()) {
            let built = element("message", namespace::COMPONENT).attr("id", &value).lang("de").text_child("body", &text).build();
            let mut output = BytesMut::new();
            write(&built, &mut output).unwrap();
            let back: Element = std::str::from_utf8(&output).unwrap().parse().unwrap();
            prop_assert_eq!(&back, &built);
        }
    }
}
