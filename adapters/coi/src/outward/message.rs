// SPDX-License-Identifier: EUPL-1.2
//! A message of a ghost as mail: readable in every mail program, a chat message for Delta Chat and COI clients.

use dreiklang_engine::{Leg, Organisation, port::Deliverable};
use dreiklang_model::{
    Attachment, Language, MediaKind, Message, Network, Placed, What, quoting,
    words::{self, Text},
};
use dreiklang_richtext::markdown;
use mail_builder::{
    MessageBuilder,
    headers::{address::Address, content_type::ContentType, raw::Raw},
    mime::{BodyPart, MimePart},
};

use super::formatted::{self, Alternatives};
use crate::{address::addr_spec, flowed, message_id, portraits, thread::Position};

/// The header by which our own mail is recognised when it comes back.
pub(crate) const MARKER: &str = "Dreiklang-Delivery";

/// How long a message stays after it was read, in seconds.
pub(crate) const TIMER: &str = "Ephemeral-Timer";

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
            // A name that could be taken for another's is marked already.
            Some(network) if name.ends_with(&format!("({})", network_name(network))) => name.to_owned(),
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

/// What every mail of a ghost to the person of a leg is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) delivery: &'a Deliverable,
    pub(crate) position: &'a Position,
    pub(crate) message_id: &'a str,
    pub(crate) form: Form,
    pub(crate) asking: Asking,
    pub(crate) words: Words<'a>,
    /// What the recipient has to be told of the ghost's picture.
    pub(crate) picture: Option<&'a str>,
}

/// How a message asks its reader's program to say that it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    /// Not at all: programs bother people with such a wish.
    Nothing,
    /// As chat programs do, which answer by themselves.
    Chat,
    /// As mail programs do (RFC 8098 §2.1): only of somebody who asks the same.
    Letter,
}

/// A file to put into a mail.
pub(crate) struct Enclosed {
    pub(crate) file: Attachment,
    pub(crate) bytes: Vec<u8>,
}

impl std::fmt::Debug for Enclosed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Enclosed({:?}, {} bytes)", self.file.kind, self.bytes.len())
    }
}

impl Frame<'_> {
    /// The fields that do not depend on what is said.
    pub(super) fn begin(&self) -> MessageBuilder<'static> {
        let leg: &Leg = &self.delivery.leg;
        let subject = match self.position.subject.answers {
            true => self.words.say(&Text::MailReply { subject: &self.position.subject.bare }),
            false => self.position.subject.bare.clone(),
        };
        let name = match self.form {
            Form::Clear { .. } => leg.ghost_name.as_str().to_owned(),
            Form::Sealed => self.words.ghost_name(leg.ghost_name.as_str(), self.network()),
        };
        let mut mail = MessageBuilder::new()
            .from(Address::new_address(Some(name), addr_spec(leg.ghost.as_str())))
            .to(Address::new_address(None::<&str>, addr_spec(leg.user.address.as_str())))
            .subject(subject)
            .date(self.delivery.sent_at.as_millis() / 1000)
            .message_id(self.message_id.to_owned())
            .header("Chat-Version", Raw::new("1.0"))
            .header(MARKER, Raw::new(self.delivery.id.to_string()));
        let references = self.references();
        if !references.is_empty() {
            mail = mail.references(references);
        }
        if let Some(picture) = self.picture {
            mail = mail.header(portraits::FIELD, Raw::new(picture.to_owned()));
        }
        if leg.bot {
            mail = mail.header("Auto-Submitted", Raw::new("auto-replied"));
        }
        mail
    }

    /// The mails before this one; a thread beside the conversation goes on from where it began.
    fn references(&self) -> Vec<String> {
        let What::Message(Message { thread: Some(thread), .. }) = &self.delivery.what else {
            return self.position.references.clone();
        };
        let begun = thread.to.native.as_str();
        let domain = self.message_id.rsplit_once('@').map_or("", |(_, domain)| domain);
        let first = self.position.references.first().filter(|first| *first != begun).cloned();
        first.into_iter().chain([message_id::of_thread(begun, domain), begun.to_owned()]).collect()
    }

    /// Asks for a receipt.
    pub(super) fn asks(&self, mail: MessageBuilder<'static>) -> MessageBuilder<'static> {
        let field = match self.asking {
            Asking::Nothing => return mail,
            Asking::Chat => "Chat-Disposition-Notification-To",
            Asking::Letter => "Disposition-Notification-To",
        };
        mail.header(field, Raw::new(format!("<{}>", addr_spec(self.delivery.leg.ghost.as_str()))))
    }

    /// Where the ghost is at home; the bot is nowhere.
    fn network(&self) -> Option<&Network> {
        (!self.delivery.leg.bot).then(|| self.delivery.leg.other.address.network())
    }

    fn footer(&self) -> Option<String> {
        let organisation = self.words.organisation;
        match (self.form, self.network()) {
            (Form::Clear { first: false }, _) => None,
            (Form::Sealed, Some(network)) => {
                Some(self.words.say(&Text::GhostStatus { organisation, network: &network_name(network) }))
            }
            (Form::Clear { first: true }, _) | (Form::Sealed, None) => Some(self.words.say(&Text::MailFooter { organisation })),
        }
    }
}

/// The readable mail for one message. With the same input it has the same bytes, so that a repeat is the same mail.
pub(crate) fn message(frame: Frame<'_>, content: &Message<Placed>, enclosed: Vec<Enclosed>) -> std::io::Result<Vec<u8>> {
    let mut mail = frame.asks(frame.begin());
    let reply = content.in_reply_to.as_ref();
    let before = reply.or(content.thread.as_ref());
    let answered = before.map(|reply| reply.to.native.as_str().to_owned()).or_else(|| frame.position.in_reply_to.clone());
    if let Some(answered) = answered {
        mail = mail.in_reply_to(answered);
    }
    if let Some(lifetime) = content.expires.filter(|_| frame.form == Form::Sealed) {
        mail = mail.header(TIMER, Raw::new(lifetime.seconds().to_string()));
    }
    // RFC 3282.
    if let Some(language) = &content.language {
        mail = mail.header("Content-Language", Raw::new(language.as_str().to_owned()));
    }
    // Delta Chat shows what is answered only when it stands in the text. Programs that show text as it is show light marks in it.
    let quote = reply.and_then(|reply| reply.quote.as_deref());
    let said = markdown::light(&content.text);
    let mut text = match quote {
        // Flowed text would have to break the lines of a quotation, and to mark each piece.
        Some(quote) => flowed::Written { text: quoting(quote, &said).replace('\n', "\r\n"), flowed: false },
        None => flowed::write(&said),
    };
    let footer = frame.footer();
    if let Some(footer) = &footer {
        text.text.push_str(&format!("\r\n{}\r\n{footer}", flowed::SIGNATURE));
    }
    text.text.push_str("\r\n");
    let readable = match (frame.form, content.text.rich()) {
        (Form::Clear { .. }, Some(rich)) => {
            let boundary = format!("alternative-{}", frame.delivery.id);
            formatted::alternatives(plain(text), Alternatives { rich, quote, footer: footer.as_deref(), boundary })
        }
        _ => plain(text),
    };
    if enclosed.is_empty() {
        return mail.body(readable).write_to_vec();
    }
    if let [one] = enclosed.as_slice() {
        match one.file.kind {
            MediaKind::Voice => mail = mail.header("Chat-Voice-Message", Raw::new("1")),
            MediaKind::Sticker => mail = mail.header("Chat-Content", Raw::new("sticker")),
            _ => {}
        }
        if let Some(duration) = one.file.duration {
            mail = mail.header("Chat-Duration", Raw::new(duration.to_string()));
        }
    }
    let mut parts = vec![readable];
    parts.extend(enclosed.into_iter().map(|one| {
        let kind = ContentType::new(one.file.media_type.as_str().to_owned());
        MimePart::new(kind, BodyPart::Binary(one.bytes.into())).attachment(one.file.name.as_str().to_owned())
    }));
    let kind = ContentType::new("multipart/mixed").attribute("boundary", format!("mixed-{}", frame.delivery.id));
    mail.body(MimePart::new(kind, BodyPart::Multipart(parts))).write_to_vec()
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

#[cfg(test)]
mod tests {
    use dreiklang_engine::Person;
    use dreiklang_model::{Address, ConversationId, DeliveryId, DisplayName, EventId, PersonaId, Timestamp, Written};

    use super::*;
    use crate::inward::Mail;

    fn delivery(other: Network) -> Deliverable {
        let at = Timestamp::from_millis(1_800_000_000_000);
        let person = |network, address: &str| Person { persona: PersonaId(1), address: Address::new(network, address).unwrap() };
        let leg = Leg {
            conversation: ConversationId::from_parts(at, 1),
            user: person(Network::MAIL, "carol@mail.example"),
            ghost: Written::new("matrix.alice=hs.example@gw.example").unwrap(),
            bot: other == Network::GATEWAY,
            other: person(other, "@alice:hs.example"),
            ghost_name: DisplayName::new("Alice"),
            ghost_picture: None,
            chat: None,
            notes: None,
        };
        let id = DeliveryId { event: EventId::from_parts(at, 7), part: 0 };
        Deliverable { id, leg, sent_at: at, late: false, what: What::Opened }
    }

    fn written(other: Network, form: Form) -> (Vec<u8>, String) {
        written_asking(other, form, Asking::Nothing)
    }

    fn written_asking(other: Network, form: Form, asking: Asking) -> (Vec<u8>, String) {
        let words = Words { language: Language::English, organisation: "Town" };
        let (delivery, position) = (delivery(other), Position::default());
        let frame =
            Frame { delivery: &delivery, position: &position, message_id: "id@gw.example", form, asking, words, picture: None };
        let raw = message(frame, &Message::text("Hello"), Vec::new()).unwrap();
        let text = Mail::parse(&raw).unwrap().message.body_text(0).unwrap().replace("\r\n", "\n");
        (raw, text)
    }

    #[test]
    fn a_receipt_is_asked_for_in_the_words_of_the_readers_program() {
        for (asking, field) in [
            (Asking::Nothing, None),
            (Asking::Chat, Some("Chat-Disposition-Notification-To")),
            (Asking::Letter, Some("Disposition-Notification-To")),
        ] {
            let (raw, _) = written_asking(Network::MATRIX, Form::Sealed, asking);
            let mail = Mail::parse(&raw).unwrap();
            for name in ["Chat-Disposition-Notification-To", "Disposition-Notification-To"] {
                let expected = (field == Some(name)).then(|| "<matrix.alice=hs.example@gw.example>".to_owned());
                assert_eq!(mail.header(name), expected, "{asking:?}");
            }
        }
    }

    #[test]
    fn who_reads_along_is_said_once_in_clear_mail_and_always_in_encrypted_mail() {
        for (form, network, name, footer) in [
            (Form::Clear { first: true }, Network::MATRIX, "Alice", Some("Carried by the gateway: Town")),
            (Form::Clear { first: false }, Network::MATRIX, "Alice", None),
            (Form::Sealed, Network::MATRIX, "Alice (Matrix)", Some("Writes through the gateway Town (Matrix).")),
            (Form::Sealed, Network::XMPP, "Alice (XMPP)", Some("Writes through the gateway Town (XMPP).")),
            (Form::Sealed, Network::GATEWAY, "Alice", Some("Carried by the gateway: Town")),
        ] {
            let (raw, text) = written(network, form);
            let mail = Mail::parse(&raw).unwrap();
            assert_eq!(mail.message.from().unwrap().first().unwrap().name(), Some(name), "{form:?}");
            match footer {
                Some(footer) => assert!(text.contains("\n-- \n") && text.contains(footer), "{text:?}"),
                None => assert!(!text.contains("\n-- \n"), "{text:?}"),
            }
        }
    }

    #[test]
    fn an_answer_to_a_mail_of_a_thread_belongs_to_it() {
        let words = Words { language: Language::English, organisation: "Town" };
        let position = Position { references: vec!["first@gw.example".into(), "last@gw.example".into()], ..Position::default() };
        let native = dreiklang_model::NativeId::new("plan@mail.example").unwrap();
        let to = Placed { native: native.clone(), parts: vec![native], by: dreiklang_model::Side::User };
        let thread = Some(dreiklang_model::Reply { to, quote: None });
        let content = Message { thread, ..Message::text("yes") };
        let delivery = Deliverable { what: What::Message(content.clone()), ..delivery(Network::MATRIX) };
        let (form, asking, message_id) = (Form::Clear { first: false }, Asking::Nothing, "id@gw.example");
        let frame = Frame { delivery: &delivery, position: &position, message_id, form, asking, picture: None, words };
        let raw = message(frame, &content, Vec::new()).unwrap();
        let mail = Mail::parse(&raw).unwrap();
        assert_eq!(mail.header("In-Reply-To").as_deref(), Some("<plan@mail.example>"));
        let references = crate::message_id::all(&mail.header("References").unwrap());
        assert_eq!((references[0].as_str(), references[2].as_str()), ("first@gw.example", "plan@mail.example"));
        let domain = crate::address::Domain::new("gw.example").unwrap();
        assert_eq!(crate::message_id::thread(&references, &domain), Some("plan@mail.example"));
    }

    fn formatted(form: Form) -> Vec<u8> {
        let words = Words { language: Language::English, organisation: "Town" };
        let (delivery, position) = (delivery(Network::MATRIX), Position::default());
        let (asking, message_id) = (Asking::Nothing, "id@gw.example");
        let frame = Frame { delivery: &delivery, position: &position, message_id, form, asking, picture: None, words };
        let native = dreiklang_model::NativeId::new("1@x").unwrap();
        let to = Placed { native: native.clone(), parts: vec![native], by: dreiklang_model::Side::User };
        let in_reply_to = Some(dreiklang_model::Reply { to, quote: Some("really?".into()) });
        let text: dreiklang_model::Text =
            markdown::read("**yes**, see [this](https://x.example/)\n\n```\nlet x = 1;\n```").into();
        message(frame, &Message { in_reply_to, ..Message::text(text) }, Vec::new()).unwrap()
    }

    #[test]
    fn formatting_is_for_mail_programs_and_light_marks_for_all() {
        let light = "> really?\n\n**yes**, see this (https://x.example/)\n\n```\nlet x = 1;\n```";
        let raw = formatted(Form::Clear { first: true });
        let mail = Mail::parse(&raw).unwrap();
        assert!(mail.header("Content-Type").unwrap().starts_with("multipart/alternative"));
        let (plain, html) = (mail.message.body_text(0).unwrap(), mail.message.body_html(0).unwrap());
        assert!(plain.replace("\r\n", "\n").starts_with(light), "{plain}");
        for part in [
            "<blockquote><p>really?</p></blockquote>",
            "<strong>yes</strong>",
            "href=\"https://x.example/\"",
            "let x = 1;",
            "Town",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        // Delta Chat shows the plain form, and would offer to show the other one.
        let raw = formatted(Form::Sealed);
        let mail = Mail::parse(&raw).unwrap();
        assert!(mail.header("Content-Type").unwrap().starts_with("text/plain"));
        assert!(mail.message.body_text(0).unwrap().replace("\r\n", "\n").starts_with(light));
    }

    #[test]
    fn a_repeat_is_the_same_mail() {
        assert_eq!(written(Network::XMPP, Form::Sealed), written(Network::XMPP, Form::Sealed));
        let clear = Form::Clear { first: false };
        assert_eq!(formatted(clear), formatted(clear));
    }
}
