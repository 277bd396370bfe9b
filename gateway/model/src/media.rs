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
    /// What stands in its place until it is there (MSC2448).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blurhash: Option<Blurhash>,
    /// Its length in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<u32>,
    /// Where its bytes are.
    pub source: MediaSource,
    /// Where people fetch it whose network has no place for it; the gateway gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<MediaLink>,
}

impl Attachment {
    /// The same after a look at its first bytes, which show it to be `found`; nothing: they are of no kind that is known. What its sender
    /// says stands unless it is missing or contradicted, and how it is meant follows.
    #[must_use]
    pub fn seen_as(mut self, found: Option<&MediaType>) -> Self {
        let seen = self.media_type.believed(found);
        let (unknown, named) = (self.media_type.is_unknown(), self.name.0.contains('.'));
        if self.kind == MediaKind::File && unknown && named && MediaKind::of(&seen) != MediaKind::File {
            // Whoever sends a picture as a file means a file; with the type of a picture it would be shown as one.
            return self;
        }
        let meant = match self.kind {
            // An address without a name and a type says nothing about what it is.
            MediaKind::File if unknown && !named => MediaKind::of(&seen),
            MediaKind::File => MediaKind::File,
            MediaKind::Sticker if MediaKind::of(&seen) == MediaKind::Image => MediaKind::Sticker,
            MediaKind::Voice if seen.is_recording() => MediaKind::Voice,
            MediaKind::Audio | MediaKind::Video if seen.is_recording() => self.kind,
            _ => MediaKind::of(&seen),
        };
        if meant != self.kind {
            (self.dimensions, self.blurhash, self.duration) = (None, None, None);
        }
        (self.kind, self.media_type) = (meant, seen);
        self
    }
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

/// The colours of a picture in a few letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Blurhash(String);

impl Blurhash {
    /// Takes what a network says; nothing when it is no such hash. What it looks like is not looked at.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        // From one colour to nine by nine of them.
        let fits = (6..=166).contains(&text.len());
        let digit = |byte: u8| byte.is_ascii_alphanumeric() || b"#$%*+,-.:;=?@[]^_{|}~".contains(&byte);
        (fits && text.bytes().all(digit)).then(|| Self(text.to_owned()))
    }

    /// The letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Blurhash {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text).ok_or("no blurhash")
    }
}

impl From<Blurhash> for String {
    fn from(hash: Blurhash) -> Self {
        hash.0
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

/// Kinds of pictures whose first bytes are always known: what does not begin so is none.
const TELLABLE: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/// What wraps files of many kinds: a document in it is rightly called by its own name.
const WRAPPINGS: [&str; 4] = ["application/zip", "application/gzip", "application/xml", "application/x-ole-storage"];

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

    /// It says nothing about the file.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.0 == "application/octet-stream"
    }

    fn family(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    fn is_recording(&self) -> bool {
        matches!(self.family(), "audio" | "video")
    }

    /// What to believe when a sender says this, and the first bytes show `found`.
    fn believed(&self, found: Option<&Self>) -> Self {
        let Some(found) = found else {
            return if TELLABLE.contains(&self.as_str()) { Self::new("") } else { self.clone() };
        };
        let found_wraps = found.family() == "text" || WRAPPINGS.contains(&found.as_str());
        let claim_stands = match self.family() {
            // One container holds films and sound.
            "audio" | "video" => found.is_recording(),
            // A drawing is a text.
            "image" if self.as_str().starts_with("image/svg") => found_wraps && found.as_str() != "text/html",
            "image" => false,
            _ => found_wraps && !self.is_unknown(),
        };
        if claim_stands { self.clone() } else { found.clone() }
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

    fn attachment(kind: MediaKind, claimed: &str) -> Attachment {
        Attachment {
            kind,
            name: FileName::new("x"),
            media_type: MediaType::new(claimed),
            size: None,
            dimensions: Some((3, 2)),
            blurhash: None,
            duration: None,
            source: MediaSource { network: Network::MATRIX, locator: "x".to_owned() },
            link: None,
        }
    }

    #[test]
    fn hashes_of_colours() {
        for (text, is) in [
            ("LEHV6nWB2yk8pyo0adR*.7kCMdnj", true),
            ("00TI:j", true),
            ("00TI:", false),
            ("LEHV6nWB2yk8pyo0adR\"", false),
            ("LEHV6nWB2yk8<script>", false),
        ] {
            assert_eq!(Blurhash::new(text).is_some(), is, "{text}");
        }
        assert!(Blurhash::new(&"0".repeat(167)).is_none());
    }

    #[test]
    fn a_file_with_a_name_stays_one() {
        let file = Attachment { name: FileName::new("scan.bin"), ..attachment(MediaKind::File, "") };
        let seen = file.seen_as(Some(&MediaType::new("image/png")));
        assert_eq!((seen.media_type.as_str(), seen.kind), ("application/octet-stream", MediaKind::File));
        let file = Attachment { name: FileName::new("plan.bin"), ..attachment(MediaKind::File, "") };
        assert_eq!(file.seen_as(Some(&MediaType::new("application/pdf"))).media_type.as_str(), "application/pdf");
    }

    #[test]
    fn the_first_bytes_decide_where_the_sender_says_nothing_or_something_else() {
        use MediaKind::{Audio, File, Image, Sticker, Video, Voice};
        for (kind, claimed, found, seen, meant) in [
            (Image, "image/png", Some("image/png"), "image/png", Image),
            (Image, "image/jpg", Some("image/jpeg"), "image/jpeg", Image),
            (Image, "image/png", Some("text/html"), "text/html", File),
            (Image, "image/png", None, "application/octet-stream", File),
            (Image, "image/x-rare", None, "image/x-rare", Image),
            (Image, "image/gif", Some("application/x-executable"), "application/x-executable", File),
            (Sticker, "image/webp", Some("image/png"), "image/png", Sticker),
            (Voice, "audio/mp4", Some("video/mp4"), "audio/mp4", Voice),
            (Voice, "audio/ogg", Some("application/zip"), "application/zip", File),
            (Video, "video/mp4", None, "video/mp4", Video),
            (Video, "video/mp4", Some("image/gif"), "image/gif", Image),
            (File, "", Some("image/png"), "image/png", Image),
            (File, "", Some("audio/mpeg"), "audio/mpeg", Audio),
            (File, "", Some("application/zip"), "application/zip", File),
            (File, "", None, "application/octet-stream", File),
            (File, "application/octet-stream", Some("image/png"), "image/png", Image),
            (File, "image/png", Some("image/png"), "image/png", File),
            (File, "application/epub+zip", Some("application/zip"), "application/epub+zip", File),
            (File, "application/pdf", Some("application/x-executable"), "application/x-executable", File),
            (File, "text/csv", Some("text/html"), "text/csv", File),
            (File, "image/svg+xml", Some("text/xml"), "image/svg+xml", File),
            (File, "image/svg+xml", Some("text/html"), "text/html", File),
        ] {
            let found = found.map(MediaType::new);
            let file = attachment(kind, claimed).seen_as(found.as_ref());
            assert_eq!((file.media_type.as_str(), file.kind), (seen, meant), "{kind:?} {claimed} {found:?}");
            assert_eq!(file.dimensions.is_some(), meant == kind, "what is known of a picture goes with it");
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
