// SPDX-License-Identifier: EUPL-1.2
//! `Debug` for what holds addresses, subjects or other words of people: the type's name and nothing else, whatever logs it.

/// Writes `Debug` for types so that it shows none of their content.
macro_rules! opaque {
    ($($kind:ident $(<$life:lifetime>)?),+) => {
        $(impl std::fmt::Debug for $kind $(<$life>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($kind), "(…)"))
            }
        })+
    };
}

pub(crate) use opaque;
