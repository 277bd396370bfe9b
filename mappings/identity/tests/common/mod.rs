// SPDX-License-Identifier: EUPL-1.2
//! The organisation of the tests.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use dreiklang_identity::{AliasKey, Book, Plan, canonical};
use dreiklang_model::{Address, Network};

/// All three networks under the names of the design.
pub fn plan() -> Plan {
    Plan::new(AliasKey::new([7; 32]))
        .matrix("hs.example")
        .and_then(|plan| plan.component(Network::MATRIX, "matrix.gw.example"))
        .and_then(|plan| plan.component(Network::MAIL, "mail.gw.example"))
        .and_then(|plan| plan.mail("gw.example"))
        .unwrap()
}

pub fn book() -> Book {
    Book::new(plan())
}

pub fn matrix(text: &str) -> Address {
    canonical(&Network::MATRIX, text).unwrap()
}

pub fn xmpp(text: &str) -> Address {
    canonical(&Network::XMPP, text).unwrap()
}

pub fn mail(text: &str) -> Address {
    canonical(&Network::MAIL, text).unwrap()
}
