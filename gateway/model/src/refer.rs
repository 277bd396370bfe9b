// SPDX-License-Identifier: EUPL-1.2
//! Translating what an event refers to: from the names of its author's network to ours, and from ours to those of a target.
//! What is not known there (older than the gateway, expired, never arrived) is reduced here, for all networks.

use crate::{
    Feature, Language, Message, NativeId, Reply, What,
    words::{self, Text},
};

/// A message as a target knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// How the target names its first part.
    pub native: NativeId,
    /// How it names all parts, in their order; the first is [`Self::native`].
    pub parts: Vec<NativeId>,
    /// Who wrote it.
    pub by: Side,
}

/// Which of the two people of a direct conversation, seen from one of its legs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one who is at home on the leg's network.
    User,
    /// The other one, who appears there as a ghost.
    Ghost,
}

/// An event whose references were translated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referred<S> {
    /// What is left of it; nothing when it only made sense with what it refers to.
    pub what: Option<What<S>>,
    /// What was lost because a reference is not known.
    pub lost: Option<Feature>,
}

impl<R> What<R> {
    /// Every message that it refers to.
    pub fn references(&self) -> impl Iterator<Item = &R> {
        let (reply, thread) = match self {
            Self::Message(message) | Self::Edit { to: message, .. } => (message.in_reply_to.as_ref(), message.thread.as_ref()),
            _ => (None, None),
        };
        let target = match self {
            Self::Edit { of, .. } | Self::Retract { of } => Some(of),
            Self::React { to, .. } => Some(to),
            Self::Read { up_to } => Some(up_to),
            _ => None,
        };
        target.into_iter().chain(reply.map(|reply| &reply.to)).chain(thread.map(|thread| &thread.to))
    }

    /// The same with every reference translated by `known`. An answer to an unknown message, or in a thread that began with one, shows
    /// that as a quote; an edit of one becomes a correction; a retraction, a reaction or a receipt for one is nothing.
    pub fn refer<S>(self, language: Language, mut known: impl FnMut(R) -> Option<S>) -> Referred<S> {
        let mut lost = None;
        let message = |message: Message<R>, lost: &mut Option<Feature>, known: &mut dyn FnMut(R) -> Option<S>| {
            let Message { kind, mut text, expires, language: spoken, subject, in_reply_to, thread, attachments } = message;
            let mut answered = None;
            let mut within = None;
            if let Some(Reply { to, quote }) = thread {
                match known(to) {
                    Some(to) => within = Some(Reply { to, quote }),
                    None => {
                        *lost = Some(Feature::Thread);
                        if let Some(quote) = quote.filter(|_| in_reply_to.is_none()) {
                            text = text.quoting(&quote);
                        }
                    }
                }
            }
            if let Some(Reply { to, quote }) = in_reply_to {
                match known(to) {
                    Some(to) => answered = Some(Reply { to, quote }),
                    None => {
                        *lost = Some(Feature::Reply);
                        text = match quote {
                            Some(quote) => text.quoting(&quote),
                            None => text,
                        };
                    }
                }
            }
            Message { kind, text, expires, language: spoken, subject, in_reply_to: answered, thread: within, attachments }
        };
        let what = match self {
            Self::Message(said) => Some(What::Message(message(said, &mut lost, &mut known))),
            Self::Edit { of, to } => {
                let of = known(of);
                let mut to = message(to, &mut lost, &mut known);
                Some(match of {
                    Some(of) => What::Edit { of, to },
                    None => {
                        lost = Some(Feature::Edit);
                        to.text = to.text.prefixed(&words::say(language, &Text::Corrected));
                        What::Message(to)
                    }
                })
            }
            Self::Retract { of } => known(of).map(|of| What::Retract { of }).or_else(|| nothing(&mut lost, Feature::Retraction)),
            Self::React { to, with } => {
                known(to).map(|to| What::React { to, with }).or_else(|| nothing(&mut lost, Feature::Reaction))
            }
            Self::Read { up_to } => known(up_to).map(|up_to| What::Read { up_to }),
            Self::Place(place) => Some(What::Place(place)),
            Self::Poll(poll) => Some(What::Poll(poll)),
            Self::Timer(timer) => Some(What::Timer(timer)),
            Self::Unsupported { feature, name } => Some(What::Unsupported { feature, name }),
            Self::Report { of, report } => Some(What::Report { of, report }),
            Self::Opened => Some(What::Opened),
        };
        Referred { what, lost }
    }
}

fn nothing<S>(lost: &mut Option<Feature>, feature: Feature) -> Option<What<S>> {
    *lost = Some(feature);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Emoji, Reactions};

    fn answer(quote: Option<&str>) -> What<u8> {
        What::Message(Message { in_reply_to: Some(Reply { to: 7, quote: quote.map(str::to_owned) }), ..Message::text("yes") })
    }

    #[test]
    fn known_references_are_translated() {
        let referred = answer(Some("really?")).refer(Language::English, |seven| (seven == 7).then_some("seven"));
        let Some(What::Message(message)) = referred.what else { panic!() };
        assert_eq!(message.in_reply_to.unwrap().to, "seven");
        assert_eq!((message.text.reading().as_ref(), referred.lost), ("yes", None));
    }

    #[test]
    fn unknown_references_leave_what_can_be_read() {
        let unknown = |what: What<u8>| what.refer::<u8>(Language::English, |_| None);
        let text = |referred: Referred<u8>| match referred.what {
            Some(What::Message(message)) => (message.text.reading().into_owned(), referred.lost),
            other => panic!("{other:?}"),
        };
        assert_eq!(text(unknown(answer(Some("really?")))), ("> really?\n\nyes".into(), Some(Feature::Reply)));
        assert_eq!(text(unknown(answer(None))), ("yes".into(), Some(Feature::Reply)));
        let edit = What::Edit { of: 7, to: Message::text("right") };
        assert_eq!(text(unknown(edit)), ("Correction: right".into(), Some(Feature::Edit)));
        let heart = Reactions::All(vec![Emoji::new("❤").unwrap()]);
        for (what, lost) in [
            (What::Retract { of: 7 }, Some(Feature::Retraction)),
            (What::React { to: 7, with: heart }, Some(Feature::Reaction)),
            (What::Read { up_to: 7 }, None),
        ] {
            assert_eq!(unknown(what), Referred { what: None, lost });
        }
    }

    #[test]
    fn a_thread_is_translated_as_an_answer_is() {
        let within = |reply: bool| {
            let quote = |text: &str| Some(text.to_owned());
            let in_reply_to = reply.then(|| Reply { to: 7, quote: quote("really?") });
            What::Message(Message {
                in_reply_to,
                thread: Some(Reply { to: 3, quote: quote("the plan") }),
                ..Message::text("yes")
            })
        };
        let referred = |what: What<u8>, known: &[u8]| match what
            .refer(Language::English, |name| known.contains(&name).then_some(name))
        {
            Referred { what: Some(What::Message(message)), lost } => {
                (message.text.reading().into_owned(), message.in_reply_to.map(|it| it.to), message.thread.map(|it| it.to), lost)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(referred(within(true), &[3, 7]), ("yes".into(), Some(7), Some(3), None));
        assert_eq!(referred(within(true), &[7]), ("yes".into(), Some(7), None, Some(Feature::Thread)));
        assert_eq!(referred(within(false), &[]), ("> the plan\n\nyes".into(), None, None, Some(Feature::Thread)));
        assert_eq!(within(true).references().copied().collect::<Vec<_>>(), [7, 3]);
    }

    #[test]
    fn every_reference_is_named() {
        let edit: What<u8> = match answer(None) {
            What::Message(to) => What::Edit { of: 9, to },
            _ => unreachable!(),
        };
        assert_eq!(edit.references().copied().collect::<Vec<_>>(), [9, 7]);
        assert_eq!(What::<u8>::Opened.references().count(), 0);
    }
}
