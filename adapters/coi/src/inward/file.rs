// SPDX-License-Identifier: EUPL-1.2
//! What a mail carries besides its text: files, as its author meant them. Pure; where they are kept is `spool.rs`.

use std::borrow::Cow;

use dreiklang_model::{FileName, MediaKind, MediaType};
use mail_parser::{MessagePart, MimeHeaders as _, PartType};

use super::{Mail, chat_event};

/// A picture inside a letter that is smaller is decoration: a logo, a counting pixel.
const DECORATION: usize = 8 * 1024;

/// A file in a mail.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) kind: MediaKind,
    pub(crate) name: FileName,
    pub(crate) media_type: MediaType,
    /// In milliseconds.
    pub(crate) duration: Option<u32>,
    pub(crate) bytes: Vec<u8>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "File({:?}, {} bytes)", self.kind, self.bytes.len())
    }
}

/// The file that a part is; [`None`] for what nobody would miss.
pub(super) fn file(mail: &Mail<'_>, part: &MessagePart<'_>, kind: &str, subtype: &str, related: bool) -> Option<File> {
    match (kind, subtype) {
        ("application", "pgp-signature" | "pgp-keys" | "pkcs7-signature" | "x-pkcs7-signature") => return None,
        ("image", _) if related && part.content_id().is_some() && part.len() < DECORATION => return None,
        _ => {}
    }
    let media_type = MediaType::new(&format!("{kind}/{subtype}"));
    let name = part.attachment_name().map(str::to_owned);
    if name.as_deref().is_some_and(|name| chat_event::is_for_programs(mail, name)) {
        return None;
    }
    let voice = mail.header("Chat-Voice-Message").is_some_and(|value| value.trim() == "1");
    let sticker = mail.header("Chat-Content").is_some_and(|value| value.eq_ignore_ascii_case("sticker"));
    let kind = match MediaKind::of(&media_type) {
        MediaKind::Audio if voice => MediaKind::Voice,
        MediaKind::Image if sticker => MediaKind::Sticker,
        kind => kind,
    };
    let duration = mail.header("Chat-Duration").and_then(|value| value.trim().parse().ok());
    Some(File {
        kind,
        name: FileName::new(&name.unwrap_or_else(|| unnamed(kind, &media_type))),
        media_type,
        duration: duration.filter(|_| matches!(kind, MediaKind::Voice | MediaKind::Audio | MediaKind::Video)),
        bytes: contents(part).into_owned(),
    })
}

/// A mail inside a mail, as a file that mail programs open.
pub(super) fn forwarded(mail: &Mail<'_>, part: &MessagePart<'_>, subject: Option<&str>) -> File {
    File {
        kind: MediaKind::File,
        name: FileName::new(&format!("{}.eml", subject.unwrap_or("mail").replace(['/', '\\'], " "))),
        media_type: MediaType::new("message/rfc822"),
        duration: None,
        bytes: mail.inside(part).to_vec(),
    }
}

fn contents<'a>(part: &'a MessagePart<'_>) -> Cow<'a, [u8]> {
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => Cow::Borrowed(text.as_bytes()),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => Cow::Borrowed(bytes),
        PartType::Message(_) | PartType::Multipart(_) => Cow::Borrowed(&[]),
    }
}

/// A name for a part without one, with the ending by which programs know it.
fn unnamed(kind: MediaKind, media_type: &MediaType) -> String {
    let subtype = media_type.as_str().rsplit_once('/').map_or("", |(_, subtype)| subtype);
    let ending = match subtype {
        "jpeg" => "jpg",
        "plain" => "txt",
        "mpeg" => "mp3",
        "octet-stream" => "bin",
        other => other.rsplit_once(['+', '.', '-']).map_or(other, |(_, last)| last),
    };
    let stem = match kind {
        MediaKind::Image | MediaKind::Sticker => "image",
        MediaKind::Audio | MediaKind::Voice => "audio",
        MediaKind::Video => "video",
        MediaKind::File => "file",
    };
    format!("{stem}.{ending}")
}
