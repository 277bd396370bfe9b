// SPDX-License-Identifier: EUPL-1.2
//! The archive of a room (XEP-0313). No text is kept after it was delivered, so it holds nothing; whoever asks is told so in its own way.

use minidom::Element;

use crate::xml::{Builder, element, namespace};

/// What a filter can name (§4.1).
const FIELDS: [(&str, &str); 7] = [
    ("with", "jid-single"),
    ("start", "text-single"),
    ("end", "text-single"),
    ("before-id", "text-single"),
    ("after-id", "text-single"),
    ("ids", "list-multi"),
    ("include-groupchat", "boolean"),
];

/// The answer to a question about the archive; [`None`] for what nobody may.
pub(super) fn answer(set: bool, payload: &Element) -> Option<Element> {
    match (set, payload.name()) {
        (true, "query") => Some(finished().build()),
        (false, "query") => Some(fields().build()),
        // §6: when the first and the last message came; there is none.
        (false, "metadata") => Some(element("metadata", namespace::MAM).build()),
        _ => None,
    }
}

/// The end of an answer without messages (§4.3).
fn finished() -> Builder {
    let set = element("set", namespace::RSM).text_child("count", "0");
    element("fin", namespace::MAM).attr("complete", "true").child(set)
}

fn fields() -> Builder {
    let hidden = element("field", namespace::DATA_FORMS).attr("type", "hidden").attr("var", "FORM_TYPE");
    let hidden = hidden.text_child("value", namespace::MAM);
    let fields = FIELDS.map(|(name, kind)| element("field", namespace::DATA_FORMS).attr("type", kind).attr("var", name));
    let form = element("x", namespace::DATA_FORMS).attr("type", "form").child(hidden).children(fields);
    element("query", namespace::MAM).child(form)
}
