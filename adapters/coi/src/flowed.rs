// SPDX-License-Identifier: EUPL-1.2
//! `format=flowed` (RFC 3676), both ways, and lines with their depth of quotation. What a quotation means is
//! `inward/reply.rs`.

/// Where a paragraph is broken, in characters (RFC 3676 §4.2 recommends 66 to 78 with the space).
const WIDTH: usize = 76;
/// The line before a signature (RFC 3676 §4.3).
pub(crate) const SIGNATURE: &str = "-- ";

/// One line of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// How deep it is quoted; 0 is the author's own.
    pub(crate) depth: usize,
    /// Without the signs of quotation.
    pub(crate) text: String,
    /// The block of a formatted text that it shows, or a line of; see `inward/formatted.rs`.
    pub(crate) block: Option<usize>,
}

impl Line {
    /// The line as people read it.
    pub(crate) fn shown(&self) -> String {
        match self.depth {
            0 => self.text.clone(),
            depth if self.text.is_empty() => ">".repeat(depth),
            depth => format!("{} {}", ">".repeat(depth), self.text),
        }
    }
}

/// The lines of a text that is not flowed: what begins with `>` is quoted.
pub(crate) fn fixed(text: &str) -> Vec<Line> {
    text.lines()
        .map(|line| {
            let (depth, rest) = quotation(line);
            let text = if depth == 0 { line.to_owned() } else { rest.strip_prefix(' ').unwrap_or(rest).to_owned() };
            Line { depth, text, block: None }
        })
        .collect()
}

/// `>>`, `> >`, `> > ` and so on.
fn quotation(line: &str) -> (usize, &str) {
    let (mut depth, mut rest) = (0, line);
    while let Some(inner) = rest.strip_prefix('>').or_else(|| rest.strip_prefix(" >").filter(|_| depth > 0)) {
        depth += 1;
        rest = inner;
    }
    (depth, rest)
}

/// The lines of a flowed text, paragraphs joined (RFC 3676 §4.4, §4.5). With `delete_space` (`delsp=yes`) the space at a
/// soft break belongs to the break.
pub(crate) fn read(text: &str, delete_space: bool) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut open = false;
    for raw in text.lines() {
        let depth = raw.bytes().take_while(|byte| *byte == b'>').count();
        let rest = raw.get(depth..).unwrap_or_default();
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        let flowed = rest.ends_with(' ') && rest != SIGNATURE;
        let content = if flowed && delete_space { rest.strip_suffix(' ').unwrap_or(rest) } else { rest };
        match lines.last_mut().filter(|last| open && last.depth == depth && rest != SIGNATURE) {
            Some(last) => last.text.push_str(content),
            None => lines.push(Line { depth, text: content.to_owned(), block: None }),
        }
        open = flowed;
    }
    lines
}

/// A text ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// Lines end with CR LF.
    pub(crate) text: String,
    /// It is flowed; else it has to be shown as it stands.
    pub(crate) flowed: bool,
}

/// Writes a text so that it reads back exactly: flowed, unless a line ends with a space, which only a fixed line can keep.
/// A line that would pass for the beginning of a signature loses its last space: what follows would not be shown.
pub(crate) fn write(text: &str) -> Written {
    let lines: Vec<&str> = text.split('\n').map(|line| if line == SIGNATURE { "--" } else { line }).collect();
    if lines.iter().any(|line| line.ends_with(' ')) {
        return Written { text: lines.join("\r\n"), flowed: false };
    }
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            out.push_str("\r\n");
        }
        wrap(line, &mut out);
    }
    Written { text: out, flowed: true }
}

/// Breaks one paragraph after spaces.
fn wrap(paragraph: &str, out: &mut String) {
    let mut piece = String::new();
    let mut width = 0;
    for word in paragraph.split_inclusive(' ') {
        let length = word.chars().count();
        // A piece that reads as the line before a signature must not stand alone.
        if width > 0 && width + length > WIDTH && piece != SIGNATURE {
            stuff(&piece, out);
            out.push_str("\r\n");
            piece.clear();
            width = 0;
        }
        piece.push_str(word);
        width += length;
    }
    stuff(&piece, out);
}

/// RFC 3676 §4.4: a space before what would be read as quoted, as a mailbox separator or as stuffed.
fn stuff(piece: &str, out: &mut String) {
    if piece.starts_with([' ', '>']) || piece.starts_with("From ") {
        out.push(' ');
    }
    out.push_str(piece);
}

/// The lines as one text.
pub(crate) fn shown(lines: &[Line]) -> String {
    lines.iter().map(Line::shown).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn own(text: &str) -> Line {
        Line { depth: 0, text: text.to_owned(), block: None }
    }

    fn quoted(depth: usize, text: &str) -> Line {
        Line { depth, text: text.to_owned(), block: None }
    }

    #[test]
    fn paragraphs_are_joined() {
        assert_eq!(read("one \r\ntwo\r\n\r\nthree", false), [own("one two"), own(""), own("three")]);
        assert_eq!(read("Donaudampf \r\nschiff", true), [own("Donaudampfschiff")]);
        assert_eq!(read("text \r\n-- \r\nCarol ", false), [own("text "), own("-- "), own("Carol ")]);
        assert_eq!(read("> he \r\n> said\r\n>> she \r\nI", false), [quoted(1, "he said"), quoted(2, "she "), own("I")]);
        assert_eq!(read(" > mine\r\n From x", false), [own("> mine"), own("From x")]);
    }

    #[test]
    fn fixed_lines_know_their_depth() {
        assert_eq!(fixed("> a\n> > b\n>>c\n >d"), [quoted(1, "a"), quoted(2, "b"), quoted(2, "c"), own(" >d")]);
    }

    #[test]
    fn long_lines_are_broken_and_dangerous_ones_stuffed() {
        let written = write(&format!("{}\nFrom me\n> mine\n-- ", "word ".repeat(50).trim_end()));
        assert!(written.flowed);
        assert!(written.text.split("\r\n").all(|line| line.chars().count() <= WIDTH + 1));
        assert!(written.text.ends_with("\r\n From me\r\n > mine\r\n--"), "{}", written.text);
        assert!(!write("trailing \nspace").flowed);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in "([ a-z>-]|From |-- |\n|ä|👍){0,300}") {
            let written = write(&text);
            let back = if written.flowed { shown(&read(&written.text, false)) } else { written.text.replace("\r\n", "\n") };
            let expected: Vec<&str> = text.split('\n').map(|line| if line == SIGNATURE { "--" } else { line }).collect();
            let expected = expected.join("\n");
            prop_assert_eq!(back.trim_end_matches('\n'), expected.trim_end_matches('\n'));
        }
    }
}
