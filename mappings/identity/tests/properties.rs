// SPDX-License-Identifier: EUPL-1.2
//! What holds for every address: reversible, collision-free, legal, stable, and never a panic.

mod common;

use common::book;
use dreiklang_engine::port::{AddressBook, NoAddress, Reading};
use dreiklang_identity::{canonical, canonical::mail::addr_spec, codec};
use dreiklang_model::{Address, Network, Written};
use proptest::{prelude::*, sample::select};

const NETWORKS: [Network; 3] = [Network::MATRIX, Network::XMPP, Network::MAIL];

/// Local parts that are hard on codecs: their own marks, escapes, capitals, dots, letters of several scripts.
fn local() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z]{1,8}([._-][a-z0-9]{1,8}){0,2}",
        3 => r#"[a-zA-Z0-9=_.\\%^+/'"5c3ads2 -]{1,14}"#,
        1 => r"(\\|\\5c|\\3a|=s|==|_5f|_|\^|%|=40|\.\.|a|F|2){1,6}",
        1 => "[a-zäöüßſéñςσΣжЯא-ת]{1,10}",
        1 => "[!-9;-~]{1,64}",
        1 => "\\PC{1,20}",
    ]
}

fn domain() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,8}(-[a-z0-9]{1,4})?\\.(example|de|org)",
        1 => "[a-z]{1,6}\\.example:[1-9][0-9]{1,3}",
        1 => select(vec!["localhost", "192.0.2.7", "[::1]", "[2001:db8::1]:8448", "[IPv6:2001:db8::2]", "[192.0.2.1]", "HS.Example", "xmpp.example"]).prop_map(str::to_owned),
        1 => select(vec!["straße.de", "bücher.example", "xn--strae-oqa.de", "пример.испытание", "例え.テスト"]).prop_map(str::to_owned),
        1 => "([a-z]{20}\\.){1,8}example",
    ]
}

/// A canonical address of any network.
fn address() -> impl Strategy<Value = Address> {
    (select(NETWORKS.to_vec()), local(), domain()).prop_filter_map("canonical", |(network, local, domain)| {
        let text = if network == Network::MATRIX { format!("@{local}:{domain}") } else { format!("{local}@{domain}") };
        canonical(&network, &text).ok()
    })
}

/// An address, and a network where it is foreign.
fn abroad() -> impl Strategy<Value = (Address, Network)> {
    (address(), select(NETWORKS.to_vec())).prop_filter("foreign", |(address, on)| address.network() != on)
}

/// Is it a legal address there, and exactly as the network would write it?
fn legal(text: &str, on: &Network) -> bool {
    if canonical(on, text).is_ok_and(|same| same.as_str() != text) {
        return false;
    }
    if *on == Network::MATRIX {
        let local = text.strip_prefix('@').and_then(|rest| rest.strip_suffix(":hs.example"));
        let grammar = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._=-/+".contains(&b);
        text.len() <= 255 && local.is_some_and(|local| !local.is_empty() && local.bytes().all(grammar))
    } else if *on == Network::XMPP {
        jid::BareJid::new(text)
            .is_ok_and(|jid| jid.as_str() == text && jid.node().is_some_and(|node| node.as_str().len() <= 1023))
    } else {
        let Some((local, "gw.example")) = text.rsplit_once('@') else { return false };
        let atext = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_=".contains(&b);
        local.len() <= 64 && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(atext))
    }
}

fn ghost(reading: Reading) -> Option<(Address, Written)> {
    match reading {
        Reading::Ghost { address, written } => Some((address, written)),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn reading_undoes_writing((address, on) in abroad()) {
        let book = book();
        match book.write(&address, &on) {
            Ok(written) => {
                let text = written.as_str();
                prop_assert!(legal(text, &on), "{text}");
                prop_assert_eq!(text.to_lowercase(), text);
                prop_assert_eq!(text.to_ascii_lowercase(), text);
                let expected = Some((address.clone(), written.clone()));
                prop_assert_eq!(ghost(book.read(text, &on)), expected.clone());
                if on != Network::MATRIX {
                    prop_assert_eq!(ghost(book.read(&text.to_ascii_uppercase(), &on)), expected.clone());
                    // The capital of the dotless i is that of another letter.
                    if !text.contains('ı') {
                        prop_assert_eq!(ghost(book.read(&text.to_uppercase(), &on)), expected.clone());
                    }
                }
                if on == Network::XMPP {
                    prop_assert_eq!(ghost(book.read(&format!("{text}/a@b/c"), &on)), expected);
                }
                for from in NETWORKS {
                    let meant = if from == *address.network() { vec![] } else { vec![address.clone()] };
                    prop_assert_eq!(book.resolve(text, &from), meant);
                }
            }
            Err(error) => prop_assert_eq!(error, NoAddress::Unreadable),
        }
    }

    #[test]
    fn writing_undoes_reading(
        local in r"[a-z0-9._=\\/+%^~-]{1,24}", at in "[a-z]{1,5}\\.de", network in select(vec!["matrix", "xmpp", "mail"]), on in select(NETWORKS.to_vec()),
    ) {
        let text = if on == Network::MATRIX { format!("@_{network}_{local}=40{at}:hs.example") }
            else if on == Network::XMPP { format!("{local}%{at}@{network}.gw.example") }
            else { format!("{network}.{local}={at}@gw.example") };
        let book = book();
        if let Some((address, written)) = ghost(book.read(&text, &on)) {
            prop_assert_eq!(book.write(&address, &on), Ok(written.clone()));
            prop_assert_eq!(ghost(book.read(written.as_str(), &on)), Some((address, written.clone())));
            if on != Network::XMPP { prop_assert_eq!(written.as_str(), text); }
        }
    }

    #[test]
    fn stored_never_meets_readable((address, on) in abroad(), salt in 0_u32..3) {
        let book = book();
        let alias = book.alias(&address, &on, salt).unwrap();
        prop_assert!(legal(alias.as_str(), &on), "{}", alias.as_str());
        prop_assert_eq!(alias.as_str().to_lowercase(), alias.as_str());
        prop_assert_eq!(book.read(alias.as_str(), &on), Reading::Stored(alias.clone()));
        if on != Network::MATRIX {
            prop_assert_eq!(book.read(&alias.as_str().to_uppercase(), &on), Reading::Stored(alias.clone()));
        }
        prop_assert_ne!(book.alias(&address, &on, salt + 1).unwrap(), alias.clone());
        let mark = if on == Network::MATRIX { "=s" } else if on == Network::XMPP { "\\5cs" } else { "==" };
        prop_assert!(alias.as_str().contains(mark));
        if let Ok(written) = book.write(&address, &on) {
            prop_assert!(!written.as_str().contains(mark), "{}", written.as_str());
        }
        for from in NETWORKS { prop_assert!(book.resolve(alias.as_str(), &from).is_empty()); }
    }

    #[test]
    fn two_people_never_share_a_form((one, on) in abroad(), other in address()) {
        let book = book();
        if one != other && other.network() != &on {
            if let (Ok(a), Ok(b)) = (book.write(&one, &on), book.write(&other, &on)) { prop_assert_ne!(a, b); }
            prop_assert_ne!(book.alias(&one, &on, 0), book.alias(&other, &on, 0));
        }
    }

    #[test]
    fn canonical_is_a_fixed_point(address in address()) {
        prop_assert_eq!(canonical(address.network(), address.as_str()), Ok(address.clone()));
        if *address.network() == Network::MAIL {
            let wire = addr_spec(&address).unwrap();
            prop_assert_eq!(canonical(&Network::MAIL, &wire), Ok(address));
        }
    }

    #[test]
    fn escapes_are_undone(text in prop_oneof![local(), "\\PC{0,30}"]) {
        prop_assert_eq!(codec::mxid::unescape(&codec::mxid::escape(&text)), Some(text.clone()));
        prop_assert_eq!(codec::jid::unescape(&codec::jid::escape(&text)), Some(text.clone()));
        prop_assert_eq!(codec::mail::unescape(&codec::mail::escape(&text)), Some(text.clone()));
    }

    #[test]
    fn nothing_panics(text in prop_oneof![
        any::<String>(), local(), (local(), domain()).prop_map(|(l, d)| format!("{l}@{d}")),
        (local(), select(vec!["matrix.gw.example", "mail.gw.example", "gw.example", "hs.example"])).prop_map(|(l, d)| format!("{l}@{d}")),
        (select(vec!["matrix:u/", "matrix:", "xmpp:", "mailto:", "https://matrix.to/#/", "@_xmpp_", "acct:", "<", "matrix.", "\\", "\"", "%"]), any::<String>()).prop_map(|(p, s)| format!("{p}{s}")),
    ]) {
        let book = book();
        for network in NETWORKS {
            let _ = canonical(&network, &text);
            let _ = book.read(&text, &network);
            for found in book.resolve(&text, &network) {
                prop_assert_ne!(found.network(), &network);
                prop_assert_eq!(canonical(found.network(), found.as_str()), Ok(found.clone()));
            }
        }
        let _ = (codec::mxid::unescape(&text), codec::jid::unescape(&text), codec::mail::unescape(&text));
    }
}

/// Whoever writes a ghost's address in capitals means the same ghost, whichever the script: every letter that has a capital,
/// but for the dotless i: its capital is that of another letter.
#[test]
fn capitals_of_every_script_are_read() {
    let book = book();
    for letter in ('\0'..=char::MAX).filter(|c| *c != 'ı' && !c.to_uppercase().eq(std::iter::once(*c))) {
        let Ok(address) = canonical(&Network::MAIL, &format!("x{letter}y@mail.example")) else { continue };
        let Ok(written) = book.write(&address, &Network::XMPP) else { continue };
        let read = ghost(book.read(&written.as_str().to_uppercase(), &Network::XMPP));
        assert_eq!(read, Some((address, written)), "{letter:?} U+{:04X}", u32::from(letter));
    }
}
