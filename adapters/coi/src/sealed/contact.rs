// SPDX-License-Identifier: EUPL-1.2
//! A ghost as a contact that is handed on: a mail of the bot with a vCard, which opens the encrypted chat in Delta Chat. Pure.

use dreiklang_model::{Timestamp, words::Text};
use dreiklang_openpgp::{Card, Certificate, MailAddress};
use mail_builder::{
    MessageBuilder,
    headers::{address::Address, raw::Raw},
};

use crate::{
    address::addr_spec,
    outward::{MARKER, Words},
};

/// What is written.
pub(crate) struct Handed<'a> {
    /// The Message-ID.
    pub(crate) id: &'a str,
    /// What the mail is for.
    pub(crate) delivery: String,
    /// The bot's address, and its name.
    pub(crate) bot: (&'a str, &'a str),
    /// Who gets it.
    pub(crate) to: &'a str,
    /// The ghost's address, the name under which it is shown, and its key.
    pub(crate) ghost: (MailAddress, String, Certificate),
    pub(crate) at: Timestamp,
}

/// The readable mail, to be sealed by the bot.
pub(crate) fn contact(handed: Handed<'_>, words: Words<'_>) -> std::io::Result<Vec<u8>> {
    let (address, name, certificate) = handed.ghost;
    let text = words.say(&Text::BotContact { name: &name });
    let card = Card { address, name, certificate: Some(certificate) }.write(handed.at);
    MessageBuilder::new()
        .from(Address::new_address(Some(handed.bot.1), addr_spec(handed.bot.0)))
        .to(Address::new_address(None::<&str>, addr_spec(handed.to)))
        .subject(words.say(&Text::MailSubject { name: handed.bot.1 }))
        .date(handed.at.as_millis() / 1000)
        .message_id(handed.id.to_owned())
        .header("Chat-Version", Raw::new("1.0"))
        .header("Auto-Submitted", Raw::new("auto-replied"))
        .header(MARKER, Raw::new(handed.delivery))
        .text_body(text)
        .attachment("text/vcard", "contact.vcf", card)
        .write_to_vec()
}

crate::opaque::opaque!(Handed<'_>);

#[cfg(test)]
mod tests {
    use dreiklang_model::Language;
    use dreiklang_openpgp::{Randomness, SecretKey};
    use mail_parser::MimeHeaders as _;

    use super::*;
    use crate::inward::Mail;

    #[test]
    fn a_contact_brings_the_key_of_the_ghost() {
        let at = Timestamp::from_millis(1_800_000_000_000);
        let address = MailAddress::new("matrix.alice=hs.example@gw.example").unwrap();
        let key = SecretKey::generate(&address, at, &mut Randomness::from_seed([3; 32])).unwrap();
        let handed = Handed {
            id: "id@gw.example",
            delivery: "1".to_owned(),
            bot: ("bot@gw.example", "Gateway Town"),
            to: "carol@mail.example",
            ghost: (address, "Alice (Matrix)".to_owned(), key.public().clone()),
            at,
        };
        let raw = contact(handed, Words { language: Language::English, organisation: "Town" }).unwrap();
        let mail = Mail::parse(&raw).unwrap();
        let card = mail.message.parts.iter().find(|part| part.is_content_type("text", "vcard")).unwrap();
        let cards = Card::read(card.text_contents().unwrap());
        assert_eq!(cards.len(), 1);
        assert_eq!(cards[0].name, "Alice (Matrix)");
        assert_eq!(cards[0].certificate.as_ref().unwrap().fingerprint(), key.fingerprint());
    }
}
