// SPDX-License-Identifier: EUPL-1.2
//! Reactions: all that a person has put under a message, as a set, however his network changes it.

use serde::{Deserialize, Serialize};

/// How many reactions of one person to one message are kept.
pub const MOST_REACTIONS: usize = 20;

/// One reaction: an emoji, or whatever short text its network allows there.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Emoji(String);

impl std::fmt::Debug for Emoji {
    /// It can be a word as well, and what people write is in no log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Emoji({} bytes)", self.0.len())
    }
}

impl Emoji {
    /// [`None`] for what is empty, longer than 64 bytes, or holds white space or control characters. The variation selector at
    /// the end (U+FE0F) is left out: networks write the same emoji with and without it.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let bare = text.strip_suffix('\u{fe0f}').unwrap_or(text);
        let legal = (1..=64).contains(&bare.len()) && !bare.chars().any(|c| c.is_whitespace() || c.is_control());
        legal.then(|| Self(bare.to_owned()))
    }

    /// The emoji, without a variation selector at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The emoji as most clients write it: with the variation selector where the bare character would be shown as text.
    #[must_use]
    pub fn qualified(&self) -> String {
        let mut characters = self.0.chars();
        match (characters.next(), characters.next()) {
            (Some(only), None) if matches!(only, '\u{a9}' | '\u{ae}' | '\u{203c}'..='\u{3299}') => format!("{only}\u{fe0f}"),
            _ => self.0.clone(),
        }
    }
}

impl TryFrom<String> for Emoji {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text).ok_or("not a reaction")
    }
}

impl From<Emoji> for String {
    fn from(emoji: Emoji) -> Self {
        emoji.0
    }
}

/// What a person's reactions to a message are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reactions {
    /// These and no others; none: he took all back.
    All(Vec<Emoji>),
    /// This one besides those from before. Only inward: the engine knows the others and delivers [`Self::All`].
    And(Emoji),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_emoji_has_one_form() {
        for (text, expected) in
            [("❤️", Some("❤")), ("❤", Some("❤")), (" 👍 ", Some("👍")), ("👍🏽", Some("👍🏽")), ("", None), ("a b", None)]
        {
            assert_eq!(Emoji::new(text).as_ref().map(Emoji::as_str), expected, "{text:?}");
        }
        assert_eq!(Emoji::new("❤").unwrap().qualified(), "❤️");
        assert_eq!(Emoji::new("👍").unwrap().qualified(), "👍");
        assert!(!format!("{:?}", Reactions::And(Emoji::new("secret").unwrap())).contains("secret"));
    }
}
