// SPDX-License-Identifier: EUPL-1.2
//! A sealed mail before it is opened: where in a mail the encrypted part stands (PGP/MIME, RFC 3156) and what opens it.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use mail_parser::{MessageParser, MessagePart, MimeHeaders, PartType};

use crate::{guard::guarded, headers::Section, open::OpenError};

/// How many parts the mail around an encrypted part may declare; the deepest that mail servers make of one has six.
const MOST_DECLARED: usize = 16;

/// How much opening may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the whole mail.
    pub mail: usize,
    /// Octets of the content, once decrypted and once decompressed.
    pub content: usize,
    /// Tries of one key on one session key; each takes about 0.1 ms.
    pub trials: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { mail: 40 * 1024 * 1024, content: 40 * 1024 * 1024, trials: 20_000 }
    }
}

/// The encrypted part of a mail. `Debug` shows nothing.
pub struct Envelope {
    /// The OpenPGP message in binary form.
    pub(crate) message: Vec<u8>,
}

impl Envelope {
    /// Finds the encrypted part of a mail: `multipart/encrypted`, also as mail servers mangle it (under `multipart/mixed`, beside an
    /// empty text or a footer).
    ///
    /// # Errors
    /// [`OpenError::NotSealed`] for any mail that is not encrypted in this way, [`OpenError::Malformed`] and [`OpenError::TooLarge`].
    pub fn of(mail: &[u8], limits: &Limits) -> Result<Self, OpenError> {
        let kind = Section::read(mail).value("Content-Type").unwrap_or_default().to_ascii_lowercase();
        let may_be_sealed = ["multipart/encrypted", "multipart/mixed"].iter().any(|sealed| kind.starts_with(sealed));
        if !may_be_sealed || declared_parts(mail) > MOST_DECLARED {
            return Err(OpenError::NotSealed);
        }
        if mail.len() > limits.mail {
            return Err(OpenError::TooLarge);
        }
        let part = guarded(|| encrypted_part(mail)).ok_or(OpenError::Malformed)?.ok_or(OpenError::NotSealed)?;
        Self::of_part(&part)
    }

    /// Takes the encrypted part alone, in ASCII armour.
    ///
    /// # Errors
    /// [`OpenError::Malformed`].
    pub fn of_part(part: &[u8]) -> Result<Self, OpenError> {
        Ok(Self { message: without_armour(part).ok_or(OpenError::Malformed)? })
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Envelope(…)")
    }
}

/// How many lines declare the type of a part; none is nested without such a line.
fn declared_parts(mail: &[u8]) -> usize {
    const DECLARES: &[u8] = b"content-type";
    let declares = |line: &&[u8]| line.get(..DECLARES.len()).is_some_and(|start| start.eq_ignore_ascii_case(DECLARES));
    mail.split(|octet| matches!(octet, b'\n' | b'\r')).filter(declares).count()
}

/// The part behind `application/pgp-encrypted`, in the outermost multipart or one right below it.
fn encrypted_part(mail: &[u8]) -> Option<Vec<u8>> {
    let message = MessageParser::default().parse(mail)?;
    let children = |part: &MessagePart<'_>| match &part.body {
        PartType::Multipart(children) => children.clone(),
        _ => Vec::new(),
    };
    let root = children(message.root_part());
    let inner = root.iter().filter_map(|id| message.part(*id)).map(children);
    let groups: Vec<_> = [root.clone()].into_iter().chain(inner).collect();
    groups.iter().find_map(|group| {
        let marker = |id: &u32| message.part(*id).is_some_and(|part| part.is_content_type("application", "pgp-encrypted"));
        let behind = group.iter().position(marker)? + 1;
        let part = message.part(*group.get(behind)?)?;
        part.is_content_type("application", "octet-stream").then(|| part.contents().to_vec())
    })
}

/// Takes the armour off (RFC 9580 §6.2); its checksum is not looked at, the encryption has a better one.
fn without_armour(part: &[u8]) -> Option<Vec<u8>> {
    let mut lines = part.split(|octet| *octet == b'\n').map(<[u8]>::trim_ascii);
    lines.find(|line| *line == b"-----BEGIN PGP MESSAGE-----")?;
    let mut digits = Vec::with_capacity(part.len());
    let mut in_headers = true;
    for line in lines {
        if in_headers && (line.is_empty() || !line.contains(&b':')) {
            in_headers = false;
        }
        if line.starts_with(b"=") || line.starts_with(b"-----END") {
            return STANDARD.decode(digits).ok().filter(|message| !message.is_empty());
        }
        if !in_headers {
            digits.extend_from_slice(line);
        }
    }
    None
}
