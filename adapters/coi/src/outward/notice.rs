// SPDX-License-Identifier: EUPL-1.2
//! What the gateway itself tells a sender: that a message failed or waits, as a delivery status notification (RFC 3464),
//! which Delta Chat and mail programs show at that very message; or, in a short automatic mail, what was lost of it. To whom only
//! encrypted mail is shown it is said by the ghost he wrote to, for its key is the one he knows.

use dreiklang_model::{
    Feature, Reason, Timestamp,
    words::{self, Text},
};
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

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It will not arrive.
    Failed(Reason),
    /// It waits.
    Delayed,
    /// It arrived without this.
    Reduced(Feature),
}

/// A notice about one mail.
#[derive(Clone)]
pub(crate) struct Notice<'a> {
    /// The Message-ID of the notice itself.
    pub(crate) id: String,
    /// Whom it is for.
    pub(crate) to: &'a str,
    /// To whom he had written.
    pub(crate) recipient: &'a str,
    /// His mail's Message-ID.
    pub(crate) about: Option<&'a str>,
    /// What became of it.
    pub(crate) fate: Fate,
    /// When.
    pub(crate) at: Timestamp,
    /// Who says it.
    pub(crate) speaker: Speaker<'a>,
}

/// Who says what became of a mail.
#[derive(Clone, Copy)]
pub(crate) enum Speaker<'a> {
    /// The mail system.
    MailSystem,
    /// This ghost, in the gateway's name: the mail is to be sealed. Delta Chat shows of delivery status notifications only failures,
    /// so that everything else is a message.
    Ghost(&'a str),
}

/// Who notices come from.
pub(crate) fn sender(domain: &Domain) -> String {
    format!("mailer-daemon@{}", domain.as_str())
}

/// The notice as mail, to be sent with the null return path, or with the ghost's when it speaks.
pub(crate) fn notice(notice: &Notice<'_>, domain: &Domain, words: Words<'_>) -> std::io::Result<Vec<u8>> {
    let (subject, text) = match &notice.fate {
        Fate::Failed(reason) => (Text::DsnSubject, words.say(&Text::Failed { reason })),
        Fate::Delayed => (Text::DelayedSubject, words.say(&Text::Delayed)),
        Fate::Reduced(feature) => {
            (Text::GatewayName { organisation: words.organisation }, words.say(&Text::Reduced { feature: *feature }))
        }
    };
    let name = words.say(&Text::GatewayName { organisation: words.organisation });
    let from = match notice.speaker {
        Speaker::MailSystem => sender(domain),
        Speaker::Ghost(ghost) => addr_spec(ghost),
    };
    let mut mail = MessageBuilder::new()
        .from(Address::new_address(Some(name), from))
        .to(Address::new_address(None::<&str>, addr_spec(notice.to)))
        .subject(words.say(&subject))
        .date(notice.at.as_millis() / 1000)
        .message_id(notice.id.clone())
        .header("Auto-Submitted", Raw::new("auto-replied"))
        .header(MARKER, Raw::new("notice"));
    if let Some(about) = notice.about {
        mail = mail.in_reply_to(about.to_owned()).references(about.to_owned());
    }
    let sealed = matches!(notice.speaker, Speaker::Ghost(_));
    if sealed {
        // The name stands above this message and does not become the ghost's.
        mail = mail.header("Chat-Version", Raw::new("1.0")).header("Sender", Raw::new(format!("<{}>", sender(domain))));
    }
    let readable = plain(flowed::write(&text));
    let body = match &notice.fate {
        Fate::Failed(reason) => {
            report(notice, domain, readable, "failed", status(reason), &words::reason(words.language, reason))
        }
        Fate::Delayed if sealed => readable,
        Fate::Delayed => report(notice, domain, readable, "delayed", "4.4.1", &text),
        Fate::Reduced(_) => readable,
    };
    mail.body(body).write_to_vec()
}

/// RFC 3462 and RFC 3464: the words, the machine's version, and what is left of the original.
fn report(
    notice: &Notice<'_>,
    domain: &Domain,
    readable: MimePart<'static>,
    action: &str,
    status: &str,
    why: &str,
) -> MimePart<'static> {
    let ascii: String = why.chars().map(|c| if c.is_ascii() && !c.is_control() { c } else { '?' }).collect();
    let machine = format!(
        "Reporting-MTA: dns; {}\r\n\r\nFinal-Recipient: rfc822; {}\r\nAction: {action}\r\nStatus: {status}\r\n\
         Diagnostic-Code: x-dreiklang; {ascii}\r\n",
        domain.as_str(),
        addr_spec(notice.recipient),
    );
    let original = notice.about.map_or_else(String::new, |about| format!("Message-ID: <{about}>\r\n"));
    let verbatim = |kind: &'static str, text: String| {
        let encoding = if text.is_ascii() { "7bit" } else { "8bit" };
        MimePart::new(ContentType::new(kind), BodyPart::Text(text.into())).transfer_encoding(encoding)
    };
    MimePart::new(
        ContentType::new("multipart/report").attribute("report-type", "delivery-status"),
        BodyPart::Multipart(vec![
            readable,
            verbatim("message/delivery-status", machine),
            verbatim("text/rfc822-headers", original),
        ]),
    )
}

/// RFC 3463.
pub(crate) fn status(reason: &Reason) -> &'static str {
    match reason {
        Reason::UnknownRecipient => "5.1.1",
        Reason::NotConnected => "5.1.2",
        Reason::TooLarge => "5.3.4",
        Reason::Unreachable | Reason::Expired => "5.4.7",
        Reason::Unreadable | Reason::FileUnavailable => "5.6.0",
        Reason::Encrypted(_) | Reason::EncryptedRoom | Reason::WrongKey => "5.7.5",
        Reason::TooMany => "5.7.0",
        Reason::NeedsInvitation | Reason::KeyChanged => "5.7.0",
        Reason::Forbidden
        | Reason::ForbiddenFile
        | Reason::InvitedOnly
        | Reason::NotAuthenticated
        | Reason::Rejected
        | Reason::Said(_) => "5.7.1",
    }
}

crate::opaque::opaque!(Notice<'_>, Speaker<'_>);
