// SPDX-License-Identifier: EUPL-1.2
//! The header section of a mail, field by field, and which of it counts when part of the mail was sealed (RFC 9788).
//! What a field means is for others to read.

use std::borrow::Cow;

/// One field of a header section.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    /// As it was written; compare without regard to case.
    pub(crate) name: &'a str,
    /// The whole field as it stood, without its last line break.
    pub(crate) raw: &'a [u8],
}

impl Field<'_> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value on one line, without white space around it; octets that are no UTF-8 become U+FFFD.
    pub(crate) fn value(&self) -> String {
        let value = self.raw.get(self.name.len() + 1..).unwrap_or_default();
        String::from_utf8_lossy(value).replace(['\r', '\n'], "").replace('\t', " ").trim().to_owned()
    }
}

/// A mail or a part of one: its fields in order, and what follows the empty line.
pub(crate) struct Section<'a> {
    pub(crate) fields: Vec<Field<'a>>,
    pub(crate) body: &'a [u8],
}

impl<'a> Section<'a> {
    /// Reads leniently: lines that are no fields are left out.
    pub(crate) fn read(mail: &'a [u8]) -> Self {
        let mut fields: Vec<Field<'a>> = Vec::new();
        // Where the field that is being read begins.
        let mut open: Option<(&'a str, usize)> = None;
        let mut position = 0;
        let close = |fields: &mut Vec<Field<'a>>, open: Option<(&'a str, usize)>, end: usize| {
            if let Some((name, start)) = open {
                fields.push(Field { name, raw: without_break(mail.get(start..end).unwrap_or_default()) });
            }
        };
        while let Some(rest) = mail.get(position..).filter(|rest| !rest.is_empty()) {
            let length = rest.iter().position(|octet| *octet == b'\n').map_or(rest.len(), |at| at + 1);
            let line = rest.get(..length).unwrap_or_default();
            if without_break(line).is_empty() {
                close(&mut fields, open, position);
                return Self { fields, body: mail.get(position + length..).unwrap_or_default() };
            }
            if !line.starts_with(b" ") && !line.starts_with(b"\t") {
                close(&mut fields, open.take(), position);
                open = field_name(line).map(|name| (name, position));
            }
            position += length;
        }
        close(&mut fields, open, position);
        Self { fields, body: &[] }
    }

    /// The values of all fields of a name, in order.
    pub(crate) fn values<'b>(&'b self, name: &'b str) -> impl Iterator<Item = String> + 'b {
        self.fields.iter().filter(move |field| field.is(name)).map(Field::value)
    }

    /// The value of the first field of a name.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.values(name).next()
    }
}

fn without_break(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The name in front of the colon (RFC 5322 §2.2: printable, no space).
fn field_name(line: &[u8]) -> Option<&str> {
    let name = line.split(|octet| *octet == b':').next().filter(|name| name.len() < line.len())?;
    let printable = !name.is_empty() && name.iter().all(|octet| matches!(octet, 33..=126));
    std::str::from_utf8(name).ok().filter(|_| printable)
}

/// A parameter of a `Content-Type` value, in lower case; quotes around it are taken off.
pub(crate) fn parameter(content_type: &str, name: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    })
}

/// Fields of the outer mail that count for sealed content which names no protected fields of its own: who, when and which, but nothing that
/// a chat program would act on.
const OUTER: [&str; 12] = [
    "From",
    "Sender",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "Autocrypt",
];

/// The mail that a reader sees after unsealing: `inner`, the decrypted content, with those fields of the `outer` mail that still count.
///
/// Content that says of itself that its header fields are protected (`hp=` in its `Content-Type`, RFC 9788 §4.2.1) is complete, and no
/// outer field counts. Other content (older programs) keeps its own fields and takes from outside only what names and dates a mail.
#[must_use]
pub fn unsealed<'a>(outer: &[u8], inner: &'a [u8]) -> Cow<'a, [u8]> {
    let content = Section::read(inner);
    if content.value("Content-Type").is_some_and(|kind| parameter(&kind, "hp").is_some()) {
        return Cow::Borrowed(inner);
    }
    let outer = Section::read(outer);
    let counts =
        |field: &&Field<'_>| OUTER.iter().any(|name| field.is(name)) && !content.fields.iter().any(|own| own.is(field.name));
    let mut mail = Vec::with_capacity(inner.len() + 1024);
    for field in outer.fields.iter().filter(counts).chain(&content.fields) {
        mail.extend_from_slice(field.raw);
        mail.extend_from_slice(b"\r\n");
    }
    mail.extend_from_slice(b"\r\n");
    mail.extend_from_slice(content.body);
    Cow::Owned(mail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_with_their_folds_and_either_line_break() {
        for line_break in ["\r\n", "\n"] {
            let mail = ["Subject: a", " b", "no field", " of no field", "x-Y:", "To:c@d.example", "", "body: no field", ""]
                .join(line_break);
            let section = Section::read(mail.as_bytes());
            let read: Vec<_> = section.fields.iter().map(|field| (field.name, field.value())).collect();
            let expected = [("Subject", "a b"), ("x-Y", ""), ("To", "c@d.example")].map(|(name, value)| (name, value.to_owned()));
            assert_eq!(read, expected);
            assert_eq!(section.body, format!("body: no field{line_break}").as_bytes());
            assert_eq!(section.value("SUBJECT").as_deref(), Some("a b"));
        }
        assert!(Section::read(b"").fields.is_empty());
        assert_eq!(Section::read(b"A: b").value("a").as_deref(), Some("b"));
    }

    #[test]
    fn nothing_from_outside_counts_for_content_with_protected_fields() {
        let outer = b"From: <mallory@x.example>\r\nSubject: [...]\r\nChat-Group-ID: aaaaaaaaaaa\r\n\r\n";
        let inner = b"From: <alice@x.example>\r\nContent-Type: text/plain; protected-headers=\"v1\"; hp=\"cipher\"\r\n\r\nhi";
        assert_eq!(&*unsealed(outer, inner), inner);
    }

    #[test]
    fn older_content_takes_from_outside_only_what_names_and_dates_it() {
        let outer =
            b"From: <alice@x.example>\r\nSubject: outside\r\nChat-Group-ID: aaaaaaaaaaa\r\nSecure-Join: vc-request\r\n\r\nx";
        let inner = b"Content-Type: text/plain; protected-headers=v1\r\nSubject: inside\r\n\r\nhi";
        let mail = unsealed(outer, inner);
        let section = Section::read(&mail);
        assert_eq!(section.value("From").as_deref(), Some("<alice@x.example>"));
        assert_eq!(section.values("Subject").collect::<Vec<_>>(), ["inside"]);
        assert!(section.value("Chat-Group-ID").is_none() && section.value("Secure-Join").is_none());
        assert_eq!(section.body, b"hi");
    }
}
