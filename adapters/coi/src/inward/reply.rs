// SPDX-License-Identifier: EUPL-1.2
//! What of an answer its author wrote himself: without the mail he answers, without signatures. When in doubt it stays: what
//! somebody wrote is never left out, and where nothing would be left, everything stays.

use crate::flowed::{Line, SIGNATURE};

/// Lines that telephones and web mailers append.
const ADVERTISEMENTS: &[&str] = &[
    "Von meinem iPhone gesendet",
    "Von meinem iPad gesendet",
    "Gesendet von meinem iPhone",
    "Gesendet von meinem iPad",
    "Sent from my iPhone",
    "Sent from my iPad",
    "Sent from my Android device with K-9 Mail. Please excuse my brevity.",
    "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
    "Gesendet mit der GMX Mail App",
    "Gesendet mit der WEB.DE Mail App",
    "Gesendet mit der mobilen Mail App",
    "Gesendet von Outlook für iOS",
    "Gesendet von Outlook für Android",
    "Sent from Outlook for iOS",
    "Sent from Outlook for Android",
    "Holen Sie sich Outlook für iOS",
    "Holen Sie sich Outlook für Android",
    "Get Outlook for iOS",
    "Get Outlook for Android",
    "Gesendet von Mail für Windows",
    "Sent from Mail for Windows",
    "Von Samsung-Mobilgerät gesendet",
    "Von meinem Samsung Galaxy Smartphone gesendet.",
    "Sent from my Galaxy",
];
/// Longest line that introduces a quotation, in characters.
const LONGEST_INTRODUCTION: usize = 250;
/// Within so many lines of a header block the second header must follow.
const BLOCK: usize = 6;

/// A chat message: a quotation at its top shows what it answers, a footer what its author says about himself. The second half of the
/// answer is the quotation.
pub(super) fn chat(lines: Vec<Line>) -> (Vec<Line>, Vec<Line>) {
    let kept = without_signature(&lines);
    let quoted = kept.iter().take_while(|line| line.depth > 0).count();
    let own = kept.get(quoted..).unwrap_or_default().to_vec();
    let quote = kept.get(..quoted).unwrap_or_default();
    let quote: Vec<Line> = quote.iter().map(|line| Line { depth: line.depth - 1, ..line.clone() }).collect();
    if own.iter().all(is_blank) { (without_quote(own, lines), Vec::new()) } else { (own, quote) }
}

/// Whoever says nothing of his own wants the quotation to be read; whoever only shows his footer says nothing.
fn without_quote(own: Vec<Line>, all: Vec<Line>) -> Vec<Line> {
    if all.iter().any(|line| line.depth > 0) { all } else { own }
}

/// A letter. Only one that `answers` another can contain that other.
pub(super) fn letter(lines: Vec<Line>, answers: bool) -> Vec<Line> {
    let own = if answers { without_answered(&lines) } else { lines.clone() };
    let own = without_advertisement(without_signature(&own));
    or_all(own, lines)
}

fn or_all(own: Vec<Line>, all: Vec<Line>) -> Vec<Line> {
    if own.iter().all(is_blank) { all } else { own }
}

fn is_blank(line: &Line) -> bool {
    line.text.trim().is_empty()
}

fn without_signature(lines: &[Line]) -> &[Line] {
    let end = lines.iter().position(|line| line.depth == 0 && line.text == SIGNATURE);
    end.and_then(|end| lines.get(..end)).unwrap_or(lines)
}

fn without_advertisement(lines: &[Line]) -> Vec<Line> {
    let last = lines.iter().rposition(|line| !is_blank(line));
    let advertises = |line: &Line| {
        let text = line.text.trim().trim_end_matches('.');
        line.depth == 0 && ADVERTISEMENTS.iter().any(|known| text.eq_ignore_ascii_case(known.trim_end_matches('.')))
    };
    match last.filter(|last| lines.get(*last).is_some_and(advertises)) {
        Some(last) => lines.get(..last).unwrap_or_default().to_vec(),
        None => lines.to_vec(),
    }
}

/// Cuts off the mail that is answered, at the first sign that certainly introduces it.
fn without_answered(lines: &[Line]) -> Vec<Line> {
    for (at, line) in lines.iter().enumerate() {
        if line.depth > 0 {
            continue;
        }
        if is_forward(&line.text) {
            // What is passed on is what the author wants to say.
            return lines.to_vec();
        }
        let rest = lines.get(at..).unwrap_or_default();
        if is_separator(&line.text) && rest.iter().skip(1).take(BLOCK).any(|line| header(&line.text).is_some())
            || is_rule(&line.text) && rest.get(1..).is_some_and(|rest| begins_block(skip_blank(rest)))
            || begins_block(rest)
        {
            return lines.get(..at).unwrap_or_default().to_vec();
        }
        if let Some(length) = introduction(rest) {
            return around_quotation(lines, at, length);
        }
    }
    lines.to_vec()
}

/// Leaves out a quotation and its introduction at the top or the bottom. Answers between quotations stay whole: without what
/// they answer nobody would understand them.
fn around_quotation(lines: &[Line], at: usize, length: usize) -> Vec<Line> {
    let before = lines.get(..at).unwrap_or_default();
    let body = lines.get(at + length..).unwrap_or_default();
    let blanks = body.iter().take_while(|line| line.depth == 0 && is_blank(line)).count();
    let body = body.get(blanks..).unwrap_or_default();
    // Blank lines inside a quotation lose their sign in some programs.
    let last = body.iter().rposition(|line| line.depth > 0);
    let quoted = last.map_or(0, |last| last + 1);
    let inside = body.get(..quoted).unwrap_or_default();
    if inside.iter().any(|line| line.depth == 0 && !is_blank(line)) {
        return lines.to_vec();
    }
    let after = body.get(quoted..).unwrap_or_default();
    before.iter().chain(after).cloned().collect()
}

/// How many lines introduce a quotation here (`Am … schrieb …:`, `On … wrote:`), if they do. Programs wrap them.
fn introduction(lines: &[Line]) -> Option<usize> {
    let mut joined = String::new();
    for length in 1..=3 {
        let line = lines.get(length - 1).filter(|line| line.depth == 0 && !is_blank(line))?;
        joined.push(' ');
        joined.push_str(line.text.trim());
        if joined.chars().count() > LONGEST_INTRODUCTION {
            return None;
        }
        if joined.ends_with(':') {
            return (is_introduction(joined.trim()) && is_quoted(skip_blank(lines.get(length..)?))).then_some(length);
        }
    }
    None
}

fn is_quoted(lines: &[Line]) -> bool {
    lines.first().is_some_and(|line| line.depth > 0)
}

fn is_introduction(text: &str) -> bool {
    let lower = text.to_lowercase();
    let german = lower.contains("schrieb") || lower.contains("geschrieben") || lower.contains("hat am");
    let english = lower.contains("wrote") || lower.contains("writes");
    (german || english)
        && (lower.contains(|c: char| c.is_ascii_digit()) || lower.contains('@') || lower.split_whitespace().count() <= 5)
}

fn skip_blank(lines: &[Line]) -> &[Line] {
    let blanks = lines.iter().take_while(|line| line.depth == 0 && is_blank(line)).count();
    lines.get(blanks..).unwrap_or_default()
}

/// `-----Ursprüngliche Nachricht-----`, `-------- Original Message --------`.
fn is_separator(text: &str) -> bool {
    let Some(inner) = dashed(text) else { return false };
    ["ursprüngliche nachricht", "originalnachricht", "original-nachricht", "original message", "original appointment"]
        .contains(&inner.as_str())
}

/// `Begin forwarded message:`, `-------- Weitergeleitete Nachricht --------`.
fn is_forward(text: &str) -> bool {
    let plain = text.trim().trim_end_matches(':').to_lowercase();
    let inner = dashed(text).unwrap_or(plain);
    [
        "begin forwarded message",
        "anfang der weitergeleiteten nachricht",
        "anfang der weitergeleiteten e-mail",
        "weitergeleitete nachricht",
        "forwarded message",
        "weitergeleitete mail",
    ]
    .contains(&inner.as_str())
}

/// What stands between dashes, in lower case.
fn dashed(text: &str) -> Option<String> {
    let text = text.trim();
    (text.starts_with("--") && text.ends_with("--")).then(|| text.trim_matches('-').trim().to_lowercase())
}

/// The line Outlook draws above what is answered.
fn is_rule(text: &str) -> bool {
    let text = text.trim();
    text.len() >= 10 && text.bytes().all(|byte| byte == b'_')
}

/// Outlook, GMX and WEB.DE: a block of headers, in one of the two usual orders.
fn begins_block(lines: &[Line]) -> bool {
    let kinds: Vec<Header> = lines
        .iter()
        .take(BLOCK)
        .take_while(|line| line.depth == 0 && !is_blank(line))
        .filter_map(|line| header(&line.text))
        .collect();
    let first = lines.first().and_then(|line| header(&line.text));
    let has = |kind| kinds.contains(&kind);
    matches!(first, Some(Header::From | Header::Sent))
        && has(Header::From)
        && has(Header::Sent)
        && (has(Header::To) || has(Header::Subject))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    From,
    Sent,
    To,
    Subject,
}

fn header(text: &str) -> Option<Header> {
    // HTML mails carry the names in bold, which some programs write as `*Von:*`.
    let (name, value) = text.trim().trim_start_matches('*').split_once(':')?;
    if value.trim_matches(['*', ' ']).is_empty() {
        return None;
    }
    match name.trim().trim_end_matches('*').to_lowercase().as_str() {
        "von" | "from" => Some(Header::From),
        "gesendet" | "sent" | "datum" | "date" => Some(Header::Sent),
        "an" | "to" => Some(Header::To),
        "betreff" | "subject" => Some(Header::Subject),
        _ => None,
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
