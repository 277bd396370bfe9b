// SPDX-License-Identifier: EUPL-1.2
//! Ghosts on Matrix: `@_<network>_<address>:<server>`, where anything but `a-z 0-9 . _ - / +` is `=xx`, the escape of the
//! Matrix specification (appendix "Mapping from other character sets").

use dreiklang_model::{Address, Network};

use super::{Found, Unreadable, hex, push_hex};
use crate::{
    canonical::{canonical, matrix::LONGEST},
    parts, stored,
};

/// The mark of stored aliases. The codec writes `=` before two hexadecimal digits only, and `s` is none.
pub(crate) const STORED: &str = "=s";

/// The bot's local part.
pub const BOT: &str = "dreiklang";

/// Escapes any text for the local part of a user id or a room alias.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for b in text.bytes() {
        match b {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/' | b'+' => out.push(char::from(b)),
            _ => push_hex(&mut out, '=', b),
        }
    }
    out
}

/// The inverse of [`escape`]; `None` for what it would not have written.
#[must_use]
pub fn unescape(text: &str) -> Option<String> {
    let s = text.as_bytes();
    let (mut out, mut i) = (Vec::with_capacity(s.len()), 0);
    while let Some(&b) = s.get(i) {
        if b == b'=' {
            out.push(hex(s.get(i + 1..i + 3)?)?);
            i += 3;
        } else {
            out.push(b);
            i += 1;
        }
    }
    let out = String::from_utf8(out).ok()?;
    (escape(&out) == text).then_some(out)
}

/// Writes a canonical address as a user id of `server`.
///
/// # Errors
/// [`Unreadable`].
pub fn write(address: &Address, server: &str) -> Result<String, Unreadable> {
    // A server's own JID is nobody to be typed by hand; it gets an alias.
    parts::parts(address).ok_or(Unreadable::NotWritable)?;
    let id = format!("@_{}_{}:{server}", address.network().as_str(), escape(address.as_str()));
    if id.len() > LONGEST { Err(Unreadable::TooLong) } else { Ok(id) }
}

/// A stored alias: `@_<network>_<head>=s<bits>:<server>`.
pub(crate) fn alias(network: &Network, tail: &stored::Tail, server: &str) -> String {
    format!("@_{}_{}{STORED}{}:{server}", network.as_str(), tail.head, tail.bits)
}

/// What a user id of `server` stands for; `None` when it is not one of ours.
/// Matrix compares ids byte by byte, so nothing is folded here.
#[must_use]
pub fn read(text: &str, server: &str, networks: &[Network]) -> Option<Found> {
    let local = text.trim().strip_prefix('@')?.strip_suffix(server)?.strip_suffix(':')?;
    if local == BOT {
        return Some(Found::Bot);
    }
    let (name, rest) = local.strip_prefix('_')?.split_once('_')?;
    let network = networks.iter().find(|network| network.as_str() == name && **network != Network::MATRIX)?;
    if stored::is_alias(rest, STORED) {
        return Some(Found::Stored(network.clone(), text.trim().to_owned()));
    }
    let ghost = unescape(rest).and_then(|canon| canonical(network, &canon).ok().filter(|address| address.as_str() == canon));
    let ghost = ghost.filter(|address| parts::parts(address).is_some() && text.trim().len() <= LONGEST);
    Some(ghost.map_or(Found::Nobody, Found::Ghost))
}
