// SPDX-License-Identifier: EUPL-1.2
//! Stored aliases: what cannot be written readably gets a readable head, a mark that no codec ever writes, and 80 bits
//! of a keyed hash. Whose alias it is, only the store knows; the salt counts up should two ever meet.

use dreiklang_model::{Address, Network};

use crate::{parts, plan::AliasKey};

/// Base32 (RFC 4648 §6) in lower case: stable under case folding on every network.
const ABC: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Characters of the hash: 80 bits.
const BITS: usize = 16;
/// Most characters of the readable head.
const HEAD: usize = 16;

/// The parts of a stored alias around its mark.
pub(crate) struct Tail {
    /// Letters and digits of the local part, for people to recognise. May be empty.
    pub head: String,
    /// The hash.
    pub bits: String,
}

/// The alias of `address` on network `on`, before it is put into that network's form.
pub(crate) fn tail(key: &AliasKey, address: &Address, on: &Network, salt: u32) -> Tail {
    let mut hasher = blake3::Hasher::new_keyed(key.bytes());
    // Names of networks contain no zero byte, so the four fields cannot run into each other.
    for name in [on, address.network()] {
        hasher.update(name.as_str().as_bytes()).update(&[0]);
    }
    hasher.update(&salt.to_le_bytes()).update(address.as_str().as_bytes());
    let hash = hasher.finalize();
    let number = hash.as_bytes().iter().take(BITS * 5 / 8).fold(0_u128, |number, &byte| number << 8 | u128::from(byte));
    let digit = |at: usize| char::from(ABC[(number >> (at * 5)) as usize & 31]);
    let name = parts::parts(address).map_or(address.as_str(), |halves| halves.local);
    let head = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).take(HEAD).collect();
    Tail { head, bits: (0..BITS).rev().map(digit).collect() }
}

/// Has this local part (without the network's prefix) the form of a stored alias?
pub(crate) fn is_alias(local: &str, mark: &str) -> bool {
    local.split_once(mark).is_some_and(|(head, bits)| {
        head.len() <= HEAD
            && head.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            && bits.len() == BITS
            && bits.bytes().all(|b| ABC.contains(&b))
    })
}
