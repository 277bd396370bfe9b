// SPDX-License-Identifier: EUPL-1.2
//! Converting a message, for the benchmark alone: this is in no other build.

use dreiklang_engine::port::Deliverable;
use dreiklang_model::{Language, NativeId, Timestamp, What};

use crate::{
    address::Domain,
    inward::{Evidence, Mail, Reader, Reading},
    outward::{Asking, Form, Frame, Words, message},
    thread::{Position, Subject},
};

/// What a mail says whose author is proved.
#[must_use]
pub fn read(raw: &[u8]) -> Option<What<NativeId>> {
    let reader = Reader { domain: Domain::new("gw.example")?, trusted: Some("mail.example".to_owned()) };
    let mail = Mail::parse(raw)?;
    match reader.read(&mail, raw, false, Evidence::Signature, Timestamp::from_millis(1_900_000_000_000)) {
        Reading::Letter(letter) => letter.says.into_iter().next(),
        _ => None,
    }
}

/// The mail for a message, readable for every mail program.
#[must_use]
pub fn write(delivery: &Deliverable) -> Option<Vec<u8>> {
    let What::Message(content) = &delivery.what else { return None };
    let position = Position {
        in_reply_to: Some("last@gw.example".to_owned()),
        references: vec!["first@gw.example".to_owned(), "last@gw.example".to_owned()],
        subject: Subject { bare: "Plan".to_owned(), answers: true },
    };
    let words = Words { language: Language::English, organisation: "Town" };
    let (form, asking, message_id) = (Form::Clear { first: false }, Asking::Nothing, "chat$1@gw.example");
    message(Frame { delivery, position: &position, message_id, form, asking, words, picture: None }, content, Vec::new()).ok()
}
