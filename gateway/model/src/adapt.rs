// SPDX-License-Identifier: EUPL-1.2
//! Reducing an event to what a conversation's leg can express: once, here, for all networks, and never in silence.

use crate::{
    Attachment, Beside, Capabilities, Emoji, EventId, Feature, Kind, Language, Lifetime, Message, Reactions, Reply, Support,
    What,
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
    let lost = |losses: &mut Vec<Loss>, feature, left| losses.push(Loss { feature, left });
    let parts = match what {
        What::Message(message) => parts_of(message, capabilities, language, &mut losses),
        What::Edit { of, mut to } => {
            // Files were said once and stay: an edit is about the words beside them.
            to.attachments.clear();
            if to.text.is_blank() {
                // A message without words is shown by no client: the words that stood there stay.
                lost(&mut losses, Feature::Edit, Support::No);
                Vec::new()
            } else if capabilities.edit == Support::Native && to.text.weight() <= capabilities.longest_text / 2 {
                vec![What::Edit { of, to: reduce(to, capabilities, &mut losses) }]
            } else {
                lost(&mut losses, Feature::Edit, Support::AsText);
                to.text = to.text.prefixed(&words::say(language, &Text::Corrected));
                to.in_reply_to = Some(Reply { to: of, quote: None });
                parts_of(to, capabilities, language, &mut losses)
            }
        }
        What::Retract { of } => match capabilities.retract {
            Support::Native => vec![What::Retract { of }],
            Support::AsText => {
                lost(&mut losses, Feature::Retraction, Support::AsText);
                vec![about(of, words::say(language, &Text::Retracted), capabilities)]
            }
            Support::No => {
                lost(&mut losses, Feature::Retraction, Support::No);
                Vec::new()
            }
        },
        What::React { to, with } => match capabilities.react {
            Support::Native => vec![What::React { to, with }],
            Support::AsText => {
                lost(&mut losses, Feature::Reaction, Support::AsText);
                let emojis = match &with {
                    Reactions::All(all) => all.iter().map(Emoji::qualified).collect::<Vec<_>>().join(" "),
                    Reactions::And(one) => one.qualified(),
                };
                if emojis.is_empty() { Vec::new() } else { vec![about(to, emojis, capabilities)] }
            }
            Support::No => {
                lost(&mut losses, Feature::Reaction, Support::No);
                Vec::new()
            }
        },
        // Nobody misses a receipt that his network does not know.
        What::Read { up_to } => {
            if capabilities.read == Support::Native {
                vec![What::Read { up_to }]
            } else {
                Vec::new()
            }
        }
        What::Place(place) if capabilities.place == Support::Native => vec![What::Place(place)],
        What::Place(place) => {
            lost(&mut losses, Feature::Location, Support::AsText);
            let text = words::say(language, &Text::Place { words: &place.in_words() });
            parts_of(Message::text(text), capabilities, language, &mut losses)
        }
        // No network but Matrix has polls.
        What::Poll(poll) => {
            lost(&mut losses, Feature::Poll, Support::AsText);
            let text = words::say(language, &Text::Poll { poll: &poll });
            parts_of(Message::text(text), capabilities, language, &mut losses)
        }
        What::Timer(timer) if capabilities.expiry == Support::Native => vec![What::Timer(timer)],
        What::Timer(timer) => {
            lost(&mut losses, Feature::Expiry, Support::AsText);
            let text = words::say(language, &Text::Timer { seconds: timer.map(Lifetime::seconds) });
            parts_of(Message::notice(text), capabilities, language, &mut Vec::new())
        }
        What::Unsupported { feature, name } => {
            lost(&mut losses, feature, Support::No);
            let text = words::say(language, &Text::CannotCarry { feature, name: name.as_deref() });
            parts_of(Message::notice(text), capabilities, language, &mut Vec::new())
        }
        untouched @ (What::Report { .. } | What::Opened) => vec![untouched],
    };
    Adapted { parts, losses }
}

/// A short notice that answers the message it is about.
fn about(message: EventId, text: String, capabilities: &Capabilities) -> What {
    let answered = Message { in_reply_to: Some(Reply { to: message, quote: None }), ..Message::notice(text) };
    What::Message(reduce(answered, capabilities, &mut Vec::new()))
}

/// The messages that a message becomes: one for its text and as many files as the target takes at once, more for the rest.
fn parts_of(mut message: Message, capabilities: &Capabilities, language: Language, losses: &mut Vec<Loss>) -> Vec<What> {
    let (files, unfit): (Vec<_>, Vec<_>) =
        message.attachments.drain(..).partition(|file| capabilities.files == Support::Native && fits(file, capabilities));
    for file in &unfit {
        let feature = file.kind.feature();
        let name = file.name.as_str();
        let (left, note) = match &file.link {
            Some(link) => (Support::AsText, Text::FileAt { feature, name, address: &link.0 }),
            None => (Support::No, Text::CannotCarry { feature, name: Some(name) }),
        };
        losses.push(Loss { feature, left });
        let note = words::say(language, &note);
        message.text = message.text.beside(&note, Beside::Below);
    }
    let mut message = reduce(message, capabilities, losses);
    let mut files = files.into_iter();
    let captioned = capabilities.caption == Support::Native && message.text.weight() <= capabilities.longest_text;
    let (thread, expires) = (message.thread.clone(), message.expires);
    let mut parts = Vec::new();
    if captioned || message.text.is_empty() {
        message.attachments = files.by_ref().take(capabilities.files_at_once.max(1)).collect();
        parts.push(What::Message(message));
    } else {
        parts.extend(split(message, capabilities, losses));
    }
    let mut rest: Vec<_> = files.collect();
    while !rest.is_empty() {
        let left = rest.split_off(rest.len().min(capabilities.files_at_once.max(1)));
        parts.push(What::Message(Message { attachments: rest, thread: thread.clone(), expires, ..Message::text("") }));
        rest = left;
    }
    parts
}

fn fits(file: &Attachment, capabilities: &Capabilities) -> bool {
    file.size.is_none_or(|size| size <= capabilities.largest_file)
}

fn reduce(mut message: Message, capabilities: &Capabilities, losses: &mut Vec<Loss>) -> Message {
    message.text = message.text.map(legal_text);
    let formats = message.text.formats();
    if !capabilities.formats.has(formats) {
        losses.push(Loss { feature: Feature::Formatting, left: Support::AsText });
    }
    if message.kind == Kind::Emote && capabilities.emote != Support::Native {
        // `/me ` is understood, or at least read, on every network.
        message.text = message.text.prefixed("/me ");
        message.kind = Kind::Text;
        losses.push(Loss { feature: Feature::Emote, left: Support::AsText });
    }
    if message.kind == Kind::Notice && capabilities.notice != Support::Native {
        message.kind = Kind::Text;
        losses.push(Loss { feature: Feature::Notice, left: Support::AsText });
    }
    if capabilities.thread != Support::Native
        && let Some(thread) = message.thread.take()
    {
        // Whoever shows no threads shows at least what it is about.
        message.in_reply_to.get_or_insert(thread);
        losses.push(Loss { feature: Feature::Thread, left: Support::AsText });
    }
    if capabilities.reply != Support::Native
        && let Some(reply) = message.in_reply_to.take()
    {
        let quote = reply.quote.filter(|_| capabilities.reply == Support::AsText);
        let left = if quote.is_some() { Support::AsText } else { Support::No };
        if let Some(quote) = quote {
            message.text = message.text.quoting(&legal_text(&quote));
        }
        losses.push(Loss { feature: Feature::Reply, left });
    }
    if let Some(subject) = message.subject.take() {
        match capabilities.subject {
            Support::Native => message.subject = Some(subject),
            Support::AsText => {
                message.text = message.text.beside(&subject, Beside::Above);
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

/// Several messages for a text that is longer than the leg takes in one; see [`crate::Text::split`].
fn split(message: Message, capabilities: &Capabilities, losses: &mut Vec<Loss>) -> Vec<What> {
    let longest = capabilities.longest_text.max(64);
    if message.text.weight() <= longest {
        return vec![What::Message(message)];
    }
    let formats = message.text.formats();
    let pieces = message.text.split(longest);
    let left = Loss { feature: Feature::Formatting, left: Support::AsText };
    if pieces.iter().fold(crate::Formats::NONE, |all, piece| all | piece.formats()) != formats && !losses.contains(&left) {
        losses.push(left);
    }
    let part = |(index, text)| {
        What::Message(Message {
            kind: message.kind,
            text,
            expires: message.expires,
            language: message.language.clone(),
            subject: message.subject.clone().filter(|_| index == 0),
            in_reply_to: message.in_reply_to.clone().filter(|_| index == 0),
            thread: message.thread.clone(),
            attachments: Vec::new(),
        })
    };
    pieces.into_iter().enumerate().map(part).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        FileName, Format, Formats, Marks, MediaKind, MediaLink, MediaSource, MediaType, Network, Place, Poll, Rich, Timestamp,
        rich::{Block, Span},
    };

    const NATIVE: Capabilities = Capabilities { largest_file: 1000, longest_text: 1000, ..Capabilities::FULL };

    fn event() -> EventId {
        EventId::from_parts(Timestamp::from_millis(1), 1)
    }

    fn file(name: &str, size: u64) -> Attachment {
        Attachment {
            kind: MediaKind::Image,
            name: FileName::new(name),
            media_type: MediaType::new("image/png"),
            size: Some(size),
            dimensions: None,
            blurhash: None,
            duration: None,
            source: MediaSource { network: Network::MATRIX, locator: "x".to_owned() },
            link: None,
        }
    }

    fn shape(what: &What) -> (String, Vec<&str>) {
        let What::Message(message) = what else { panic!("{what:?} is no message") };
        (message.text.reading().into_owned(), message.attachments.iter().map(|file| file.name.as_str()).collect())
    }

    fn texts(adapted: &Adapted) -> Vec<String> {
        adapted
            .parts
            .iter()
            .map(|part| match part {
                What::Message(message) => message.text.reading().into_owned(),
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
        let edit = What::Edit { of: event(), to: Message::text("right") };
        let plain = adapt(edit, &Capabilities::PLAIN, Language::German);
        assert_eq!(texts(&plain), ["Berichtigung: right"]);
        assert_eq!(plain.losses[0], Loss { feature: Feature::Edit, left: Support::AsText });
    }

    #[test]
    fn an_edit_is_about_words_and_fits_one_message() {
        let edit =
            |text: &str| What::Edit { of: event(), to: Message { attachments: vec![file("a", 1)], ..Message::text(text) } };
        let caption = adapt(edit("new"), &NATIVE, Language::English);
        assert_eq!(caption.parts, [What::Edit { of: event(), to: Message::text("new") }]);
        let again = adapt(edit("new"), &Capabilities { edit: Support::AsText, ..NATIVE }, Language::English);
        assert_eq!(again.parts.iter().map(shape).collect::<Vec<_>>(), [("Correction: new".to_owned(), vec![])]);
        for capabilities in [&NATIVE, &Capabilities::PLAIN] {
            let bare = adapt(edit(" "), capabilities, Language::English);
            assert_eq!((bare.parts, bare.losses), (vec![], vec![Loss { feature: Feature::Edit, left: Support::No }]));
        }
        // Networks say a new version twice: once more for clients that know none.
        let long = adapt(edit(&"x".repeat(2500)), &NATIVE, Language::English);
        assert!(long.parts.iter().all(|part| shape(part).0.len() <= NATIVE.longest_text), "{:?}", long.parts);
        assert_eq!(texts(&long).concat(), format!("Correction: {}", "x".repeat(2500)));
    }

    #[test]
    fn an_answer_shows_what_it_answers_where_the_target_cannot_name_it() {
        let reply = |quote: Option<&str>| {
            let in_reply_to = Some(Reply { to: event(), quote: quote.map(str::to_owned) });
            What::Message(Message { in_reply_to, ..Message::text("yes") })
        };
        assert_eq!(adapt(reply(None), &NATIVE, Language::English).parts, [reply(None)]);
        assert_eq!(texts(&adapt(reply(Some("really?")), &Capabilities::PLAIN, Language::English)), ["> really?\n\nyes"]);
        let mute = adapt(reply(None), &Capabilities::PLAIN, Language::English);
        assert_eq!((texts(&mute), mute.losses[0].left), (vec!["yes".to_owned()], Support::No));
    }

    #[test]
    fn a_thread_becomes_an_answer_to_its_beginning_where_the_target_has_none() {
        let other = EventId::from_parts(Timestamp::from_millis(2), 2);
        let within = |reply: Option<EventId>, text: &str| {
            let in_reply_to = reply.map(|to| Reply { to, quote: None });
            Message {
                in_reply_to,
                thread: Some(Reply { to: event(), quote: Some("the plan".to_owned()) }),
                ..Message::text(text)
            }
        };
        let named = |what: What, capabilities: &Capabilities| {
            let adapted = adapt(what, capabilities, Language::English);
            let parts = adapted.parts.iter().map(|part| match part {
                What::Message(message) => (message.in_reply_to.as_ref().map(|it| it.to), message.thread.as_ref().map(|it| it.to)),
                other => panic!("{other:?}"),
            });
            (parts.collect::<Vec<_>>(), adapted.losses)
        };
        let lost = vec![Loss { feature: Feature::Thread, left: Support::AsText }];
        let unthreaded = Capabilities { thread: Support::AsText, ..NATIVE };
        let message = |reply| What::Message(within(reply, "yes"));
        assert_eq!(named(message(None), &NATIVE), (vec![(None, Some(event()))], vec![]));
        assert_eq!(named(message(None), &unthreaded), (vec![(Some(event()), None)], lost.clone()));
        assert_eq!(named(message(Some(other)), &unthreaded), (vec![(Some(other), None)], lost));
        assert_eq!(texts(&adapt(message(None), &Capabilities::PLAIN, Language::English)), ["> the plan\n\nyes"]);
        // Every part of a long message, and every one of several files, belongs to it.
        let long = What::Message(within(None, &"x".repeat(2500)));
        let files = vec![file("1", 1), file("2", 1)];
        for what in [long, What::Message(Message { attachments: files, ..within(None, "see") })] {
            let (parts, _) = named(what, &NATIVE);
            assert!(parts.len() > 1 && parts.iter().all(|(_, thread)| *thread == Some(event())), "{parts:?}");
        }
    }

    #[test]
    fn a_timer_is_said_where_the_target_has_none() {
        let timer = |seconds| What::Timer(Lifetime::new(seconds));
        assert_eq!(adapt(timer(60), &NATIVE, Language::English).parts, [timer(60)]);
        let said = adapt(timer(7200), &Capabilities::PLAIN, Language::German);
        assert!(texts(&said)[0].contains("2 Stunden"), "{:?}", texts(&said));
        assert_eq!(said.losses, [Loss { feature: Feature::Expiry, left: Support::AsText }]);
        let message = What::Message(Message { expires: Lifetime::new(60), ..Message::text(&*"x".repeat(2500)) });
        let lifetimes = |capabilities: &Capabilities| {
            let adapted = adapt(message.clone(), capabilities, Language::English);
            assert_eq!(adapted.losses, []);
            let parts = adapted.parts.iter().map(|part| matches!(part, What::Message(Message { expires: Some(_), .. })));
            parts.collect::<Vec<_>>()
        };
        // Also where it is only said when it changes: what waits here for too long does not arrive.
        for capabilities in [&NATIVE, &Capabilities::PLAIN] {
            assert!(lifetimes(capabilities).iter().all(|expires| *expires), "every part of it");
        }
    }

    #[test]
    fn reactions_and_retractions_become_short_notices_where_the_target_has_none() {
        let thumb = Emoji::new("👍").unwrap();
        for (what, expected) in [
            (What::React { to: event(), with: Reactions::And(thumb) }, vec!["👍"]),
            (What::React { to: event(), with: Reactions::All(Vec::new()) }, vec![]),
            (What::Retract { of: event() }, vec!["A message was deleted by its author."]),
            (What::Read { up_to: event() }, vec![]),
        ] {
            assert_eq!(adapt(what.clone(), &NATIVE, Language::English).parts, std::slice::from_ref(&what));
            assert_eq!(texts(&adapt(what, &Capabilities::PLAIN, Language::English)), expected);
        }
    }

    #[test]
    fn files_go_with_the_text_as_far_as_the_target_takes_them() {
        let message = |text: &str| {
            What::Message(Message { attachments: vec![file("a", 1), file("b", 2), file("big", 2000)], ..Message::text(text) })
        };
        let shapes = |what: What, capabilities: &Capabilities| -> Vec<(String, Vec<String>)> {
            let adapted = adapt(what, capabilities, Language::English);
            let owned = |(text, names): (String, Vec<&str>)| (text, names.into_iter().map(str::to_owned).collect());
            adapted.parts.iter().map(|part| owned(shape(part))).collect()
        };
        let note = "[image “big”: could not be carried by the gateway]";
        let expected = |parts: &[(&str, &[&str])]| -> Vec<(String, Vec<String>)> {
            parts
                .iter()
                .map(|(text, names)| ((*text).to_owned(), names.iter().map(|name| (*name).to_owned()).collect()))
                .collect()
        };
        let said = format!("look\n{note}");
        assert_eq!(shapes(message("look"), &NATIVE), expected(&[(&said, &["a"]), ("", &["b"])]));
        let many = Capabilities { files_at_once: 10, largest_file: 5000, ..NATIVE };
        assert_eq!(shapes(message(""), &many), expected(&[("", &["a", "b", "big"])]));
        let bare = Capabilities { caption: Support::No, ..NATIVE };
        assert_eq!(shapes(message("look"), &bare), expected(&[(&said, &[]), ("", &["a"]), ("", &["b"])]));
        let none = shapes(message("look"), &Capabilities::PLAIN);
        assert_eq!((none.len(), none[0].0.matches("could not be carried").count()), (1, 3));
    }

    #[test]
    fn formatting_that_is_not_shown_is_named_and_left_to_the_adapter() {
        let strong = Span { marks: Marks::STRONG, ..Span::plain("now") };
        let text: crate::Text = Rich::new(vec![Block::Paragraph(vec![strong.clone()])]).into();
        let formatted = What::Message(Message::text(text.clone()));
        assert_eq!(
            adapt(formatted.clone(), &NATIVE, Language::English),
            Adapted { parts: vec![formatted.clone()], losses: vec![] }
        );
        let less = Capabilities { formats: Formats::ALL.but(&[Format::Strong]), ..NATIVE };
        let lost = vec![Loss { feature: Feature::Formatting, left: Support::AsText }];
        assert_eq!(adapt(formatted.clone(), &less, Language::English), Adapted { parts: vec![formatted], losses: lost.clone() });
        let wave = What::Message(Message { kind: Kind::Emote, ..Message::text(text.clone()) });
        let plain = adapt(wave, &Capabilities { formats: Formats::ALL, ..Capabilities::PLAIN }, Language::English);
        let [What::Message(message)] = plain.parts.as_slice() else { panic!() };
        assert_eq!((message.text.reading().as_ref(), message.text.formats()), ("/me now", Format::Strong.into()));
        let edit = What::Edit { of: event(), to: Message::text(text) };
        let [What::Message(message)] =
            &adapt(edit, &Capabilities { edit: Support::AsText, ..NATIVE }, Language::English).parts[..]
        else {
            panic!()
        };
        assert_eq!((message.text.reading().as_ref(), message.text.formats()), ("Correction: now", Format::Strong.into()));
        // What is too long is cut, and only what does not fit in one piece loses its formatting.
        let paragraph = Block::Paragraph(vec![strong.clone(), Span::plain(" and then again")]);
        let long = Rich::new(vec![paragraph; 40]);
        let cut = adapt(What::Message(Message::text(crate::Text::from(long))), &NATIVE, Language::English);
        assert!(cut.parts.len() > 5 && cut.losses.is_empty(), "{:?}", cut.losses);
        let giant = Block::Paragraph(vec![strong, Span::plain(" word".repeat(500))]);
        let cut = adapt(What::Message(Message::text(crate::Text::from(Rich::new(vec![giant])))), &NATIVE, Language::English);
        assert_eq!((cut.losses, texts_of(&cut.parts).split_whitespace().count()), (lost, 501));
    }

    fn texts_of(parts: &[What]) -> String {
        parts.iter().map(|part| shape(part).0 + " ").collect()
    }

    #[test]
    fn a_file_that_the_target_has_no_place_for_is_given_at_a_link() {
        let link = MediaLink("https://gw.example/media/x/big.png".to_owned());
        let linked = Attachment { link: Some(link), ..file("big.png", 2000) };
        let message = What::Message(Message { attachments: vec![linked], ..Message::text("look") });
        let adapted = adapt(message, &NATIVE, Language::English);
        assert_eq!(texts(&adapted), ["look\n[image “big.png”, to be had for 30 days: https://gw.example/media/x/big.png ]"]);
        assert_eq!(adapted.losses, [Loss { feature: Feature::Image, left: Support::AsText }]);
    }

    #[test]
    fn what_cannot_cross_is_named() {
        let image = What::Unsupported { feature: Feature::Image, name: Some("cat.png".into()) };
        let plain = adapt(image, &Capabilities::PLAIN, Language::English);
        assert!(texts(&plain)[0].contains("cat.png"), "{:?}", texts(&plain));
        assert_eq!(plain.losses, [Loss { feature: Feature::Image, left: Support::No }]);
    }

    #[test]
    fn places_and_polls_become_text_with_everything_in_it() {
        let place = Place::new(53.07516, 8.80777).unwrap().with(Some(35.0), Some("Town hall"));
        let native = adapt(What::Place(place.clone()), &NATIVE, Language::English);
        assert_eq!((native.parts, native.losses), (vec![What::Place(place.clone())], vec![]));
        let plain = adapt(What::Place(place), &Capabilities::PLAIN, Language::English);
        assert_eq!(texts(&plain), ["Location: Town hall\ngeo:53.07516,8.80777;u=35"]);
        assert_eq!(plain.losses, [Loss { feature: Feature::Location, left: Support::AsText }]);
        let poll = |choices| What::Poll(Poll::new("Lunch?", ["soup", "bread"], choices).unwrap());
        let asked = adapt(poll(1), &NATIVE, Language::German);
        assert_eq!(texts(&asked), ["Umfrage: Lunch?\n1. soup\n2. bread"]);
        assert_eq!(asked.losses, [Loss { feature: Feature::Poll, left: Support::AsText }]);
        assert_eq!(texts(&adapt(poll(2), &NATIVE, Language::English)), ["Poll (up to 2 answers): Lunch?\n1. soup\n2. bread"]);
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
