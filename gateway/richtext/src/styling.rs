// SPDX-License-Identifier: EUPL-1.2
//! Message styling (XEP-0393 1.1.1): marks that people see and programs format by. Lists, tables and links are readable text in it.

mod read;
mod write;

pub use read::read;
pub use write::{Styled, write};

use dreiklang_model::{Format, Formats, Marks};

/// The kinds of formatting that it has.
pub const FORMATS: Formats =
    Formats::of(&[Format::Strong, Format::Emphasis, Format::Strike, Format::Code, Format::CodeBlock, Format::Quote]);

/// The line before and after a block of code.
const FENCE: &str = "```";

/// Marks and their directives, from the outermost to the innermost.
const DIRECTIVES: [(Marks, char); 4] = [(Marks::STRIKE, '~'), (Marks::STRONG, '*'), (Marks::EMPHASIS, '_'), (Marks::CODE, '`')];
