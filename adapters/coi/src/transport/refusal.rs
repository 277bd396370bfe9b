// SPDX-License-Identifier: EUPL-1.2
//! What a mail server's "no" means (RFC 5321 §4.2, RFC 3463): the same for a reply to a command and for a bounce.

use dreiklang_model::Reason;

/// Longest of the other side's words that is passed on, in characters.
const LONGEST_WORDS: usize = 300;

/// A refusal: the reply code, if there was one, the enhanced status code and the words.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Option<u16>,
    pub(crate) status: Option<String>,
    pub(crate) words: String,
}

impl Refusal {
    /// From a reply; the enhanced code stands at the beginning of its text (RFC 2034).
    pub(crate) fn reply(code: u16, text: &str) -> Self {
        let text = text.trim();
        let status = text.split_whitespace().next().filter(|word| is_status(word)).map(str::to_owned);
        Self { code: Some(code), status, words: text.to_owned() }
    }

    /// Trying again may help.
    pub(crate) fn is_transient(&self) -> bool {
        match self.code {
            Some(code) => (400..500).contains(&code),
            None => self.status.as_deref().is_some_and(|status| status.starts_with('4')),
        }
    }

    /// Why, for the sender.
    pub(crate) fn reason(&self) -> Reason {
        let detail = self.status.as_deref().and_then(|status| status.split_once('.')).map(|(_, detail)| detail);
        match (detail, self.code) {
            (Some("1.1" | "1.2" | "1.3" | "1.6" | "1.10"), _) => Reason::UnknownRecipient,
            (Some("3.4" | "2.3"), _) | (None, Some(552)) => Reason::TooLarge,
            (_, Some(523)) => Reason::NeedsInvitation,
            _ => match clean(&self.words) {
                words if words.is_empty() => Reason::Rejected,
                words => Reason::Said(words),
            },
        }
    }
}

/// Is it `class.subject.detail`?
pub(crate) fn is_status(word: &str) -> bool {
    let mut numbers = word.split('.');
    let class = numbers.next().is_some_and(|class| matches!(class, "2" | "4" | "5"));
    let number =
        |text: Option<&str>| text.is_some_and(|text| (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()));
    class && number(numbers.next()) && number(numbers.next()) && numbers.next().is_none()
}

/// Somebody else's words on one line, without control characters, bounded.
pub(crate) fn clean(words: &str) -> String {
    let printable: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let joined = printable.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.chars().take(LONGEST_WORDS).collect()
}

crate::opaque::opaque!(Refusal);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_have_reasons() {
        for (code, text, reason) in [
            (550, "5.1.1 <x@y>: user unknown", Reason::UnknownRecipient),
            (552, "too much", Reason::TooLarge),
            (552, "5.3.4 message size exceeds fixed limit", Reason::TooLarge),
            (554, "5.7.1 refused by policy", Reason::Said("5.7.1 refused by policy".into())),
            (523, "", Reason::NeedsInvitation),
            (523, "Encryption Needed\r\n", Reason::NeedsInvitation),
            (523, "5.7.1 Encryption Needed: Invalid Unencrypted Mail", Reason::NeedsInvitation),
            (554, "", Reason::Rejected),
        ] {
            assert_eq!(Refusal::reply(code, text).reason(), reason, "{code} {text}");
        }
        assert!(Refusal::reply(450, "4.2.0 later").is_transient());
        assert!(!Refusal::reply(550, "no").is_transient());
    }

    #[test]
    fn foreign_words_are_tame() {
        assert_eq!(clean("a\r\n\tb\u{7}c"), "a b c");
        assert_eq!(clean(&"x".repeat(1000)).len(), LONGEST_WORDS);
    }
}
