// SPDX-License-Identifier: EUPL-1.2
//! Ghosts on XMPP: `<local>%<domain>@<component>`, one component domain per foreign network, the last `%` splits.
//!
//! XEP-0106 escapes for its ten characters; capitals as `^x` and `^` as `^^`, because every server folds case; a port
//! as `\3a8448`. Our own implementation: `unescape` of the `jid` crate panics on a local part that ends in `\`.

use dreiklang_model::{Address, Network};
use jid::NodePart;
use unicode_normalization::UnicodeNormalization as _;

use super::{Found, Unreadable, person};
use crate::{
    canonical::{canonical, mail, xmpp},
    parts, stored,
};

/// The mark of stored aliases. The codec writes `\5c` only where a backslash would begin an escape, that is before
/// one of `2 3 4 5` (XEP-0106 §4.2), and never before `s`.
pub(crate) const STORED: &str = "\\5cs";
/// How the mark comes back from a client that took its escape for one (XEP-0106 §5.4).
const STORED_SHOWN: &str = "\\s";

/// First characters that name rooms on our components: an alias, a room id, a mail group.
const ROOMS: [char; 3] = ['#', '!', '~'];

/// The ten characters of XEP-0106 §4.1 by their code.
fn escaped(code: &[u8]) -> Option<char> {
    Some(match code {
        b"20" => ' ',
        b"22" => '"',
        b"26" => '&',
        b"27" => '\'',
        b"2f" => '/',
        b"3a" => ':',
        b"3c" => '<',
        b"3e" => '>',
        b"40" => '@',
        b"5c" => '\\',
        _ => return None,
    })
}

/// Does this text begin with an escape?
fn begins_escape(text: &str) -> Option<char> {
    text.strip_prefix('\\').and_then(|rest| escaped(rest.as_bytes().get(..2)?))
}

/// Escapes a text for a local part; what XEP-0106 and nodeprep know nothing of stays as it is.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for (at, c) in text.char_indices() {
        match c {
            ' ' | '"' | '&' | '\'' | '/' | ':' | '<' | '>' | '@' => super::push_hex(&mut out, '\\', c as u8),
            '\\' if text.get(at..).and_then(begins_escape).is_some() => out.push_str("\\5c"),
            'A'..='Z' => out.extend(['^', c.to_ascii_lowercase()]),
            '^' => out.push_str("^^"),
            c => out.push(c),
        }
    }
    out
}

/// Undoes [`escape`] and takes whatever else it finds for plain.
fn unescape_leniently(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let next = rest.as_bytes().get(1).copied();
        let (plain, length) = match (c, next) {
            ('\\', _) => begins_escape(rest).map_or((c, 1), |c| (c, 3)),
            ('^', Some(b'^')) => ('^', 2),
            ('^', Some(letter @ b'a'..=b'z')) => (char::from(letter.to_ascii_uppercase()), 2),
            _ => (c, c.len_utf8()),
        };
        out.push(plain);
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// The inverse of [`escape`]; `None` for what it would not have written.
#[must_use]
pub fn unescape(text: &str) -> Option<String> {
    Some(unescape_leniently(text)).filter(|plain| escape(plain) == text)
}

/// Writes a canonical address as a JID of `component`.
///
/// # Errors
/// [`Unreadable`].
pub fn write(address: &Address, component: &str) -> Result<String, Unreadable> {
    let halves = parts::parts(address).ok_or(Unreadable::NotWritable)?;
    if halves.domain.contains('%') || halves.local.starts_with(ROOMS) {
        return Err(Unreadable::NotWritable);
    }
    let node = format!("{}%{}", escape(halves.local), escape(halves.domain));
    // "The character sequence \20 MUST NOT be the first or last character of an escaped localpart" (XEP-0106 §4.2).
    if node.starts_with("\\20") || node.ends_with("\\20") {
        return Err(Unreadable::NotWritable);
    }
    match NodePart::new(&node) {
        Ok(prepared) if prepared.as_str() == node && node.to_lowercase() == node => Ok(format!("{node}@{component}")),
        Err(jid::Error::NodeTooLong) => Err(Unreadable::TooLong),
        _ => Err(Unreadable::NotWritable),
    }
}

/// A stored alias: `<head>\5cs<bits>@<component>`.
pub(crate) fn alias(tail: &stored::Tail, component: &str) -> String {
    format!("{}{STORED}{}@{component}", tail.head, tail.bits)
}

/// What a JID stands for; `None` when it does not lie on one of our components. Capitals and resources do not count.
/// Accepted besides our own form: XEP-0106's (`\40alice\3ahs.example`) and bifrost's (`alice_hs.example`).
#[must_use]
pub fn read<'a>(text: &str, components: impl Iterator<Item = (&'a Network, &'a str)>) -> Option<Found> {
    let bare = text.trim().split('/').next().unwrap_or_default();
    let (node, domain) = bare.rsplit_once('@').map_or((None, bare), |(node, domain)| (Some(node), domain));
    let domain = xmpp::domain(domain)?;
    let (network, component) = components.into_iter().find(|(_, component)| *component == domain)?;
    let Some(node) = node else { return Some(Found::Bot) };
    // Lower case only, and no nodeprep: it would make strasse.de of straße.de. What servers hand us is prepared anyway.
    // Letter by letter: in context `Σ` would become a final `ς`. Composed again: some capitals have a mark of their own.
    let node: String = node.chars().flat_map(char::to_lowercase).nfc().collect();
    let shown = || node.split_once(STORED_SHOWN).map(|(head, bits)| format!("{head}{STORED}{bits}"));
    if let Some(alias) = [Some(node.clone()), shown()].into_iter().flatten().find(|node| stored::is_alias(node, STORED)) {
        return Some(Found::Stored(network.clone(), format!("{alias}@{component}")));
    }
    if node.starts_with(ROOMS) {
        return Some(Found::Nobody);
    }
    let ghost = percent(&node, network).or_else(|| xep_0106(&node, network)).or_else(|| underscore(&node, network));
    Some(ghost.map_or(Found::Nobody, Found::Ghost))
}

/// Our own form. Somebody may have typed a mail domain in its own script: `carol%straße.de`.
fn percent(node: &str, network: &Network) -> Option<Address> {
    let (local, domain) = node.rsplit_once('%')?;
    let domain = unescape(domain)?;
    let domain = if *network == Network::MAIL && !domain.is_ascii() { mail::domain(&domain)? } else { domain };
    person(network, &unescape(local)?, &domain)
}

/// The whole address escaped, as XEP-0106 §4.4 and matridge have it.
fn xep_0106(node: &str, network: &Network) -> Option<Address> {
    let mut plain = unescape_leniently(node);
    if *network == Network::MATRIX && plain.contains(':') && !plain.starts_with('@') {
        plain.insert(0, '@');
    }
    canonical(network, &plain).ok().filter(|address| parts::parts(address).is_some())
}

/// The form of bifrost; only with a domain that looks like one, for `max_muster` is a name.
fn underscore(node: &str, network: &Network) -> Option<Address> {
    let (local, domain) = node.rsplit_once('_').filter(|_| !node.contains(['%', '\\']))?;
    person(network, local, domain).filter(|_| domain.contains('.'))
}
