// SPDX-License-Identifier: EUPL-1.2
//! From the canonical event to the content of a Matrix event. Pure.

use dreiklang_model::{
    Kind, Language, Message, NativeId, Report, What,
    words::{self, Text},
};
use serde_json::{Value, json};

/// The key by which our own messages are recognised: the id of the delivery.
pub(crate) const DELIVERY: &str = "de.dreiklang.delivery";

/// The content of an `m.room.message`, or [`None`] when Matrix has nothing to show for it: that a message was delivered is
/// what a Matrix client assumes anyway. `name` is that of the ghost who speaks.
pub(crate) fn content(what: &What, language: Language, name: &str) -> Option<Value> {
    match what {
        What::Message(message) | What::Edit { to: message, .. } => Some(said(message)),
        What::Unsupported { feature, name } => {
            Some(notice(&words::say(language, &Text::CannotCarry { feature: *feature, name: name.as_deref() })))
        }
        What::Report { of, report } => {
            let text = match report {
                Report::Delivered => return None,
                Report::Delayed => Text::Delayed,
                Report::Failed(reason) => Text::Failed { reason },
                Report::Reduced(feature) => Text::Reduced { feature: *feature },
            };
            Some(answering(notice(&words::say(language, &text)), of))
        }
        What::Opened => Some(notice(&words::say(language, &Text::Opened { name }))),
    }
}

fn said(message: &Message) -> Value {
    let kind = match message.kind {
        Kind::Text => "m.text",
        Kind::Emote => "m.emote",
        Kind::Notice => "m.notice",
    };
    let body = match &message.subject {
        Some(subject) => format!("{subject}\n\n{}", message.text),
        None => message.text.clone(),
    };
    // `m.mentions` (v1.7) says that nobody is mentioned; without it clients search the text for names.
    json!({ "msgtype": kind, "body": body, "m.mentions": {} })
}

/// Something the gateway says; programs do not answer it.
pub(crate) fn notice(text: &str) -> Value {
    json!({ "msgtype": "m.notice", "body": text, "m.mentions": {} })
}

/// The same as a reply (Client-Server API § Rich replies; without fallback since v1.13).
pub(crate) fn answering(mut content: Value, of: &NativeId) -> Value {
    if let Some(fields) = content.as_object_mut() {
        fields.insert("m.relates_to".to_owned(), json!({ "m.in_reply_to": { "event_id": of.as_str() } }));
    }
    content
}

/// The same with the mark by which we recognise it as ours.
pub(crate) fn marked(mut content: Value, delivery: &str) -> Value {
    if let Some(fields) = content.as_object_mut() {
        fields.insert(DELIVERY.to_owned(), Value::from(delivery));
    }
    content
}

#[cfg(test)]
mod tests {
    use dreiklang_model::{Feature, Reason};

    use super::*;

    fn body(what: &What) -> Value {
        content(what, Language::English, "Bob").unwrap()
    }

    #[test]
    fn kinds_of_text() {
        for (kind, msgtype) in [(Kind::Text, "m.text"), (Kind::Emote, "m.emote"), (Kind::Notice, "m.notice")] {
            let sent = body(&What::Message(Message { kind, ..Message::text("waves <b>") }));
            assert_eq!(sent, json!({ "msgtype": msgtype, "body": "waves <b>", "m.mentions": {} }));
        }
    }

    #[test]
    fn reports_answer_the_message_they_are_about() {
        let of = NativeId::new("$event").unwrap();
        let report = |report| What::Report { of: of.clone(), report };
        assert!(content(&report(Report::Delivered), Language::German, "Bob").is_none());
        for told in [Report::Delayed, Report::Failed(Reason::Rejected), Report::Reduced(Feature::Image)] {
            let sent = body(&report(told));
            assert_eq!(sent["msgtype"], "m.notice");
            assert_eq!(sent["m.relates_to"]["m.in_reply_to"]["event_id"], "$event");
            assert!(!sent["body"].as_str().unwrap().is_empty());
        }
    }

    #[test]
    fn opened_names_the_ghost_and_the_mark_is_set() {
        let sent = marked(body(&What::Opened), "01abc-1");
        assert!(sent["body"].as_str().unwrap().contains("Bob"));
        assert_eq!(sent[DELIVERY], "01abc-1");
    }
}
