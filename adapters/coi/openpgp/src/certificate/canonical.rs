// SPDX-License-Identifier: EUPL-1.2
//! The canonical form of a certificate: which of its components and signatures are kept. What they mean is `standing`.

use std::cmp::Reverse;

use pgp::{
    composed::{SignedKeyDetails, SignedPublicKey, SignedPublicSubKey},
    crypto::hash::HashAlgorithm,
    packet::{PublicKey, PublicSubkey, Signature, SignatureType, SubpacketData, UserId},
    types::{KeyDetails, SignedUser, Tag},
};

/// How many user IDs and subkeys are kept, the newest ones.
const MOST_COMPONENTS: usize = 8;
/// How many signatures of one component are looked at: a check costs time, and strangers can send thousands.
const MOST_CHECKED: usize = 32;

/// Only what the primary key vouches for, each with its newest signature.
pub(super) fn canonical(key: SignedPublicKey) -> SignedPublicKey {
    let SignedPublicKey { primary_key, details, public_subkeys } = key;
    let own = |signature: &Signature, kind| signature.typ() == Some(kind) && signature.verify_key(&primary_key).is_ok();
    let direct_signatures = newest(details.direct_signatures, |signature| own(signature, SignatureType::Key));
    let revocation_signatures = newest(details.revocation_signatures, |signature| own(signature, SignatureType::KeyRevocation));
    let users = users(&primary_key, details.users);
    let public_subkeys = subkeys(&primary_key, public_subkeys);
    let details = SignedKeyDetails {
        revocation_signatures: revocation_signatures.into_iter().collect(),
        direct_signatures: direct_signatures.into_iter().collect(),
        users,
        user_attributes: Vec::new(),
    };
    SignedPublicKey { primary_key, details, public_subkeys }
}

/// All components of two copies; not canonical yet.
pub(super) fn together(mut one: SignedPublicKey, other: SignedPublicKey) -> SignedPublicKey {
    one.details.revocation_signatures.extend(other.details.revocation_signatures);
    one.details.direct_signatures.extend(other.details.direct_signatures);
    one.details.users.extend(other.details.users);
    one.public_subkeys.extend(other.public_subkeys);
    one
}

fn users(primary: &PublicKey, users: Vec<SignedUser>) -> Vec<SignedUser> {
    let mut known: Vec<(UserId, Vec<Signature>)> = Vec::new();
    for SignedUser { id, signatures } in users.into_iter().take(MOST_CHECKED) {
        if let Some((_, all)) = known.iter_mut().find(|(known, _)| known.id() == id.id()) {
            all.extend(signatures);
        } else {
            known.push((id, signatures));
        }
    }
    let mut kept: Vec<SignedUser> = Vec::new();
    for (id, signatures) in known {
        let own = |signature: &Signature| signature.verify_certification(primary, Tag::UserId, &id).is_ok();
        let (revocations, certifications): (Vec<_>, Vec<_>) =
            signatures.into_iter().partition(|signature| signature.typ() == Some(SignatureType::CertRevocation));
        let Some(certification) = newest(certifications, own) else { continue };
        let revoked = newest(revocations, own).is_some_and(|revocation| revocation.created() >= certification.created());
        if !revoked {
            kept.push(SignedUser { id, signatures: vec![certification] });
        }
    }
    kept.sort_by_key(|user| Reverse((user.is_primary(), user.signatures.first().and_then(Signature::created))));
    kept.truncate(MOST_COMPONENTS);
    kept
}

fn subkeys(primary: &PublicKey, subkeys: Vec<SignedPublicSubKey>) -> Vec<SignedPublicSubKey> {
    let mut known: Vec<(PublicSubkey, Vec<Signature>)> = Vec::new();
    for SignedPublicSubKey { key, signatures } in subkeys.into_iter().take(MOST_CHECKED) {
        if let Some((_, all)) = known.iter_mut().find(|(known, _)| known.fingerprint() == key.fingerprint()) {
            all.extend(signatures);
        } else {
            known.push((key, signatures));
        }
    }
    let mut kept: Vec<SignedPublicSubKey> = Vec::new();
    for (key, signatures) in known {
        let (revocations, bindings): (Vec<_>, Vec<_>) =
            signatures.into_iter().partition(|signature| signature.typ() == Some(SignatureType::SubkeyRevocation));
        let binds = |signature: &Signature| signature.verify_subkey_binding(primary, &key).is_ok();
        let vouched = |signature: &Signature| binds(signature) && signs_back(signature, &key, primary);
        let Some(binding) = newest(bindings, vouched) else { continue };
        let mut signatures = vec![binding];
        signatures.extend(newest(revocations, binds));
        kept.push(SignedPublicSubKey { key, signatures });
    }
    kept.sort_by_key(|subkey| Reverse(subkey.key.created_at()));
    kept.truncate(MOST_COMPONENTS);
    kept
}

/// A subkey that signs must have agreed to belong to this primary key (RFC 9580 §10.1.5).
fn signs_back(binding: &Signature, subkey: &PublicSubkey, primary: &PublicKey) -> bool {
    let agreed = |back: &Signature| is_sound(back) && back.verify_primary_key_binding(subkey, primary).is_ok();
    !binding.key_flags().sign() || binding.embedded_signature().is_some_and(agreed)
}

/// The newest of the signatures that are valid; of equally old ones the first.
fn newest(mut signatures: Vec<Signature>, is_valid: impl Fn(&Signature) -> bool) -> Option<Signature> {
    signatures.sort_by_key(|signature| Reverse(signature.created()));
    let counts = |signature: &Signature| signature.created().is_some() && is_sound(signature) && is_valid(signature);
    signatures.into_iter().take(MOST_CHECKED).find(counts).and_then(without_additions)
}

/// Takes away what others may have added where the signature does not reach: all but the hint at the issuer and, for a key that signs, its
/// agreement, which is a signature of its own.
fn without_additions(mut signature: Signature) -> Option<Signature> {
    let signs = signature.key_flags().sign();
    let mut hinted = false;
    let mut index = 0;
    while let Some(said) = signature.config()?.unhashed_subpackets.get(index) {
        let stays = match said.data {
            SubpacketData::IssuerKeyId(_) => !std::mem::replace(&mut hinted, true),
            SubpacketData::EmbeddedSignature(_) => signs,
            _ => false,
        };
        if stays {
            index += 1;
        } else {
            signature.unhashed_subpacket_remove(index).ok()?;
        }
    }
    Some(signature)
}

/// Made with a hash for which nobody finds collisions (RFC 9580 §9.5).
pub(crate) fn is_sound(signature: &Signature) -> bool {
    use HashAlgorithm::{Sha3_256, Sha3_512, Sha256, Sha384, Sha512};
    signature.hash_alg().is_some_and(|hash| matches!(hash, Sha256 | Sha384 | Sha512 | Sha3_256 | Sha3_512))
}
