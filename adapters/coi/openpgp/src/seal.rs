// SPDX-License-Identifier: EUPL-1.2
//! Sealing a mail: signed, encrypted and put into an envelope that tells a mail server no more than it needs, as Delta Chat writes it.

use dreiklang_model::Timestamp;
use mail_parser::{DateTime, MessageParser};
use pgp::{
    composed::{ArmorOptions, Encryption, MessageBuilder, SubpacketConfig},
    crypto::{
        aead::{AeadAlgorithm, ChunkSize},
        hash::HashAlgorithm,
        sym::SymmetricKeyAlgorithm,
    },
    packet::{Subpacket, SubpacketData},
    types::{CompressionAlgorithm, Password, SigningKey, StringToKey},
};

use crate::{
    address::MailAddress,
    autocrypt::Autocrypt,
    certificate::{Certificate, Recipient, seconds},
    fingerprint::Fingerprint,
    guard::guarded,
    headers::Section,
    open::SharedSecret,
    randomness::Randomness,
    secret_key::SecretKey,
};

/// How far in the past the outer date may lie, in seconds: six days, as Delta Chat has it.
const DATE_BLUR: u64 = 6 * 24 * 60 * 60;
/// Longest Message-ID (it stands alone on its line, RFC 5322 §2.1.1).
const LONGEST_ID: usize = 960;

/// Why a mail cannot be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The mail names none or several senders in `From`.
    #[error("the mail to be encrypted names no single sender")]
    NoSender,
    /// The mail has no Message-ID, or one that is none.
    #[error("the mail to be encrypted has no Message-ID")]
    NoMessageId,
    /// Nothing can be encrypted to this certificate now: expired, revoked, or without a key for encryption.
    #[error("nothing can be encrypted for the OpenPGP key of a recipient")]
    Unusable(Fingerprint),
    /// The library refused.
    #[error("the mail cannot be encrypted")]
    NotSealed,
}

/// Signs a mail, encrypts it to all recipients and to the signer himself, and puts it into an envelope (PGP/MIME).
///
/// `mail` is the whole mail as it would stand readable, with `From`, `To`, `Message-ID` and whatever else; all its fields go inside,
/// protected (RFC 9788), with the signer's key (`Autocrypt`) added. Outside stand the bare sender address, the same Message-ID, a date up
/// to six days earlier, and nothing else of it. `Bcc` and `MIME-Version` go nowhere.
///
/// # Errors
/// [`SealError`].
pub fn seal(
    mail: &[u8],
    signer: &SecretKey,
    to: &[&Certificate],
    at: Timestamp,
    randomness: &mut Randomness,
) -> Result<Vec<u8>, SealError> {
    seal_for(mail, signer, to, Compression::Zlib, at, randomness)
}

/// Seals a mail in the same way for somebody who reads it with a mail program: outside stand what such a program sorts and threads mail by
/// (sender, recipient, date, what it answers) and the signer's key, which it looks for there (Autocrypt Level 1). The subject stays inside.
///
/// # Errors
/// [`SealError`].
pub fn seal_letter(
    mail: &[u8],
    signer: &SecretKey,
    to: &[&Certificate],
    at: Timestamp,
    randomness: &mut Randomness,
) -> Result<Vec<u8>, SealError> {
    let outer = Outer::of_letter(mail, signer.public())?;
    seal_in(&outer, mail, signer, to, Compression::Zlib, at, randomness)
}

/// Whether content is compressed. Handshakes are not: their length would tell which secret they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Zlib,
}

pub(crate) fn seal_for(
    mail: &[u8],
    signer: &SecretKey,
    to: &[&Certificate],
    compression: Compression,
    at: Timestamp,
    randomness: &mut Randomness,
) -> Result<Vec<u8>, SealError> {
    let outer = Outer::of(mail, at, randomness)?;
    seal_in(&outer, mail, signer, to, compression, at, randomness)
}

fn seal_in(
    outer: &Outer,
    mail: &[u8],
    signer: &SecretKey,
    to: &[&Certificate],
    compression: Compression,
    at: Timestamp,
    randomness: &mut Randomness,
) -> Result<Vec<u8>, SealError> {
    let mut all: Vec<&Certificate> = vec![signer.public()];
    for certificate in to {
        if !all.iter().any(|known| known.fingerprint() == certificate.fingerprint()) {
            all.push(certificate);
        }
    }
    let (mut targets, mut recipients) = (Vec::new(), Vec::new());
    for certificate in &all {
        targets.push(certificate.recipient(at).ok_or(SealError::Unusable(certificate.fingerprint()))?);
        recipients.push(*certificate);
    }
    let content = outer.protected(mail, Some(signer.public()));
    let second_kind = all.iter().all(|certificate| certificate.reads_seipd_v2());
    let armoured = guarded(|| {
        let signature = subpackets(signer, &recipients, at)?;
        let builder = MessageBuilder::from_bytes("", content);
        if second_kind {
            let mut builder =
                builder.seipd_v2(&mut *randomness, SymmetricKeyAlgorithm::AES128, AeadAlgorithm::Ocb, ChunkSize::C8KiB);
            for target in &targets {
                match target {
                    Recipient::Primary(key) => builder.encrypt_to_key_anonymous(&mut *randomness, key)?,
                    Recipient::Subkey(key) => builder.encrypt_to_key_anonymous(&mut *randomness, key)?,
                };
            }
            finished(builder, Some((signer, signature)), compression, randomness)
        } else {
            let mut builder = builder.seipd_v1(&mut *randomness, SymmetricKeyAlgorithm::AES128);
            for target in &targets {
                match target {
                    Recipient::Primary(key) => builder.encrypt_to_key_anonymous(&mut *randomness, key)?,
                    Recipient::Subkey(key) => builder.encrypt_to_key_anonymous(&mut *randomness, key)?,
                };
            }
            finished(builder, Some((signer, signature)), compression, randomness)
        }
    });
    Ok(outer.around(&armoured.and_then(Result::ok).ok_or(SealError::NotSealed)?, randomness))
}

/// Seals a mail with a shared secret, signed by `signer` if there is one: the first two steps of SecureJoin. Never compressed.
pub(crate) fn seal_with(
    mail: &[u8],
    signer: Option<&SecretKey>,
    secret: &SharedSecret,
    at: Timestamp,
    randomness: &mut Randomness,
) -> Result<Vec<u8>, SealError> {
    let outer = Outer::of(mail, at, randomness)?;
    let content = outer.protected(mail, signer.map(SecretKey::public));
    let armoured = guarded(|| {
        let builder = MessageBuilder::from_bytes("", content);
        let mut builder = builder.seipd_v2(&mut *randomness, SymmetricKeyAlgorithm::AES128, AeadAlgorithm::Ocb, ChunkSize::C8KiB);
        let salted = StringToKey::Salted { hash_alg: HashAlgorithm::Sha256, salt: randomness.octets() };
        builder.encrypt_with_password(&mut *randomness, salted, &secret.password())?;
        let signing = signer.map(|signer| subpackets(signer, &[], at).map(|signature| (signer, signature))).transpose()?;
        finished(builder, signing, Compression::None, randomness)
    });
    Ok(outer.around(&armoured.and_then(Result::ok).ok_or(SealError::NotSealed)?, randomness))
}

/// What a signature says: when, by whom and, unless it opens by a shared secret, for whom.
fn subpackets(signer: &SecretKey, recipients: &[&Certificate], at: Timestamp) -> pgp::errors::Result<SubpacketConfig> {
    let key = signer.signer();
    let made = pgp::types::Timestamp::from_secs(u32::try_from(seconds(at))?);
    let mut hashed = vec![Subpacket::critical(SubpacketData::SignatureCreationTime(made))?];
    for recipient in recipients {
        hashed.push(Subpacket::regular(SubpacketData::IntendedRecipientFingerprint(recipient.library_fingerprint()))?);
    }
    hashed.push(Subpacket::regular(SubpacketData::IssuerFingerprint(pgp::types::KeyDetails::fingerprint(key)))?);
    let unhashed = vec![Subpacket::regular(SubpacketData::IssuerKeyId(pgp::types::KeyDetails::legacy_key_id(key)))?];
    Ok(SubpacketConfig::UserDefined { hashed, unhashed })
}

fn finished<'a, E: Encryption>(
    mut builder: MessageBuilder<'a, pgp::composed::DummyReader, E>,
    signing: Option<(&'a SecretKey, SubpacketConfig)>,
    compression: Compression,
    randomness: &mut Randomness,
) -> pgp::errors::Result<String> {
    if let Some((signer, subpackets)) = signing {
        let key = signer.signer();
        builder.sign_with_subpackets(key, Password::empty(), key.hash_alg(), subpackets);
    }
    if compression == Compression::Zlib {
        builder.compression(CompressionAlgorithm::ZLIB);
    }
    builder.to_armored_string(randomness, ArmorOptions::default())
}

/// What a mail server sees.
struct Outer {
    sender: MailAddress,
    /// Names and values, as they stand outside and, said again, inside.
    fields: Vec<(&'static str, String)>,
    /// A key that stands outside, as the value of its field.
    key: Option<String>,
}

impl Outer {
    fn of(mail: &[u8], at: Timestamp, randomness: &mut Randomness) -> Result<Self, SealError> {
        let (sender, id) = named(mail)?;
        let earlier = i64::try_from(randomness.below(DATE_BLUR)).unwrap_or_default();
        let date = DateTime::from_timestamp((seconds(at) - earlier).max(0)).to_rfc822();
        let fields = vec![
            ("From", format!("<{}>", sender.as_str())),
            ("Date", date),
            ("Message-ID", id),
            ("To", "\"hidden-recipients\": ;".to_owned()),
            ("Subject", "[...]".to_owned()),
        ];
        Ok(Self { sender, fields, key: None })
    }

    fn of_letter(mail: &[u8], signer: &Certificate) -> Result<Self, SealError> {
        let (sender, _) = named(mail)?;
        let section = Section::read(mail);
        let shown = ["From", "To", "Date", "Message-ID", "In-Reply-To", "References"];
        let shown = shown.into_iter().filter_map(|name| Some((name, section.value(name)?)));
        let fields = shown.chain([("Subject", "...".to_owned())]).collect();
        let key = Autocrypt { address: sender.clone(), mutual: true, certificate: signer.clone() };
        Ok(Self { sender, fields, key: Some(key.field()) })
    }

    /// The content to be encrypted: the mail with its fields protected, what stands outside said again, and the signer's key.
    fn protected(&self, mail: &[u8], signer: Option<&Certificate>) -> Vec<u8> {
        let section = Section::read(mail);
        let mut content = Vec::with_capacity(mail.len() + 2048);
        let mut field = |field: &[u8]| {
            content.extend_from_slice(field);
            content.extend_from_slice(b"\r\n");
        };
        const PROTECTED: &[u8] = b";\r\n protected-headers=\"v1\"; hp=\"cipher\"";
        let dropped = ["Bcc", "MIME-Version", "HP-Outer", "Autocrypt", "Content-Type"];
        for own in section.fields.iter().filter(|own| !dropped.iter().any(|name| own.is(name))) {
            field(own.raw);
        }
        for (name, value) in &self.fields {
            field(format!("HP-Outer: {name}: {value}").as_bytes());
        }
        if let Some(certificate) = signer {
            let autocrypt = Autocrypt { address: self.sender.clone(), mutual: true, certificate: certificate.clone() };
            field(format!("Autocrypt: {}", autocrypt.field()).as_bytes());
        }
        let kind = section.fields.iter().find(|own| own.is("Content-Type")).map(|own| own.raw.trim_ascii_end());
        let kind =
            kind.map_or(&b"Content-Type: text/plain; charset=\"us-ascii\""[..], |kind| kind.strip_suffix(b";").unwrap_or(kind));
        field(&[kind, PROTECTED].concat());
        field(b"");
        content.extend_from_slice(section.body);
        content
    }

    /// The mail with the encrypted content inside.
    fn around(&self, armoured: &str, randomness: &mut Randomness) -> Vec<u8> {
        let boundary: String = randomness.octets::<16>().iter().map(|octet| format!("{octet:02x}")).collect();
        let mut lines: Vec<String> = self.fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        lines.extend(self.key.iter().map(|key| format!("Autocrypt: {key}")));
        lines.extend(
            [
                "MIME-Version: 1.0",
                "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";",
                &format!(" boundary=\"{boundary}\""),
                "",
                &format!("--{boundary}"),
                "Content-Type: application/pgp-encrypted",
                "",
                "Version: 1",
                "",
                &format!("--{boundary}"),
                "Content-Type: application/octet-stream; name=\"encrypted.asc\"",
                "Content-Disposition: inline; filename=\"encrypted.asc\"",
                "",
            ]
            .map(str::to_owned),
        );
        lines.extend(armoured.lines().map(str::to_owned));
        lines.extend([format!("--{boundary}--"), String::new()]);
        lines.join("\r\n").into_bytes()
    }
}

/// The one sender of a mail, and its Message-ID.
fn named(mail: &[u8]) -> Result<(MailAddress, String), SealError> {
    let sender = guarded(|| sender(mail)).flatten().ok_or(SealError::NoSender)?;
    let id = Section::read(mail).value("Message-ID").ok_or(SealError::NoMessageId)?;
    let is_id = id.len() <= LONGEST_ID && id.starts_with('<') && id.ends_with('>') && id.chars().all(|c| c.is_ascii_graphic());
    if is_id { Ok((sender, id)) } else { Err(SealError::NoMessageId) }
}

/// The one sender of a mail.
fn sender(mail: &[u8]) -> Option<MailAddress> {
    let parsed = MessageParser::default().parse_headers(mail)?;
    let mut senders = parsed.from()?.iter();
    let sender = MailAddress::new(senders.next()?.address()?).ok()?;
    senders.next().is_none().then_some(sender)
}
