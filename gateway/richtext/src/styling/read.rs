// SPDX-License-Identifier: EUPL-1.2
//! Reading styled text: blocks first, then the spans of each line.

use dreiklang_model::{Marks, Rich, rich::Builder};

use super::{DIRECTIVES, FENCE};

/// How deep quotes are read; deeper they are text.
const DEEPEST: usize = 10;

/// The tree that a styled text says. A text without any styling gives a tree without formatting.
#[must_use]
pub fn read(text: &str) -> Rich {
    let mut builder = Builder::new();
    let lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    blocks(&lines, 0, &mut builder);
    builder.finish()
}

fn blocks(lines: &[&str], depth: usize, builder: &mut Builder) {
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let rest = lines.get(at..).unwrap_or_default();
        if let Some((language, code)) = code(line, rest) {
            builder.code(Some(language), &code.join("\n"));
            at += code.len() + 2;
        } else if depth < DEEPEST && quoted(line).is_some() {
            let inner: Vec<&str> = rest.iter().map_while(|line| quoted(line)).collect();
            let opened = builder.quote();
            blocks(&inner, depth + 1, builder);
            builder.close_if(opened);
            at += inner.len();
        } else {
            spans(line, Marks::NONE, builder);
            builder.line_break();
            at += 1;
        }
    }
    builder.end_paragraph();
}

/// The language and the lines of the block of code that begins with a line. Where that says more than a language, or no code follows, it is
/// text: what somebody wrote is never left out.
fn code<'a>(line: &'a str, rest: &[&'a str]) -> Option<(&'a str, Vec<&'a str>)> {
    let language = line.strip_prefix(FENCE)?.trim();
    let word = language.len() <= 40 && language.chars().all(|c| c.is_alphanumeric() || matches!(c, '+' | '-' | '#' | '.' | '_'));
    let code: Vec<&str> = rest.iter().skip(1).take_while(|line| line.trim_end() != FENCE).copied().collect();
    (word && code.iter().any(|line| !line.trim().is_empty())).then_some((language, code))
}

/// What a quoted line says. What looks like a face (`>.<`) or a comparison is none.
fn quoted(line: &str) -> Option<&str> {
    let inner = line.strip_prefix('>')?;
    let said = inner.trim_start_matches('>').chars().next();
    said.is_none_or(|c| c.is_whitespace() || c.is_alphabetic() || c == '`' || c == '*').then_some(())?;
    Some(inner.strip_prefix(char::is_whitespace).unwrap_or(inner))
}

/// The spans of one line, or of a span in it. Directives are matched lazily from the start; of one kind none lies within another of the
/// same, so this goes four levels deep at most.
fn spans(line: &str, marks: Marks, builder: &mut Builder) {
    let closings = DIRECTIVES.map(|(_, directive)| closings(line, directive));
    let (mut said, mut at) = (0, 0);
    let mut before: Option<char> = None;
    while let Some(c) = line.get(at..).and_then(|rest| rest.chars().next()) {
        let next = at + c.len_utf8();
        let opens = before.is_none_or(char::is_whitespace);
        let follows = line.get(next..).and_then(|rest| rest.chars().next());
        let kind = DIRECTIVES.iter().position(|(_, directive)| *directive == c);
        let closes =
            kind.filter(|_| opens && follows.is_some_and(|follows| !follows.is_whitespace() && follows != c)).and_then(|kind| {
                let (mark, _) = DIRECTIVES.get(kind)?;
                let all = closings.get(kind)?;
                let end = *all.get(all.partition_point(|end| *end <= next))?;
                (!marks.has(*mark)).then_some((*mark, end))
            });
        if let Some((mark, end)) = closes {
            builder.text(line.get(said..at).unwrap_or_default(), marks, None);
            let inner = line.get(next..end).unwrap_or_default();
            if mark == Marks::CODE {
                builder.text(inner, marks.with(mark), None);
            } else {
                spans(inner, marks.with(mark), builder);
            }
            (said, at) = (end + 1, end + 1);
            before = Some(c);
        } else {
            at = next;
            before = Some(c);
        }
    }
    builder.text(line.get(said..).unwrap_or_default(), marks, None);
}

/// Where a directive may close: not after white space. `_` does not within a word either: that is a name (`_mail_carol`), and its signs
/// would be lost where nobody sees directives.
fn closings(line: &str, directive: char) -> Vec<usize> {
    let mut before = ' ';
    let mut found = Vec::new();
    for (at, c) in line.char_indices() {
        let named = directive == '_' && line.get(at + 1..).is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
        if c == directive && !before.is_whitespace() && !named {
            found.push(at);
        }
        before = c;
    }
    found
}
