// SPDX-License-Identifier: EUPL-1.2
//! What is kept apart, and what no log shows.

use dreiklang_model::{Message, NativeId, Timestamp, What};

use super::{letters::source_key, *};
use crate::{
    inward::Letter,
    thread::Heard,
    transport::{Envelope, Refusal},
};

fn letter(from: &str) -> Letter {
    Letter {
        from: crate::address::canonical(from).unwrap(),
        name: None,
        id: NativeId::new("1@mail.example".to_owned()).unwrap(),
        sent_at: Timestamp::from_millis(1),
        dated: None,
        subject: "dismissal".to_owned(),
        asks: false,
        chat: false,
        key: None,
        says: vec![What::Message(Message::text("secret"))],
        files: Vec::new(),
    }
}

#[test]
fn a_stranger_with_the_same_message_id_makes_no_mail_a_repeat() {
    let key = |from, to, index| {
        let key = source_key(&letter(from), to, index);
        (key.scope, key.id)
    };
    let own = key("carol@mail.example", "xmpp.bob=x.example@gw.example", 0);
    assert_eq!(own, key("carol@mail.example", "xmpp.Bob=x.example@gw.example", 0));
    assert_ne!(own, key("carol@mail.example", "xmpp.bob=x.example@gw.example", 1));
    assert_ne!(own, key("mallory@evil.example", "xmpp.bob=x.example@gw.example", 0));
}

#[test]
fn no_log_line_shows_who_wrote_what_to_whom() {
    let to = || "carol@mail.example".to_owned();
    let delivery = Delivery { recipients: vec![to()], return_path: ReturnPath::To(to()), freshness: Freshness::Asked };
    let shown = format!("{delivery:?} {:?} {:?}", delivery.return_path, letter("carol@mail.example"));
    let raw = b"From: carol@mail.example\r\nSubject: dismissal\r\n\r\nsecret";
    let id = || Some("secret@mail.example".to_owned());
    let rejected = Rejected { reason: Reason::Unreadable, why: "malformed", message_id: id() };
    let refused = Refused { to: &to(), recipient: &to(), about: id(), reason: Reason::Unreadable, key: None };
    let refusal = Refusal::reply(550, "5.1.1 carol@mail.example is secret");
    let heard = Heard {
        last: to(),
        at: Timestamp::from_millis(1),
        subject: "dismissal".to_owned(),
        sealed: false,
        asks: true,
        asked: vec![to()],
    };
    let envelope = Envelope::new(Some(&to()), &to());
    let shown = format!("{shown} {:?} {rejected:?} {refused:?} {refusal:?} {heard:?} {envelope:?}", Mail::parse(raw));
    for secret in ["carol", "dismissal", "secret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
