// SPDX-License-Identifier: EUPL-1.2
//! Nicknames in rooms: what servers take as a resource (RFC 6120 §7.7, strictly by Unicode 3.2 as Prosody does), and no two alike.

use jid::ResourcePart;

/// Longest nickname in characters.
const LONGEST: usize = 100;

/// A nickname as servers compare it. Never empty.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Nick(String);

impl Nick {
    /// What somebody asks to be called; [`None`] when no server would let him.
    pub(super) fn asked(resource: &str) -> Option<Self> {
        let prepared = ResourcePart::new(resource).ok()?.as_str().trim().to_owned();
        // Servers trim nothing, but nobody sees the difference between `Bob` and `Bob `.
        (!prepared.is_empty() && prepared.chars().count() <= LONGEST).then_some(Self(prepared))
    }

    /// What a name comes to as a nickname: without what servers refuse; else what stands before the `%` of an address.
    pub(super) fn of(name: &str, address: &str) -> Self {
        let local = address.split(['%', '@']).next().unwrap_or_default();
        let found = [name, local].into_iter().find_map(|text| Self::asked(&cleaned(text)));
        found.unwrap_or_else(|| Self("?".to_owned()))
    }

    /// The same, marked as somebody of another network, and from the second on with a number. What is written from right to left cannot be
    /// marked so (RFC 3454 §6): the network and a number stand for it.
    pub(super) fn marked(&self, network: &str, number: usize) -> Self {
        let beginning: String = self.0.chars().take(LONGEST - 30).collect();
        let text = match number {
            0 => format!("{beginning} ({network})"),
            _ => format!("{beginning} ({network}) {}", number + 1),
        };
        Self::asked(&text).unwrap_or_else(|| Self(format!("{network} {}", number + 1)))
    }

    /// What two nicknames must not have in common.
    pub(super) fn key(&self) -> String {
        self.0.to_lowercase()
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Nick {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Nick({} bytes)", self.0.len())
    }
}

/// Without the characters that no server takes; lines become spaces.
fn cleaned(text: &str) -> String {
    let mut buffer = [0; 4];
    let mut legal = |c: char| c == ' ' || ResourcePart::new(c.encode_utf8(&mut buffer)).is_ok();
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let kept: String = spaced.filter(|c| legal(*c)).take(LONGEST).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_servers_refuse_is_left_out() {
        for (name, nick) in [
            ("Alice", "Alice"),
            ("  Alice\n Ä. ", "Alice Ä."),
            ("Bob 🦊", "Bob"),
            ("🦊", "alice"),
            ("", "alice"),
            ("a\u{202e}b\u{0}c", "abc"),
            ("ﬁne", "fine"),
            ("jonas’", "jonas’"),
        ] {
            assert_eq!(Nick::of(name, "alice%hs@gw").as_str(), nick, "{name:?}");
        }
        assert_eq!(Nick::of("🦊", "🦊%hs@gw").as_str(), "?");
        assert_eq!(Nick::asked("🦊"), None);
        assert_eq!(Nick::asked(""), None);
        assert_eq!(Nick::of("Bob", "").marked("matrix", 0).as_str(), "Bob (matrix)");
        assert_eq!(Nick::of("Bob", "").marked("matrix", 1).as_str(), "Bob (matrix) 2");
        assert_eq!(Nick::of("שלום", "").marked("matrix", 1).as_str(), "matrix 2");
    }

    proptest! {
        #[test]
        fn every_name_comes_to_a_nickname_that_servers_take(name in any::<String>(), address in any::<String>()) {
            let nick = Nick::of(&name, &address);
            let marked = nick.marked("matrix", 1000);
            for nick in [nick, marked] {
                prop_assert_eq!(Nick::asked(nick.as_str()), Some(nick));
            }
        }
    }
}
