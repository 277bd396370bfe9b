// SPDX-License-Identifier: EUPL-1.2
//! Characters nobody sees: they come along with what people paste and can make one address look like another.

/// Zero-width, text-direction and similar characters without a picture of their own.
/// Zero-width (non-)joiners are among them although some scripts need them inside a domain: see [`at_the_rim`].
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// What is cut off at both ends of a pasted text.
pub(crate) fn at_the_rim(c: char) -> bool {
    c.is_whitespace() || c.is_control() || is_invisible(c)
}

/// A pasted text without white space at its ends and without invisible characters anywhere but joiners inside.
pub(crate) fn clean(text: &str) -> String {
    text.trim_matches(at_the_rim).chars().filter(|&c| !is_invisible(c) || matches!(c, '\u{200c}' | '\u{200d}')).collect()
}
