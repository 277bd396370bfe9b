// SPDX-License-Identifier: EUPL-1.2
//! What a mail says: its text, chosen among its parts, and what else it brings along. Quotations are `reply.rs`, files `file.rs`.

use dreiklang_model::{Emoji, Feature, Kind, Message, NativeId, Reactions, Reason, Reply, Text, What};
use mail_parser::{MessagePart, MimeHeaders as _, PartType};

use super::{
    Mail, chat_event,
    file::{self, File},
    formatted::{self, Blocks},
    reply,
};
use crate::{
    flowed::{self, Line},
    message_id,
};

/// How deep parts may be nested, and how many there may be: more than any mail program makes.
const DEEPEST: usize = 32;
const MOST_PARTS: usize = 500;
/// How many files of one mail are carried.
const MOST_FILES: usize = 50;
/// Longest quote of what is answered, in characters.
const LONGEST_QUOTE: usize = 500;
/// How many messages one mail can take back.
const MOST_RETRACTED: usize = 100;
/// What Delta Chat puts before a corrected text.
const PENCIL: &str = "✏️";

/// What was found on the way through the parts.
#[derive(Debug, Default)]
struct Found {
    lines: Vec<Line>,
    /// What of the lines is formatted.
    blocks: Blocks,
    /// How many parts the lines are from, and formatted versions of those that are not.
    texts: usize,
    formatted: Vec<String>,
    files: Vec<File>,
    parts: usize,
}

/// What a mail says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// In order; empty when it says nothing in words.
    pub(super) says: Vec<What<NativeId>>,
    /// What it carries; they belong to the first message.
    pub(super) files: Vec<File>,
}

/// What a mail says and carries.
///
/// # Errors
/// Why it cannot be carried at all: it is encrypted, or nobody could read it.
pub(super) fn content(mail: &Mail<'_>) -> Result<Content, Reason> {
    let mut found = Found::default();
    let root = mail.message.parts.first().ok_or(Reason::Unreadable)?;
    walk(mail, root, 0, false, &mut found)?;
    let lines = signed_text(found.lines)?;
    let (written, quote) = own(mail, lines.clone());
    let mut text = found.blocks.text(&written, &lines);
    let quote: String = flowed::shown(&quote).trim().chars().take(LONGEST_QUOTE).collect();
    if let Some(says) = chat_event::read(mail) {
        return Ok(Content { says, files: Vec::new() });
    }
    // The formatted version of a plain text is taken when it has formatting and says nothing else.
    if let ([html], 1) = (found.formatted.as_slice(), found.texts) {
        let mut blocks = Blocks::default();
        let lines = blocks.html(html);
        let formatted = blocks.text(&own(mail, lines.clone()).0, &lines);
        if formatted.rich().is_some() && formatted::says_the_same(&formatted, &text) {
            text = formatted;
        }
    }
    let mut content = Content { says: said(mail, text, quote), files: found.files };
    if content.files.len() > MOST_FILES {
        let rest = content.files.len() - MOST_FILES;
        content.files.truncate(MOST_FILES);
        content.says.push(What::Unsupported { feature: Feature::File, name: Some(format!("+ {rest}")) });
    }
    Ok(content)
}

/// What its author wrote himself of the lines of a mail, and what he quotes.
fn own(mail: &Mail<'_>, lines: Vec<Line>) -> (Vec<Line>, Vec<Line>) {
    match mail.is_chat() {
        true => reply::chat(lines),
        false => (reply::letter(lines, mail.answers()), Vec::new()),
    }
}

/// A text as what its author meant by it: a message, an action, a correction, a reaction, a deletion.
fn said(mail: &Mail<'_>, text: Text, quote: String) -> Vec<What<NativeId>> {
    let targets = |name: &str| {
        let ids = mail.header(name).map(|value| message_id::all(&value)).unwrap_or_default();
        ids.into_iter().filter_map(|id| NativeId::new(id).ok()).collect::<Vec<_>>()
    };
    let target = |name: &str| targets(name).into_iter().next();
    // COI "Chat-Content"; Delta Chat's own headers.
    let chat_content = mail.header("Chat-Content").unwrap_or_default().to_ascii_lowercase();
    let chat_content = chat_content.split(';').next().unwrap_or_default().trim().to_owned();
    let retracted = |of: Vec<NativeId>| -> Vec<What<NativeId>> {
        if of.is_empty() {
            return vec![What::Unsupported { feature: Feature::Retraction, name: None }];
        }
        of.into_iter().take(MOST_RETRACTED).map(|of| What::Retract { of }).collect()
    };
    // RFC 9078: the emoji is the whole text; an empty one takes the reaction back.
    if mail.header("Content-Disposition").is_some_and(|value| value.to_ascii_lowercase().starts_with("reaction")) {
        let Some(to) = target("In-Reply-To") else {
            return vec![What::Unsupported { feature: Feature::Reaction, name: None }];
        };
        let all = text.reading().split_whitespace().next().and_then(Emoji::new).into_iter().collect();
        return vec![What::React { to, with: Reactions::All(all) }];
    }
    if mail.header("Chat-Delete").is_some() {
        return retracted(targets("Chat-Delete"));
    }
    if chat_content == "deleterequest" {
        return retracted(target("In-Reply-To").into_iter().collect());
    }
    let edited = match chat_content.as_str() {
        "editrequest" | "edit" => target("In-Reply-To"),
        _ => target("Chat-Edit"),
    };
    if let Some(of) = edited {
        let text = text.without_prefix(PENCIL).unwrap_or(text).trimmed();
        return match text.is_empty() || text == PENCIL {
            true => vec![What::Retract { of }],
            false => vec![What::Edit { of, to: Message::text(text) }],
        };
    }
    if text.is_empty() {
        return Vec::new();
    }
    // Chat programs name the message before, whether it is answered or not, and show it only when it is.
    let quote = Some(quote).filter(|quote| !quote.is_empty());
    let answered = target("In-Reply-To").filter(|_| quote.is_some() || !mail.is_chat());
    let in_reply_to = answered.map(|to| Reply { to, quote });
    let message = match text.without_prefix("/me ") {
        Some(action) => Message { kind: Kind::Emote, ..Message::text(action.trimmed()) },
        None => Message::text(text),
    };
    vec![What::Message(Message { in_reply_to, expires: chat_event::timer(mail), ..message })]
}

/// Looks at a part and what it contains. `related`: it belongs to an HTML text.
fn walk(mail: &Mail<'_>, part: &MessagePart<'_>, depth: usize, related: bool, found: &mut Found) -> Result<(), Reason> {
    found.parts += 1;
    if depth > DEEPEST || found.parts > MOST_PARTS {
        return Err(Reason::Unreadable);
    }
    let (kind, subtype) = media_type(part);
    refuse_encrypted(part, &kind, &subtype)?;
    let children = |ids: &[u32]| ids.iter().filter_map(|id| mail.message.parts.get(*id as usize)).collect::<Vec<_>>();
    match &part.body {
        PartType::Multipart(ids) => match subtype.as_str() {
            "alternative" => {
                let forms = children(ids);
                let Some(chosen) = best(mail, &forms) else { return Ok(()) };
                if matches!(chosen.body, PartType::Text(_)) && !is_markdown(chosen) {
                    found.formatted.extend(forms.iter().find_map(|form| html_of(mail, form)));
                }
                walk(mail, chosen, depth + 1, related, found)
            }
            // The signature is not checked; what was signed is the first part (RFC 1847 §2.1).
            "signed" => children(ids).into_iter().take(1).try_for_each(|child| walk(mail, child, depth + 1, related, found)),
            _ => {
                let related = related || subtype == "related";
                children(ids).into_iter().try_for_each(|child| walk(mail, child, depth + 1, related, found))
            }
        },
        PartType::Text(text) if is_text(part, &kind, &subtype) => {
            if is_markdown(part) {
                let lines = found.blocks.markdown(&text.replace("\r\n", "\n"));
                append(found, lines);
                return Ok(());
            }
            let flowed = parameter(part, "format").is_some_and(|format| format.eq_ignore_ascii_case("flowed"));
            let delete_space = parameter(part, "delsp").is_some_and(|delsp| delsp.eq_ignore_ascii_case("yes"));
            append(found, if flowed { flowed::read(text, delete_space) } else { flowed::fixed(text) });
            Ok(())
        }
        PartType::Html(html) if !is_attachment(part) => {
            let lines = found.blocks.html(html);
            append(found, lines);
            Ok(())
        }
        PartType::Message(inner) => {
            found.files.push(file::forwarded(mail, part, inner.subject()));
            Ok(())
        }
        _ => {
            found.files.extend(file::file(mail, part, &kind, &subtype, related));
            Ok(())
        }
    }
}

fn append(found: &mut Found, lines: Vec<Line>) {
    if lines.iter().all(|line| line.depth == 0 && line.text.trim().is_empty()) {
        return;
    }
    found.texts += 1;
    if !found.lines.is_empty() {
        found.lines.push(Line { depth: 0, text: String::new(), block: None });
    }
    found.lines.extend(lines);
}

/// The HTML of a form that is nothing else, alone or with its pictures.
fn html_of(mail: &Mail<'_>, part: &MessagePart<'_>) -> Option<String> {
    match &part.body {
        PartType::Html(html) => Some(html.to_string()),
        PartType::Multipart(ids) if media_type(part).1 == "related" => {
            match &mail.message.parts.get(*ids.first()? as usize)?.body {
                PartType::Html(html) => Some(html.to_string()),
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_markdown(part: &MessagePart<'_>) -> bool {
    matches!(media_type(part).1.as_str(), "markdown" | "x-markdown")
}

/// Of several forms of the same text: Markdown, plain text that says something, else HTML, else whatever contains one of them.
fn best<'a, 'x>(mail: &'a Mail<'x>, forms: &[&'a MessagePart<'x>]) -> Option<&'a MessagePart<'x>> {
    let plain = |part: &&&MessagePart<'_>| matches!(&part.body, PartType::Text(text) if !text.trim().is_empty() && media_type(part).1 == "plain");
    let html = |part: &&&MessagePart<'_>| matches!(&part.body, PartType::Html(_));
    let nest = |part: &&&MessagePart<'_>| match &part.body {
        PartType::Multipart(ids) => ids.iter().filter_map(|id| mail.message.parts.get(*id as usize)).any(MessagePart::is_text),
        _ => false,
    };
    let markdown = |part: &&&MessagePart<'_>| matches!(&part.body, PartType::Text(_)) && is_markdown(part);
    forms
        .iter()
        .find(markdown)
        .or_else(|| forms.iter().find(plain))
        .or_else(|| forms.iter().find(nest))
        .or_else(|| forms.iter().find(html))
        .or(forms.first())
        .copied()
}

fn is_text(part: &MessagePart<'_>, kind: &str, subtype: &str) -> bool {
    kind == "text" && !matches!(subtype, "calendar" | "vcard" | "x-vcard" | "csv" | "rfc822-headers") && !is_attachment(part)
}

fn is_attachment(part: &MessagePart<'_>) -> bool {
    part.content_disposition().is_some_and(mail_parser::ContentType::is_attachment)
}

/// Type and subtype in lower case; without any it is plain text (RFC 2045 §5.2).
fn media_type(part: &MessagePart<'_>) -> (String, String) {
    match part.content_type() {
        Some(content) => (content.ctype().to_ascii_lowercase(), content.subtype().unwrap_or_default().to_ascii_lowercase()),
        None => ("text".to_owned(), "plain".to_owned()),
    }
}

fn parameter<'a>(part: &'a MessagePart<'_>, name: &str) -> Option<&'a str> {
    part.content_type()?.attribute(name)
}

/// RFC 3156, RFC 8551: what is encrypted cannot be read here, and neither can what is signed inside a blob.
fn refuse_encrypted(part: &MessagePart<'_>, kind: &str, subtype: &str) -> Result<(), Reason> {
    match (kind, subtype) {
        ("multipart", "encrypted") | ("application", "pgp-encrypted") => Err(Reason::Encrypted("OpenPGP".to_owned())),
        ("application", "pkcs7-mime" | "x-pkcs7-mime")
            if parameter(part, "smime-type").is_none_or(|kind| !kind.eq_ignore_ascii_case("certs-only")) =>
        {
            Err(Reason::Encrypted("S/MIME".to_owned()))
        }
        _ => Ok(()),
    }
}

/// Inline OpenPGP: what is encrypted is refused; of what is signed only the text stays (RFC 9580 §7).
fn signed_text(lines: Vec<Line>) -> Result<Vec<Line>, Reason> {
    let at = |mark: &str| lines.iter().position(|line| line.depth == 0 && line.text.trim_end() == mark);
    if at("-----BEGIN PGP MESSAGE-----").is_some() {
        return Err(Reason::Encrypted("OpenPGP".to_owned()));
    }
    let (Some(begin), Some(end)) = (at("-----BEGIN PGP SIGNED MESSAGE-----"), at("-----BEGIN PGP SIGNATURE-----")) else {
        return Ok(lines);
    };
    let headers = lines.iter().skip(begin + 1).take_while(|line| !line.text.trim().is_empty()).count();
    let text = lines.into_iter().take(end).skip(begin + 1 + headers + 1);
    Ok(text.map(|line| Line { text: line.text.strip_prefix("- ").map_or(line.text.clone(), str::to_owned), ..line }).collect())
}
