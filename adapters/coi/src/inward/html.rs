// SPDX-License-Identifier: EUPL-1.2
//! HTML as people would type it: links stay readable, pictures vanish, nothing is fetched.

use std::panic::{AssertUnwindSafe, catch_unwind};

use dreiklang_model::Reason;
use html2text::{
    config,
    render::{TaggedLine, TextDecorator},
};

/// Longest HTML that is turned into text.
const LONGEST: usize = 4 * 1024 * 1024;
/// How deep elements may lie in one another; the library's time grows with the square of it.
const DEEPEST: usize = 500;
/// Elements that end by themselves.
const ENDLESS: &[&str] = &[
    "br", "hr", "img", "input", "meta", "link", "wbr", "area", "base", "col", "p", "li", "td", "th", "tr", "dd", "dt", "option",
];
/// Lines are broken by whoever shows them.
const WIDTH: usize = 100_000;

/// The text of an HTML document.
///
/// # Errors
/// [`Reason::TooLarge`]; [`Reason::Unreadable`] when the library, which is somebody else's, cannot cope.
pub(super) fn text(html: &str) -> Result<String, Reason> {
    if html.len() > LONGEST {
        return Err(Reason::TooLarge);
    }
    if depth(html) > DEEPEST {
        return Err(Reason::Unreadable);
    }
    let convert = || {
        let plain = config::with_decorator(Typed::default()).no_table_borders().allow_width_overflow();
        plain.string_from_read(html.as_bytes(), WIDTH)
    };
    let text = catch_unwind(AssertUnwindSafe(convert)).ok().and_then(Result::ok).ok_or(Reason::Unreadable)?;
    Ok(text.lines().map(|line| once(line.trim_end())).collect::<Vec<_>>().join("\n"))
}

/// How deep elements lie in one another, at most.
fn depth(html: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for tag in html.split('<').skip(1) {
        let (ends, name) = tag.strip_prefix('/').map_or((false, tag), |name| (true, name));
        let length = name.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let name = name.get(..length).unwrap_or_default();
        if name.is_empty() || ENDLESS.iter().any(|endless| endless.eq_ignore_ascii_case(name)) {
            continue;
        }
        depth = if ends { depth.saturating_sub(1) } else { depth + 1 };
        deepest = deepest.max(depth);
    }
    deepest
}

/// Names a link once whose text is its address: `https://x <https://x>`.
fn once(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(" <") {
        out.push_str(before);
        match after.split_once('>') {
            Some((url, behind)) if url.contains("://") && before.ends_with(url) => rest = behind,
            _ => {
                out.push_str(" <");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Writes what marks text as people type it.
#[derive(Debug, Clone, Default)]
struct Typed {
    /// The links that are open.
    links: Vec<String>,
}

impl TextDecorator for Typed {
    type Annotation = ();

    fn decorate_link_start(&mut self, url: &str) -> (String, ()) {
        self.links.push(url.trim().to_owned());
        (String::new(), ())
    }

    fn decorate_link_end(&mut self) -> String {
        match self.links.pop() {
            Some(url) if url.contains("://") => format!(" <{url}>"),
            _ => String::new(),
        }
    }

    fn decorate_em_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_em_end(&self) -> String {
        String::new()
    }

    fn decorate_strong_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strong_end(&self) -> String {
        String::new()
    }

    fn decorate_strikeout_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }

    fn decorate_code_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_code_end(&self) -> String {
        String::new()
    }

    fn decorate_preformat_first(&self) {}

    fn decorate_preformat_cont(&self) {}

    fn decorate_image(&mut self, _: &str, _: &str) -> (String, ()) {
        (String::new(), ())
    }

    fn header_prefix(&self, _: usize) -> String {
        String::new()
    }

    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }

    fn unordered_item_prefix(&self) -> String {
        "* ".to_owned()
    }

    fn ordered_item_prefix(&self, number: i64) -> String {
        format!("{number}. ")
    }

    fn make_subblock_decorator(&self) -> Self {
        Self::default()
    }

    fn finalise(&mut self, _: Vec<String>) -> Vec<TaggedLine<()>> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_reads_like_typed_text() {
        for (html, expected) in [
            ("<p>Dear <b>Bob</b></p><p>one<br>two</p>", "Dear Bob\n\none\ntwo"),
            ("see <a href='https://town.example/x'>this</a>.", "see this <https://town.example/x>."),
            ("<a href='https://town.example/x'>https://town.example/x</a>", "https://town.example/x"),
            ("<a href='mailto:a@b'>a@b</a>", "a@b"),
            ("a<img src='https://t.example/p.gif' width=1 alt='x'>b", "ab"),
            ("yes<blockquote>old</blockquote>", "yes\n\n> old"),
            ("<script>evil()</script><style>p{}</style>good", "good"),
            ("<ul><li>a<li>b</ul>", "* a\n* b"),
        ] {
            assert_eq!(text(html).unwrap().trim(), expected, "{html}");
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_not_tried() {
        assert_eq!(text(&"<div>".repeat(50_000)), Err(Reason::Unreadable));
        assert_eq!(text(&"<b><i>".repeat(50_000)), Err(Reason::Unreadable));
        assert!(text(&"<div>".repeat(DEEPEST)).is_ok());
        assert!(text(&"<p>text<br><img src=x><li>".repeat(5_000)).is_ok());
        assert!(text(&"<div>text</div>".repeat(20_000)).is_ok());
    }
}
