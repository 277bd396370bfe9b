// SPDX-License-Identifier: EUPL-1.2
//! What people paste when asked for an address: user ids, links, URIs, mail headers.

use dreiklang_model::Network;

use crate::{codec, invisible::clean};

/// More is not an address; two thousand bytes fit into each half of a JID, and links are written in `%xx`.
const LONGEST: usize = 8192;

/// One thing that a pasted text may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pasted {
    /// An address of that network, or of a ghost there.
    Of(Network, String),
    /// `local@domain`, which says nothing about its network.
    Bare(String),
}

/// Everything that a text may be, most likely first.
pub(crate) fn read(text: &str) -> Vec<Pasted> {
    if text.len() > LONGEST {
        return Vec::new();
    }
    let text = clean(text);
    // `Carol <carol@x>`, `<mailto:carol@x>`
    let text = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((_, inside)) => clean(inside),
        None => text,
    };
    if let Some(found) = link(&text).or_else(|| uri(&text)) {
        return found;
    }
    bare(text.trim_end_matches([',', ';', '.']))
}

/// A room out of what somebody pasted: as it stands, or out of a link (`https://matrix.to/#/#plan:hs`, `matrix:r/plan:hs`,
/// `xmpp:team@conference?join`).
pub(crate) fn room(text: &str) -> String {
    let text = clean(text.get(..LONGEST).unwrap_or(text));
    let to = without(&text, "https://").or_else(|| without(&text, "http://")).and_then(|rest| rest.split_once("#/"));
    if let Some((_, fragment)) = to {
        return decoded(before(fragment.strip_prefix("room/").unwrap_or(fragment), '?'));
    }
    if let Some(rest) = without(&text, "matrix:") {
        let path = before(authority_off(rest), '?');
        for (kind, sigil) in [("r/", '#'), ("room/", '#'), ("roomid/", '!')] {
            if let Some(id) = path.strip_prefix(kind) {
                return format!("{sigil}{}", decoded(id).trim_start_matches(sigil));
            }
        }
    }
    match without(&text, "xmpp:") {
        Some(rest) => decoded(before(authority_off(rest), '?')),
        None => text,
    }
}

/// `https://matrix.to/#/@alice:hs`, and the same behind `#/user/` as Element writes it.
fn link(text: &str) -> Option<Vec<Pasted>> {
    let rest = without(text, "https://").or_else(|| without(text, "http://"));
    let rest = rest.or_else(|| without(text, "matrix.to/").map(|_| text))?;
    let (_, fragment) = rest.split_once("#/")?;
    let fragment = fragment.strip_prefix("user/").unwrap_or(fragment);
    let id = decoded(before(fragment, '?'));
    Some(if id.starts_with('@') { vec![Pasted::Of(Network::MATRIX, id)] } else { Vec::new() })
}

/// `matrix:u/alice:hs` (Matrix specification, appendix "Matrix URI scheme"), `xmpp:` (RFC 5122), `mailto:` (RFC 6068),
/// `acct:` (RFC 7565), `im:` (RFC 3860).
fn uri(text: &str) -> Option<Vec<Pasted>> {
    if let Some(rest) = without(text, "matrix:") {
        let path = before(authority_off(rest), '?');
        let id = path.strip_prefix("u/").or_else(|| path.strip_prefix("user/"))?;
        let id = decoded(id);
        return Some(vec![Pasted::Of(Network::MATRIX, format!("@{}", id.strip_prefix('@').unwrap_or(&id)))]);
    }
    if let Some(rest) = without(text, "xmpp:") {
        return Some(vec![Pasted::Of(Network::XMPP, decoded(before(authority_off(rest), '?')))]);
    }
    if let Some(rest) = without(text, "mailto:") {
        let all = before(rest, '?').split(',');
        return Some(all.map(|one| Pasted::Of(Network::MAIL, decoded(one))).collect());
    }
    let rest = without(text, "acct:").or_else(|| without(text, "im:"))?;
    Some(vec![Pasted::Bare(decoded(before(rest, '?')))])
}

/// What is neither a link nor a URI.
fn bare(text: &str) -> Vec<Pasted> {
    // A room, an event, a room's id: nobody.
    if text.starts_with(['#', '!', '$']) && !text.contains('@') {
        return Vec::new();
    }
    if text.starts_with('@') {
        let user = Pasted::Of(Network::MATRIX, text.to_owned());
        // `@alice:hs.example@matrix.gw.example`: a user id where a JID is asked for.
        return vec![user, Pasted::Bare(text.to_owned())];
    }
    if text.contains('@') {
        return vec![Pasted::Bare(text.to_owned())];
    }
    // XEP-0106 form without the component: `\40alice\3ahs.example`, `carol\40mail.example`
    let plain = if text.contains('\\') { codec::jid::unescape(&text.to_lowercase()) } else { Some(text.to_owned()) };
    let Some(plain) = plain else { return Vec::new() };
    if plain.starts_with('@') {
        vec![Pasted::Of(Network::MATRIX, plain)]
    } else if plain.contains('@') {
        vec![Pasted::Bare(plain)]
    } else if plain.split_once(':').is_some_and(|(_, server)| server.contains('.') || server.starts_with('[')) {
        // `alice:hs.example`, but neither `hs.example:8448` nor `note:something`
        vec![Pasted::Of(Network::MATRIX, format!("@{plain}"))]
    } else {
        Vec::new()
    }
}

/// The text with its `%xx` decoded, or as it stands when that makes no sense: people write `alice%hs.example` into URIs
/// without a thought.
fn decoded(text: &str) -> String {
    percent_decoded(text).map_or_else(|| text.to_owned(), |decoded| clean(&decoded))
}

/// RFC 3986 §2.1; `None` when it comes out as no text or an escape is none.
fn percent_decoded(text: &str) -> Option<String> {
    let s = text.as_bytes();
    let (mut out, mut i) = (Vec::with_capacity(s.len()), 0);
    while let Some(&b) = s.get(i) {
        if b == b'%' {
            let digits = s.get(i + 1..i + 3)?.to_ascii_lowercase();
            out.push(codec::hex(&digits)?);
            i += 3;
        } else {
            out.push(b);
            i += 1;
        }
    }
    String::from_utf8(out).ok()
}

/// `//guest@example.com/support@example.com` without its authority (RFC 5122 §2.3).
fn authority_off(text: &str) -> &str {
    match text.strip_prefix("//") {
        Some(rest) => rest.split_once('/').map_or(rest, |(_, path)| path),
        None => text,
    }
}

fn before(text: &str, sign: char) -> &str {
    text.split(sign).next().unwrap_or_default()
}

/// The rest behind a prefix in ASCII letters of any case.
fn without<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| text.get(prefix.len()..))?
}
