// SPDX-License-Identifier: EUPL-1.2
//! Namespaces of names (Namespaces in XML 1.0 §6), leniently: an undeclared prefix means no namespace, not the stream's end.

use rxml::{Namespace, NcName};

use super::namespace;

/// What one element declares.
#[derive(Debug, Default)]
pub(super) struct Scope {
    default: Option<Namespace<'static>>,
    prefixes: Vec<(NcName, Namespace<'static>)>,
}

impl Scope {
    /// Takes an attribute that declares a namespace; gives back any other.
    pub(super) fn declare(
        &mut self,
        prefix: Option<NcName>,
        name: NcName,
        value: String,
    ) -> Option<(Option<NcName>, NcName, String)> {
        match prefix {
            Some(prefix) if prefix.as_str() == "xmlns" => {
                self.prefixes.push((name, Namespace::from(value)));
                None
            }
            None if name.as_str() == "xmlns" => {
                self.default = Some(Namespace::from(value));
                None
            }
            prefix => Some((prefix, name, value)),
        }
    }
}

/// The namespace of an element's name, from the innermost scope outwards.
pub(super) fn of_element(scopes: &[Scope], prefix: Option<&NcName>) -> Namespace<'static> {
    match prefix {
        Some(prefix) => of_prefix(scopes, prefix),
        None => scopes.iter().rev().find_map(|scope| scope.default.clone()).unwrap_or(Namespace::NONE),
    }
}

/// The namespace of an attribute's name; without a prefix it has none.
pub(super) fn of_attribute(scopes: &[Scope], prefix: Option<&NcName>) -> Namespace<'static> {
    prefix.map_or(Namespace::NONE, |prefix| of_prefix(scopes, prefix))
}

fn of_prefix(scopes: &[Scope], prefix: &NcName) -> Namespace<'static> {
    if prefix.as_str() == "xml" {
        return Namespace::from(namespace::XML.to_owned());
    }
    let declared = |scope: &Scope| scope.prefixes.iter().find(|(name, _)| name == prefix).map(|(_, space)| space.clone());
    scopes.iter().rev().find_map(declared).unwrap_or(Namespace::NONE)
}
