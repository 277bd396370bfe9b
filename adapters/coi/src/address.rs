// SPDX-License-Identifier: EUPL-1.2
//! Mail addresses: the canonical form in which people are known, and the domain that is ours.

use dreiklang_model::{Address, Network};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

/// Longest address (RFC 5321 §4.5.3.1.3 without the angle brackets).
const LONGEST: usize = 254;

/// A domain in the form in which domains are compared: lower-case A-labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Domain(String);

impl Domain {
    /// [`None`] when the text is no domain (an address literal is none here).
    pub(crate) fn new(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let ascii =
            Uts46::new().to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify).ok()?;
        Some(Self(ascii.into_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// May `signer` speak for this domain? It may when it is the domain itself or lies above it and is no top-level domain.
    /// Narrower than [`Self::is_aligned_with`], for what another server says without its grounds.
    pub(crate) fn is_spoken_for_by(&self, signer: &Self) -> bool {
        self == signer || (signer.0.contains('.') && self.0.strip_suffix(&signer.0).is_some_and(|above| above.ends_with('.')))
    }

    /// The domain that was registered, by the list of public suffixes: whatever lies below it belongs to the same
    /// organisation. [`None`] for a public suffix.
    pub(crate) fn organisational(&self) -> Option<Self> {
        psl::domain_str(&self.0).map(|domain| Self(domain.to_owned()))
    }

    /// Do both belong to the same organisation? DMARC's relaxed alignment (RFC 7489 §3.1).
    pub(crate) fn is_aligned_with(&self, other: &Self) -> bool {
        self == other || self.organisational().is_some_and(|own| other.organisational() == Some(own))
    }

    /// Does an address lie in this domain?
    pub(crate) fn holds(&self, address: &str) -> bool {
        address.rsplit_once('@').and_then(|(_, domain)| Self::new(domain)).is_some_and(|domain| domain == *self)
    }
}

/// A person's mail address in canonical form: local part in NFC and ASCII lower case without needless quotes, domain in
/// A-labels. Header form and wire form are the same for whatever needs no quotes.
pub(crate) fn canonical(text: &str) -> Option<Address> {
    let (local, domain) = text.trim().rsplit_once('@')?;
    let local = unquoted(local)?.nfc().collect::<String>().to_ascii_lowercase().nfc().collect::<String>();
    let strange =
        |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}');
    if local.is_empty() || local.chars().any(strange) {
        return None;
    }
    let local = if local.starts_with(|c: char| c == '"' || c.is_whitespace()) { quoted(&local) } else { local };
    let mailbox = format!("{local}@{}", Domain::new(domain)?.as_str());
    if mailbox.len() > LONGEST { None } else { Address::new(Network::MAIL, mailbox).ok() }
}

/// An address as it stands in headers and commands, its local part quoted where it must be (RFC 5321 §4.1.2).
pub(crate) fn addr_spec(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) if !local.starts_with('"') && !is_dot_atom(local) => format!("{}@{domain}", quoted(local)),
        _ => address.to_owned(),
    }
}

fn is_dot_atom(local: &str) -> bool {
    let atext = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || (!c.is_ascii() && !c.is_whitespace());
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atext))
}

fn quoted(content: &str) -> String {
    let escaped: String = content.chars().flat_map(|c| matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c])).collect();
    format!("\"{escaped}\"")
}

fn unquoted(local: &str) -> Option<String> {
    let Some(inner) = local.strip_prefix('"') else { return Some(local.to_owned()) };
    let (mut out, mut rest) = (String::new(), inner.chars());
    loop {
        match rest.next()? {
            '"' => return rest.next().is_none().then_some(out),
            '\\' => out.push(rest.next()?),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_form() {
        for (text, expected) in [
            ("Carol@Mail.Example", Some("carol@mail.example")),
            ("carol@STRASSE.example.", Some("carol@strasse.example")),
            ("carol@straße.example", Some("carol@xn--strae-oqa.example")),
            ("\"Carol\"@mail.example", Some("carol@mail.example")),
            ("\"a b\"@mail.example", Some("a b@mail.example")),
            ("carol", None),
            ("@mail.example", None),
            ("ca\u{0}rol@mail.example", None),
            ("carol@exa mple", None),
        ] {
            assert_eq!(canonical(text).as_ref().map(Address::as_str), expected, "{text}");
        }
        assert_eq!(addr_spec("a b@mail.example"), "\"a b\"@mail.example");
        assert_eq!(addr_spec("matrix.alice=hs.example@gw.example"), "matrix.alice=hs.example@gw.example");
    }

    #[test]
    fn only_the_domain_itself_or_one_above_speaks_for_it() {
        let domain = |text| Domain::new(text).unwrap();
        for (from, signer, speaks) in [
            ("mail.example", "mail.example", true),
            ("dept.mail.example", "mail.example", true),
            ("mail.example", "dept.mail.example", false),
            ("evilmail.example", "mail.example", false),
            ("mail.example", "example", false),
        ] {
            assert_eq!(domain(from).is_spoken_for_by(&domain(signer)), speaks, "{from} {signer}");
        }
    }

    #[test]
    fn domains_of_one_organisation_are_aligned_and_those_that_share_a_public_suffix_are_not() {
        let domain = |text| Domain::new(text).unwrap();
        for (one, other, aligned) in [
            ("town.de", "town.de", true),
            ("town.de", "mailer.town.de", true),
            ("office.town.de", "mailer.town.de", true),
            ("town.de", "de", false),
            ("town.de", "eviltown.de", false),
            ("town.de", "town.de.evil.example", false),
            ("bank.co.uk", "co.uk", false),
            ("bank.co.uk", "evil.co.uk", false),
            ("co.uk", "co.uk", true),
            ("alice.github.io", "bob.github.io", false),
            ("straße.de", "mail.xn--strae-oqa.de", true),
            ("公司.香港", "xn--55qx5d.xn--j6w193g", true),
            ("一.公司.香港", "二.公司.香港", false),
            ("mail.internal", "mx.mail.internal", true),
        ] {
            assert_eq!(domain(one).is_aligned_with(&domain(other)), aligned, "{one} {other}");
            assert_eq!(domain(other).is_aligned_with(&domain(one)), aligned, "{other} {one}");
        }
    }
}
