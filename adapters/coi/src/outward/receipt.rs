// SPDX-License-Identifier: EUPL-1.2
//! A receipt for a letter whose author asked for one with his mail program (RFC 8098). Chat programs have their own, in `act.rs`.

use dreiklang_model::{Timestamp, words::Text};
use mail_builder::{
    MessageBuilder,
    headers::{address::Address, content_type::ContentType, raw::Raw},
    mime::{BodyPart, MimePart},
};

use super::message::{MARKER, Words, plain};
use crate::{
    address::{Domain, addr_spec},
    flowed,
};

/// A letter that was read.
#[derive(Clone, Copy)]
pub(crate) struct LetterRead<'a> {
    /// The Message-ID of the receipt itself.
    pub(crate) id: &'a str,
    /// Who wrote the letter and is told.
    pub(crate) to: &'a str,
    /// Who read it: the ghost's address and name.
    pub(crate) reader: (&'a str, &'a str),
    /// The letter's Message-ID.
    pub(crate) letter: &'a str,
    pub(crate) at: Timestamp,
}

impl std::fmt::Debug for LetterRead<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LetterRead(…)")
    }
}

/// The receipt, to be sent with the null return path (RFC 8098 §3).
pub(crate) fn letter_read(read: LetterRead<'_>, domain: &Domain, words: Words<'_>) -> std::io::Result<Vec<u8>> {
    let (address, name) = read.reader;
    let machine = format!(
        "Reporting-UA: {}; Dreiklang\r\nFinal-Recipient: rfc822; {}\r\nOriginal-Message-ID: <{}>\r\n\
         Disposition: manual-action/MDN-sent-automatically; displayed\r\n",
        domain.as_str(),
        addr_spec(address),
        read.letter
    );
    let encoding = if machine.is_ascii() { "7bit" } else { "8bit" };
    let machine = MimePart::new(ContentType::new("message/disposition-notification"), BodyPart::Text(machine.into()));
    let kind = ContentType::new("multipart/report").attribute("report-type", "disposition-notification");
    let said = plain(flowed::write(&words.say(&Text::MailRead { name })));
    MessageBuilder::new()
        .from(Address::new_address(Some(name.to_owned()), addr_spec(address)))
        .to(Address::new_address(None::<&str>, addr_spec(read.to)))
        .subject(words.say(&Text::MailReadSubject))
        .date(read.at.as_millis() / 1000)
        .message_id(read.id.to_owned())
        .in_reply_to(read.letter.to_owned())
        .references(read.letter.to_owned())
        .header("Auto-Submitted", Raw::new("auto-replied"))
        .header(MARKER, Raw::new("receipt"))
        .body(MimePart::new(kind, BodyPart::Multipart(vec![said, machine.transfer_encoding(encoding)])))
        .write_to_vec()
}

#[cfg(test)]
mod tests {
    use dreiklang_model::Language;

    use super::*;

    #[test]
    fn a_receipt_names_the_letter_and_its_reader() {
        let read = LetterRead {
            id: "r@gw.example",
            to: "carol@mail.example",
            reader: ("matrix.alice=hs.example@gw.example", "Alice"),
            letter: "1@mail.example",
            at: Timestamp::from_millis(1_800_000_000_000),
        };
        let words = Words { language: Language::English, organisation: "Town" };
        let raw = letter_read(read, &Domain::new("gw.example").unwrap(), words).unwrap();
        let text = String::from_utf8(raw).unwrap();
        for line in [
            "Final-Recipient: rfc822; matrix.alice=hs.example@gw.example\r\n",
            "Original-Message-ID: <1@mail.example>\r\n",
            "Disposition: manual-action/MDN-sent-automatically; displayed\r\n",
            "In-Reply-To: <1@mail.example>\r\n",
            "Alice has read your message.",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
