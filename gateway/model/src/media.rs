// SPDX-License-Identifier: EUPL-1.2
//! Files that go with a message: what they are and where their bytes can be had. The bytes themselves are never part of an event.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Feature, Network};

/// Longest file name that we keep, in bytes: what common file systems take.
const LONGEST_NAME: usize = 200;

/// A file that goes with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// How it is meant.
    pub kind: MediaKind,
    /// Its name.
    pub name: FileName,
    /// What its sender says that it is.
    pub media_type: MediaType,
    /// Its size in bytes, as far as the sender says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Width and height in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<(u32, u32)>,
    /// Its length in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<u32>,
    /// Where its bytes are.
    pub source: MediaSource,
    /// Where people fetch it whose network has no place for it; the gateway gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<MediaLink>,
}

/// The address at which anybody who holds it fetches a file, for [`MediaLink::DAYS`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaLink(pub String);

impl MediaLink {
    /// For how many days it works.
    pub const DAYS: u16 = 30;
}

impl fmt::Debug for MediaLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MediaLink(…)")
    }
}

/// How a file is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A picture to look at.
    Image,
    /// Sound, music for instance.
    Audio,
    /// What somebody said into the microphone.
    Voice,
    /// A film.
    Video,
    /// A picture that stands for words.
    Sticker,
    /// Anything else.
    File,
}

impl MediaKind {
    /// What a file of this type usually is.
    #[must_use]
    pub fn of(media_type: &MediaType) -> Self {
        match media_type.as_str().split('/').next() {
            // A drawing can hold scripts: it is looked at only by those who open it.
            Some("image") if !media_type.as_str().starts_with("image/svg") => Self::Image,
            Some("audio") => Self::Audio,
            Some("video") => Self::Video,
            _ => Self::File,
        }
    }

    /// What people call it.
    #[must_use]
    pub fn feature(self) -> Feature {
        match self {
            Self::Image => Feature::Image,
            Self::Audio | Self::Voice => Feature::Audio,
            Self::Video => Feature::Video,
            Self::Sticker => Feature::Sticker,
            Self::File => Feature::File,
        }
    }
}

/// A file's name: no path, no control or text-direction characters, bounded, never empty.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct FileName(String);

impl FileName {
    /// Cleans whatever a network calls a file; what has no name left is called `file`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let cleaned: String = last
            .chars()
            .map(|c| if c.is_whitespace() { ' ' } else { c })
            .filter(|c| {
                !c.is_control() && !crate::address::directs_text(*c) && !matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*')
            })
            .collect();
        let cleaned = cleaned.trim_matches([' ', '.']);
        if cleaned.is_empty() { Self("file".to_owned()) } else { Self(shortened(cleaned)) }
    }

    /// The name. For people who get the file, never for a log.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Cuts the stem, never the extension: it tells programs what to do with the file.
fn shortened(name: &str) -> String {
    if name.len() <= LONGEST_NAME {
        return name.to_owned();
    }
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 16 => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let room = stem.floor_char_boundary(LONGEST_NAME - extension.len());
    format!("{}{extension}", &stem[..room]).trim_end_matches([' ', '.']).to_owned()
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileName(…)")
    }
}

impl From<String> for FileName {
    fn from(name: String) -> Self {
        Self::new(&name)
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

/// A media type (RFC 6838) without parameters, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct MediaType(String);

impl MediaType {
    /// Takes what a network says; what is no media type becomes `application/octet-stream`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let bare = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let token = |part: &str| {
            (1..=127).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
        };
        match bare.split_once('/') {
            Some((kind, subtype)) if token(kind) && token(subtype) => Self(bare),
            _ => Self("application/octet-stream".to_owned()),
        }
    }

    /// `image/png`, say.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for MediaType {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<MediaType> for String {
    fn from(media_type: MediaType) -> Self {
        media_type.0
    }
}

/// Where the bytes of a file are: on which network, and a word that only its adapter understands.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MediaSource {
    /// Whose adapter can open it.
    pub network: Network,
    /// For that adapter alone; may hold keys and addresses.
    pub locator: String,
}

impl fmt::Debug for MediaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MediaSource({})", self.network)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_files_are_harmless() {
        for (name, expected) in [
            ("cat.png", "cat.png"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\Bescheid Müller.pdf", "Bescheid Müller.pdf"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("...", "file"),
            ("", "file"),
            ("a\r\nb\0.txt", "a  b.txt"),
        ] {
            assert_eq!(FileName::new(name).as_str(), expected, "{name:?}");
        }
        let stem = "a".repeat(LONGEST_NAME - 1);
        assert_eq!(FileName::new(&format!("{stem} and more")).as_str(), stem, "no name ends with a space");
    }

    #[test]
    fn types_are_read_tolerantly() {
        for (text, expected, kind) in [
            ("image/PNG; name=x", "image/png", MediaKind::Image),
            ("image/svg+xml", "image/svg+xml", MediaKind::File),
            ("audio/ogg", "audio/ogg", MediaKind::Audio),
            ("nonsense", "application/octet-stream", MediaKind::File),
            ("a/b/c", "application/octet-stream", MediaKind::File),
        ] {
            let media_type = MediaType::new(text);
            assert_eq!((media_type.as_str(), MediaKind::of(&media_type)), (expected, kind), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_name_becomes_a_bounded_name_that_stays(name in "\\PC{0,400}") {
            let cleaned = FileName::new(&name);
            prop_assert!((1..=LONGEST_NAME).contains(&cleaned.as_str().len()));
            prop_assert!(!cleaned.as_str().contains(['/', '\\']));
            prop_assert_eq!(&FileName::new(cleaned.as_str()), &cleaned);
        }
    }
}
