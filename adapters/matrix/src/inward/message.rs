// SPDX-License-Identifier: EUPL-1.2
//! What an `m.room.message` says: text, a file, an answer, a new version, in which thread (Client-Server API § Instant messaging). Pure and total.

use dreiklang_model::{
    Address, Attachment, Blurhash, DisplayName, Feature, FileName, Kind, MediaKind, MediaSource, MediaType, Message, NativeId,
    Network, Place, Reply, Text, What,
};
use dreiklang_richtext::html::{self, Anchor, Habit};
use ruma::{MatrixToUri, MatrixUri, matrix_uri::MatrixId};
use serde_json::{Map, Value};

use super::string;

/// Where the colours of a picture stand (MSC2448).
pub(crate) const BLURHASH: &str = "xyz.amorgan.blurhash";
/// Longest quote of what is answered, in characters.
const LONGEST_QUOTE: usize = 500;

/// What a message says; nothing when it is empty (a redacted one has lost its content).
pub(super) fn read(content: &Map<String, Value>) -> Option<What<NativeId>> {
    let relation = content.get("m.relates_to").and_then(Value::as_object);
    let replaced = relation
        .filter(|relation| string(relation, "rel_type") == Some("m.replace"))
        .and_then(|relation| string(relation, "event_id"))
        .and_then(|of| NativeId::new(of).ok());
    if let (Some(of), Some(new)) = (replaced, content.get("m.new_content").and_then(Value::as_object)) {
        return Some(match said(new, None)? {
            What::Message(to) => What::Edit { of, to },
            // The new version is something that cannot be carried: it is named like a new message.
            what => what,
        });
    }
    let event = |of: Option<&str>| of.and_then(|of| NativeId::new(of).ok());
    let begun = relation.filter(|relation| string(relation, "rel_type") == Some("m.thread"));
    let thread = begun.and_then(|thread| event(string(thread, "event_id")));
    // What clients that know no threads are to show as an answer is none.
    let falls_back = begun.and_then(|thread| thread.get("is_falling_back")).and_then(Value::as_bool).unwrap_or(false);
    let reply = relation.filter(|_| !falls_back).and_then(|relation| relation.get("m.in_reply_to")).and_then(Value::as_object);
    let mut what = said(content, event(reply.and_then(|reply| string(reply, "event_id"))))?;
    if let What::Message(message) = &mut what {
        message.thread = thread.map(|to| Reply { to, quote: None });
    }
    Some(what)
}

/// A sticker (Client-Server API § Sticker messages).
pub(super) fn sticker(content: &Map<String, Value>) -> What<NativeId> {
    match attachment(content, MediaKind::Sticker) {
        Some(file) => What::Message(Message { attachments: vec![file], ..Message::text("") }),
        None => What::Unsupported { feature: Feature::Sticker, name: name(content) },
    }
}

/// What an event says in words, for a quote: the text without a quote of its own, or what its file is called.
pub(crate) fn readable(event: &Value) -> Option<String> {
    let content = event.get("content")?.as_object()?;
    let (body, _) = parted(string(content, "body")?);
    let text: String = body.trim().chars().take(LONGEST_QUOTE).collect();
    (!text.is_empty()).then_some(text)
}

fn said(content: &Map<String, Value>, answers: Option<NativeId>) -> Option<What<NativeId>> {
    let kind = match string(content, "msgtype")? {
        "m.text" => return text(content, Kind::Text, answers),
        "m.emote" => return text(content, Kind::Emote, answers),
        "m.notice" => return text(content, Kind::Notice, answers),
        "m.image" => MediaKind::Image,
        "m.audio" if content.contains_key("org.matrix.msc3245.voice") || content.contains_key("m.voice") => MediaKind::Voice,
        "m.audio" => MediaKind::Audio,
        "m.video" => MediaKind::Video,
        "m.file" => MediaKind::File,
        "m.location" => {
            let unreadable = || What::Unsupported { feature: Feature::Location, name: name(content) };
            return Some(place(content).map_or_else(unreadable, What::Place));
        }
        "m.key.verification.request" => return None,
        // An unknown kind has a readable body (Client-Server API § m.room.message).
        _ => return text(content, Kind::Text, answers),
    };
    let Some(file) = attachment(content, kind) else {
        return Some(What::Unsupported { feature: kind.feature(), name: name(content) });
    };
    // With a file name of its own, the body is a caption (Client-Server API § Media captions).
    let body = string(content, "body").unwrap_or_default();
    let caption = string(content, "filename").filter(|named| *named != body).map_or("", |_| body);
    let caption = if caption.is_empty() { Text::plain("") } else { formatted(content).unwrap_or_else(|| Text::plain(caption)) };
    let in_reply_to = answers.map(|to| Reply { to, quote: None });
    Some(What::Message(Message { in_reply_to, attachments: vec![file], ..Message::text(caption) }))
}

/// A place (Client-Server API § m.location; MSC3488). The body is what clients say that show none, often in words of their own.
pub(crate) fn place(content: &Map<String, Value>) -> Option<Place> {
    let shown = ["m.location", "org.matrix.msc3488.location"].iter().find_map(|key| content.get(*key)).and_then(Value::as_object);
    let uri = string(content, "geo_uri").or_else(|| string(shown?, "uri"))?;
    let description = shown.and_then(|shown| string(shown, "description"));
    let label = description.or_else(|| string(content, "body").filter(|body| !body.contains("geo:")));
    let place = Place::from_uri(uri)?;
    let accuracy = place.accuracy.map(f64::from);
    Some(place.with(accuracy, label))
}

fn text(content: &Map<String, Value>, kind: Kind, answers: Option<NativeId>) -> Option<What<NativeId>> {
    let body = string(content, "body")?;
    let (text, quote) = if answers.is_some() { parted(body) } else { (body, None) };
    if text.trim().is_empty() {
        return None;
    }
    let text = formatted(content).unwrap_or_else(|| Text::plain(text));
    let in_reply_to = answers.map(|to| Reply { to, quote });
    Some(What::Message(Message { kind, in_reply_to, ..Message::text(text) }))
}

/// The text with its formatting, if it has any: else the body is the text exactly as it was typed. What clients put before a reply
/// (`<mx-reply>`, until v1.13) is left out.
fn formatted(content: &Map<String, Value>) -> Option<Text> {
    string(content, "format").filter(|format| *format == "org.matrix.custom.html")?;
    let text = Text::from(html::read(string(content, "formatted_body")?, Habit::Matrix, &mentioned));
    text.rich().is_some().then_some(text)
}

/// Who is mentioned by a link (Client-Server API § User and room mentions).
fn mentioned(anchor: Anchor<'_>) -> Option<Address> {
    let id = match MatrixToUri::parse(anchor.href) {
        Ok(uri) => uri.id().clone(),
        Err(_) => MatrixUri::parse(anchor.href).ok()?.id().clone(),
    };
    match id {
        MatrixId::User(user) => Address::new(Network::MATRIX, user.as_str()).ok(),
        _ => None,
    }
}

/// Parts a body from the quotation that clients put before a reply until v1.13: lines that begin with `> `, the first of them with
/// `> <@user:server>` or `> * <@user:server>`, and the empty line after them.
pub(super) fn parted(body: &str) -> (&str, Option<String>) {
    if !(body.starts_with("> <@") || body.starts_with("> * <@")) {
        return (body, None);
    }
    let mut rest = body;
    let mut quote = Vec::new();
    while rest.starts_with('>') {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        quote.push(line.trim_start_matches('>').trim_start());
        rest = after;
    }
    let rest = rest.strip_prefix('\n').unwrap_or(rest);
    if rest.trim().is_empty() {
        return (body, None);
    }
    let quote = quote.join("\n");
    let quote = quote.split_once("> ").map_or(quote.as_str(), |(_, said)| said);
    (rest, Some(quote.chars().take(LONGEST_QUOTE).collect()))
}

/// A file with an address of its own; one that is encrypted is none that we could read.
fn attachment(content: &Map<String, Value>, kind: MediaKind) -> Option<Attachment> {
    let address = string(content, "url").filter(|url| url.starts_with("mxc://") && url.len() <= 512)?;
    let info = content.get("info").and_then(Value::as_object);
    let number = |key: &str| info.and_then(|info| info.get(key)).and_then(Value::as_u64);
    let small = |key: &str| number(key).and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
    let named = string(content, "filename").or_else(|| string(content, "body")).unwrap_or_default();
    Some(Attachment {
        kind,
        name: FileName::new(named),
        media_type: MediaType::new(info.and_then(|info| string(info, "mimetype")).unwrap_or_default()),
        size: number("size"),
        dimensions: small("w").zip(small("h")),
        blurhash: info.and_then(|info| string(info, BLURHASH)).and_then(Blurhash::new),
        duration: small("duration").or_else(|| voice_duration(content)),
        source: MediaSource { network: Network::MATRIX, locator: address.to_owned() },
        link: None,
    })
}

/// The length of a voice message that only its older mark tells (MSC1767).
fn voice_duration(content: &Map<String, Value>) -> Option<u32> {
    let length = content.get("org.matrix.msc1767.audio")?.get("duration")?.as_u64()?;
    u32::try_from(length).ok().filter(|length| *length > 0)
}

/// The name of what cannot be carried, as one short line.
fn name(content: &Map<String, Value>) -> Option<String> {
    let name = string(content, "filename").or_else(|| string(content, "body"))?;
    let name = DisplayName::new(name);
    (!name.is_empty()).then(|| name.as_str().to_owned())
}
