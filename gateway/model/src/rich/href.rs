// SPDX-License-Identifier: EUPL-1.2
//! Where links may lead.

use serde::{Deserialize, Serialize};

/// Longest address of a link.
const LONGEST_HREF: usize = 2048;
/// Schemes of links that are carried: what Matrix permits (Client-Server API § m.room.message msgtypes), and addresses of people.
const SCHEMES: &[&str] = &["https", "http", "ftp", "mailto", "magnet", "xmpp", "matrix", "tel", "geo"];

/// Where a link leads: an absolute address of a harmless kind.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Href(String);

impl Href {
    /// The address; [`None`] for anything that a program could run (`javascript:`, `data:`), that is relative, or too long.
    #[must_use]
    pub fn new(address: &str) -> Option<Self> {
        let address = address.trim();
        let (scheme, rest) = address.split_once(':')?;
        let known = SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known));
        let clean = address.chars().all(|c| !c.is_control() && !c.is_whitespace() && !crate::address::directs_text(c));
        let whole = !rest.is_empty() && address.len() <= LONGEST_HREF && !address.contains(['<', '>', '"']);
        (known && clean && whole).then(|| Self(address.to_owned()))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Would a program make the same link of this text by itself?
    #[must_use]
    pub fn is_shown_by(&self, text: &str) -> bool {
        text == self.0 || self.0.strip_prefix("mailto:") == Some(text)
    }
}

impl TryFrom<String> for Href {
    type Error = &'static str;

    fn try_from(address: String) -> Result<Self, Self::Error> {
        Self::new(&address).ok_or("no link")
    }
}

impl From<Href> for String {
    fn from(href: Href) -> Self {
        href.0
    }
}

impl std::fmt::Debug for Href {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Href(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_harmless() {
        for good in ["https://a.example/x?y#z", "mailto:a@b", "HTTP://x", "xmpp:bob@x?message"] {
            assert!(Href::new(good).is_some(), "{good}");
        }
        for bad in ["javascript:alert(1)", " JaVaScRiPt:x", "data:text/html,x", "//x", "/x", "x", "java\nscript:x", "https:", ""]
        {
            assert!(Href::new(bad).is_none(), "{bad}");
        }
        assert!(
            Href::new("https://x/\u{202e}gpj.exe").is_none() && Href::new(&format!("https://{}", "x".repeat(9999))).is_none()
        );
        assert!(serde_json::from_str::<Href>("\"javascript:x\"").is_err());
    }
}
