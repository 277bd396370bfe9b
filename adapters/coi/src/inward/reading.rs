// SPDX-License-Identifier: EUPL-1.2
//! From the bytes of a mail to what it means for the gateway.

use dreiklang_model::{Address, DisplayName, LanguageTag, Message, NativeId, Reason, Reply, Timestamp, What};
use dreiklang_openpgp::Autocrypt;

use super::{
    Mail, authentication,
    body::{self, Content},
    bounce::{self, Bounce},
    file::File,
    nature::{Nature, is_mail_system},
    place, receipt,
};
use crate::{address::Domain, message_id, thread::bare};

/// What a mail is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Somebody wrote it.
    Letter(Box<Letter>),
    /// It says what became of something we sent.
    Bounce(Bounce),
    /// It is for nobody; the word says why, for the metric.
    Ignored(&'static str),
    /// It is not carried, and its sender is to be told.
    Rejected(Rejected),
    /// Nothing in it proves its author. Unless a signature of this domain or its organisation does, it is rejected.
    Unproved(Domain, Rejected),
}

/// What proves an author besides the results that the trusted server wrote into the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// Nothing, or it is not known yet.
    None,
    /// A signature was checked here, of the very domain that [`Reading::Unproved`] named.
    Signature,
    /// The mail came encrypted, and who wrote it was found out by that.
    Sealed,
}

/// A mail that somebody wrote.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) from: Address,
    pub(crate) name: Option<DisplayName>,
    /// Its Message-ID, or a digest of its bytes when it has none.
    pub(crate) id: NativeId,
    pub(crate) sent_at: Timestamp,
    /// When the mail itself says that it was sent, be that true or not: the same whenever it is read.
    pub(crate) dated: Option<Timestamp>,
    /// Its subject without `Re:`; empty for chat.
    pub(crate) subject: String,
    /// It was written by a chat program.
    pub(crate) chat: bool,
    /// Its author asks to be told, at the address he writes from, that it was read (RFC 8098 §2.1).
    pub(crate) asks: bool,
    /// The key that its author says is his, for the address he writes from.
    pub(crate) key: Option<Autocrypt>,
    /// What it says, in order; empty only when it carries files.
    pub(crate) says: Vec<What<NativeId>>,
    /// What it carries.
    pub(crate) files: Vec<File>,
}

impl std::fmt::Debug for Letter {
    /// What people write is in no log, and neither is a subject.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Letter({:?}, {:?})", self.says, self.files)
    }
}

/// A mail that is not carried.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Rejected {
    pub(crate) reason: Reason,
    /// For the metric.
    pub(crate) why: &'static str,
    pub(crate) message_id: Option<String>,
}

/// Reads mail for one domain.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) domain: Domain,
    pub(crate) trusted: Option<String>,
}

impl Reader {
    /// What a mail means. `null_return_path`: its envelope names nobody who wants to hear of failures.
    pub(crate) fn read(
        &self,
        mail: &Mail<'_>,
        raw: &[u8],
        null_return_path: bool,
        evidence: Evidence,
        now: Timestamp,
    ) -> Reading {
        if let Some(why) = self.ignores(mail, null_return_path) {
            return Reading::Ignored(why);
        }
        if Nature::of(mail, null_return_path, &self.domain) == Nature::DeliveryReport {
            return bounce::read(mail, &self.domain).map_or(Reading::Ignored("report"), Reading::Bounce);
        }
        let message_id = mail.message_id();
        let rejected = |reason, why| Reading::Rejected(Rejected { reason, why, message_id: message_id.clone() });
        let Some((from, name)) = author(mail) else { return rejected(Reason::Unreadable, "malformed") };
        if self.domain.holds(from.as_str()) {
            return Reading::Ignored("loop");
        }
        if is_mail_system(from.as_str()) {
            return Reading::Ignored("automatic");
        }
        let receipt = Nature::of(mail, null_return_path, &self.domain) == Nature::Receipt;
        if evidence == Evidence::None && !self.vouches(mail, &from) {
            if receipt {
                return Reading::Ignored("receipt");
            }
            let rejected = Rejected { reason: Reason::NotAuthenticated, why: "forged", message_id };
            return match from.as_str().rsplit_once('@').and_then(|(_, domain)| Domain::new(domain)) {
                Some(domain) => Reading::Unproved(domain, rejected),
                None => Reading::Rejected(rejected),
            };
        }
        let Content { mut says, mut files } = match receipt {
            true => {
                Content { says: receipt::read(mail).into_iter().map(|up_to| What::Read { up_to }).collect(), files: Vec::new() }
            }
            false => match body::content(mail) {
                Ok(content) => content,
                Err(reason) => return rejected(reason, "unreadable"),
            },
        };
        let chat = mail.is_chat();
        if chat {
            place::taken(&mut says, &mut files);
        }
        if let Some(thread) = thread(mail, &self.domain) {
            if says.is_empty() && !files.is_empty() {
                says.push(What::Message(Message::text("")));
            }
            if let Some(What::Message(message)) = says.first_mut() {
                message.thread = Some(thread);
            }
        }
        let language = mail.header("Content-Language").and_then(|language| LanguageTag::new(&language));
        if let Some(What::Message(message)) = says.first_mut() {
            message.language = language.filter(|_| !message.text.is_empty());
        }
        let subject = mail.message.subject().filter(|_| !chat).map(bare).unwrap_or_default();
        let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        let Ok(id) = NativeId::new(message_id.clone().unwrap_or_else(|| format!("digest-{}", blake3::hash(raw).to_hex()))) else {
            return rejected(Reason::Unreadable, "malformed");
        };
        if !subject.is_empty() && says.is_empty() && !receipt {
            // Some write what they want to say into the subject.
            says.push(What::Message(Message::text(subject.clone())));
        }
        if says.is_empty() && files.is_empty() {
            return Reading::Ignored(if receipt { "receipt" } else { "empty" });
        }
        let key = own_key(mail, &from);
        let (asks, dated) = (asks(mail, &from), dated(mail));
        // The author's clock, or the first server's; never later than now.
        let sent_at = dated.map_or(now, |at| at.min(now));
        Reading::Letter(Box::new(Letter { from, name, id, sent_at, dated, subject, chat, asks, key, says, files }))
    }

    /// Does what the trusted server wrote into the mail prove this author?
    pub(crate) fn vouches(&self, mail: &Mail<'_>, from: &Address) -> bool {
        let results = || mail.headers("Authentication-Results");
        self.trusted.as_ref().is_some_and(|server| authentication::proves(results(), server, from.as_str()))
    }

    /// Why a mail is nobody's message whatever it says, judged by its headers; [`None`]: it may be one.
    pub(crate) fn ignores(&self, mail: &Mail<'_>, null_return_path: bool) -> Option<&'static str> {
        match Nature::of(mail, null_return_path, &self.domain) {
            Nature::Own => Some("loop"),
            Nature::List => Some("list"),
            Nature::Automatic => Some("automatic"),
            Nature::DeliveryReport | Nature::Receipt | Nature::Personal => None,
        }
    }
}

/// The one author (RFC 5322 §3.6.2); [`None`] when there is none or more than one: who would it be then?
pub(crate) fn author(mail: &Mail<'_>) -> Option<(Address, Option<DisplayName>)> {
    if mail.headers("From").count() != 1 {
        return None;
    }
    let mut from = mail.message.from()?.iter();
    let author = from.next().filter(|_| from.next().is_none())?;
    let address = crate::address::canonical(author.address()?)?;
    let name = author.name().map(DisplayName::new).filter(|name| !name.is_empty());
    // Many programs repeat the address where a name would stand.
    let name = name.filter(|name| !name.as_str().eq_ignore_ascii_case(address.as_str()));
    Some((address, name))
}

/// The key in the one `Autocrypt` field that counts, when it is for the author's address.
pub(crate) fn own_key(mail: &Mail<'_>, from: &Address) -> Option<Autocrypt> {
    let mut fields = mail.headers("Autocrypt").filter_map(|field| Autocrypt::read(&field).ok());
    let field = fields.next().filter(|_| fields.next().is_none())?;
    (crate::address::canonical(field.address.as_str())? == *from).then_some(field)
}

/// Does a mail ask for a receipt? One that goes elsewhere than to its author needs his word (RFC 8098 §2.1), which nobody can give here.
fn asks(mail: &Mail<'_>, from: &Address) -> bool {
    let field = mail.header("Disposition-Notification-To").unwrap_or_default();
    let address = field.rsplit_once('<').map_or(field.as_str(), |(_, address)| address.trim_end_matches('>'));
    crate::address::canonical(address.trim()).is_some_and(|address| address == *from)
}

/// The thread that it goes on with, if we began it in mail.
fn thread(mail: &Mail<'_>, domain: &Domain) -> Option<Reply<NativeId>> {
    let references = message_id::all(&mail.header("References")?);
    let begun = message_id::thread(&references, domain)?;
    Some(Reply { to: NativeId::new(begun).ok()?, quote: None })
}

/// When it says it was written, or else when the first server says it came.
fn dated(mail: &Mail<'_>) -> Option<Timestamp> {
    let written = mail.message.date().filter(|date| date.is_valid()).map(mail_parser::DateTime::to_timestamp);
    let received = || mail.message.received_all().last().and_then(mail_parser::Received::date).map(|date| date.to_timestamp());
    let seconds = written.filter(|seconds| *seconds > 0).or_else(received)?;
    Some(Timestamp::from_millis(seconds.saturating_mul(1000)))
}

crate::opaque::opaque!(Rejected);

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
