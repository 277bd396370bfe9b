// SPDX-License-Identifier: EUPL-1.2
//! How an address of one network is written on another: readable, reversible, legal there, and unharmed by case folding.
//!
//! Every codec maps canonical addresses one-to-one onto a subset of the addresses its network allows. Its decoder
//! encodes again what it has read and refuses anything that comes out differently, so no two forms name one person.

pub mod jid;
pub mod mail;
pub mod mxid;
pub mod room;

use dreiklang_model::{Address, Network};

use crate::{canonical::canonical, parts};

/// Why an address has no readable form on a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Longer than the network allows.
    #[error("the readable form would be too long")]
    TooLong,
    /// It contains what cannot be written there, or its form is taken for something else.
    #[error("the address cannot be written readably")]
    NotWritable,
}

/// What one of our addresses on a network stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The ghost of that person.
    Ghost(Address),
    /// It has the form of a stored alias. The text is its canonical form.
    Stored(Network, String),
    /// The bot.
    Bot,
    /// It lies in our part of the network but is nobody.
    Nobody,
}

/// The person whose halves these are, when they are the halves of a canonical address and no other reading is possible.
fn person(network: &Network, local: &str, domain: &str) -> Option<Address> {
    let address = canonical(network, &parts::join(network, local, domain)).ok()?;
    let halves = parts::parts(&address)?;
    (halves.local == local && halves.domain == domain).then_some(address)
}

/// Two lower-case hexadecimal digits as a byte.
pub(crate) fn hex(digits: &[u8]) -> Option<u8> {
    let value = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    match digits {
        [high, low] => Some(value(*high)? << 4 | value(*low)?),
        _ => None,
    }
}

/// Appends `mark` and the byte in two lower-case hexadecimal digits.
fn push_hex(out: &mut String, mark: char, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(mark);
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}
