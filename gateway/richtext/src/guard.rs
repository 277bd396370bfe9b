// SPDX-License-Identifier: EUPL-1.2
//! Parsers are somebody else's: what they cannot cope with is text as it stands.

use std::panic::{AssertUnwindSafe, catch_unwind};

use dreiklang_model::{
    Rich,
    rich::{Block, Span},
};

/// What `read` makes of a text; if that panics, the text itself.
pub(crate) fn guarded(text: &str, read: impl FnOnce() -> Rich) -> Rich {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Rich::new(vec![Block::Paragraph(vec![Span::plain(text)])]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_parser_cannot_read_is_text() {
        assert_eq!(guarded("<b>", || panic!("a parser")).reading(), "<b>");
    }
}
