// SPDX-License-Identifier: EUPL-1.2
//! The content after `DATA` (RFC 5321 §4.1.1.4, §4.5.2): it ends at `CR LF . CR LF` and nowhere else. A bare CR or LF, with
//! which one mail can be smuggled into another, makes the whole mail refused.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// Longest line that is kept in memory while its end is looked for.
const LONGEST_LINE: usize = 1024 * 1024;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// The mail, dots unstuffed.
    Mail(Vec<u8>),
    /// It was read to its end and is longer than allowed.
    TooLarge,
    /// It was read to its end and has lines that do not end as lines end.
    Malformed,
}

/// Reads to the end of the content.
///
/// # Errors
/// The connection was lost; nothing was received.
pub(super) async fn read(stream: &mut (impl AsyncBufRead + Unpin), longest: usize) -> std::io::Result<Content> {
    let mut mail = Vec::new();
    let (mut too_large, mut malformed, mut at_start) = (false, false, true);
    loop {
        let mut line = Vec::new();
        let bound = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
        if (&mut *stream).take(bound).read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let ended = line.ends_with(b"\n");
        if at_start && line == b".\r\n" {
            return Ok(match (too_large, malformed) {
                (true, _) => Content::TooLarge,
                (false, true) => Content::Malformed,
                (false, false) => Content::Mail(mail),
            });
        }
        let body = line.strip_suffix(b"\r\n".as_slice());
        malformed |= ended && body.is_none() && !split_end(&mail, &line) || body.unwrap_or(&line).contains(&b'\r') && ended;
        let content = match line.strip_prefix(b".".as_slice()) {
            Some(unstuffed) if at_start => unstuffed,
            _ => line.as_slice(),
        };
        too_large |= mail.len().saturating_add(content.len()) > longest;
        if too_large {
            mail = Vec::new();
        } else {
            mail.extend_from_slice(content);
        }
        at_start = ended;
    }
}

/// The bound fell just between CR and LF of an over-long line.
fn split_end(mail: &[u8], line: &[u8]) -> bool {
    line == b"\n" && mail.ends_with(b"\r")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn content_ends_at_a_dot_alone_and_is_unstuffed() {
        for (bytes, expected) in [
            ("a\r\n..b\r\n.\r\nQUIT\r\n", Content::Mail(b"a\r\n.b\r\n".to_vec())),
            (".\r\n", Content::Mail(Vec::new())),
            ("a\r\n.\n.\r\nMAIL FROM:<x>\r\n.\r\n", Content::Malformed),
            ("a\n.\nb\r\n.\r\n", Content::Malformed),
            ("a\rb\r\n.\r\n", Content::Malformed),
            ("a\r\n.\rb\r\n.\r\n", Content::Malformed),
            ("0123456789012345678901234567890\r\n.\r\n", Content::TooLarge),
        ] {
            assert_eq!(read(&mut bytes.as_bytes(), 30).await.unwrap(), expected, "{bytes:?}");
        }
        assert!(read(&mut b"a\r\n".as_slice(), 30).await.is_err());
    }

    #[tokio::test]
    async fn a_giant_line_is_read_whole() {
        for length in [LONGEST_LINE - 2, LONGEST_LINE - 1, LONGEST_LINE, LONGEST_LINE + 1] {
            let bytes = format!("{}\r\n.\r\n", "x".repeat(length));
            let content = read(&mut bytes.as_bytes(), 2 * LONGEST_LINE).await.unwrap();
            assert_eq!(content, Content::Mail(bytes.as_bytes()[..length + 2].to_vec()), "{length}");
        }
    }
}
