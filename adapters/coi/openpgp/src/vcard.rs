// SPDX-License-Identifier: EUPL-1.2
//! Contacts that are handed on in a mail: vCards with a key (RFC 6350), as Delta Chat writes and reads them. Other properties of a card
//! are not looked at; the card as a file is passed on elsewhere.

use std::fmt;

use dreiklang_model::Timestamp;
use mail_parser::DateTime;

use crate::{
    address::MailAddress,
    certificate::{Certificate, seconds},
};

/// Largest file that is read, in octets, and how many cards of it.
const LARGEST: usize = 1024 * 1024;
const MOST_CARDS: usize = 100;
/// How a key begins; RFC 6350 does not ask for the backslash, Delta Chat writes it.
const KEY: &str = "data:application/pgp-keys;base64\\,";

/// A contact: who opens it in Delta Chat can write to this address, encrypted for this key. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    /// The address.
    pub address: MailAddress,
    /// The name; may be empty.
    pub name: String,
    /// The key, if the card has one that can be read.
    pub certificate: Option<Certificate>,
}

impl Card {
    /// The card as a file (`text/vcard`), dated.
    #[must_use]
    pub fn write(&self, at: Timestamp) -> String {
        let mut lines = vec!["BEGIN:VCARD".to_owned(), "VERSION:4.0".to_owned()];
        lines.push(format!("EMAIL:{}", escaped(self.address.as_str())));
        lines.push(format!("FN:{}", escaped(&self.name)));
        lines.extend(self.certificate.as_ref().map(|key| format!("KEY:{KEY}{}", key.to_base64())));
        let revised = DateTime::from_timestamp(seconds(at)).to_rfc3339();
        lines.push(format!("REV:{}", revised.replace(['-', ':'], "")));
        lines.push("END:VCARD".to_owned());
        lines.join("\r\n") + "\r\n"
    }

    /// Reads all cards of a file, of any version; those without an address are left out.
    #[must_use]
    pub fn read(file: &str) -> Vec<Self> {
        if file.len() > LARGEST {
            return Vec::new();
        }
        let unfolded = file.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "");
        let (mut cards, mut open): (Vec<Self>, Option<Draft>) = (Vec::new(), None);
        for (name, parameters, value) in unfolded.lines().filter_map(property) {
            match (name.as_str(), &mut open) {
                ("BEGIN", _) => open = Some(Draft::default()),
                ("END", _) => cards.extend(open.take().and_then(Draft::finished)),
                ("EMAIL", Some(draft)) if draft.address.is_none() => draft.address = MailAddress::new(&unescaped(value)).ok(),
                ("FN", Some(draft)) => draft.name = unescaped(value),
                ("KEY", Some(draft)) if draft.certificate.is_none() => draft.certificate = key(parameters, value),
                _ => {}
            }
            if cards.len() == MOST_CARDS {
                break;
            }
        }
        cards
    }
}

#[derive(Default)]
struct Draft {
    address: Option<MailAddress>,
    name: String,
    certificate: Option<Certificate>,
}

impl Draft {
    fn finished(self) -> Option<Card> {
        Some(Card { address: self.address?, name: self.name, certificate: self.certificate })
    }
}

/// A line's name in capitals without its group, its parameters and its value.
fn property(line: &str) -> Option<(String, &str, &str)> {
    let (head, value) = line.split_once(':')?;
    let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
    let name = name.rsplit_once('.').map_or(name, |(_, name)| name);
    Some((name.to_ascii_uppercase(), parameters, value.trim()))
}

/// A key: in a `data:` URI, or as version 3 writes it, in bare base64.
fn key(parameters: &str, value: &str) -> Option<Certificate> {
    let value = value.replace('\\', "");
    let base64 = match value.split_once(',') {
        Some((kind, base64)) => kind.eq_ignore_ascii_case("data:application/pgp-keys;base64").then_some(base64)?,
        None => parameters.to_ascii_uppercase().contains("PGP").then_some(value.as_str())?,
    };
    Certificate::from_base64(base64).ok()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\\' | ',' | ';' => escaped.extend(['\\', c]),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

fn unescaped(text: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text.chars());
    while let Some(c) = rest.next() {
        match c {
            '\\' => plain.extend(rest.next().map(|escaped| if matches!(escaped, 'n' | 'N') { '\n' } else { escaped })),
            c => plain.push(c),
        }
    }
    plain
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Card(…)")
    }
}
