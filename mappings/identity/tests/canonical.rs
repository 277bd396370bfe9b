// SPDX-License-Identifier: EUPL-1.2
//! Canonical forms by example, and mail addresses back on the wire.

mod common;

use common::mail;
use dreiklang_identity::{NotCanonical, canonical, canonical::mail::addr_spec};
use dreiklang_model::Network;

fn of(network: &Network, text: &str) -> Result<String, NotCanonical> {
    canonical(network, text).map(|address| address.as_str().to_owned())
}

#[test]
fn matrix() {
    let long = format!("@{}:hs.example", "a".repeat(243));
    for same in [
        "@alice:hs.example",
        "@Alice:HS.example",
        "@a/b+c=d%e\"#'@f:hs.example",
        "@alice:hs.example:8448",
        "@alice:localhost",
        "@alice:192.0.2.1",
        "@alice:[2001:db8::1]:8448",
        "@alice:[::1]",
        &long,
    ] {
        assert_eq!(of(&Network::MATRIX, same).as_deref(), Ok(same));
    }
    let longer = format!("@{}:hs.example", "a".repeat(244));
    for bad in [
        "",
        "@",
        "alice:hs.example",
        "@:hs.example",
        "@alice",
        "@alice:",
        "@al ice:hs.example",
        "@älice:hs.example",
        "@alice:h s",
        "@alice:hs..example",
        "@alice:hs.example.",
        "@alice:hs.example:",
        "@alice:hs.example:99999",
        "@alice:[::1",
        "@alice:[::1]8448",
        "@alice:[zz]",
        "@alice:8448",
        "@alice:300.1.1.1",
        "@alice:-hs.example",
        "@alice:straße.de",
        "#plan:hs.example",
        "@a:b:c",
        &longer,
    ] {
        assert!(of(&Network::MATRIX, bad).is_err(), "{bad}");
    }
}

#[test]
fn xmpp() {
    for (text, canon) in [
        ("Bob@XMPP.Example/Phone", "bob@xmpp.example"),
        ("bob@xmpp.example.", "bob@xmpp.example"),
        ("Straße@straße.de", "strasse@strasse.de"),
        ("bob@bücher.example", "bob@bücher.example"),
        ("xmpp.example/a@b", "xmpp.example"),
        ("bob@[2001:DB8::1]", "bob@[2001:db8::1]"),
        ("evil\\@x.org", "evil\\@x.org"),
        ("a%b=c@x.org", "a%b=c@x.org"),
    ] {
        assert_eq!(of(&Network::XMPP, text).as_deref(), Ok(canon));
    }
    for bad in ["", "@x.org", "a@b@c", "a b@x.org", "a:b@x.org", "bob@", "bob@x..org", "bob@x y", "bob@[::g]"] {
        assert!(of(&Network::XMPP, bad).is_err(), "{bad}");
    }
}

#[test]
fn mail_and_back_on_the_wire() {
    for (text, canon, wire) in [
        ("Carol@Mail.Example", "carol@mail.example", "carol@mail.example"),
        (" Max.Muster+x@Stadt.DE. ", "max.muster+x@stadt.de", "max.muster+x@stadt.de"),
        ("carol@Straße.de", "carol@xn--strae-oqa.de", "carol@xn--strae-oqa.de"),
        ("carol@xn--strae-oqa.de", "carol@xn--strae-oqa.de", "carol@xn--strae-oqa.de"),
        ("carol@STRASSE.de", "carol@strasse.de", "carol@strasse.de"),
        ("ju\u{308}rgen@x.de", "jürgen@x.de", "jürgen@x.de"),
        ("\"carol\"@x.de", "carol@x.de", "carol@x.de"),
        ("\"a b\"@x.de", "a b@x.de", "\"a b\"@x.de"),
        ("a b@x.de", "a b@x.de", "\"a b\"@x.de"),
        ("\"a@b\"@x.de", "a@b@x.de", "\"a@b\"@x.de"),
        ("\"a\\\"b\"@x.de", "a\"b@x.de", "\"a\\\"b\"@x.de"),
        ("\"\\\"a\\\"\"@x.de", "\"\\\"a\\\"\"@x.de", "\"\\\"a\\\"\"@x.de"),
        ("\" a\"@x.de", "\" a\"@x.de", "\" a\"@x.de"),
        ("evil\\@x.de", "evil\\@x.de", "\"evil\\\\\"@x.de"),
        ("a..b@x.de", "a..b@x.de", "\"a..b\"@x.de"),
        ("O'Neil@x.de", "o'neil@x.de", "o'neil@x.de"),
        ("carol@[192.0.2.1]", "carol@[192.0.2.1]", "carol@[192.0.2.1]"),
        ("carol@[IPv6:2001:DB8:0::1]", "carol@[ipv6:2001:db8::1]", "carol@[ipv6:2001:db8::1]"),
    ] {
        assert_eq!(of(&Network::MAIL, text).as_deref(), Ok(canon), "{text}");
        assert_eq!(of(&Network::MAIL, canon).as_deref(), Ok(canon), "{text}");
        assert_eq!(addr_spec(&mail(text)).as_deref(), Some(wire), "{text}");
        assert_eq!(of(&Network::MAIL, wire).as_deref(), Ok(canon), "{text}");
    }
    let long = format!("{}@{}.example", "a".repeat(200), "b".repeat(60));
    for bad in [
        "",
        "carol",
        "@x.de",
        "carol@",
        "\"\"@x.de",
        "\"a\"b@x.de",
        "\"a@x.de",
        "carol@x y.de",
        "carol@x_y.de",
        "carol@a..de",
        "carol@[1.2.3]",
        "carol@[::1]",
        "a\u{7}b@x.de",
        "a\u{200b}b@x.de",
        "carol@xn--a.de",
        &long,
    ] {
        assert!(of(&Network::MAIL, bad).is_err(), "{bad}");
    }
}
