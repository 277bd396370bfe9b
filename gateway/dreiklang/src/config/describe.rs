// SPDX-License-Identifier: EUPL-1.2
//! A macro that makes a section of the configuration from one text: the type, and its description for the example file.

/// One setting: its name, its explanation, and an example value (`# …`: off in the example; empty: a section).
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) about: &'static [&'static str],
    pub(crate) example: &'static str,
}

/// A section that can describe itself.
pub(crate) trait Described {
    /// What the section is about.
    const ABOUT: &'static [&'static str];
    /// Its settings, in order.
    const FIELDS: &'static [Field];
}

macro_rules! described {
    (
        $(#[doc = $about:literal])* $(#[derive($derive:ident)])? $(#[serde($($section:tt)*)])?
        $visible:vis struct $name:ident {
            $( $(#[doc = $doc:literal])* $(#[serde($($serde:tt)*)])? $field:ident : $type:ty = $example:literal, )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Deserialize, $($derive)?)]
        #[serde(deny_unknown_fields)]
        $(#[serde($($section)*)])?
        $visible struct $name {
            $( $(#[doc = $doc])* $(#[serde($($serde)*)])? $visible $field: $type, )*
        }

        impl $crate::config::Described for $name {
            const ABOUT: &'static [&'static str] = &[$($about),*];
            const FIELDS: &'static [$crate::config::Field] = &[
                $( $crate::config::Field { name: stringify!($field), about: &[$($doc),*], example: $example }, )*
            ];
        }
    };
}
pub(crate) use described;
