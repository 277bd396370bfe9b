// SPDX-License-Identifier: EUPL-1.2
//! Names that could be taken for somebody else's are shown with the network of their bearer. Pure.

use dreiklang_model::{Address, DisplayName, Network};
use unicode_security::confusable_detection::skeleton;

/// The name as it is shown, marked when it looks like one of `reserved` (the bot, the organisation) or contains an address that is not
/// its bearer's. Marking twice changes nothing.
pub(crate) fn marked(name: DisplayName, of: &Address, reserved: [&str; 2]) -> DisplayName {
    let mark = format!("({})", label(of.network()));
    if name.as_str().ends_with(&mark) {
        return name;
    }
    let looks = looks_of(name.as_str());
    if reserved.iter().any(|reserved| looks == looks_of(reserved)) || names_another(name.as_str(), of) {
        DisplayName::new(&format!("{} {mark}", name.as_str()))
    } else {
        name
    }
}

/// What a name looks like: the same for names that people cannot tell apart (UTS 39 §4).
fn looks_of(name: &str) -> String {
    let lower = name.to_lowercase();
    skeleton(&lower).filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase()
}

/// Does a name contain an address other than its bearer's?
fn names_another(name: &str, of: &Address) -> bool {
    name.split([' ', '<', '>', '(', ')', '[', ']', ',', ';', '"']).any(|word| {
        let matrix = word.strip_prefix('@').is_some_and(|rest| rest.contains(':'));
        let mail = word.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'));
        (matrix || mail) && !word.eq_ignore_ascii_case(of.as_str())
    })
}

fn label(network: &Network) -> &str {
    match network.as_str() {
        "matrix" => "Matrix",
        "xmpp" => "XMPP",
        "mail" => "Mail",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_deceive_is_marked() {
        let bob = Address::new(Network::XMPP, "bob@xmpp.example").unwrap();
        let shown = |name: &str| marked(DisplayName::new(name), &bob, ["Gateway Town", "Town"]).as_str().to_owned();
        for plain in ["Bob", "bob@xmpp.example", "Bob <bob@xmpp.example>", "Townsend", "a @ b", "@bob", "Bob (XMPP)", "C@T"] {
            assert_eq!(shown(plain), plain);
        }
        for deceiving in [
            "Town",
            "town",
            "T o w n",
            // A Cyrillic о.
            "T\u{43e}wn",
            "GATEWAY-TOWN",
            "@alice:hs.example",
            "Alice (alice@hs.example)",
            "boss@town.example",
        ] {
            assert_eq!(shown(deceiving), format!("{deceiving} (XMPP)"));
            assert_eq!(shown(&shown(deceiving)), shown(deceiving));
        }
    }
}
