// SPDX-License-Identifier: EUPL-1.2
//! Receipts: which messages somebody has read (RFC 8098; Delta Chat names several in one).

use dreiklang_model::NativeId;
use mail_parser::{MimeHeaders as _, PartType};

use super::Mail;
use crate::message_id;

/// How many messages one receipt can name.
const MOST: usize = 100;

/// The messages that a receipt says were shown to its author; none when it says something else (a new key, a deletion).
pub(super) fn read(mail: &Mail<'_>) -> Vec<NativeId> {
    let report = mail.message.parts.iter().find(|part| part.is_content_type("message", "disposition-notification"));
    let Some(report) = report else { return Vec::new() };
    let text = match &report.body {
        PartType::Text(text) | PartType::Html(text) => text.to_string(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        PartType::Message(_) | PartType::Multipart(_) => String::from_utf8_lossy(mail.inside(report)).into_owned(),
    };
    let text = text.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    let field = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let disposition = field("Disposition").unwrap_or_default().to_ascii_lowercase();
    if !disposition.split(';').nth(1).is_some_and(|shown| shown.trim().starts_with("displayed")) {
        return Vec::new();
    }
    let named = [field("Original-Message-ID"), field("Additional-Message-IDs")].into_iter().flatten();
    named.flat_map(|ids| message_id::all(&ids)).filter_map(|id| NativeId::new(id).ok()).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_report(fields: &str) -> Vec<String> {
        let raw = format!(
            "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n--b\r\n\r\nseen\r\n--b\r\n\
             Content-Type: message/disposition-notification\r\n\r\n{fields}\r\n--b--\r\n"
        );
        read(&Mail::parse(raw.as_bytes()).unwrap()).iter().map(|id| id.as_str().to_owned()).collect()
    }

    #[test]
    fn an_encoded_report_is_read() {
        // Original-Message-ID: <1@x>, Disposition: manual-action/MDN-sent-manually; displayed
        let encoded = "T3JpZ2luYWwtTWVzc2FnZS1JRDogPDFAeD4NCkRpc3Bvc2l0aW9uOiBtYW51YWwtYWN0aW9uL01E\r\nTi1zZW50LW1hbnVhbGx5OyBkaXNwbGF5ZWQNCg==";
        let raw = format!(
            "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n--b\r\n\
             Content-Type: message/disposition-notification\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n--b--\r\n"
        );
        let read = read(&Mail::parse(raw.as_bytes()).unwrap());
        assert_eq!(read.iter().map(NativeId::as_str).collect::<Vec<_>>(), ["1@x"]);
    }

    #[test]
    fn only_what_was_shown_counts() {
        let displayed = "Disposition: manual-action/MDN-sent-automatically; displayed";
        for (fields, read) in [
            (format!("Original-Message-ID: <1@x>\r\n{displayed}"), vec!["1@x"]),
            (
                format!("Original-Message-ID: <1@x>\r\nAdditional-Message-IDs: <2@x>\r\n <3@x>\r\n{displayed}"),
                vec!["1@x", "2@x", "3@x"],
            ),
            ("Original-Message-ID: <1@x>\r\nDisposition: automatic-action/MDN-sent-automatically; processed".to_owned(), vec![]),
            ("Original-Message-ID: <1@x>\r\nDisposition: manual-action/MDN-sent-manually; deleted".to_owned(), vec![]),
            (displayed.to_owned(), vec![]),
        ] {
            assert_eq!(read_report(&fields), read, "{fields}");
        }
    }
}
