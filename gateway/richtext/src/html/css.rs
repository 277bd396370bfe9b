// SPDX-License-Identifier: EUPL-1.2
//! What a `style` attribute changes about words: the few properties that the tree has a word for.

use dreiklang_model::Marks;

/// What a `style` attribute says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) adds: Marks,
    pub(super) removes: Marks,
    /// It is not shown.
    pub(super) hidden: bool,
}

/// Reads declarations (CSS Style Attributes §3), leniently.
pub(super) fn read(style: &str) -> Style {
    let mut found = Style::default();
    for declaration in style.split(';') {
        let Some((property, value)) = declaration.split_once(':') else { continue };
        let value = value.trim().to_ascii_lowercase();
        let value = value.trim_end_matches("!important").trim();
        match property.trim().to_ascii_lowercase().as_str() {
            "font-weight" => match value {
                "bold" | "bolder" => found.adds = found.adds.with(Marks::STRONG),
                "normal" | "lighter" => found.removes = found.removes.with(Marks::STRONG),
                number => match number.parse::<u16>() {
                    Ok(600..) => found.adds = found.adds.with(Marks::STRONG),
                    Ok(_) => found.removes = found.removes.with(Marks::STRONG),
                    Err(_) => {}
                },
            },
            "font-style" => match value {
                "italic" | "oblique" => found.adds = found.adds.with(Marks::EMPHASIS),
                "normal" => found.removes = found.removes.with(Marks::EMPHASIS),
                _ => {}
            },
            "text-decoration" | "text-decoration-line" => {
                for word in value.split_whitespace() {
                    match word {
                        "line-through" => found.adds = found.adds.with(Marks::STRIKE),
                        "underline" => found.adds = found.adds.with(Marks::UNDERLINE),
                        _ => {}
                    }
                }
            }
            "display" => found.hidden |= value == "none",
            "visibility" => found.hidden |= value == "hidden",
            "mso-hide" => found.hidden |= value == "all",
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tree_has_a_word_for() {
        let both = Marks::STRONG.with(Marks::EMPHASIS);
        for (style, adds, removes, hidden) in [
            ("font-weight: bold; color: red; FONT-STYLE:italic", both, Marks::NONE, false),
            ("font-weight:700", Marks::STRONG, Marks::NONE, false),
            ("font-weight:normal;", Marks::NONE, Marks::STRONG, false),
            ("text-decoration: underline line-through", Marks::STRIKE.with(Marks::UNDERLINE), Marks::NONE, false),
            ("display:none !important", Marks::NONE, Marks::NONE, true),
            (";;:;x:y;font-weight", Marks::NONE, Marks::NONE, false),
        ] {
            assert_eq!(read(style), Style { adds, removes, hidden }, "{style}");
        }
    }
}
