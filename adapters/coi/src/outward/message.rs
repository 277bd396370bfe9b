// SPDX-License-Identifier: EUPL-1.2
//! A message of a ghost as mail: readable in every mail program, a chat message for Delta Chat and COI clients.

use dreiklang_engine::{Leg, Organisation, port::Deliverable};
use dreiklang_model::{
    Language, Message, Network, Placed,
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

    /// How a ghost is called where only its name says that it is one. `network`: where the person is at home; the bot is nowhere.
    pub(crate) fn ghost_name(&self, name: &str, network: Option<&Network>) -> String {
        match network {
            Some(network) => self.say(&Text::GhostName { name, network: &network_name(network) }),
            None => name.to_owned(),
        }
    }
}

/// For which kind of program a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Every mail program. The first mail to a person says in its footer who carries it.
    Clear {
        /// It is the first one.
        first: bool,
    },
    /// Delta Chat and its like: to be sealed. Name and status text of the ghost say each time that a gateway reads along, for the
    /// program itself says that nobody does.
    Sealed,
}

/// The readable mail for one message. With the same input it has the same bytes, so that a repeat is the same mail.
pub(crate) fn message(
    delivery: &Deliverable,
    content: &Message<Placed>,
    position: &Position,
    message_id: &str,
    form: Form,
    words: Words<'_>,
) -> std::io::Result<Vec<u8>> {
    let leg: &Leg = &delivery.leg;
    let subject = match position.subject.answers {
        true => words.say(&Text::MailReply { subject: &position.subject.bare }),
        false => position.subject.bare.clone(),
    };
    let network = (!leg.bot).then(|| leg.other.address.network());
    let name = match form {
        Form::Clear { .. } => leg.ghost_name.as_str().to_owned(),
        Form::Sealed => words.ghost_name(leg.ghost_name.as_str(), network),
    };
    let mut mail = MessageBuilder::new()
        .from(Address::new_address(Some(name), addr_spec(leg.ghost.as_str())))
        .to(Address::new_address(None::<&str>, addr_spec(leg.user.address.as_str())))
        .subject(subject)
        .date(delivery.sent_at.as_millis() / 1000)
        .message_id(message_id.to_owned())
        .header("Chat-Version", Raw::new("1.0"))
        .header(MARKER, Raw::new(delivery.id.to_string()));
    if form == Form::Sealed {
        mail = mail.header("Chat-Disposition-Notification-To", Raw::new(format!("<{}>", addr_spec(leg.ghost.as_str()))));
    }
    if let Some(last) = &position.in_reply_to {
        mail = mail.in_reply_to(last.clone());
    }
    if !position.references.is_empty() {
        mail = mail.references(position.references.clone());
    }
    if leg.bot {
        mail = mail.header("Auto-Submitted", Raw::new("auto-replied"));
    }
    let footer = match (form, network) {
        (Form::Clear { first: false }, _) => None,
        (Form::Sealed, Some(network)) => {
            Some(words.say(&Text::GhostStatus { organisation: words.organisation, network: &network_name(network) }))
        }
        (Form::Clear { first: true }, _) | (Form::Sealed, None) => {
            Some(words.say(&Text::MailFooter { organisation: words.organisation }))
        }
    };
    let mut text = flowed::write(&content.text);
    if let Some(footer) = footer {
        text.text.push_str(&format!("\r\n{}\r\n{footer}", flowed::SIGNATURE));
    }
    text.text.push_str("\r\n");
    mail.body(plain(text)).write_to_vec()
}

/// What people call a network.
fn network_name(network: &Network) -> String {
    match network {
        network if *network == Network::MATRIX => "Matrix".to_owned(),
        network if *network == Network::XMPP => "XMPP".to_owned(),
        other => other.as_str().to_owned(),
    }
}

/// A text part; which transfer encoding it needs is the library's to find out.
pub(super) fn plain(text: flowed::Written) -> MimePart<'static> {
    let mut kind = ContentType::new("text/plain").attribute("charset", "utf-8");
    if text.flowed {
        kind = kind.attribute("format", "flowed");
    }
    MimePart::new(kind, BodyPart::Text(text.text.into()))
}
