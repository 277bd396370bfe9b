// SPDX-License-Identifier: EUPL-1.2
//! What a ghost does to an earlier message, in the words of Delta Chat: a new version, a deletion, a reaction, a receipt. All of it is to be
//! sealed: in clear mail programs show it as letters.

use dreiklang_model::{Emoji, Lifetime, Message, NativeId, Placed, Reason, Reply, Text as RichText, What, words::Text};
use dreiklang_richtext::markdown;
use mail_builder::{
    headers::{content_type::ContentType, raw::Raw},
    mime::{BodyPart, MimePart},
};

use super::message::{Frame, TIMER, Words, plain};
use crate::flowed;

/// What Delta Chat puts before a new version, for programs that know none.
const PENCIL: &str = "✏️";
/// What Delta Chat writes where a deletion would be read.
const NO_ENTRY: &str = "🚮";

/// A new version of a message (`Chat-Edit`).
pub(crate) fn edit(frame: Frame<'_>, of: &Placed, text: &RichText) -> std::io::Result<Vec<u8>> {
    let mail = frame.begin().in_reply_to(of.native.as_str().to_owned());
    let mail = mail.header("Chat-Edit", Raw::new(format!("<{}>", of.native.as_str())));
    mail.body(said(&format!("{PENCIL}{}", markdown::light(text)))).write_to_vec()
}

/// A deletion for everybody (`Chat-Delete`), of every part of a message.
pub(crate) fn retraction(frame: Frame<'_>, of: &Placed) -> std::io::Result<Vec<u8>> {
    let ids = of.parts.iter().map(|part| format!("<{}>", part.as_str())).collect::<Vec<_>>().join(" ");
    let mail = frame.begin().in_reply_to(of.native.as_str().to_owned()).header("Chat-Delete", Raw::new(ids));
    mail.body(said(NO_ENTRY)).write_to_vec()
}

/// A reaction (RFC 9078); an empty one takes the last one back.
pub(crate) fn reaction(frame: Frame<'_>, to: &Placed, emoji: Option<&Emoji>) -> std::io::Result<Vec<u8>> {
    let mail = frame.begin().in_reply_to(to.native.as_str().to_owned());
    let text = emoji.map(Emoji::qualified).unwrap_or_default();
    mail.body(said(&text).header("Content-Disposition", Raw::new("reaction"))).write_to_vec()
}

/// A receipt (RFC 8098): the message was read.
pub(crate) fn receipt(frame: Frame<'_>, up_to: &NativeId) -> std::io::Result<Vec<u8>> {
    let machine =
        format!("Original-Message-ID: <{}>\r\nDisposition: manual-action/MDN-sent-automatically; displayed\r\n", up_to.as_str());
    let machine = MimePart::new(ContentType::new("message/disposition-notification"), BodyPart::Text(machine.into()));
    let kind = ContentType::new("multipart/report").attribute("report-type", "disposition-notification");
    let parts = vec![said("This is a receipt notification."), machine.transfer_encoding("7bit")];
    let mail = frame.begin().header("Auto-Submitted", Raw::new("auto-replied"));
    mail.body(MimePart::new(kind, BodyPart::Multipart(parts))).write_to_vec()
}

/// Another timer for the chat; the words are for programs that know none.
pub(crate) fn timer(frame: Frame<'_>, timer: Option<Lifetime>) -> std::io::Result<Vec<u8>> {
    let mut mail = frame.begin().header("Chat-Content", Raw::new("ephemeral-timer-changed"));
    if let Some(lifetime) = timer {
        mail = mail.header(TIMER, Raw::new(lifetime.seconds().to_string()));
    }
    mail.body(said(&frame.words.say(&Text::Timer { seconds: timer.map(Lifetime::seconds) }))).write_to_vec()
}

/// What is left of it for somebody who turns out to read letters only: a new version is a text of its own, nobody misses a reaction or a
/// receipt.
///
/// # Errors
/// Why its author must hear that it was not done: he believes that his message is gone.
pub(crate) fn in_clear(what: &What<Placed>, words: Words<'_>) -> Result<Option<Message<Placed>>, Reason> {
    match what {
        What::Edit { of, to } => {
            let text = to.text.clone().prefixed(&words.say(&Text::Corrected));
            Ok(Some(Message { in_reply_to: Some(Reply { to: of.clone(), quote: None }), ..Message::text(text) }))
        }
        What::Retract { .. } => Err(Reason::Rejected),
        What::Timer(timer) => Ok(Some(Message::notice(words.say(&Text::Timer { seconds: timer.map(Lifetime::seconds) })))),
        _ => Ok(None),
    }
}

fn said(text: &str) -> MimePart<'static> {
    let text = flowed::write(text);
    plain(flowed::Written { text: text.text + "\r\n", flowed: text.flowed })
}

#[cfg(test)]
mod tests {
    use dreiklang_model::{Language, Reactions, Side};

    use super::*;

    #[test]
    fn nothing_that_somebody_meant_gets_lost_with_a_key() {
        let words = Words { language: Language::English, organisation: "Town" };
        let native = NativeId::new("1@x".to_owned()).unwrap();
        let of = || Placed { native: native.clone(), parts: vec![native.clone()], by: Side::Ghost };
        let text = in_clear(&What::Edit { of: of(), to: Message::text("at nine") }, words).unwrap().unwrap();
        assert_eq!((text.text.reading().as_ref(), text.in_reply_to.map(|reply| reply.to)), ("Correction: at nine", Some(of())));
        assert_eq!(in_clear(&What::Retract { of: of() }, words), Err(Reason::Rejected));
        assert_eq!(in_clear(&What::React { to: of(), with: Reactions::All(Vec::new()) }, words), Ok(None));
        assert_eq!(in_clear(&What::Read { up_to: of() }, words), Ok(None));
    }
}
