// SPDX-License-Identifier: EUPL-1.2
//! What people paste, and who is meant.

mod common;

use common::{book, mail, matrix, xmpp};
use dreiklang_engine::port::AddressBook;
use dreiklang_model::{Address, Network};

fn resolved(pasted: &str, from: &Network) -> Vec<Address> {
    book().resolve(pasted, from)
}

#[track_caller]
fn meant(pasted: &str, from: &Network, people: &[Address]) {
    let found = resolved(pasted, from);
    assert!(found == people, "{pasted}: {:?}", found.iter().map(Address::as_str).collect::<Vec<_>>());
}

#[test]
fn matrix_ids_and_links() {
    for text in [
        "@alice:hs.example",
        "alice:hs.example",
        " \u{200b}@alice:hs.example\u{feff}\n",
        "@ali\u{2060}ce:hs.example",
        "@alice:hs.example,",
        "matrix:u/alice:hs.example",
        "MATRIX:u/alice:hs.example?action=chat",
        "matrix:user/alice:hs.example",
        "matrix:u/%61lice:hs.example",
        "matrix://x.example/u/alice:hs.example",
        "https://matrix.to/#/@alice:hs.example",
        "https://matrix.to/#/%40alice%3Ahs.example?via=x.org",
        "HTTPS://Matrix.TO/#/@alice:hs.example",
        "matrix.to/#/@alice:hs.example",
        "https://app.element.io/#/user/@alice:hs.example",
        "<@alice:hs.example>",
        "Alice <https://matrix.to/#/@alice:hs.example>",
        // ghosts and the other forms
        "alice%hs.example@matrix.gw.example",
        "xmpp:alice%25hs.example@matrix.gw.example?message",
        "xmpp:alice%hs.example@matrix.gw.example",
        "\\40alice\\3ahs.example@matrix.gw.example/x",
        "\\40alice\\3ahs.example",
        "alice\\3ahs.example",
        "alice_hs.example@matrix.gw.example",
        "@alice:hs.example@matrix.gw.example",
        "matrix.alice=hs.example@gw.example",
        "Alice <Matrix.alice=hs.example@gw.example>",
        "mailto:matrix.alice=hs.example@gw.example",
    ] {
        for from in [Network::XMPP, Network::MAIL] {
            meant(text, &from, &[matrix("@alice:hs.example")]);
        }
        meant(text, &Network::MATRIX, &[]);
    }
    meant("https://matrix.to/#/@a/b:hs.example", &Network::XMPP, &[matrix("@a/b:hs.example")]);
    meant("@alice:[::1]:8448", &Network::XMPP, &[matrix("@alice:[::1]:8448")]);
    for nobody in [
        "#plan:hs.example",
        "!AbC:hs.example",
        "https://matrix.to/#/#plan:hs.example",
        "matrix:r/plan:hs.example",
        "hs.example:8448",
        "Note: x",
    ] {
        meant(nobody, &Network::XMPP, &[]);
    }
}

#[test]
fn uris_name_their_network() {
    for text in [
        "xmpp:bob@xmpp.example?message",
        "XMPP:Bob@xmpp.example/phone",
        "xmpp://me@x.org/bob@xmpp.example?message;body=Hi",
        "@_xmpp_bob=40xmpp.example:hs.example",
        "https://matrix.to/#/@_xmpp_bob=40xmpp.example:hs.example",
        "https://matrix.to/#/%40_xmpp_bob%3D40xmpp.example%3Ahs.example",
        "xmpp.bob=xmpp.example@gw.example",
        "bob@xmpp.example/phone",
    ] {
        meant(text, &Network::MATRIX, &[xmpp("bob@xmpp.example")]);
        meant(text, &Network::XMPP, &[]);
    }
    for text in [
        "mailto:carol@mail.example?subject=Hi@x",
        "mailto:Carol%40mail.example",
        "@_mail_carol=40mail.example:hs.example",
        "carol%mail.example@mail.gw.example",
        "carol\\40mail.example@mail.gw.example",
        "<mailto:carol@mail.example>",
    ] {
        meant(text, &Network::MATRIX, &[mail("carol@mail.example")]);
        meant(text, &Network::MAIL, &[]);
    }
    meant("mailto:a@x.de,b@x.de", &Network::XMPP, &[mail("a@x.de"), mail("b@x.de")]);
    meant("mailto:%22a%20b%22@x.de", &Network::XMPP, &[mail("\"a b\"@x.de")]);
    meant("xmpp:irc.example", &Network::MATRIX, &[xmpp("irc.example")]);
}

#[test]
fn bare_addresses_may_be_either() {
    for text in [
        "carol@x.example",
        "Carol <carol@x.example>",
        "\"Carol, Dr.\" <Carol@X.example>",
        "acct:carol@x.example",
        "im:carol@x.example",
        " carol@x.example. ",
        "carol\\40x.example",
    ] {
        meant(text, &Network::MATRIX, &[xmpp("carol@x.example"), mail("carol@x.example")]);
        meant(text, &Network::XMPP, &[mail("carol@x.example")]);
        meant(text, &Network::MAIL, &[xmpp("carol@x.example")]);
    }
    // The two networks fold domains differently.
    meant("carol@straße.de", &Network::MATRIX, &[xmpp("carol@strasse.de"), mail("carol@xn--strae-oqa.de")]);
    meant("o'neil@x.example", &Network::MATRIX, &[mail("o'neil@x.example")]);
}

#[test]
fn nobody_is_meant() {
    for text in [
        "",
        " ",
        "hello",
        "@",
        "@:",
        ":",
        "<>",
        "a@",
        "@b",
        "bot@gw.example",
        "matrix.gw.example",
        "xmpp:matrix.gw.example",
        "@dreiklang:hs.example",
        "nobody@matrix.gw.example",
        "#plan%hs.example@matrix.gw.example",
        "https://example.org/@carol",
        "https://mastodon.example/@carol@x.example",
        "mailto:",
        "xmpp:",
        "matrix:u/",
        "https://matrix.to/#/",
    ] {
        meant(text, &Network::MATRIX, &[]);
    }
    meant(&"a".repeat(100_000), &Network::MATRIX, &[]);
}
