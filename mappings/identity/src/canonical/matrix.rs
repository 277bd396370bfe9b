// SPDX-License-Identifier: EUPL-1.2
//! Matrix user ids. They are compared byte by byte, so the canonical form is the id itself, checked.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::NotCanonical;

/// Longest user id in bytes, sigil and server included (Matrix specification, appendix "User Identifiers").
pub const LONGEST: usize = 255;

/// A user id with a historical local part: any visible ASCII character but `:` (appendix "Historical User IDs").
pub(crate) fn user_id(text: &str) -> Result<String, NotCanonical> {
    let (local, server) = text.strip_prefix('@').and_then(|rest| rest.split_once(':')).ok_or(NotCanonical::Form)?;
    if text.len() > LONGEST {
        return Err(NotCanonical::TooLong);
    }
    if local.is_empty() || !local.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(NotCanonical::Local);
    }
    if !is_server_name(server) {
        return Err(NotCanonical::Domain);
    }
    Ok(text.to_owned())
}

/// A server name: a host name, an IPv4 or a bracketed IPv6 address, and maybe a port (appendix "Server Name").
#[must_use]
pub fn is_server_name(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        return address.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    match text.split_once(':') {
        Some((host, port)) => is_host(host) && is_port(port),
        None => is_host(text),
    }
}

fn is_host(text: &str) -> bool {
    // What ends in a number is an IPv4 address or nothing, so that a port is never taken for a server.
    let number = text.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if number {
        return text.parse::<Ipv4Addr>().is_ok();
    }
    text.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}
