// SPDX-License-Identifier: EUPL-1.2
//! The language in which somebody writes, as his client names it (BCP 47). What the gateway itself speaks is [`crate::Language`].

use serde::{Deserialize, Serialize};

/// Longest tag that is kept: RFC 5646 §4.4.1 knows none that is used and longer.
const LONGEST: usize = 35;

/// A language tag: letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LanguageTag(String);

impl LanguageTag {
    /// Takes what a network says; nothing when it is no tag.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let subtag = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let mut subtags = text.split('-');
        let primary = subtags.next().is_some_and(|first| subtag(first) && first.bytes().all(|byte| byte.is_ascii_alphabetic()));
        (primary && text.len() <= LONGEST && subtags.all(subtag)).then(|| Self(text.to_owned()))
    }

    /// `de-AT`, say.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LanguageTag {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text).ok_or("no language tag")
    }
}

impl From<LanguageTag> for String {
    fn from(tag: LanguageTag) -> Self {
        tag.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        for (text, kept) in [
            ("de", Some("de")),
            (" de-AT ", Some("de-AT")),
            ("zh-Hant-TW", Some("zh-Hant-TW")),
            ("x-klingon", Some("x-klingon")),
            ("", None),
            ("de_AT", None),
            ("de, en", None),
            ("1de", None),
            ("de-", None),
            ("de\r\nX: y", None),
            ("a-bcdefghij", None),
        ] {
            assert_eq!(LanguageTag::new(text).as_ref().map(LanguageTag::as_str), kept, "{text:?}");
        }
        assert_eq!(LanguageTag::new(&["de"; 13].join("-")), None, "too long");
    }
}
