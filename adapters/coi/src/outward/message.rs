// SPDX-License-Identifier: EUPL-1.2
//! A message of a ghost as mail: readable in every mail program, a chat message for Delta Chat and COI clients.

use dreiklang_engine::{Leg, Organisation, port::Deliverable};
use dreiklang_model::{
    Language, Message, Placed,
    words::{self, Text},
};
use mail_builder::{
    MessageBuilder,
    headers::{address::Address, content_type::ContentType, raw::Raw},
    mime::{BodyPart, MimePart},
};

use crate::{address::addr_spec, flowed, thread::Position};

/// The header by which our own mail is recognised when it comes back.
pub(crate) const MARKER: &str = "Dreiklang-Delivery";

/// In whose name and language the gateway speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words<'a> {
    pub(crate) language: Language,
    pub(crate) organisation: &'a str,
}

impl<'a> Words<'a> {
    pub(crate) fn of(organisation: &'a Organisation) -> Self {
        Self { language: organisation.language, organisation: &organisation.name }
    }

    pub(crate) fn say(&self, text: &Text<'_>) -> String {
        words::say(self.language, text)
    }
}

/// The mail for one message. With the same input it has the same bytes, so that a repeat is the same mail.
/// `introduces`: the first mail to this person says in its footer who carries it.
pub(crate) fn message(
    delivery: &Deliverable,
    content: &Message<Placed>,
    position: &Position,
    message_id: &str,
    introduces: bool,
    words: Words<'_>,
) -> std::io::Result<Vec<u8>> {
    let leg: &Leg = &delivery.leg;
    let subject = match position.subject.answers {
        true => words.say(&Text::MailReply { subject: &position.subject.bare }),
        false => position.subject.bare.clone(),
    };
    let mut mail = MessageBuilder::new()
        .from(Address::new_address(Some(leg.ghost_name.as_str()), addr_spec(leg.ghost.as_str())))
        .to(Address::new_address(None::<&str>, addr_spec(leg.user.address.as_str())))
        .subject(subject)
        .date(delivery.sent_at.as_millis() / 1000)
        .message_id(message_id.to_owned())
        .header("Chat-Version", Raw::new("1.0"))
        .header(MARKER, Raw::new(delivery.id.to_string()));
    if let Some(last) = &position.in_reply_to {
        mail = mail.in_reply_to(last.clone());
    }
    if !position.references.is_empty() {
        mail = mail.references(position.references.clone());
    }
    if leg.bot {
        mail = mail.header("Auto-Submitted", Raw::new("auto-replied"));
    }
    let mut text = flowed::write(&content.text);
    if introduces {
        let footer = words.say(&Text::MailFooter { organisation: words.organisation });
        text.text.push_str(&format!("\r\n{}\r\n{footer}", flowed::SIGNATURE));
    }
    text.text.push_str("\r\n");
    mail.body(plain(text)).write_to_vec()
}

/// A text part; which transfer encoding it needs is the library's to find out.
pub(super) fn plain(text: flowed::Written) -> MimePart<'static> {
    let mut kind = ContentType::new("text/plain").attribute("charset", "utf-8");
    if text.flowed {
        kind = kind.attribute("format", "flowed");
    }
    MimePart::new(kind, BodyPart::Text(text.text.into()))
}
