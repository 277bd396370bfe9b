// SPDX-License-Identifier: EUPL-1.2
//! Bare JIDs as XMPP servers compare them: nodeprep and nameprep (RFC 3920 appendix A, RFC 3491).
//!
//! These fold `straße` to `strasse`. That is right for XMPP, whose servers do so, and for nothing else: no mail address
//! ever goes through here.

use jid::BareJid;

use super::NotCanonical;

/// The normal form of a JID without its resource. A server's own address (no local part) is one, too.
pub(crate) fn bare_jid(text: &str) -> Result<String, NotCanonical> {
    // Neither a local part nor a domain contains `/`, a resource may contain anything.
    let bare = text.split('/').next().unwrap_or_default();
    let once = normal(bare)?;
    // Preparing is not idempotent for every string that Unicode has; what has no fixed point is no address.
    if normal(&once)? == once { Ok(once) } else { Err(NotCanonical::Form) }
}

fn normal(bare: &str) -> Result<String, NotCanonical> {
    // The root's dot does not count (RFC 7622 §3.2), but the `jid` crate 0.12 leaves it in place.
    let jid = BareJid::new(bare.strip_suffix('.').unwrap_or(bare)).map_err(|error| match error {
        jid::Error::NodeTooLong => NotCanonical::TooLong,
        jid::Error::NodeEmpty | jid::Error::NodePrep => NotCanonical::Local,
        jid::Error::Idna | jid::Error::NamePrep => NotCanonical::Domain,
        _ => NotCanonical::Form,
    })?;
    let domain = jid.domain().as_str();
    // Nor does it fold the capitals of an IPv6 literal.
    let domain = if domain.starts_with('[') { domain.to_ascii_lowercase() } else { domain.to_owned() };
    Ok(match jid.node() {
        Some(node) => format!("{}@{domain}", node.as_str()),
        None => domain,
    })
}

/// A domain as XMPP servers compare it.
pub(crate) fn domain(text: &str) -> Option<String> {
    bare_jid(text.trim()).ok().filter(|domain| !domain.contains('@') && !text.contains('/'))
}
