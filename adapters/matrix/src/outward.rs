// SPDX-License-Identifier: EUPL-1.2
//! From the canonical event to what is done in a Matrix room: the content of an event, or a change to one. Pure; doing it is
//! `sending.rs`.

use dreiklang_model::{
    Address, Attachment, Beside, Emoji, Kind, Language, Lifetime, MediaKind, Message, NativeId, Place, Placed, Reactions, Reason,
    Report, What,
    rich::Leaf,
    words::{self, Text},
};
use dreiklang_richtext::html::{self, Attributes, Habit, Writing};
use ruma::UserId;
use serde_json::{Map, Value, json};

use crate::inward::BLURHASH;

/// The key by which our own messages are recognised: the id of the delivery.
pub(crate) const DELIVERY: &str = "de.dreiklang.delivery";

/// What is done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Act<'a> {
    /// Nothing: that a message was delivered is what a Matrix client assumes anyway.
    Nothing,
    /// A message with this content.
    Say(Value),
    /// A message with a file; once that is uploaded, [`with_file`] makes its content.
    Show(&'a Message<Placed>, &'a Attachment),
    /// These events are taken back.
    Redact(&'a [NativeId]),
    /// These are the ghost's reactions to an event, and no others.
    React(&'a NativeId, &'a [Emoji]),
    /// The ghost has read everything up to this event.
    Read(&'a NativeId),
}

/// What is done for an event. `name` is that of the ghost who does it.
pub(crate) fn act<'a>(what: &'a What<Placed>, language: Language, name: &str) -> Act<'a> {
    match what {
        What::Message(message) => match message.attachments.first() {
            Some(file) => Act::Show(message, file),
            None => Act::Say(related(said(message), message)),
        },
        What::Edit { of, to } => Act::Say(replacing(said(to), of)),
        What::Retract { of } => Act::Redact(&of.parts),
        What::React { to, with: Reactions::All(all) } => Act::React(&to.native, all),
        What::React { to, with: Reactions::And(one) } => Act::React(&to.native, std::slice::from_ref(one)),
        What::Read { up_to } => Act::Read(up_to.parts.last().unwrap_or(&up_to.native)),
        What::Place(place) => Act::Say(located(place)),
        // Whoever wrote it is on the only network that has polls.
        What::Poll(poll) => Act::Say(said(&Message::text(words::say(language, &Text::Poll { poll })))),
        // No client shows timers.
        What::Timer(timer) => Act::Say(notice(&words::say(language, &Text::Timer { seconds: timer.map(Lifetime::seconds) }))),
        What::Unsupported { feature, name } => {
            Act::Say(notice(&words::say(language, &Text::CannotCarry { feature: *feature, name: name.as_deref() })))
        }
        What::Report { of, report } => {
            let text = match report {
                Report::Delivered => return Act::Nothing,
                Report::Delayed => Text::Delayed,
                Report::Failed(reason) => Text::Failed { reason },
                Report::Reduced(feature) => Text::Reduced { feature: *feature },
            };
            Act::Say(answering(notice(&words::say(language, &text)), of))
        }
        What::Opened => Act::Say(notice(&words::say(language, &Text::Opened { name }))),
    }
}

fn said(message: &Message<Placed>) -> Value {
    let kind = match message.kind {
        Kind::Text => "m.text",
        Kind::Emote => "m.emote",
        Kind::Notice => "m.notice",
    };
    let text = match &message.subject {
        Some(subject) => message.text.clone().beside(subject, Beside::Above),
        None => message.text.clone(),
    };
    written(json!({ "msgtype": kind, "body": text.reading() }), &text)
}

/// The content with the formatting of its text, if there is any, and whom it mentions: `m.mentions` (v1.7) says that also when it is
/// nobody, for without it clients search the text for names.
fn written(mut content: Value, text: &dreiklang_model::Text) -> Value {
    let Some(fields) = content.as_object_mut() else { return content };
    let spans = text.rich().map(|rich| rich.spans()).unwrap_or_default();
    let mut users: Vec<&str> = Vec::new();
    for span in spans {
        if let Leaf::Mention { who, .. } = &span.leaf
            && !users.contains(&who.as_str())
        {
            users.push(who.as_str());
        }
    }
    fields.insert("m.mentions".to_owned(), if users.is_empty() { json!({}) } else { json!({ "user_ids": users }) });
    if let Some(rich) = text.rich() {
        fields.insert("format".to_owned(), "org.matrix.custom.html".into());
        fields.insert("formatted_body".to_owned(), html::write(rich, Writing { mention: &pill, habit: Habit::Matrix }).into());
    }
    content
}

/// The link that clients show as a pill (Client-Server API § User and room mentions).
fn pill(who: &Address) -> Option<Attributes> {
    let user = <&UserId>::try_from(who.as_str()).ok()?;
    Some(vec![("href", user.matrix_to_uri().to_string())])
}

/// The content of a place (Client-Server API § m.location; MSC3488 for the words).
fn located(place: &Place) -> Value {
    let uri = place.uri();
    let mut shown = json!({ "uri": uri });
    if let (Some(fields), Some(label)) = (shown.as_object_mut(), &place.label) {
        fields.insert("description".to_owned(), label.as_str().into());
    }
    json!({
        "msgtype": "m.location", "body": place.in_words(), "geo_uri": uri, "org.matrix.msc3488.location": shown, "m.mentions": {}
    })
}

/// The content of a message with a file, which lies at `address` (Client-Server API § Media captions; MSC3245 for voice).
pub(crate) fn with_file(message: &Message<Placed>, file: &Attachment, address: &str) -> Value {
    let kind = match file.kind {
        MediaKind::Image | MediaKind::Sticker => "m.image",
        MediaKind::Audio | MediaKind::Voice => "m.audio",
        MediaKind::Video => "m.video",
        MediaKind::File => "m.file",
    };
    let mut info = Map::new();
    info.insert("mimetype".to_owned(), file.media_type.as_str().into());
    if let Some(size) = file.size {
        info.insert("size".to_owned(), size.into());
    }
    if let Some((width, height)) = file.dimensions {
        info.insert("w".to_owned(), width.into());
        info.insert("h".to_owned(), height.into());
    }
    if let Some(blurhash) = &file.blurhash {
        info.insert(BLURHASH.to_owned(), blurhash.as_str().into());
    }
    if let Some(duration) = file.duration {
        info.insert("duration".to_owned(), duration.into());
    }
    let name = file.name.as_str();
    let body = if message.text.is_empty() { name.into() } else { message.text.reading() };
    let content = json!({ "msgtype": kind, "body": body, "filename": name, "url": address, "info": info });
    let mut content = written(content, &message.text);
    if file.kind == MediaKind::Voice
        && let Some(fields) = content.as_object_mut()
    {
        fields.insert("org.matrix.msc3245.voice".to_owned(), json!({}));
        fields.insert("org.matrix.msc1767.audio".to_owned(), json!({ "duration": file.duration.unwrap_or(0) }));
    }
    related(content, message)
}

/// What people read where a file would stand that cannot be brought there: its caption, and what is missing.
pub(crate) fn without_file(message: &Message<Placed>, file: &Attachment, why: &Reason, language: Language) -> Value {
    let missing = words::missing(language, file, why);
    let text = message.text.clone().beside(&missing, Beside::Below);
    related(said(&Message { text, ..message.clone() }), message)
}

/// The content of a reaction (Client-Server API § Event annotations and reactions).
pub(crate) fn annotation(to: &NativeId, emoji: &Emoji) -> Value {
    json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": to.as_str(), "key": emoji.qualified() } })
}

/// A new version of an event (Client-Server API § Event replacements); the outer text is for clients that know none.
fn replacing(new: Value, of: &Placed) -> Value {
    let mut content = new.clone();
    if let Some(fields) = content.as_object_mut() {
        for form in ["body", "formatted_body"] {
            if let Some(text) = fields.get(form).and_then(Value::as_str) {
                let marked = format!("* {text}");
                fields.insert(form.to_owned(), marked.into());
            }
        }
        // Whoever is mentioned was told when the first version came.
        fields.insert("m.mentions".to_owned(), json!({}));
        fields.insert("m.new_content".to_owned(), new);
        fields.insert("m.relates_to".to_owned(), json!({ "rel_type": "m.replace", "event_id": of.native.as_str() }));
    }
    content
}

/// The content with what it answers and the thread in which it stands (Client-Server API § Threading). For clients that know no threads it
/// answers the beginning of its thread.
fn related(content: Value, message: &Message<Placed>) -> Value {
    let reply = message.in_reply_to.as_ref();
    let Some(thread) = &message.thread else {
        return match reply {
            Some(reply) => answering(content, &reply.to.native),
            None => content,
        };
    };
    let mut content = answering(content, &reply.unwrap_or(thread).to.native);
    if let Some(relation) = content.get_mut("m.relates_to").and_then(Value::as_object_mut) {
        relation.insert("rel_type".to_owned(), "m.thread".into());
        relation.insert("event_id".to_owned(), thread.to.native.as_str().into());
        relation.insert("is_falling_back".to_owned(), reply.is_none().into());
    }
    content
}

/// The same outside of its thread; nothing if it is in none. No thread begins with a message that is in one itself, or that is gone.
pub(crate) fn unthreaded(content: &Value) -> Option<Value> {
    let mut content = content.clone();
    let relation = content.get_mut("m.relates_to")?.as_object_mut()?;
    if relation.get("rel_type")? != "m.thread" {
        return None;
    }
    relation.retain(|name, _| name == "m.in_reply_to");
    Some(content)
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
    use dreiklang_model::{
        Feature, FileName, Marks, MediaSource, MediaType, Network, Reply, Rich, Side,
        rich::{Block, Span},
    };

    use super::*;

    fn content(what: &What<Placed>) -> Value {
        match act(what, Language::English, "Bob") {
            Act::Say(content) => content,
            other => panic!("{other:?}"),
        }
    }

    fn placed(ids: &[&str]) -> Placed {
        let parts: Vec<_> = ids.iter().map(|id| NativeId::new(*id).unwrap()).collect();
        Placed { native: parts[0].clone(), parts, by: Side::Ghost }
    }

    #[test]
    fn kinds_of_text() {
        for (kind, msgtype) in [(Kind::Text, "m.text"), (Kind::Emote, "m.emote"), (Kind::Notice, "m.notice")] {
            let sent = content(&What::Message(Message { kind, ..Message::text("waves <b>") }));
            assert_eq!(sent, json!({ "msgtype": msgtype, "body": "waves <b>", "m.mentions": {} }));
        }
    }

    #[test]
    fn places() {
        let place = Place::new(53.07516, 8.80777).unwrap().with(Some(35.0), Some("Town hall"));
        let sent = content(&What::Place(place.clone()));
        assert_eq!((&sent["msgtype"], &sent["geo_uri"]), (&json!("m.location"), &json!("geo:53.07516,8.80777;u=35")));
        assert_eq!(sent["body"], "Town hall\ngeo:53.07516,8.80777;u=35");
        assert_eq!(crate::inward::place(sent.as_object().unwrap()), Some(place));
    }

    #[test]
    fn answers_and_new_versions_name_their_event() {
        let reply = Some(Reply { to: placed(&["$1", "$2"]), quote: Some("old".into()) });
        let sent = content(&What::Message(Message { in_reply_to: reply, ..Message::text("yes") }));
        assert_eq!(sent["m.relates_to"], json!({ "m.in_reply_to": { "event_id": "$1" } }));
        assert_eq!(sent["body"], "yes");
        let sent = content(&What::Edit { of: placed(&["$1"]), to: Message::text("right") });
        assert_eq!(sent["m.relates_to"], json!({ "rel_type": "m.replace", "event_id": "$1" }));
        assert_eq!((&sent["body"], &sent["m.new_content"]["body"]), (&json!("* right"), &json!("right")));
    }

    #[test]
    fn threads_answer_their_beginning_for_clients_that_know_none() {
        let to = |id: &str| Some(Reply { to: placed(&[id]), quote: None });
        let sent = |reply| content(&What::Message(Message { thread: to("$root"), in_reply_to: reply, ..Message::text("yes") }));
        let relation = |answered: &str, falls_back: bool| {
            json!({ "rel_type": "m.thread", "event_id": "$root", "is_falling_back": falls_back,
                    "m.in_reply_to": { "event_id": answered } })
        };
        assert_eq!(sent(None)["m.relates_to"], relation("$root", true));
        assert_eq!(sent(to("$1"))["m.relates_to"], relation("$1", false));
        assert_eq!(unthreaded(&sent(to("$1"))).unwrap()["m.relates_to"], json!({ "m.in_reply_to": { "event_id": "$1" } }));
        let answer = content(&What::Message(Message { in_reply_to: to("$1"), ..Message::text("yes") }));
        assert_eq!((unthreaded(&answer), unthreaded(&json!({}))), (None, None));
    }

    #[test]
    fn formatting_goes_beside_the_text() {
        let mention = Span {
            leaf: Leaf::Mention { who: Address::new(Network::MATRIX, "@bob:hs.example").unwrap(), name: "Bob".into() },
            ..Span::plain("")
        };
        let strong = Span { marks: Marks::STRONG, ..Span::plain("now") };
        let text: dreiklang_model::Text = Rich::new(vec![Block::Paragraph(vec![mention, Span::plain(": "), strong])]).into();
        let html = "<a href=\"https://matrix.to/#/@bob:hs.example\">Bob</a>: <strong>now</strong>";
        let sent = content(&What::Message(Message::text(text.clone())));
        let expected = json!({ "msgtype": "m.text", "body": "Bob: now", "format": "org.matrix.custom.html", "formatted_body": html,
                               "m.mentions": { "user_ids": ["@bob:hs.example"] } });
        assert_eq!(sent, expected);
        let edit = content(&What::Edit { of: placed(&["$1"]), to: Message::text(text.clone()) });
        assert_eq!((&edit["body"], &edit["m.new_content"]), (&json!("* Bob: now"), &expected));
        assert_eq!((&edit["formatted_body"], &edit["m.mentions"]), (&json!(format!("* {html}")), &json!({})));
        let file = Attachment {
            kind: MediaKind::File,
            name: FileName::new("a.pdf"),
            media_type: MediaType::new("application/pdf"),
            size: None,
            dimensions: None,
            blurhash: None,
            duration: None,
            source: MediaSource { network: Network::MAIL, locator: "x".into() },
            link: None,
        };
        let captioned = Message::text(text);
        assert_eq!(with_file(&captioned, &file, "mxc://hs/1")["formatted_body"], html);
        assert!(
            without_file(&captioned, &file, &Reason::FileUnavailable, Language::English)["formatted_body"]
                .as_str()
                .unwrap()
                .contains("a.pdf")
        );
    }

    #[test]
    fn changes_reach_every_part() {
        let of = placed(&["$1", "$2"]);
        assert_eq!(act(&What::Retract { of: of.clone() }, Language::English, "Bob"), Act::Redact(&of.parts));
        let read = What::Read { up_to: of.clone() };
        assert_eq!(act(&read, Language::English, "Bob"), Act::Read(&of.parts[1]));
        let heart = Emoji::new("❤").unwrap();
        assert_eq!(annotation(&of.native, &heart)["m.relates_to"]["key"], "❤️");
    }

    #[test]
    fn files_show_their_caption_and_voice_its_mark() {
        let file = Attachment {
            kind: MediaKind::Voice,
            name: FileName::new("hello.ogg"),
            media_type: MediaType::new("audio/ogg"),
            size: Some(7),
            dimensions: None,
            blurhash: None,
            duration: Some(1500),
            source: MediaSource { network: Network::MAIL, locator: "x".into() },
            link: None,
        };
        let sent = with_file(&Message::text("listen"), &file, "mxc://hs/1");
        assert_eq!(
            (&sent["msgtype"], &sent["body"], &sent["filename"]),
            (&json!("m.audio"), &json!("listen"), &json!("hello.ogg"))
        );
        assert_eq!(sent["info"], json!({ "mimetype": "audio/ogg", "size": 7, "duration": 1500 }));
        assert!(sent.get("org.matrix.msc3245.voice").is_some());
        assert_eq!(with_file(&Message::text(""), &file, "mxc://hs/1")["body"], "hello.ogg");
    }

    #[test]
    fn reports_answer_the_message_they_are_about() {
        let of = NativeId::new("$event").unwrap();
        let report = |report| What::Report { of: of.clone(), report };
        assert_eq!(act(&report(Report::Delivered), Language::German, "Bob"), Act::Nothing);
        for told in [Report::Delayed, Report::Failed(Reason::Rejected), Report::Reduced(Feature::Image)] {
            let sent = content(&report(told));
            assert_eq!(sent["msgtype"], "m.notice");
            assert_eq!(sent["m.relates_to"]["m.in_reply_to"]["event_id"], "$event");
            assert!(!sent["body"].as_str().unwrap().is_empty());
        }
    }

    #[test]
    fn opened_names_the_ghost_and_the_mark_is_set() {
        let sent = marked(content(&What::Opened), "01abc-1");
        assert!(sent["body"].as_str().unwrap().contains("Bob"));
        assert_eq!(sent[DELIVERY], "01abc-1");
    }
}
