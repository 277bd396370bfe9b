// SPDX-License-Identifier: EUPL-1.2
//! Files that a stanza shares by their address: XEP-0066, XEP-0447 with XEP-0446, XEP-0385. Pure; fetching them is `media/`.

use dreiklang_model::{Attachment, Blurhash, FileName, MediaKind, MediaSource, MediaType, Network};
use minidom::Element;
use url::Url;

use crate::xml::{child, namespace};

/// Longest address of a file.
const LONGEST_ADDRESS: usize = 2048;

/// What the address of a thumbnail begins with that is written in full there.
pub(crate) const BLURHASH_URI: &str = "data:image/blurhash,";

/// What a stanza shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shared {
    /// A file that lies at an address.
    File(Box<Attachment>),
    /// A file that only the recipient's device could read.
    Encrypted,
    /// A file without an address that we could use.
    Elsewhere(MediaKind, Option<FileName>),
}

/// The file that a stanza shares, if it shares one.
pub(super) fn shared(stanza: &Element) -> Option<Shared> {
    let sharing = child(stanza, "file-sharing", namespace::SFS);
    let metadata = sharing.and_then(|sharing| child(sharing, "file", namespace::FILE_METADATA));
    let sources = sharing.and_then(|sharing| child(sharing, "sources", namespace::SFS));
    let source = sources.and_then(|sources| child(sources, "url-data", namespace::URL_DATA)).and_then(|data| data.attr("target"));
    let oob = child(stanza, "x", namespace::OOB).and_then(|oob| child(oob, "url", namespace::OOB)).map(Element::text);
    let address = source.map(str::to_owned).or(oob);
    if sharing.is_none() && address.is_none() {
        return None;
    }
    let of = |name| metadata.and_then(|file| child(file, name, namespace::FILE_METADATA)).map(Element::text);
    let number = |name| of(name).and_then(|number| number.trim().parse().ok()).filter(|number: &u32| *number > 0);
    let declared = of("media-type").map(|kind| MediaType::new(&kind));
    let named = of("name").filter(|name| !name.trim().is_empty());
    let kind = declared.as_ref().map_or(MediaKind::File, MediaKind::of);
    let elsewhere = || Some(Shared::Elsewhere(kind, named.as_deref().map(FileName::new)));
    let Some(address) = address else { return elsewhere() };
    if address.starts_with("aesgcm:") {
        return Some(Shared::Encrypted);
    }
    let url = Url::parse(address.trim()).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    let Some(url) = url.filter(|url| url.as_str().len() <= LONGEST_ADDRESS) else { return elsewhere() };
    let last = url.path_segments().and_then(|mut path| path.next_back().map(decoded)).unwrap_or_default();
    let name = FileName::new(named.as_deref().unwrap_or(&last));
    let media_type = declared.unwrap_or_else(|| by_extension(name.as_str()));
    Some(Shared::File(Box::new(Attachment {
        kind: MediaKind::of(&media_type),
        media_type,
        name,
        size: of("size").and_then(|size| size.trim().parse().ok()),
        dimensions: number("width").zip(number("height")),
        blurhash: metadata.and_then(blurhash),
        duration: number("length"),
        source: MediaSource { network: Network::XMPP, locator: url.into() },
        link: None,
    })))
}

/// The colours of a picture in a thumbnail that is nothing else (XEP-0264).
fn blurhash(metadata: &Element) -> Option<Blurhash> {
    let thumbnails = metadata.children().filter(|child| child.is("thumbnail", namespace::THUMBS));
    let mut hashes = thumbnails.filter_map(|thumbnail| thumbnail.attr("uri")?.strip_prefix(BLURHASH_URI));
    hashes.find_map(|hash| Blurhash::new(&decoded(hash)))
}

/// A path's segment as people read it.
fn decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// What a file is, judged by its name: XEP-0066 says nothing else.
fn by_extension(name: &str) -> MediaType {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    MediaType::new(match extension.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "heic" => "image/heic",
        "mp3" => "audio/mpeg",
        "m4a" | "aac" => "audio/mp4",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "wav" => "audio/wav",
        "mp4" | "m4v" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "vcf" => "text/vcard",
        _ => "application/octet-stream",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Option<Shared> {
        shared(&format!("<message xmlns='jabber:component:accept'>{content}</message>").parse().unwrap())
    }

    #[test]
    fn an_address_alone() {
        let oob = "<x xmlns='jabber:x:oob'><url>https://up.example/1/Foto%20M%C3%BCller.jpg</url></x>";
        let Some(Shared::File(file)) = read(oob) else { panic!() };
        assert_eq!(
            (file.name.as_str(), file.media_type.as_str(), file.kind),
            ("Foto Müller.jpg", "image/jpeg", MediaKind::Image)
        );
        assert_eq!(file.source.locator, "https://up.example/1/Foto%20M%C3%BCller.jpg");
    }

    #[test]
    fn stateless_file_sharing_says_more() {
        let sfs = "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><media-type>audio/ogg</media-type>\
                   <name>note.ogg</name><size>7</size><length>1500</length><thumbnail xmlns='urn:xmpp:thumbs:1' media-type='image/blurhash' \
                   uri='data:image/blurhash,LEHV6nWB2yk8pyo0adR*.7kCMdnj'/></file><sources><url-data xmlns='http://jabber.org/protocol/url-data' \
                   target='https://up.example/x'/></sources></file-sharing>";
        let Some(Shared::File(file)) = read(sfs) else { panic!() };
        assert_eq!(file.blurhash, Blurhash::new("LEHV6nWB2yk8pyo0adR*.7kCMdnj"));
        assert_eq!(
            (file.name.as_str(), file.size, file.duration, file.kind),
            ("note.ogg", Some(7), Some(1500), MediaKind::Audio)
        );
    }

    #[test]
    fn what_cannot_be_fetched() {
        let oob = |url: &str| read(&format!("<x xmlns='jabber:x:oob'><url>{url}</url></x>"));
        assert_eq!(oob("aesgcm://up.example/1#00"), Some(Shared::Encrypted));
        for url in ["ftp://up.example/1", "file:///etc/passwd", "nonsense", ""] {
            assert_eq!(oob(url), Some(Shared::Elsewhere(MediaKind::File, None)), "{url}");
        }
        assert_eq!(read("<body>hello</body>"), None);
    }
}
