// SPDX-License-Identifier: EUPL-1.2
//! Reducing an event to what a conversation's leg can express: once, here, for all networks, and never in silence.

use crate::{
    Capabilities, Feature, Kind, Language, Message, Support, What,
    words::{self, Text},
};

/// What to send instead of an event, in order, and what was lost on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapted {
    /// One or more things to deliver, in this order.
    pub parts: Vec<What>,
    /// What the target could not express.
    pub losses: Vec<Loss>,
}

/// Something the target could not express, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Loss {
    /// What was lost.
    pub feature: Feature,
    /// [`Support::AsText`]: it became readable text. [`Support::No`]: it is gone, and the sender is to be told.
    pub left: Support,
}

/// Reduces `what` to what `capabilities` can express. Total and pure: the same input gives the same parts, so a repeat
/// after a crash sends the same. `language` is that of the words put in for what is lost.
#[must_use]
pub fn adapt(what: What, capabilities: &Capabilities, language: Language) -> Adapted {
    let mut losses = Vec::new();
    let parts = match what {
        What::Message(message) => split(reduce(message, capabilities, language, &mut losses), capabilities),
        What::Edit { of, mut to } => match capabilities.edit {
            Support::Native => vec![What::Edit { of, to: reduce(to, capabilities, language, &mut losses) }],
            Support::AsText | Support::No => {
                losses.push(Loss { feature: Feature::Edit, left: Support::AsText });
                to.text = words::say(language, &Text::Corrected { text: &to.text });
                split(reduce(to, capabilities, language, &mut losses), capabilities)
            }
        },
        What::Unsupported { feature, name } => {
            losses.push(Loss { feature, left: Support::No });
            let text = words::say(language, &Text::CannotCarry { feature, name: name.as_deref() });
            let notice = Message { kind: Kind::Notice, ..Message::text(text) };
            split(reduce(notice, capabilities, language, &mut Vec::new()), capabilities)
        }
        untouched @ (What::Report { .. } | What::Opened) => vec![untouched],
    };
    Adapted { parts, losses }
}

fn reduce(mut message: Message, capabilities: &Capabilities, _language: Language, losses: &mut Vec<Loss>) -> Message {
    message.text = legal_text(&message.text);
    if message.kind == Kind::Emote && capabilities.emote != Support::Native {
        // `/me ` is understood, or at least read, on every network.
        message.text.insert_str(0, "/me ");
        message.kind = Kind::Text;
        losses.push(Loss { feature: Feature::Emote, left: Support::AsText });
    }
    if message.kind == Kind::Notice && capabilities.notice != Support::Native {
        message.kind = Kind::Text;
        losses.push(Loss { feature: Feature::Notice, left: Support::AsText });
    }
    if message.in_reply_to.is_some() && capabilities.reply != Support::Native {
        message.in_reply_to = None;
        losses.push(Loss { feature: Feature::Reply, left: Support::No });
    }
    if let Some(subject) = message.subject.take() {
        match capabilities.subject {
            Support::Native => message.subject = Some(subject),
            Support::AsText => {
                message.text = format!("{subject}\n\n{}", message.text);
                losses.push(Loss { feature: Feature::Subject, left: Support::AsText });
            }
            Support::No => losses.push(Loss { feature: Feature::Subject, left: Support::No }),
        }
    }
    message
}

/// Leaves out what no network may carry: control characters other than tab and line feed, and the code points that XML 1.0
/// forbids (U+FFFE, U+FFFF). Line ends become `\n`.
fn legal_text(text: &str) -> String {
    let mut legal = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' => {
                if characters.peek() != Some(&'\n') {
                    legal.push('\n');
                }
            }
            '\t' | '\n' => legal.push(c),
            '\u{fffe}' | '\u{ffff}' => legal.push('\u{fffd}'),
            c if c.is_control() => {}
            c => legal.push(c),
        }
    }
    legal
}

/// Cuts a text that is longer than the leg takes into several messages, at a paragraph, a line, a space or, at worst,
/// between two characters. Nothing is lost: put together, the parts are the text.
fn split(message: Message, capabilities: &Capabilities) -> Vec<What> {
    let longest = capabilities.longest_text.max(64);
    if message.text.len() <= longest {
        return vec![What::Message(message)];
    }
    let mut rest = message.text.as_str();
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (piece, left) = rest.split_at(cut(rest, longest));
        rest = left;
        let first = parts.is_empty();
        parts.push(What::Message(Message {
            kind: message.kind,
            text: piece.to_owned(),
            subject: message.subject.clone().filter(|_| first),
            in_reply_to: message.in_reply_to.clone().filter(|_| first),
        }));
    }
    parts
}

/// Where to cut: after the last separator in the second half of what fits, else at the last character boundary.
fn cut(text: &str, longest: usize) -> usize {
    if text.len() <= longest {
        return text.len();
    }
    let fits = text.floor_char_boundary(longest);
    let window = &text[..fits];
    ["\n\n", "\n", " "]
        .iter()
        .filter_map(|separator| window.rfind(separator).map(|at| at + separator.len()))
        .find(|at| *at > fits / 2)
        .unwrap_or(fits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::NativeId;

    const NATIVE: Capabilities = Capabilities {
        emote: Support::Native,
        notice: Support::Native,
        edit: Support::Native,
        reply: Support::Native,
        subject: Support::Native,
        longest_text: 1000,
    };

    fn texts(adapted: &Adapted) -> Vec<&str> {
        adapted
            .parts
            .iter()
            .map(|part| match part {
                What::Message(message) => message.text.as_str(),
                other => panic!("{other:?} is no message"),
            })
            .collect()
    }

    #[test]
    fn emote_becomes_me_line_where_the_target_has_none() {
        let wave = What::Message(Message { kind: Kind::Emote, ..Message::text("waves") });
        assert_eq!(adapt(wave.clone(), &NATIVE, Language::English).parts, std::slice::from_ref(&wave));
        let plain = adapt(wave, &Capabilities::PLAIN, Language::English);
        assert_eq!(texts(&plain), ["/me waves"]);
        assert_eq!(plain.losses, [Loss { feature: Feature::Emote, left: Support::AsText }]);
    }

    #[test]
    fn edit_becomes_a_marked_text_where_the_target_has_none() {
        let edit = What::Edit { of: NativeId::new("$1").unwrap(), to: Message::text("right") };
        let plain = adapt(edit, &Capabilities::PLAIN, Language::German);
        assert_eq!(texts(&plain), ["Berichtigung: right"]);
        assert_eq!(plain.losses, [Loss { feature: Feature::Edit, left: Support::AsText }]);
    }

    #[test]
    fn what_cannot_cross_is_named() {
        let image = What::Unsupported { feature: Feature::Image, name: Some("cat.png".into()) };
        let plain = adapt(image, &Capabilities::PLAIN, Language::English);
        assert!(texts(&plain)[0].contains("cat.png"), "{:?}", texts(&plain));
        assert_eq!(plain.losses, [Loss { feature: Feature::Image, left: Support::No }]);
    }

    #[test]
    fn subject_stands_above_the_text() {
        let mail = What::Message(Message { subject: Some("Plan".into()), ..Message::text("at 8") });
        assert_eq!(texts(&adapt(mail, &Capabilities::PLAIN, Language::English)), ["Plan\n\nat 8"]);
    }

    #[test]
    fn control_characters_are_left_out_and_line_ends_unified() {
        let odd = What::Message(Message::text("a\u{0}b\u{8}\r\nc\rd\te\u{ffff}"));
        assert_eq!(texts(&adapt(odd, &NATIVE, Language::English)), ["ab\nc\nd\te\u{fffd}"]);
    }

    proptest! {
        #[test]
        fn parts_put_together_are_the_text(text in "(\\PC|\n| ){1,5000}", longest in 64usize..600) {
            let capabilities = Capabilities { longest_text: longest, ..NATIVE };
            let adapted = adapt(What::Message(Message::text(text.clone())), &capabilities, Language::English);
            let parts = texts(&adapted);
            prop_assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= longest));
            prop_assert_eq!(parts.concat(), legal_text(&text));
        }
    }
}
