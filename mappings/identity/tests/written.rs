// SPDX-License-Identifier: EUPL-1.2
//! Worked examples of every written form, and of what is read besides.

mod common;

use common::{book, mail, matrix, plan, xmpp};
use dreiklang_engine::port::{AddressBook, NoAddress, Reading, bot};
use dreiklang_identity::{AliasKey, Book, Plan, PlanError};
use dreiklang_model::{Address, Network, Written};

/// Writes, compares, reads back.
#[track_caller]
fn written(address: &Address, on: &Network, form: &str) {
    let book = book();
    assert_eq!(book.write(address, on).as_ref().map(Written::as_str), Ok(form));
    assert_eq!(reads(form, on), Some((address.as_str().to_owned(), form.to_owned())), "{form}");
}

/// Whose ghost it is, and its canonical form.
fn reads(text: &str, on: &Network) -> Option<(String, String)> {
    match book().read(text, on) {
        Reading::Ghost { address, written } => Some((address.as_str().to_owned(), written.as_str().to_owned())),
        _ => None,
    }
}

#[test]
fn people_on_matrix() {
    for (address, form) in [
        (xmpp("bob@xmpp.example"), "@_xmpp_bob=40xmpp.example:hs.example"),
        (mail("carol@mail.example"), "@_mail_carol=40mail.example:hs.example"),
        (mail("Max.Muster+ab/c@Stadt.DE"), "@_mail_max.muster+ab/c=40stadt.de:hs.example"),
        (mail("max_muster@stadt.de"), "@_mail_max_muster=40stadt.de:hs.example"),
        (mail("o'neil@x.example"), "@_mail_o=27neil=40x.example:hs.example"),
        (mail("\"a b\"@x.example"), "@_mail_a=20b=40x.example:hs.example"),
        (mail("\"a@b\"@x.example"), "@_mail_a=40b=40x.example:hs.example"),
        (mail("a%b=c@x.example"), "@_mail_a=25b=3dc=40x.example:hs.example"),
        (mail("jürgen@straße.de"), "@_mail_j=c3=bcrgen=40xn--strae-oqa.de:hs.example"),
        (mail("carol@[192.0.2.1]"), "@_mail_carol=40=5b192.0.2.1=5d:hs.example"),
        (mail("evil\\@x.example"), "@_mail_evil=5c=40x.example:hs.example"),
        (xmpp("Straße@straße.de"), "@_xmpp_strasse=40strasse.de:hs.example"),
        (xmpp("bob@[::1]"), "@_xmpp_bob=40=5b=3a=3a1=5d:hs.example"),
    ] {
        written(&address, &Network::MATRIX, form);
    }
}

#[test]
fn people_on_xmpp() {
    for (address, form) in [
        (matrix("@alice:hs.example"), "alice%hs.example@matrix.gw.example"),
        (matrix("@alice:hs.example:8448"), "alice%hs.example\\3a8448@matrix.gw.example"),
        (matrix("@alice:[2001:db8::1]:8448"), "alice%[2001\\3adb8\\3a\\3a1]\\3a8448@matrix.gw.example"),
        (matrix("@Alice.B^c:hs.example"), "^alice.^b^^c%hs.example@matrix.gw.example"),
        (matrix("@a%b=c:hs.example"), "a%b=c%hs.example@matrix.gw.example"),
        (matrix("@evil\\:hs.example"), "evil\\%hs.example@matrix.gw.example"),
        (matrix("@evil\\5:hs.example"), "evil\\5%hs.example@matrix.gw.example"),
        (matrix("@c\\3ad:hs.example"), "c\\5c3ad%hs.example@matrix.gw.example"),
        (matrix("@c\\5cs:hs.example"), "c\\5c5cs%hs.example@matrix.gw.example"),
        (matrix("@c\\3Ad:hs.example"), "c\\3^ad%hs.example@matrix.gw.example"),
        (mail("carol@mail.example"), "carol%mail.example@mail.gw.example"),
        (mail("o'neil+x@mail.example"), "o\\27neil+x%mail.example@mail.gw.example"),
        (mail("\"a b\"@x.example"), "a\\20b%x.example@mail.gw.example"),
        (mail("\" a\"@x.example"), "\\22\\20a\\22%x.example@mail.gw.example"),
        (mail("a%b@x.example"), "a%b%x.example@mail.gw.example"),
        (mail("jürgen@straße.de"), "jürgen%xn--strae-oqa.de@mail.gw.example"),
        (mail("carol@[IPv6:2001:DB8::1]"), "carol%[ipv6\\3a2001\\3adb8\\3a\\3a1]@mail.gw.example"),
    ] {
        written(&address, &Network::XMPP, form);
    }
}

#[test]
fn people_on_mail() {
    for (address, form) in [
        (matrix("@alice:hs.example"), "matrix.alice=hs.example@gw.example"),
        (matrix("@Alice:hs.example:8448"), "matrix._41lice=hs.example_3a8448@gw.example"),
        (matrix("@alice:[::1]:8448"), "matrix.alice=_5b_3a_3a1_5d_3a8448@gw.example"),
        (matrix("@a+b/c%d=e:hs.example"), "matrix.a_2bb_2fc_25d_3de=hs.example@gw.example"),
        (matrix("@max_muster:hs.example"), "matrix.max_muster=hs.example@gw.example"),
        (matrix("@max_ada:hs.example"), "matrix.max_5fada=hs.example@gw.example"),
        (matrix("@_:hs.example"), "matrix._=hs.example@gw.example"),
        (matrix("@..a..b.:hs.example"), "matrix._2e_2ea._2eb_2e=hs.example@gw.example"),
        (matrix("@evil\\:hs.example"), "matrix.evil_5c=hs.example@gw.example"),
        (xmpp("bob@xmpp.example/phone"), "xmpp.bob=xmpp.example@gw.example"),
        (xmpp("bob@bücher.example"), "xmpp.bob=b_c3_bccher.example@gw.example"),
        (xmpp("o\\27neil@x.example"), "xmpp.o_5c27neil=x.example@gw.example"),
    ] {
        written(&address, &Network::MAIL, form);
    }
}

#[test]
fn the_limits_are_exact() {
    let book = book();
    let fits = |address: &Address, on: &Network| book.write(address, on).map(|w| w.as_str().len());
    // @_mail_ + local + =40x.de + :hs.example = 255
    let longest = 255 - "@_mail_=40x.de:hs.example".len();
    assert_eq!(fits(&mail(&format!("{}@x.de", "a".repeat(longest))), &Network::MATRIX), Ok(255));
    assert_eq!(fits(&mail(&format!("{}@x.de", "a".repeat(longest + 1))), &Network::MATRIX), Err(NoAddress::Unreadable));
    // matrix. + local + =hs.example = 64
    let longest = 64 - "matrix.=hs.example".len();
    assert_eq!(fits(&matrix(&format!("@{}:hs.example", "a".repeat(longest))), &Network::MAIL), Ok(64 + "@gw.example".len()));
    assert_eq!(fits(&matrix(&format!("@{}:hs.example", "a".repeat(longest + 1))), &Network::MAIL), Err(NoAddress::Unreadable));
    // A user id of 255 bytes, all capitals, fits into a JID.
    let loud = matrix(&format!("@{}:hs.example", "A".repeat(255 - "@:hs.example".len())));
    assert_eq!(fits(&loud, &Network::XMPP), Ok(2 * 243 + "%hs.example@matrix.gw.example".len()));
    // A local part of 64 octets everywhere.
    let long = mail(&format!("{}@mail.example", "a".repeat(64)));
    written(&long, &Network::XMPP, &format!("{}%mail.example@mail.gw.example", "a".repeat(64)));
    written(&long, &Network::MATRIX, &format!("@_mail_{}=40mail.example:hs.example", "a".repeat(64)));
}

#[test]
fn what_cannot_be_written_gets_an_alias() {
    let book = book();
    for (address, on) in [
        (mail("straße@x.example"), Network::XMPP),    // nodeprep: strasse
        (mail("JÜRGEN@x.example"), Network::XMPP),    // nodeprep: jürgen
        (matrix("@#plan:hs.example"), Network::XMPP), // would be the room #plan
        (matrix("@!AbC:hs.example"), Network::XMPP),
        (matrix(&format!("@{}:hs.example", "a".repeat(60))), Network::MAIL),
        (xmpp("irc.example"), Network::MATRIX), // a server
        (mail(&format!("{}@x.example", "ü".repeat(100))), Network::MATRIX),
    ] {
        assert_eq!(book.write(&address, &on), Err(NoAddress::Unreadable), "{}", address.as_str());
        let alias = book.alias(&address, &on, 0).unwrap();
        assert_eq!(book.read(alias.as_str(), &on), Reading::Stored(alias.clone()));
        assert_ne!(book.alias(&address, &on, 1).unwrap(), alias);
        if on != Network::MATRIX {
            assert_eq!(book.read(&alias.as_str().to_ascii_uppercase(), &on), Reading::Stored(alias.clone()));
        }
    }
    let alias = book.alias(&matrix("@Max.Muster:hs.example"), &Network::XMPP, 0).unwrap();
    assert!(alias.as_str().starts_with("maxmuster\\5cs"), "{}", alias.as_str());
    // A client that shows `\5c` as a backslash and does not write it back.
    let shown = alias.as_str().replace("\\5c", "\\");
    assert_eq!(book.read(&shown, &Network::XMPP), Reading::Stored(alias));
    let alias = book.alias(&matrix("@Max.Muster:hs.example"), &Network::MAIL, 0).unwrap();
    assert!(alias.as_str().starts_with("matrix.maxmuster=="), "{}", alias.as_str());
}

#[test]
fn what_clients_make_of_addresses_is_read() {
    for (text, on, person, form) in [
        ("ALICE%HS.example@Matrix.GW.example", Network::XMPP, "@alice:hs.example", "alice%hs.example@matrix.gw.example"),
        (
            "alice%hs.example@matrix.gw.example/phone/x@y",
            Network::XMPP,
            "@alice:hs.example",
            "alice%hs.example@matrix.gw.example",
        ),
        ("\\40alice\\3ahs.example@matrix.gw.example", Network::XMPP, "@alice:hs.example", "alice%hs.example@matrix.gw.example"),
        (
            "\\40^alice\\3ahs.example\\3a8448@matrix.gw.example",
            Network::XMPP,
            "@Alice:hs.example:8448",
            "^alice%hs.example\\3a8448@matrix.gw.example",
        ),
        ("alice\\3ahs.example@matrix.gw.example", Network::XMPP, "@alice:hs.example", "alice%hs.example@matrix.gw.example"),
        ("alice_hs.example@matrix.gw.example", Network::XMPP, "@alice:hs.example", "alice%hs.example@matrix.gw.example"),
        (
            "max_muster_hs.example@matrix.gw.example",
            Network::XMPP,
            "@max_muster:hs.example",
            "max_muster%hs.example@matrix.gw.example",
        ),
        ("@alice:hs.example@matrix.gw.example", Network::XMPP, "@alice:hs.example", "alice%hs.example@matrix.gw.example"),
        ("carol\\40mail.example@mail.gw.example", Network::XMPP, "carol@mail.example", "carol%mail.example@mail.gw.example"),
        ("carol%Straße.de@mail.gw.example", Network::XMPP, "carol@xn--strae-oqa.de", "carol%xn--strae-oqa.de@mail.gw.example"),
        ("JÜRGEN%x.example@mail.gw.example", Network::XMPP, "jürgen@x.example", "jürgen%x.example@mail.gw.example"),
        ("carol_mail.example@mail.gw.example", Network::XMPP, "carol@mail.example", "carol%mail.example@mail.gw.example"),
        ("a%b\\40mail.example@mail.gw.example", Network::XMPP, "a%b@mail.example", "a%b%mail.example@mail.gw.example"),
        ("Matrix.Alice=HS.example@GW.Example", Network::MAIL, "@alice:hs.example", "matrix.alice=hs.example@gw.example"),
        ("\"matrix.alice=hs.example\"@gw.example", Network::MAIL, "@alice:hs.example", "matrix.alice=hs.example@gw.example"),
        (
            "matrix.alice=hs.example_3A8448@gw.example.",
            Network::MAIL,
            "@alice:hs.example:8448",
            "matrix.alice=hs.example_3a8448@gw.example",
        ),
    ] {
        assert_eq!(reads(text, &on), Some((person.to_owned(), form.to_owned())), "{text}");
    }
}

#[test]
fn what_nobody_wrote_is_refused() {
    for (text, on) in [
        ("@_xmpp_=62ob=40xmpp.example:hs.example", Network::MATRIX),
        ("@_xmpp_bob=40xmpp.example:other.example", Network::MATRIX),
        ("@_xmpp_bob=40xmpp=2eexample:hs.example", Network::MATRIX),
        ("@_xmpp_bob@xmpp.example:hs.example", Network::MATRIX),
        ("@_xmpp_Bob=40xmpp.example:hs.example", Network::MATRIX),
        ("@_xmpp_b=4fb=40xmpp.example:hs.example", Network::MATRIX),
        ("@_xmpp_bob=4:hs.example", Network::MATRIX),
        ("@_matrix_alice=3ahs:hs.example", Network::MATRIX),
        ("@_irc_nick=40net:hs.example", Network::MATRIX),
        ("@alice:hs.example", Network::MATRIX),
        ("alice%hs.example@mail.gw.example.org", Network::XMPP),
        ("al\\5cice%hs.example@matrix.gw.example", Network::XMPP),
        ("al\\5cice%hs.example\\3a8448@matrix.gw.example", Network::XMPP),
        ("a\\3ab.example%8448@matrix.gw.example", Network::XMPP),
        ("^carol%mail.example@mail.gw.example", Network::XMPP),
        ("#plan%hs.example@matrix.gw.example", Network::XMPP),
        ("max_muster@matrix.gw.example", Network::XMPP),
        ("alice@matrix.gw.example", Network::XMPP),
        ("%hs.example@matrix.gw.example", Network::XMPP),
        ("alice%@matrix.gw.example", Network::XMPP),
        ("straße%x.example@mail.gw.example", Network::XMPP),
        ("matrix._61lice=hs.example@gw.example", Network::MAIL),
        ("matrix.alice+tag=hs.example@gw.example", Network::MAIL),
        ("matrix.alice=hs=example@gw.example", Network::MAIL),
        ("mail.carol=mail.example@gw.example", Network::MAIL),
        ("xmpp._42ob=x.example@gw.example", Network::MAIL),
        ("xmpp.bob=_42_c3_bccher.example@gw.example", Network::MAIL),
        ("room.plan=hs.example@gw.example", Network::MAIL),
        ("postmaster@gw.example", Network::MAIL),
        ("matrix.alice=hs.example@xgw.example", Network::MAIL),
    ] {
        assert_eq!(book().read(text, &on), Reading::Foreign, "{text}");
    }
}

#[test]
fn the_bot_is_found_and_written() {
    let (book, bot) = (book(), bot().unwrap());
    for (on, form) in
        [(Network::MATRIX, "@dreiklang:hs.example"), (Network::XMPP, "matrix.gw.example"), (Network::MAIL, "bot@gw.example")]
    {
        assert_eq!(book.write(&bot, &on).as_ref().map(Written::as_str), Ok(form));
        assert_eq!(book.alias(&bot, &on, 3).as_ref().map(Written::as_str), Ok(form));
        assert_eq!(book.read(form, &on), Reading::Bot);
    }
    for (text, on) in
        [("Mail.gw.example", Network::XMPP), ("mail.gw.example/help", Network::XMPP), ("Bot@GW.example", Network::MAIL)]
    {
        assert_eq!(book.read(text, &on), Reading::Bot);
    }
}

#[test]
fn absent_networks_are_absent() {
    let two = Book::new(
        Plan::new(AliasKey::new([7; 32]))
            .matrix("hs.example")
            .and_then(|plan| plan.component(Network::MATRIX, "matrix.gw.example"))
            .unwrap(),
    );
    assert_eq!(two.networks(), [Network::MATRIX, Network::XMPP]);
    let absent = Err(NoAddress::NotConnected);
    assert_eq!(two.write(&matrix("@alice:hs.example"), &Network::MAIL), absent);
    assert_eq!(two.write(&mail("carol@x.example"), &Network::MATRIX), absent);
    assert_eq!(two.alias(&mail("carol@x.example"), &Network::XMPP, 0), absent);
    assert_eq!(two.write(&matrix("@alice:hs.example"), &Network::MATRIX), absent);
    assert_eq!(two.write(&bot().unwrap(), &Network::MAIL), absent);
    assert_eq!(two.read("@_mail_carol=40x.example:hs.example", &Network::MATRIX), Reading::Foreign);
    assert_eq!(two.resolve("carol@x.example", &Network::MATRIX), [xmpp("carol@x.example")]);
}

#[test]
fn no_ghost_of_a_ghost() {
    let book = book();
    for (ghost, on) in [
        (xmpp("alice%hs.example@matrix.gw.example"), Network::MATRIX),
        (xmpp("mail.gw.example"), Network::MATRIX),
        (matrix("@_xmpp_bob=40xmpp.example:hs.example"), Network::XMPP),
        (matrix("@dreiklang:hs.example"), Network::MAIL),
        (mail("xmpp.bob=xmpp.example@gw.example"), Network::MATRIX),
    ] {
        assert_eq!(book.write(&ghost, &on), Err(NoAddress::NotConnected));
        assert_eq!(book.alias(&ghost, &on, 0), Err(NoAddress::NotConnected));
    }
    let twice = "@_xmpp_alice=25hs.example=40matrix.gw.example:hs.example";
    assert_eq!(book.read(twice, &Network::MATRIX), Reading::Foreign);
    assert!(book.resolve(twice, &Network::MAIL).is_empty());
    // The mail domain may be shared with people.
    written(&mail("info@gw.example"), &Network::MATRIX, "@_mail_info=40gw.example:hs.example");
}

#[test]
fn plans_that_cannot_be() {
    let plan = plan();
    assert_eq!(plan.clone().matrix("hs..example"), Err(PlanError::ServerName("hs..example".to_owned())));
    assert_eq!(plan.clone().mail("a@b"), Err(PlanError::Domain("a@b".to_owned())));
    assert_eq!(plan.clone().component(Network::MAIL, "Matrix.gw.example"), Err(PlanError::Twice("matrix.gw.example".to_owned())));
    assert_eq!(plan.clone().component(Network::XMPP, "x.example"), Err(PlanError::NotForeign(Network::XMPP)));
    let long = format!("{0}.{0}.{0}.{0}", "a".repeat(60));
    assert_eq!(plan.clone().mail(&long), Err(PlanError::TooLong(long)));
    assert!(!format!("{plan:?}").contains("7, 7"));
}
