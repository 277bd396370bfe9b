// SPDX-License-Identifier: EUPL-1.2
//! Secret values in the database, and what people write while it waits there: sealed with a key that lies outside of it (AES-256-GCM, a random nonce for each value). What is sealed
//! for one place opens in no other.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use dreiklang_engine::port::{OrganisationKey, StoreError};
use dreiklang_model::Network;
use secrecy::{ExposeSecret, SecretSlice};

/// The first byte of what is sealed: which way of sealing it is. A later one gets the next number and reads this one, too.
const VERSION: u8 = 1;

/// Seals and opens.
pub struct Seal(RandomizedNonceKey);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(…)")
    }
}

/// Where a secret value belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) organisation: OrganisationKey,
    pub(crate) network: &'a Network,
    pub(crate) key: &'a str,
}

impl Place<'_> {
    fn name(&self) -> String {
        format!("dreiklang sealed\n{}\n{}\n{}", self.organisation.0, self.network, self.key)
    }
}

impl Seal {
    /// With the installation's sealing key. Whoever loses it loses what it sealed.
    ///
    /// # Errors
    /// [`StoreError::Failed`] when the library refuses the key.
    pub fn new(key: &[u8; 32]) -> Result<Self, StoreError> {
        let key = blake3::derive_key("dreiklang 2026 seal", key);
        RandomizedNonceKey::new(&AES_256_GCM, &key).map(Self).map_err(|_| StoreError::Failed("no sealing key".to_owned()))
    }

    pub(crate) fn seal(&self, place: Place<'_>, secret: &SecretSlice<u8>) -> Result<Vec<u8>, StoreError> {
        self.seal_bytes(place, secret.expose_secret().to_vec())
    }

    /// The same for what is no secret of ours: what people write.
    pub(crate) fn seal_bytes(&self, place: Place<'_>, mut content: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(place.name()), &mut content)
            .map_err(|_| StoreError::Failed("a secret cannot be sealed".to_owned()))?;
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut content);
        Ok(sealed)
    }

    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<SecretSlice<u8>, StoreError> {
        self.open_bytes(place, sealed).map(SecretSlice::from)
    }

    pub(crate) fn open_bytes(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let corrupt = || StoreError::Corrupt("a secret that this sealing key does not open".to_owned());
        let (version, rest) = sealed.split_first().ok_or_else(corrupt)?;
        if *version != VERSION || rest.len() < NONCE_LEN {
            return Err(corrupt());
        }
        let (nonce, content) = rest.split_at(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| corrupt())?;
        let mut content = content.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(place.name()), &mut content).map_err(|_| corrupt())?.len();
        content.truncate(opened);
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_with_its_key_only() {
        let seal = Seal::new(&[1; 32]).unwrap();
        let network = Network::MAIL;
        let place = Place { organisation: OrganisationKey(1), network: &network, key: "key/a" };
        let secret = SecretSlice::from(b"private".to_vec());
        let sealed = seal.seal(place, &secret).unwrap();
        assert_eq!(seal.open(place, &sealed).unwrap().expose_secret(), b"private");
        assert_ne!(seal.seal(place, &secret).unwrap(), sealed, "a nonce of its own");
        assert!(!sealed.windows(7).any(|window| window == b"private"));
        assert!(seal.open(Place { key: "key/b", ..place }, &sealed).is_err());
        assert!(seal.open(Place { organisation: OrganisationKey(2), ..place }, &sealed).is_err());
        assert!(Seal::new(&[2; 32]).unwrap().open(place, &sealed).is_err());
        for damaged in [&sealed[..sealed.len() - 1], &sealed[1..], &[], &[VERSION]] {
            assert!(seal.open(place, damaged).is_err());
        }
    }
}
