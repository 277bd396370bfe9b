// SPDX-License-Identifier: EUPL-1.2
//! For whom a mail in a catch-all mailbox was meant. The envelope is gone; what mail servers note of it stays.

use super::Mail;
use crate::address::Domain;

/// How many recipients of one mail are looked at.
const MOST: usize = 100;

/// The addresses of our domain for which this copy was delivered: where a server noted the envelope's recipient, that one
/// alone (every recipient has his own copy), else all that are named as recipients.
pub(crate) fn recipients(mail: &Mail<'_>, domain: &Domain) -> Vec<String> {
    for name in ["X-Original-To", "Delivered-To", "Envelope-To"] {
        let noted: Vec<String> =
            mail.headers(name).flat_map(|value| addresses(&value)).filter_map(|to| ours(&to, domain)).collect();
        if let Some(first) = noted.into_iter().next() {
            return vec![first];
        }
    }
    let received = mail.headers("Received").filter_map(|value| value.split_once(" for <").map(|(_, rest)| rest.to_owned()));
    if let Some(to) = received.filter_map(|rest| ours(rest.split_once('>')?.0, domain)).next() {
        return vec![to];
    }
    let mut named: Vec<String> = Vec::new();
    for header in [mail.message.to(), mail.message.cc(), mail.message.bcc()].into_iter().flatten() {
        for to in header.iter().filter_map(|address| ours(address.address()?, domain)) {
            if !named.contains(&to) && named.len() < MOST {
                named.push(to);
            }
        }
    }
    named
}

fn addresses(value: &str) -> Vec<String> {
    value.split(',').map(|one| one.trim().trim_matches(['<', '>']).to_owned()).collect()
}

/// An address of our domain, or the one that a mailbox's subaddress holds (`bridge+xmpp.bob=x.example@mail.example`, as a
/// catch-all with a recipient delimiter writes it).
fn ours(address: &str, domain: &Domain) -> Option<String> {
    if domain.holds(address) {
        return Some(address.to_owned());
    }
    let (local, _) = address.rsplit_once('@')?;
    let (_, detail) = local.split_once('+')?;
    detail.contains('=').then(|| format!("{detail}@{}", domain.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_is_found_where_servers_note_it() {
        let domain = Domain::new("gw.example").unwrap();
        for (headers, expected) in [
            (
                "X-Original-To: xmpp.bob=x.example@gw.example\r\nDelivered-To: bridge@mail.example",
                vec!["xmpp.bob=x.example@gw.example"],
            ),
            ("Delivered-To: bridge+xmpp.bob=x.example@mail.example", vec!["xmpp.bob=x.example@gw.example"]),
            ("Delivered-To: bridge@mail.example\r\nReceived: by x\r\n\tfor <a=b@GW.example>; Mon", vec!["a=b@GW.example"]),
            ("To: <a=b@gw.example>, x@y.example\r\nCc: c=d@gw.example, a=b@gw.example", vec!["a=b@gw.example", "c=d@gw.example"]),
            ("To: \"hidden-recipients\": ;", vec![]),
        ] {
            let raw = format!("{headers}\r\n\r\ntext");
            assert_eq!(recipients(&Mail::parse(raw.as_bytes()).unwrap(), &domain), expected, "{headers}");
        }
    }
}
