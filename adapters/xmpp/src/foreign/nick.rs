// SPDX-License-Identifier: EUPL-1.2
//! The name that somebody of ours bears in a room of another server: as he is called, within what servers take there.

use dreiklang_model::DisplayName;
use jid::ResourcePart;

/// Longest nick, in characters.
const LONGEST: usize = 48;
/// How many names are tried for one ghost.
pub(super) const TRIES: usize = 5;

/// The names to try, in their order: some servers refuse signs that Unicode has got lately (and all emoji), and names may be taken.
pub(super) fn candidates(name: &DisplayName, account: &str, network: &str) -> Vec<String> {
    let own = legal(name.as_str());
    let plain: String = account.trim_start_matches('@').split(['@', ':']).next().unwrap_or_default().to_owned();
    let base = own.or_else(|| legal(&plain)).unwrap_or_else(|| network.to_owned());
    let ascii: String = base.chars().filter(char::is_ascii).collect();
    let ascii = legal(&ascii).filter(|ascii| ascii.chars().any(char::is_alphanumeric)).unwrap_or_else(|| network.to_owned());
    let mut all = vec![base.clone(), format!("{base} ({network})")];
    // What is written from right to left cannot end in a mark from left to right (RFC 3454 §6).
    if ResourcePart::new(&all[1]).is_err() {
        all[1] = format!("{ascii} ({network})");
    }
    all.extend((2..).map(|number| format!("{ascii} ({network}) {number}")).take(TRIES - all.len()));
    all
}

/// The text as far as it can be a nick; nothing when nothing of it can.
fn legal(text: &str) -> Option<String> {
    let shown = |c: &char| c.is_alphanumeric() || *c == ' ' || (c.is_ascii_graphic()) || matches!(c, '’' | '–' | '·');
    // Beyond the basic plane stand the signs that servers with an older Unicode refuse, emoji among them.
    let kept: String = text.chars().filter(|c| shown(c) && u32::from(*c) < 0x1_0000).take(LONGEST).collect();
    let words: Vec<&str> = kept.split(' ').filter(|word| !word.is_empty()).collect();
    let nick = ResourcePart::new(&words.join(" ")).ok()?.as_str().to_owned();
    (!nick.is_empty()).then_some(nick)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_servers_take() {
        for (name, account, first, second) in [
            ("Alice", "@alice:hs.example", "Alice", "Alice (matrix)"),
            ("Ünal Müller", "@u:hs", "Ünal Müller", "Ünal Müller (matrix)"),
            ("🦊 Fox 🦊", "@fox:hs", "Fox", "Fox (matrix)"),
            ("🦊", "@fox:hs", "fox", "fox (matrix)"),
            ("🦊", "@🦊:hs", "matrix", "matrix (matrix)"),
            ("a/b@c", "@a:hs", "a/b@c", "a/b@c (matrix)"),
        ] {
            let all = candidates(&DisplayName::new(name), account, "matrix");
            assert_eq!((all[0].as_str(), all[1].as_str(), all.len()), (first, second, TRIES), "{name}");
        }
        assert_eq!(candidates(&DisplayName::new("Ünal"), "@u:hs", "matrix")[2], "nal (matrix) 2");
    }

    proptest! {
        #[test]
        fn any_name_has_a_nick(name in "\\PC{0,80}", account in "\\PC{0,40}") {
            for nick in candidates(&DisplayName::new(&name), &account, "matrix") {
                prop_assert!(!nick.trim().is_empty() && nick.len() < 400);
                prop_assert!(ResourcePart::new(&nick).is_ok());
            }
        }
    }
}
