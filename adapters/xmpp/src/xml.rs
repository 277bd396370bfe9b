// SPDX-License-Identifier: EUPL-1.2
//! XML as it stands on the stream: names, building, reading, writing. What stanzas mean is not here.

mod build;
pub(crate) mod namespace;
mod read;
mod scope;
mod write;

pub(crate) use build::{Builder, element, set_attr};
pub(crate) use read::{Frame, Reader, StreamBroken};
pub(crate) use write::write;

use minidom::Element;

/// The first child of that name in that namespace.
pub(crate) fn child<'a>(element: &'a Element, name: &str, namespace: &str) -> Option<&'a Element> {
    element.children().find(|child| child.is(name, namespace))
}

/// The first child of that name in any of the namespaces that servers give to stanzas of a component.
pub(crate) fn stanza_child<'a>(element: &'a Element, name: &str) -> Option<&'a Element> {
    element.children().find(|child| child.name() == name && in_stanza_namespace(child))
}

/// In a namespace that servers give to stanzas of a component.
pub(crate) fn in_stanza_namespace(element: &Element) -> bool {
    element.has_ns(namespace::COMPONENT) || element.has_ns(namespace::CLIENT) || element.has_ns(namespace::SERVER)
}
