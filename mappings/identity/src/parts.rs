// SPDX-License-Identifier: EUPL-1.2
//! The two halves of a canonical address: who, and at which server.

use dreiklang_model::{Address, Network};

/// The halves of an address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Who: without Matrix's `@`; on mail as the canonical form has it (see [`crate::canonical::mail`]).
    pub local: &'a str,
    /// At which server; on Matrix with its port.
    pub domain: &'a str,
}

/// Splits a canonical address; `None` for what has no local part (an XMPP server's own address, the bot).
#[must_use]
pub fn parts(address: &Address) -> Option<Parts<'_>> {
    split(address.network(), address.as_str())
}

pub(crate) fn split<'a>(network: &Network, text: &'a str) -> Option<Parts<'a>> {
    let (local, domain) = if *network == Network::MATRIX {
        text.strip_prefix('@')?.split_once(':')?
    } else {
        // A quoted local part of mail may contain `@`, no domain does.
        text.rsplit_once('@')?
    };
    (!local.is_empty() && !domain.is_empty()).then_some(Parts { local, domain })
}

/// The canonical text of the two halves.
pub(crate) fn join(network: &Network, local: &str, domain: &str) -> String {
    if *network == Network::MATRIX { format!("@{local}:{domain}") } else { format!("{local}@{domain}") }
}
