// SPDX-License-Identifier: EUPL-1.2
//! The handshake, host's side: reading the guest's two messages and answering them.

use std::fmt;

use dreiklang_model::Timestamp;
use mail_builder::{
    MessageBuilder,
    headers::{address::Address, raw::Raw},
};
use mail_parser::MessageParser;

use super::{
    link::{Invite, Purpose},
    token::{GroupId, Token},
};
use crate::{
    address::MailAddress,
    autocrypt::Autocrypt,
    certificate::Certificate,
    fingerprint::Fingerprint,
    guard::guarded,
    headers::Section,
    open::{Opened, Opener, Signed},
    randomness::Randomness,
    seal::{Compression, SealError, seal_for, seal_with},
    secret_key::SecretKey,
};

/// A message of a guest. Its token says which invitation he holds; who keeps the invitations looks it up and then calls
/// [`Request::answer`].
pub struct Request {
    token: Token,
    from: MailAddress,
    step: Step,
}

enum Step {
    /// Message 1.
    Key,
    /// Message 3, with the fingerprint that the guest claims and the room he wants to join.
    Join { claimed: Fingerprint, room: Option<GroupId> },
}

/// The one who invites: a ghost or the bot.
#[derive(Debug)]
pub struct Host<'a> {
    /// His key.
    pub key: &'a SecretKey,
    /// His address, from which the answer is sent.
    pub address: &'a MailAddress,
    /// The name under which he is shown.
    pub name: &'a str,
}

/// What is to be done.
#[derive(Debug)]
pub enum Answer {
    /// Send this mail to this address: the guest gets the host's key (message 2).
    Key {
        /// The guest's address, as he claims.
        to: MailAddress,
        /// The sealed mail.
        mail: Vec<u8>,
    },
    /// Send this mail to this guest: from now on both can write to each other (message 4).
    Contact {
        /// Who he is.
        guest: Guest,
        /// The sealed mail.
        mail: Vec<u8>,
    },
    /// Add this guest to this room, with the message that adds a member: it is his message 4, and carries the field
    /// `Secure-Join: vg-member-added`.
    Room {
        /// Who he is.
        guest: Guest,
        /// The room.
        room: GroupId,
    },
}

/// A guest whose key has been verified: he knew the token, and his message was signed with this key for the host.
#[derive(Clone, PartialEq, Eq)]
pub struct Guest {
    /// His key.
    pub certificate: Certificate,
    /// Where he wrote from.
    pub address: MailAddress,
    /// The name he goes by, as he wrote it; may be empty.
    pub name: String,
}

/// Why a handshake is not continued. The guest is told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The invitation belongs to another key, token or room than the message.
    #[error("the message does not belong to the invitation")]
    OtherInvitation,
    /// The message was not sealed as this step of the handshake demands.
    #[error("the message was not encrypted as the handshake demands")]
    NotSealedSo,
    /// The message is not signed with the key it carries and claims, or not for the host.
    #[error("the message is not signed with the key that it names")]
    NotSigned,
    /// The answer could not be written.
    #[error("the answer could not be encrypted: {0}")]
    Sealing(#[from] SealError),
    /// The name or id for the answer cannot stand in a mail.
    #[error("the answer could not be written")]
    Writing,
}

impl Request {
    /// Reads a message of a guest from its decrypted content. [`None`] for anything else, other steps of SecureJoin included.
    #[must_use]
    pub fn read(content: &[u8]) -> Option<Self> {
        let section = Section::read(content);
        let step = match section.value("Secure-Join")?.as_str() {
            "vc-request-pubkey" => Step::Key,
            "vc-request-with-auth" => Step::Join { claimed: claimed(&section)?, room: None },
            "vg-request-with-auth" => {
                // Delta Chat 2.65 leaves the room out: the token names it.
                let room = section.value("Secure-Join-Group").and_then(|id| GroupId::new(&id).ok());
                Step::Join { claimed: claimed(&section)?, room }
            }
            _ => return None,
        };
        let token = Token::new(&section.value("Secure-Join-Auth")?).ok()?;
        let (from, _) = guarded(|| sender(content)).flatten()?;
        Some(Self { token, from, step })
    }

    /// By which the invitation is found.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Checks the message against the invitation and says what is to be done. `opened` is what it was read from, `message_id` the id of
    /// the answer without angle brackets.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn answer(
        &self,
        opened: &Opened,
        invite: &Invite,
        host: &Host<'_>,
        message_id: &str,
        at: Timestamp,
        randomness: &mut Randomness,
    ) -> Result<Answer, Refusal> {
        if self.token != invite.auth || invite.inviter != host.key.fingerprint() {
            return Err(Refusal::OtherInvitation);
        }
        let reply = Reply { host, message_id, at };
        let Step::Join { claimed, room } = &self.step else {
            if !matches!(opened.opener(), Opener::Secret(_)) {
                return Err(Refusal::NotSealedSo);
            }
            let mail = reply.key(&self.token)?;
            let mail = seal_with(&mail, Some(host.key), &self.token.secret(&invite.inviter), at, randomness)?;
            return Ok(Answer::Key { to: self.from.clone(), mail });
        };
        if opened.opener() != Opener::Key(invite.inviter) {
            return Err(Refusal::NotSealedSo);
        }
        let guest = guest(opened, claimed, invite.inviter, at)?;
        match (&invite.purpose, room) {
            (Purpose::Contact, None) => {
                let mail = reply.confirmation(&guest)?;
                let mail = seal_for(&mail, host.key, &[&guest.certificate], Compression::None, at, randomness)?;
                Ok(Answer::Contact { guest, mail })
            }
            (Purpose::Room { id, .. }, room) if room.as_ref().is_none_or(|room| room == id) => {
                Ok(Answer::Room { guest, room: id.clone() })
            }
            _ => Err(Refusal::OtherInvitation),
        }
    }
}

fn claimed(section: &Section<'_>) -> Option<Fingerprint> {
    Fingerprint::parse(&section.value("Secure-Join-Fingerprint")?).ok()
}

/// The guest behind message 3: his key stands in it, signed it, is the one he claims, and he meant this host.
fn guest(opened: &Opened, claimed: &Fingerprint, host: Fingerprint, at: Timestamp) -> Result<Guest, Refusal> {
    let section = Section::read(opened.content());
    let (address, name) = guarded(|| sender(opened.content())).flatten().ok_or(Refusal::NotSigned)?;
    let autocrypt = section.value("Autocrypt").and_then(|value| Autocrypt::read(&value).ok());
    let certificate = autocrypt.filter(|field| field.address == address).ok_or(Refusal::NotSigned)?.certificate;
    let Ok(Signed::By(signer)) = opened.signed(&[&certificate], at) else { return Err(Refusal::NotSigned) };
    let gossiped = || section.values("Autocrypt-Gossip").filter_map(|value| Autocrypt::read(&value).ok());
    let for_host = signer.recipients.contains(&host) || gossiped().any(|field| field.certificate.fingerprint() == host);
    if signer.fingerprint != *claimed || !for_host {
        return Err(Refusal::NotSigned);
    }
    Ok(Guest { certificate, address, name })
}

/// Address and name of the sender.
fn sender(content: &[u8]) -> Option<(MailAddress, String)> {
    let parsed = MessageParser::default().parse_headers(content)?;
    let sender = parsed.from()?.first()?;
    Some((MailAddress::new(sender.address()?).ok()?, sender.name().unwrap_or_default().to_owned()))
}

/// The answers before they are sealed.
struct Reply<'a> {
    host: &'a Host<'a>,
    message_id: &'a str,
    at: Timestamp,
}

impl Reply<'_> {
    /// Message 2. Whoever holds the link may read it, so it says nothing but the key.
    fn key(&self, token: &Token) -> Result<Vec<u8>, Refusal> {
        let mail = self
            .begun(None)
            .header("To", Raw::new("\"hidden-recipients\": ;"))
            .subject("Secure-Join")
            .header("Secure-Join", Raw::new("vc-pubkey"))
            .header("Secure-Join-Auth", Raw::new(token.as_str()));
        mail.text_body("Secure-Join").write_to_vec().map_err(|_| Refusal::Writing)
    }

    /// Message 4 of two who will write to each other. The guest ignores it unless it repeats his own key.
    fn confirmation(&self, guest: &Guest) -> Result<Vec<u8>, Refusal> {
        let own = Autocrypt { address: guest.address.clone(), mutual: false, certificate: guest.certificate.clone() };
        let mail = self
            .begun(Some(self.host.name))
            .to(Address::new_address(None::<&str>, guest.address.as_str()))
            .subject("Secure-Join")
            .header("Chat-Version", Raw::new("1.0"))
            .header("Secure-Join", Raw::new("vc-contact-confirm"))
            .header("Autocrypt-Gossip", Raw::new(own.gossip()));
        mail.text_body("Secure-Join: vc-contact-confirm").write_to_vec().map_err(|_| Refusal::Writing)
    }

    fn begun(&self, name: Option<&str>) -> MessageBuilder<'_> {
        let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
        MessageBuilder::new()
            .from(Address::new_address(name, self.host.address.as_str()))
            .date(self.at.as_millis() / 1000)
            .message_id(self.message_id)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.step {
            Step::Key => "Request(key)",
            Step::Join { .. } => "Request(join)",
        })
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guest(…)")
    }
}
