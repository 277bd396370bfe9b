// SPDX-License-Identifier: EUPL-1.2
//! Ghosts on mail: `<network>.<local>=<domain>@<maildomain>`, at most 64 octets before the `@` (RFC 5321 §4.5.3.1.1).
//!
//! XEP-0106's rule with `_` in place of `\`: `_xx` for every byte but `a-z 0-9 - _` and harmless dots; `_` itself only
//! where it would read as an escape, so `max_muster` stays readable. `+ / % =` and capitals are always escaped: mail
//! servers cut at `+`, make folders of `/`, route by `%`, and fold capitals.

use dreiklang_model::{Address, Network};

use super::{Found, Unreadable, hex, person, push_hex};
use crate::{
    canonical::mail::{LONGEST, domain},
    parts, stored,
};

/// The mark of stored aliases. The codec writes exactly one `=`.
pub(crate) const STORED: &str = "==";

/// The bot's local part.
pub const BOT: &str = "bot";

/// Longest local part in octets.
pub const LONGEST_LOCAL: usize = 64;

/// Escapes one half of an address. It can stand between any two other characters of a local part.
#[must_use]
pub fn escape(text: &str) -> String {
    let all = text.as_bytes();
    let mut out = String::with_capacity(all.len() + 8);
    for (at, &b) in all.iter().enumerate() {
        let plain = match b {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => true,
            b'_' => all.get(at + 1..at + 3).and_then(hex).is_none(),
            // dot-atom (RFC 5322 §3.2.3): no dot first, last or twice in a row
            b'.' => at != 0 && at + 1 != all.len() && all.get(at - 1) != Some(&b'.'),
            _ => false,
        };
        if plain { out.push(char::from(b)) } else { push_hex(&mut out, '_', b) }
    }
    out
}

/// The inverse of [`escape`]; `None` for what it would not have written.
#[must_use]
pub fn unescape(text: &str) -> Option<String> {
    let s = text.as_bytes();
    let (mut out, mut i) = (Vec::with_capacity(s.len()), 0);
    while let Some(&b) = s.get(i) {
        match s.get(i + 1..i + 3).and_then(hex).filter(|_| b == b'_') {
            Some(byte) => {
                out.push(byte);
                i += 3;
            }
            None => {
                out.push(b);
                i += 1;
            }
        }
    }
    let out = String::from_utf8(out).ok()?;
    (escape(&out) == text).then_some(out)
}

/// Writes a canonical address as a mail address of `host`.
///
/// # Errors
/// [`Unreadable`].
pub fn write(address: &Address, host: &str) -> Result<String, Unreadable> {
    let halves = parts::parts(address).ok_or(Unreadable::NotWritable)?;
    let local = format!("{}.{}={}", address.network().as_str(), escape(halves.local), escape(halves.domain));
    if local.len() > LONGEST_LOCAL || local.len() + 1 + host.len() > LONGEST {
        return Err(Unreadable::TooLong);
    }
    Ok(format!("{local}@{host}"))
}

/// A stored alias: `<network>.<head>==<bits>@<maildomain>`.
pub(crate) fn alias(network: &Network, tail: &stored::Tail, host: &str) -> String {
    format!("{}.{}{STORED}{}@{host}", network.as_str(), tail.head, tail.bits)
}

/// What a mail address stands for; `None` when it is not one of ours. Capitals do not count, nor quotes around it.
/// The domain may be shared with people: only the bot, the rooms and what begins with a network's name is ours.
#[must_use]
pub fn read(text: &str, host: &str, networks: &[Network]) -> Option<Found> {
    let (local, given) = text.trim().rsplit_once('@')?;
    if domain(given)? != host {
        return None;
    }
    let local = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(local).to_ascii_lowercase();
    if local == BOT {
        return Some(Found::Bot);
    }
    let (name, rest) = local.split_once('.')?;
    if name == "room" {
        return Some(Found::Nobody);
    }
    let network = networks.iter().find(|network| network.as_str() == name && **network != Network::MAIL)?;
    if stored::is_alias(rest, STORED) {
        return Some(Found::Stored(network.clone(), format!("{local}@{host}")));
    }
    let (who, at) = rest.rsplit_once('=')?;
    let short = local.len() <= LONGEST_LOCAL;
    let ghost = || person(network, &unescape(who)?, &unescape(at)?).filter(|_| short);
    Some(ghost().map_or(Found::Nobody, Found::Ghost))
}
