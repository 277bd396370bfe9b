// SPDX-License-Identifier: EUPL-1.2
//! Opening a sealed mail: which of our keys opens it, what is inside, who signed it and for whom.

use std::{fmt, io::Read};

use dreiklang_model::Timestamp;
use pgp::{
    composed::{DecryptionOptions, Edata, Esk, Message, PlainSessionKey, decrypt_session_key_with_password},
    crypto::sym::SymmetricKeyAlgorithm,
    packet::{Packet, PacketParser, PublicKeyEncryptedSessionKey, Signature, SubpacketData, SymKeyEncryptedSessionKey},
    types::{DecryptionKey, EskType, Password, PkeskVersion, Seipdv1ReadMode, StringToKey},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    certificate::{Certificate, seconds},
    envelope::{Envelope, Limits},
    fingerprint::Fingerprint,
    guard::guarded,
    secret_key::SecretKey,
};

/// How many session keys one message may carry: members of a large group, each with some devices.
const MOST_SESSION_KEYS: usize = 4096;
/// How many signatures one message may carry.
const MOST_SIGNATURES: usize = 8;
/// How far a signature may be dated ahead of our clock, in seconds.
const AHEAD: i64 = 24 * 60 * 60;

/// Why a mail could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The mail is not encrypted with OpenPGP.
    #[error("the mail is not encrypted with OpenPGP")]
    NotSealed,
    /// None of the keys or secrets opens it.
    #[error("the mail is encrypted for none of our keys")]
    NoKey,
    /// It is not written as OpenPGP or PGP/MIME demand, or uses something nobody should use.
    #[error("the encrypted mail is malformed")]
    Malformed,
    /// It, or what is inside, exceeds the [`Limits`].
    #[error("the encrypted mail is too large")]
    TooLarge,
    /// It was changed after it was encrypted, or is cut off.
    #[error("the encrypted mail was changed on its way")]
    Changed,
}

/// The signer meant the mail for others: it was encrypted anew by one of them. Such a mail is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the mail was signed for somebody else")]
pub struct Misdirected;

/// What opens a sealed mail, and therefore what is to be looked up for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Secret keys: [`Envelope::open`].
    Keys,
    /// One shared secret (SecureJoin, channels): [`Envelope::open_with`].
    Secret,
}

/// What opened a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    /// The secret key with this fingerprint.
    Key(Fingerprint),
    /// The shared secret at this place in the list of candidates.
    Secret(usize),
}

/// A secret that two sides know. `Debug` shows nothing; wiped from memory when dropped.
#[derive(Debug, Clone)]
pub struct SharedSecret(SecretString);

impl SharedSecret {
    /// Takes the secret as it was agreed on.
    #[must_use]
    pub fn new(secret: String) -> Self {
        Self(secret.into())
    }

    pub(crate) fn password(&self) -> Password {
        self.0.expose_secret().as_bytes().into()
    }
}

/// What was inside a sealed mail.
pub struct Opened {
    content: Vec<u8>,
    opener: Opener,
    signatures: Vec<Signature>,
}

/// Who signed a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signed {
    /// Nobody.
    No,
    /// Somebody, but none of the certificates fits: as good as nobody until one is found. These are the keys that the signatures name.
    Unknown(Vec<Fingerprint>),
    /// The owner of one of the certificates.
    By(Signer),
}

/// A valid signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The key of the signer.
    pub fingerprint: Fingerprint,
    /// When he says he signed, to the second.
    pub at: Timestamp,
    /// For whom he says he signed, himself included; empty when he does not say. With several of our keys among them, the mail is for
    /// each of these.
    pub recipients: Vec<Fingerprint>,
}

impl Envelope {
    /// What opens it.
    ///
    /// # Errors
    /// [`OpenError::Malformed`] for what is no encrypted message, or one with several locks of mixed kinds.
    pub fn lock(&self) -> Result<Lock, OpenError> {
        match self.sealed()?.0 {
            Keyholes::Secret(_) => Ok(Lock::Secret),
            Keyholes::Keys(_) => Ok(Lock::Keys),
        }
    }

    /// Opens it with the first of our keys that fits. Senders usually do not write for which keys a mail is, so that each has to be
    /// tried: give the likely ones first (those of the envelope recipients), and lazily.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::TooLarge`] also when the allowed number of trials is used up.
    pub fn open<'k>(&self, keys: impl IntoIterator<Item = &'k SecretKey>, limits: &Limits) -> Result<Opened, OpenError> {
        let (Keyholes::Keys(holes), data) = self.sealed()? else { return Err(OpenError::NoKey) };
        let mut trials = 0;
        for key in keys {
            for hole in &holes {
                if !key.decryptors().any(|own| hole.match_identity(own.public_key())) {
                    continue;
                }
                trials += 1;
                if trials > limits.trials {
                    return Err(OpenError::TooLarge);
                }
                if let Some(session_key) = session_key(key, hole) {
                    return opened(data, &session_key, Opener::Key(key.fingerprint()), limits);
                }
            }
        }
        Err(OpenError::NoKey)
    }

    /// Opens it with the first of the shared secrets that fits. Only the cheap derivation ("Salted") is tried, as Delta Chat does: with
    /// a costly one a stranger could make us work for nothing.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with(&self, secrets: &[SharedSecret], limits: &Limits) -> Result<Opened, OpenError> {
        let (Keyholes::Secret(hole), data) = self.sealed()? else { return Err(OpenError::NoKey) };
        if !matches!(hole.s2k(), Some(StringToKey::Salted { .. })) {
            return Err(OpenError::Malformed);
        }
        let session_key =
            |secret: &SharedSecret| guarded(|| decrypt_session_key_with_password(&hole, &secret.password()).ok()).flatten();
        let found =
            secrets.iter().take(limits.trials).enumerate().find_map(|(place, secret)| Some((place, session_key(secret)?)));
        let (place, session_key) = found.ok_or(OpenError::NoKey)?;
        opened(data, &session_key, Opener::Secret(place), limits)
    }

    /// Its session keys and its data.
    fn sealed(&self) -> Result<(Keyholes, Edata<'_>), OpenError> {
        let message = guarded(|| Message::from_bytes(self.message.as_slice()).ok()).flatten().ok_or(OpenError::Malformed)?;
        let Message::Encrypted { esk, edata, .. } = message else { return Err(OpenError::Malformed) };
        if esk.len() > MOST_SESSION_KEYS {
            return Err(OpenError::TooLarge);
        }
        if !matches!(edata, Edata::SymEncryptedProtectedData { .. }) {
            return Err(OpenError::Malformed);
        }
        let (mut keys, mut secrets) = (Vec::new(), Vec::new());
        for esk in esk {
            match esk {
                Esk::PublicKeyEncryptedSessionKey(hole) => keys.push(hole),
                Esk::SymKeyEncryptedSessionKey(hole) => secrets.push(hole),
            }
        }
        match (keys.is_empty(), secrets.pop()) {
            (true, Some(hole)) if secrets.is_empty() => Ok((Keyholes::Secret(Box::new(hole)), edata)),
            (_, None) => Ok((Keyholes::Keys(keys), edata)),
            _ => Err(OpenError::Malformed),
        }
    }
}

enum Keyholes {
    Keys(Vec<PublicKeyEncryptedSessionKey>),
    Secret(Box<SymKeyEncryptedSessionKey>),
}

/// The session key, if this key opens this keyhole.
fn session_key(key: &SecretKey, hole: &PublicKeyEncryptedSessionKey) -> Option<PlainSessionKey> {
    let kind = if hole.version() == PkeskVersion::V6 { EskType::V6 } else { EskType::V3_4 };
    let none = Password::empty();
    guarded(|| {
        let values = hole.values().ok()?;
        let fitting = key.decryptors().filter(|own| hole.match_identity(own.public_key()));
        let mut tried = fitting.filter_map(|own| own.decrypt(&none, values, kind).ok()?.ok());
        tried.next()
    })
    .flatten()
}

fn opened(mut data: Edata<'_>, key: &PlainSessionKey, opener: Opener, limits: &Limits) -> Result<Opened, OpenError> {
    use SymmetricKeyAlgorithm::{AES128, AES192, AES256, Camellia128, Camellia192, Camellia256, Twofish};
    let usual = |cipher| matches!(cipher, AES128 | AES192 | AES256 | Camellia128 | Camellia192 | Camellia256 | Twofish);
    if !key.sym_algorithm().is_none_or(usual) {
        return Err(OpenError::Malformed);
    }
    let check_first = Seipdv1ReadMode::CheckFirst { max_message_size: limits.mail };
    let options = DecryptionOptions::new().set_seipdv1_read_mode(check_first);
    let decrypted = guarded(|| {
        data.decrypt_with_options(key, options).map_err(|_| OpenError::Changed)?;
        read(data, limits.content, OpenError::Changed)
    });
    let packets = decrypted.ok_or(OpenError::Malformed)??;
    let (content, signatures) = guarded(|| unpacked(&packets, limits, true)).ok_or(OpenError::Malformed)??;
    Ok(Opened { content, opener, signatures })
}

/// Reads to the end, within a limit.
fn read(source: impl Read, limit: usize, otherwise: OpenError) -> Result<Vec<u8>, OpenError> {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    source.take(most).read_to_end(&mut bytes).map_err(|_| otherwise)?;
    if bytes.len() > limit { Err(OpenError::TooLarge) } else { Ok(bytes) }
}

/// The content and its signatures: one literal packet between signatures, at most once compressed as a whole. Nothing else is allowed
/// here, in particular no second encryption and no second content.
pub(crate) fn unpacked(packets: &[u8], limits: &Limits, may_be_compressed: bool) -> Result<(Vec<u8>, Vec<Signature>), OpenError> {
    let (mut content, mut signatures, mut announced) = (None, Vec::new(), 0);
    for packet in PacketParser::new(packets) {
        match packet.map_err(|_| OpenError::Malformed)? {
            Packet::Marker(_) | Packet::Padding(_) => {}
            Packet::CompressedData(data) if may_be_compressed && content.is_none() && announced == 0 && signatures.is_empty() => {
                let inside = read(data.decompress().map_err(|_| OpenError::Malformed)?, limits.content, OpenError::Malformed)?;
                return unpacked(&inside, limits, false);
            }
            Packet::OnePassSignature(_) if content.is_none() => announced += 1,
            Packet::Signature(signature) => signatures.push(signature),
            Packet::LiteralData(literal) if content.is_none() => content = Some(literal.into_bytes().into()),
            _ => return Err(OpenError::Malformed),
        }
        if announced.max(signatures.len()) > MOST_SIGNATURES {
            return Err(OpenError::Malformed);
        }
    }
    Ok((content.ok_or(OpenError::Malformed)?, signatures))
}

impl Opened {
    /// The decrypted MIME entity. See [`crate::unsealed`] for the mail it makes together with the outer one.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// What opened it.
    #[must_use]
    pub fn opener(&self) -> Opener {
        self.opener
    }

    /// Who signed it, if it was the owner of one of these certificates: those known for the sender, and the one the content itself
    /// carries. Asking again with other certificates is allowed.
    ///
    /// # Errors
    /// [`Misdirected`] when the signer named the recipients and the key that opened it is not among them.
    pub fn signed(&self, candidates: &[&Certificate], at: Timestamp) -> Result<Signed, Misdirected> {
        if self.signatures.is_empty() {
            return Ok(Signed::No);
        }
        for signature in &self.signatures {
            let Some(made) = signature.created().map(|made| i64::from(made.as_secs())) else { continue };
            let fits = |candidate: &&&Certificate| {
                made <= seconds(at) + AHEAD && guarded(|| candidate.has_signed(signature, &self.content)) == Some(true)
            };
            if let Some(signer) = candidates.iter().find(fits) {
                let recipients = recipients(signature);
                let ours = |opener| recipients.is_empty() || recipients.contains(opener);
                if let Opener::Key(opener) = &self.opener
                    && !ours(opener)
                {
                    return Err(Misdirected);
                }
                let at = Timestamp::from_millis(made.saturating_mul(1000));
                return Ok(Signed::By(Signer { fingerprint: signer.fingerprint(), at, recipients }));
            }
        }
        let named = self.signatures.iter().flat_map(Signature::issuer_fingerprint);
        Ok(Signed::Unknown(named.filter_map(|issuer| issuer.try_into().ok()).collect()))
    }
}

/// For whom a signature was made (RFC 9580 §5.2.3.36); only what is under the signature counts.
fn recipients(signature: &Signature) -> Vec<Fingerprint> {
    let said = signature.config().into_iter().flat_map(pgp::packet::SignatureConfig::hashed_subpackets);
    said.filter_map(|said| match &said.data {
        SubpacketData::IntendedRecipientFingerprint(fingerprint) => fingerprint.try_into().ok(),
        _ => None,
    })
    .collect()
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("opener", &self.opener).field("signatures", &self.signatures.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
