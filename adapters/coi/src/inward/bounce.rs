// SPDX-License-Identifier: EUPL-1.2
//! Delivery status notifications (RFC 3464, and RFC 6533 for addresses beyond ASCII) about mail that we sent.

use dreiklang_model::{DeliveryId, Reason, Report};
use mail_parser::{MessagePart, MimeHeaders as _, PartType};

use super::Mail;
use crate::{address::Domain, message_id, transport::Refusal};

/// What became of one of our deliveries.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Bounce {
    pub(crate) delivery: DeliveryId,
    /// Who, in the words of the report, was to receive it: first as we wrote him, then as it was forwarded.
    pub(crate) recipients: Vec<String>,
    pub(crate) report: Report,
}

/// The report in a notification; [`None`] when it names no mail of ours or says nothing new.
pub(super) fn read(mail: &Mail<'_>, domain: &Domain) -> Option<Bounce> {
    let message = &mail.message;
    let status = message.parts.iter().find(|part| is(part, "message", &["delivery-status", "global-delivery-status"]))?;
    let status = text_of(status, mail);
    let delivery = named(mail, &status).into_iter().find_map(|id| message_id::delivery(&id, domain))?;
    let field = |name: &str| {
        let lines = unfolded(&status);
        lines.into_iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let typed = |name: &str| field(name).and_then(|value| value.split_once(';').map(|(_, text)| text.trim().to_owned()));
    let report = match field("Action")?.to_ascii_lowercase().as_str() {
        "failed" => Report::Failed(reason(field("Status"), typed("Diagnostic-Code"))),
        "delayed" => Report::Delayed,
        _ => return None,
    };
    let recipients = [typed("Original-Recipient"), typed("Final-Recipient")].into_iter().flatten().collect();
    Some(Bounce { delivery, recipients, report })
}

fn reason(status: Option<String>, diagnostic: Option<String>) -> Reason {
    let words = diagnostic.unwrap_or_default();
    let code = words.get(..3).and_then(|code| code.parse().ok());
    let status = status.and_then(|status| status.split_whitespace().next().map(str::to_owned));
    Refusal { code, status, words }.reason()
}

/// Every Message-ID the notification names: of the returned mail, of its thread, of its envelope.
fn named(mail: &Mail<'_>, status: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for part in &mail.message.parts {
        match &part.body {
            PartType::Message(returned) => ids.extend(returned.message_id().map(str::to_owned)),
            PartType::Text(_) | PartType::Binary(_) | PartType::InlineBinary(_)
                if is(part, "text", &["rfc822-headers"])
                    || is(part, "message", &["rfc822", "rfc822-headers", "global", "global-headers"]) =>
            {
                ids.extend(header_of(&text_of(part, mail)));
            }
            _ => {}
        }
    }
    for name in ["In-Reply-To", "References"] {
        ids.extend(mail.header(name).iter().flat_map(|value| message_id::all(value)));
    }
    let envelope = unfolded(status).into_iter().find_map(|line| line.strip_prefix("Original-Envelope-Id:").map(str::to_owned));
    ids.extend(envelope.map(|id| id.trim().to_owned()));
    ids
}

fn header_of(headers: &str) -> Vec<String> {
    let lines = unfolded(headers).into_iter();
    lines
        .take_while(|line| !line.is_empty())
        .find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case("Message-ID").then(|| message_id::all(value))
        })
        .unwrap_or_default()
}

/// Lines with their continuations.
fn unfolded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match lines.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) && !line.trim().is_empty() => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => lines.push(line.trim_end().to_owned()),
        }
    }
    lines
}

fn is(part: &MessagePart<'_>, kind: &str, subtypes: &[&str]) -> bool {
    part.content_type().is_some_and(|content| {
        let subtype = content.subtype().unwrap_or_default();
        content.ctype().eq_ignore_ascii_case(kind) && subtypes.iter().any(|known| known.eq_ignore_ascii_case(subtype))
    })
}

/// A part's content as text. The parser takes `message/*` for a mail with headers, so those are read from the raw bytes.
fn text_of(part: &MessagePart<'_>, mail: &Mail<'_>) -> String {
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => text.to_string(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        PartType::Message(_) | PartType::Multipart(_) => String::from_utf8_lossy(mail.inside(part)).into_owned(),
    }
}

crate::opaque::opaque!(Bounce);
