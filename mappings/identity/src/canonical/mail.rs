// SPDX-License-Identifier: EUPL-1.2
//! Mail addresses: local part in NFC and ASCII lower case, domain as A-labels.
//!
//! By the letter local parts are case-sensitive (RFC 5321 §2.4); in practice no provider tells `Carol` from `carol`,
//! and Delta Chat lower-cases them.
//!
//! A quoted local part (RFC 5321 §4.1.2) is kept without its quotes: `"a b"@x` is `a b@x`, as `"carol"@x` is
//! `carol@x`. Only a local part that itself begins with a quote or white space stays quoted, so that the canonical form
//! can always be read back. [`addr_spec`] puts the quotes back for the wire.

use std::net::{Ipv4Addr, Ipv6Addr};

use dreiklang_model::Address;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

use super::NotCanonical;
use crate::{invisible::is_invisible, parts::parts};

/// Longest address in octets: a path of 256 without its angle brackets (RFC 5321 §4.5.3.1.3).
pub const LONGEST: usize = 254;

pub(crate) fn mailbox(text: &str) -> Result<String, NotCanonical> {
    let (local, host) = text.rsplit_once('@').ok_or(NotCanonical::Form)?;
    let content = if local.starts_with('"') { unquoted(local).ok_or(NotCanonical::Local)? } else { local.to_owned() };
    let content: String = content.nfc().collect();
    // Lower-casing may bring together what only then composes (`H` and U+0331 do not, `h` and U+0331 do).
    let content: String = content.to_ascii_lowercase().nfc().collect();
    if content.is_empty() || content.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Err(NotCanonical::Local);
    }
    let local = if content.starts_with(|c: char| c == '"' || c.is_whitespace()) { quoted(&content) } else { content };
    let host = domain(host).ok_or(NotCanonical::Domain)?;
    let mailbox = format!("{local}@{host}");
    if mailbox.len() > LONGEST { Err(NotCanonical::TooLong) } else { Ok(mailbox) }
}

/// A domain in A-labels by UTS 46, non-transitional (`straße.de` is `xn--strae-oqa.de`, never `strasse.de`), or an
/// address literal (RFC 5321 §4.1.3).
pub(crate) fn domain(text: &str) -> Option<String> {
    if let Some(literal) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let literal = literal.to_ascii_lowercase();
        return match literal.strip_prefix("ipv6:") {
            Some(six) => six.parse::<Ipv6Addr>().ok().map(|six| format!("[ipv6:{six}]")),
            None => literal.parse::<Ipv4Addr>().ok().map(|four| format!("[{four}]")),
        };
    }
    let text = text.strip_suffix('.').unwrap_or(text);
    let ascii = Uts46::new().to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify).ok()?;
    Some(ascii.into_owned())
}

/// The address as it stands in a header or in an SMTP command, quoted where it must be (RFC 5321 §4.1.2).
/// `None` when it is not a mail address.
#[must_use]
pub fn addr_spec(address: &Address) -> Option<String> {
    let halves = parts(address).filter(|_| *address.network() == dreiklang_model::Network::MAIL)?;
    let atoms = halves.local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext));
    let local = if atoms || halves.local.starts_with('"') { halves.local.to_owned() } else { quoted(halves.local) };
    Some(format!("{local}@{}", halves.domain))
}

/// Is everything before the domain quoted, or in no need of it? Dots in odd places are forgiven: there are such addresses.
pub(crate) fn is_typed(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, _)| local.starts_with('"') || local.chars().all(|c| c == '.' || is_atext(c)))
}

/// RFC 5322 §3.2.3 with the letters of RFC 6532.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || (!c.is_ascii() && !c.is_whitespace())
}

fn quoted(content: &str) -> String {
    let mut out = String::with_capacity(content.len() + 2);
    out.push('"');
    for c in content.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// What a quoted string says; `None` when it does not end where the text ends.
fn unquoted(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.strip_prefix('"')?.chars();
    loop {
        match rest.next()? {
            '"' => return rest.next().is_none().then_some(out),
            '\\' => out.push(rest.next()?),
            c => out.push(c),
        }
    }
}
