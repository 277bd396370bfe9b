// SPDX-License-Identifier: EUPL-1.2
//! What a writer claims to carry, its reader gives back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod common;

use common::{shown, trees};
use dreiklang_model::{Address, Format, Formats, Network, Rich, Text};
use dreiklang_richtext::{
    html::{self, Anchor, Attributes, Habit, Writing},
    markdown, styling,
};
use proptest::prelude::*;

const PREFIX: &str = "https://matrix.to/#/";

fn pill(who: &Address) -> Option<Attributes> {
    Some(vec![("href", format!("{PREFIX}{}", who.as_str()))])
}

fn pilled(anchor: Anchor<'_>) -> Option<Address> {
    Address::new(Network::MATRIX, anchor.href.strip_prefix(PREFIX)?).ok()
}

const HTML: Writing<'_> = Writing { mention: &pill, habit: Habit::Matrix };

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_is_in_its_normal_form(rich in trees(Formats::ALL)) {
        let again = Rich::new(rich.blocks().to_vec());
        prop_assert_eq!(shown(&again), shown(&rich));
        let stored: Rich = serde_json::from_str(&serde_json::to_string(&rich).unwrap()).unwrap();
        prop_assert_eq!(shown(&stored), shown(&rich));
    }

    #[test]
    fn html_carries_everything(rich in trees(Formats::ALL)) {
        let written = html::write(&rich, HTML);
        let back = html::read(&written, Habit::Matrix, &pilled);
        prop_assert_eq!(shown(&back), shown(&rich), "{}", written);
        prop_assert!(written.len() + rich.reading().len() <= rich.weight(), "{} {} {}", written.len(), rich.reading().len(), rich.weight());
    }

    #[test]
    fn html_of_mail_carries_all_but_what_is_hidden(rich in trees(Formats::ALL.but(&[Format::Spoiler]))) {
        let written = html::write(&rich, Writing { habit: Habit::Mail, ..HTML });
        let back = html::read(&written, Habit::Mail, &pilled);
        prop_assert_eq!(shown(&back), shown(&rich), "{}", written);
    }

    #[test]
    fn styling_carries_what_it_says_or_nothing_by_accident(rich in trees(Formats::ALL)) {
        let text = Text::from(rich);
        let styled = styling::write(&text);
        let back = Text::from(styling::read(&styled.body));
        if styled.unstyled {
            prop_assert_eq!(styled.body, text.reading());
        } else {
            let words = |text: &Text| text.reading().split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect::<String>();
            prop_assert_eq!(words(&back), words(&text), "{}", styled.body);
        }
    }

    #[test]
    fn typed_text_is_never_changed(text in "([a-z*_~`> ]|\n|```){0,60}") {
        let styled = styling::write(&Text::plain(text.clone()));
        prop_assert_eq!(&styled.body, &text);
        if !styled.unstyled {
            let formats = styling::read(&text).formats();
            prop_assert!(Formats::from(Format::Quote).has(formats), "{:?}", formats);
        }
        prop_assert_eq!(markdown::light(&Text::plain(text.clone())), text);
    }

    #[test]
    fn pieces_fit_and_lose_no_word(rich in trees(Formats::ALL), longest in 300usize..2000) {
        let text = Text::from(rich);
        let words = |text: &Text| text.reading().split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).collect::<Vec<_>>().concat();
        let before = words(&text).replace(|c: char| !c.is_alphabetic(), "");
        let pieces = text.split(longest);
        prop_assert!(pieces.iter().all(|piece| piece.weight() <= longest));
        prop_assert_eq!(pieces.iter().map(words).collect::<String>().replace(|c: char| !c.is_alphabetic(), ""), before);
    }

    #[test]
    fn readers_take_anything(text in "(<[a-z/]{1,12}( [a-z]+=\"[^\"]{0,9}\")?>|[ -~]|\\PC|\n|\\*|_|```|> |\\| ){0,80}") {
        for habit in [Habit::Matrix, Habit::Xhtml, Habit::Mail] {
            let rich = html::read(&text, habit, &html::nobody);
            prop_assert_eq!(shown(&Rich::new(rich.blocks().to_vec())), shown(&rich));
        }
        for rich in [markdown::read(&text), styling::read(&text)] {
            prop_assert_eq!(shown(&Rich::new(rich.blocks().to_vec())), shown(&rich));
        }
    }
}

#[test]
fn no_word_between_fences_is_lost() {
    for body in ["```one line```", "```let x = 1;\ny\n```", "*a*\n```abc", "```rust\n```\n*x*"] {
        let words = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        assert_eq!(words(&styling::read(body).reading()), words(body), "{body}");
    }
}

/// Styling is worth nothing if everything becomes unstyled: what it has words for is written so.
#[test]
fn what_styling_has_words_for_is_styled() {
    for (body, formats) in [
        ("*strong* and _emphasis_ and ~strike~ and `code`", 4),
        ("*a _b_ c*", 2),
        ("> quoted\n>> deeper *x*\n\nsaid", 2),
        ("```rust\nlet x = 1 * 2 * 3;\n```\n\nafter", 1),
        ("*`both`*", 2),
    ] {
        let rich = styling::read(body);
        assert_eq!(format!("{:?}", rich.formats()).matches(',').count() + 1, formats, "{body}");
        let styled = styling::write(&Text::from(rich));
        assert_eq!((styled.body.as_str(), styled.unstyled), (body, false));
    }
}
