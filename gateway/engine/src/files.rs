// SPDX-License-Identifier: EUPL-1.2
//! What a file is, judged by its first bytes, and whether the organisation's rules let it through. How far its sender is believed is the
//! model's (`media.rs`); nothing is unpacked here.

use dreiklang_model::{Attachment, MediaType};
use futures::StreamExt as _;

use crate::{Policy, organisation::matches, port::Media};

/// How many bytes are looked at: the marks of all known kinds stand there.
const LOOKED_AT: usize = 8 * 1024;

/// What may not cross unless the organisation says otherwise: what runs when somebody opens it.
pub const USUALLY_FORBIDDEN: [&str; 28] = [
    "application/vnd.microsoft.portable-executable",
    "application/x-msdownload",
    "application/x-executable",
    "application/x-mach-binary",
    "application/x-msi",
    "application/java-archive",
    "application/vnd.android.package-archive",
    "text/x-shellscript",
    "*.exe",
    "*.com",
    "*.scr",
    "*.pif",
    "*.msi",
    "*.bat",
    "*.cmd",
    "*.ps1",
    "*.vbs",
    "*.vbe",
    "*.js",
    "*.jse",
    "*.wsf",
    "*.hta",
    "*.lnk",
    "*.reg",
    "*.cpl",
    "*.jar",
    "*.apk",
    "*.sh",
];

/// The kind of file that begins with these bytes, if it is one that is known.
fn kind(first: &[u8]) -> Option<MediaType> {
    infer::get(first).map(|found| MediaType::new(found.mime_type()))
}

/// Do the rules forbid a file by its name, or by what its sender or its first bytes say that it is?
pub(crate) fn forbidden(policy: &Policy, file: &Attachment, found: Option<&MediaType>) -> bool {
    let types = [Some(&file.media_type), found];
    policy.forbid_files.iter().any(|pattern| match pattern.contains('/') {
        true => types.iter().flatten().any(|media_type| matches(pattern, media_type.as_str())),
        false => matches(pattern, file.name.as_str()),
    })
}

/// Looks at the first bytes of a file. It is streamed on as it came.
pub(crate) async fn look(media: Media) -> (Option<MediaType>, Media) {
    let Media { size, mut bytes } = media;
    let (mut first, mut pieces) = (Vec::new(), Vec::new());
    while first.len() < LOOKED_AT {
        let Some(piece) = bytes.next().await else { break };
        if let Ok(piece) = &piece {
            first.extend_from_slice(&piece[..piece.len().min(LOOKED_AT - first.len())]);
        }
        let broken = piece.is_err();
        pieces.push(piece);
        if broken {
            break;
        }
    }
    (kind(&first), Media { size, bytes: futures::stream::iter(pieces).chain(bytes).boxed() })
}

#[cfg(test)]
mod tests {
    use std::io;

    use bytes::Bytes;
    use dreiklang_model::{FileName, MediaKind, MediaSource, Network};
    use proptest::prelude::*;

    use super::*;

    fn file(name: &str, claimed: &str) -> Attachment {
        Attachment {
            kind: MediaKind::File,
            name: FileName::new(name),
            media_type: MediaType::new(claimed),
            size: None,
            dimensions: None,
            blurhash: None,
            duration: None,
            source: MediaSource { network: Network::MATRIX, locator: "x".to_owned() },
            link: None,
        }
    }

    #[test]
    fn known_beginnings() {
        let program = [b"MZ".as_slice(), &[0; 60]].concat();
        for (first, expected) in [
            (b"\x89PNG\r\n\x1a\n".as_slice(), Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a", Some("image/gif")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"OggS", Some("audio/ogg")),
            (b"%PDF-1.7", Some("application/pdf")),
            (b"PK\x03\x04", Some("application/zip")),
            (b"#!/bin/sh\n", Some("text/x-shellscript")),
            (b"\x7fELF\x02\x01\x01", None),
            (b"  <!DOCTYPE html><script>", Some("text/html")),
            // Begins as a picture and goes on as a page: what it begins as counts.
            (b"GIF89a/*<html><script>alert(1)</script>*/=1", Some("image/gif")),
            (b"just words", None),
            (b"", None),
        ] {
            assert_eq!(kind(first).as_ref().map(MediaType::as_str), expected, "{first:?}");
        }
        assert_eq!(kind(&program).unwrap().as_str(), "application/vnd.microsoft.portable-executable");
        let elf = [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 60]].concat();
        assert_eq!(kind(&elf).unwrap().as_str(), "application/x-executable");
    }

    #[test]
    fn programs_are_forbidden_by_name_claim_and_content() {
        let usual = Policy::default();
        let program = MediaType::new("application/vnd.microsoft.portable-executable");
        let script = MediaType::new("text/x-shellscript");
        for (name, claimed, found, is) in [
            ("plan.pdf", "application/pdf", None, false),
            ("photo.png", "image/png", Some(&program), true),
            ("notes.txt", "text/plain", Some(&script), true),
            ("Setup.EXE", "application/pdf", None, true),
            ("setup.exe. ", "", None, true),
            ("setup.ex\u{202e}e", "", None, true),
            ("invoice.pdf.js", "application/pdf", None, true),
            ("x", "application/x-msdownload", None, true),
            ("archive.zip", "application/zip", None, false),
        ] {
            assert_eq!(forbidden(&usual, &file(name, claimed), found), is, "{name} {claimed}");
        }
        let open = Policy { forbid_files: Vec::new(), ..Policy::default() };
        assert!(!forbidden(&open, &file("setup.exe", ""), Some(&program)));
        let strict = Policy { forbid_files: vec!["video/*".into(), "*.docm".into()], ..Policy::default() };
        assert!(forbidden(&strict, &file("x", "video/mp4"), None) && forbidden(&strict, &file("A.DOCM", ""), None));
    }

    #[tokio::test]
    async fn what_cannot_be_read_to_its_end_still_breaks_where_it_breaks() {
        let pieces: Vec<io::Result<Bytes>> = vec![Ok(Bytes::from_static(b"GIF89a")), Err(io::Error::other("gone"))];
        let (found, media) = look(Media { size: Some(9), bytes: futures::stream::iter(pieces).boxed() }).await;
        assert_eq!(found.unwrap().as_str(), "image/gif");
        let came: Vec<_> = media.bytes.collect().await;
        assert!(matches!(came.as_slice(), [Ok(_), Err(_)]));
    }

    proptest! {
        #[test]
        fn a_file_goes_on_as_it_came(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..5000), 0..6)) {
            let whole = pieces.concat();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let came = runtime.block_on(async {
                let bytes = futures::stream::iter(pieces.into_iter().map(|piece| Ok(Bytes::from(piece)))).boxed();
                let (_, media) = look(Media { size: None, bytes }).await;
                media.bytes.map(|piece| piece.unwrap().to_vec()).collect::<Vec<_>>().await.concat()
            });
            prop_assert_eq!(came, whole);
        }
    }
}
