// SPDX-License-Identifier: EUPL-1.2
//! Invitations to write to a ghost (SecureJoin): made, found by their tokens, taken back, ended after a week. Their tokens are derived
//! from a sealed secret, so that what lies open in the database invites nobody.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use dreiklang_engine::{
    Ghost, Hub,
    port::{Invitation, StoreError},
};
use dreiklang_model::Timestamp;
use dreiklang_openpgp::{
    Fingerprint, MailAddress, SharedSecret,
    securejoin::{Invite, Purpose, Token},
};
use secrecy::{ExposeSecret as _, SecretSlice};
use serde::{Deserialize, Serialize};

use super::Vault;

/// How long an invitation holds. One that has less than half of it left is not handed out again.
const HOLDS: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Under which keys invitations are kept.
const PREFIX: &str = "invite/";
/// Under which key the secret is kept.
const SECRET: &str = "invitations";
/// How many octets of it make a token: as many as Delta Chat draws.
const TOKEN: usize = 18;

/// The invitations of one organisation. What they are is in the database, and asked there each time: another process makes some, too.
#[derive(Debug)]
pub(crate) struct Invitations;

/// An invitation that holds.
#[derive(Clone)]
pub(crate) struct Open {
    /// Where it leads.
    pub(crate) ghost: String,
    pub(crate) inviter: Fingerprint,
    pub(crate) expires: Timestamp,
    number: Token,
    auth: Token,
}

/// An invitation as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    ghost: String,
    inviter: String,
    expires: Timestamp,
}

impl Open {
    pub(crate) fn token(&self) -> &Token {
        &self.auth
    }

    /// What seals the first two messages of the handshake.
    pub(crate) fn secret(&self) -> SharedSecret {
        self.auth.secret(&self.inviter)
    }

    /// The invitation as the handshake knows it; [`None`] for a ghost whose address cannot stand in a link.
    pub(crate) fn invite(&self, name: &str) -> Option<Invite> {
        Some(Invite {
            inviter: self.inviter,
            address: MailAddress::new(&self.ghost).ok()?,
            name: name.to_owned(),
            number: self.number.clone(),
            auth: self.auth.clone(),
            purpose: Purpose::Contact,
        })
    }
}

impl Invitations {
    /// The invitations that hold now; those that ended are removed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn open(&self, hub: &Hub) -> Result<Vec<Open>, StoreError> {
        let notes = hub.notes(PREFIX).await?;
        if notes.is_empty() {
            return Ok(Vec::new());
        }
        let secret = secret(hub).await?;
        let now = hub.now();
        let mut all = Vec::with_capacity(notes.len());
        for (key, note) in notes {
            match open(&secret, key.trim_start_matches(PREFIX), &note) {
                Some(one) if one.expires > now => all.push(one),
                _ => hub.set_note(&key, None).await?,
            }
        }
        Ok(all)
    }

    /// Ends every invitation to a ghost; answers how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn revoke(&self, hub: &Hub, ghost: &str) -> Result<usize, StoreError> {
        let mut number = 0;
        for (key, note) in hub.notes(PREFIX).await? {
            let to_ghost = serde_json::from_str::<Stored>(&note).is_ok_and(|stored| stored.ghost == ghost);
            if to_ghost {
                hub.set_note(&key, None).await?;
                number += 1;
            }
        }
        Ok(number)
    }
}

impl Vault {
    /// An invitation to a ghost: the one that holds for long enough, or a new one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn invitation(&self, hub: &Hub, ghost: &Ghost, name: &str) -> Result<Invitation, StoreError> {
        let address = ghost.written.as_str();
        let now = hub.now();
        let lasting = |one: &Open| one.ghost == address && one.expires.since(now) >= HOLDS / 2;
        let open = match self.invitations.open(hub).await?.into_iter().find(lasting) {
            Some(open) => open,
            None => self.new_invitation(hub, address, now).await?,
        };
        let invite = open.invite(name).ok_or_else(|| StoreError::Corrupt("an address that can have no link".to_owned()))?;
        Ok(Invitation { link: invite.link(), expires: open.expires })
    }

    async fn new_invitation(&self, hub: &Hub, ghost: &str, now: Timestamp) -> Result<Open, StoreError> {
        let inviter = self.keys.of(hub, ghost).await?.fingerprint();
        let stored = Stored { ghost: ghost.to_owned(), inviter: inviter.lower(), expires: now.plus(HOLDS) };
        let note = serde_json::to_string(&stored).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let id = blake3::Hash::from_bytes(hub.seed()?).to_hex()[..24].to_owned();
        let made = open(&secret(hub).await?, &id, &note).ok_or_else(|| StoreError::Corrupt("an invitation".to_owned()))?;
        hub.set_note(&format!("{PREFIX}{id}"), Some(&note)).await?;
        Ok(made)
    }
}

/// The secret from which tokens are derived; made at the first use.
async fn secret(hub: &Hub) -> Result<SecretSlice<u8>, StoreError> {
    match hub.secret(SECRET).await? {
        Some(secret) => Ok(secret),
        None => hub.keep_secret(SECRET, SecretSlice::from(hub.seed()?.to_vec())).await,
    }
}

fn open(secret: &SecretSlice<u8>, id: &str, note: &str) -> Option<Open> {
    let stored: Stored = serde_json::from_str(note).ok()?;
    let key: &[u8; 32] = secret.expose_secret().try_into().ok()?;
    let token = |of: &str| {
        let derived = blake3::keyed_hash(key, format!("{of} {id}").as_bytes());
        Token::new(&URL_SAFE_NO_PAD.encode(&derived.as_bytes()[..TOKEN])).ok()
    };
    Some(Open {
        inviter: Fingerprint::parse(&stored.inviter).ok()?,
        ghost: stored.ghost,
        expires: stored.expires,
        number: token("number")?,
        auth: token("auth")?,
    })
}

crate::opaque::opaque!(Open);

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str =
        r#"{"ghost":"bot@gw.example","inviter":"23ffdf25f6b2468b6d6e0a93b1f10a5e88aca144","expires":1800000000000}"#;

    #[test]
    fn tokens_come_from_the_secret_and_from_nothing_in_the_open() {
        let secret = |octet: u8| SecretSlice::from(vec![octet; 32]);
        let token = |secret: &SecretSlice<u8>, id: &str| open(secret, id, NOTE).unwrap().token().as_str().to_owned();
        assert_eq!(token(&secret(1), "a"), token(&secret(1), "a"));
        assert_ne!(token(&secret(1), "a"), token(&secret(1), "b"));
        assert_ne!(token(&secret(1), "a"), token(&secret(2), "a"));
        let one = open(&secret(1), "a", NOTE).unwrap();
        let link = one.invite("Gateway").unwrap().link();
        assert_ne!(one.number.as_str(), one.auth.as_str());
        assert_eq!(one.auth.as_str().len(), 24);
        assert!(link.starts_with("https://i.delta.chat/#23FFDF25F6B2468B6D6E0A93B1F10A5E88ACA144&v=3&i="), "{link}");
        assert!(open(&SecretSlice::from(vec![1; 31]), "a", NOTE).is_none());
        assert!(open(&secret(1), "a", "{}").is_none());
    }
}
