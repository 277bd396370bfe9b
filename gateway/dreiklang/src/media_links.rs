// SPDX-License-Identifier: EUPL-1.2
//! Links to files, for people whose network has no place for them. A link holds everything that is needed to serve it, sealed
//! (AES-256-GCM), so nothing about it is stored. What happens when somebody opens one is in `media.rs`.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use dreiklang_engine::port::MediaLinks;
use dreiklang_model::{Attachment, FileName, MediaKind, MediaLink, MediaSource, MediaType, OrganisationId, Timestamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use url::Url;

/// What is sealed, and for what.
const PURPOSE: &[u8] = b"dreiklang media link 1";
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Makes links and opens them again.
pub(crate) struct Links {
    base: String,
    key: RandomizedNonceKey,
}

/// What a link leads to.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Linked {
    pub(crate) organisation: OrganisationId,
    pub(crate) source: MediaSource,
    pub(crate) name: FileName,
    pub(crate) media_type: MediaType,
    pub(crate) size: Option<u64>,
    expires: Timestamp,
}

impl Linked {
    /// The file, as its sender names it.
    pub(crate) fn file(&self) -> Attachment {
        Attachment {
            kind: MediaKind::of(&self.media_type),
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            size: self.size,
            dimensions: None,
            blurhash: None,
            duration: None,
            source: self.source.clone(),
            link: None,
        }
    }
}

/// Why a link leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dead {
    /// We never made it, or with another key.
    Unknown,
    /// Its time is over.
    Expired,
}

impl Links {
    /// `base`: the public address of the media endpoint. `key`: the installation's.
    pub(crate) fn new(base: &Url, key: &[u8; 32]) -> anyhow::Result<Self> {
        let key = blake3::derive_key("dreiklang 2026 media link", key);
        let key = RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| anyhow::anyhow!("no key for media links"))?;
        Ok(Self { base: base.as_str().trim_end_matches('/').to_owned(), key })
    }

    fn sealed(&self, linked: &Linked) -> Option<String> {
        let mut content = serde_json::to_vec(linked).ok()?;
        let nonce = self.key.seal_in_place_append_tag(Aad::from(PURPOSE), &mut content).ok()?;
        let mut token = nonce.as_ref().to_vec();
        token.append(&mut content);
        Some(URL_SAFE_NO_PAD.encode(token))
    }

    /// What a link leads to, if it is ours and its time is not over.
    pub(crate) fn open(&self, token: &str, now: Timestamp) -> Result<Linked, Dead> {
        let sealed = URL_SAFE_NO_PAD.decode(token).map_err(|_| Dead::Unknown)?;
        let (nonce, content) = sealed.split_at_checked(NONCE_LEN).ok_or(Dead::Unknown)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Dead::Unknown)?;
        let mut content = content.to_vec();
        let opened = self.key.open_in_place(nonce, Aad::from(PURPOSE), &mut content).map_err(|_| Dead::Unknown)?;
        let linked: Linked = serde_json::from_slice(opened).map_err(|_| Dead::Unknown)?;
        if now > linked.expires { Err(Dead::Expired) } else { Ok(linked) }
    }
}

impl MediaLinks for Links {
    fn link(&self, organisation: &OrganisationId, file: &Attachment, now: Timestamp) -> Option<MediaLink> {
        let token = self.sealed(&Linked {
            organisation: organisation.clone(),
            source: file.source.clone(),
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            size: file.size,
            expires: Timestamp::from_millis(now.as_millis() + i64::from(MediaLink::DAYS) * DAY_MILLIS),
        })?;
        // The name is there for people and for clients that look at the extension; what is served is what was sealed.
        let name = utf8_percent_encode(file.name.as_str(), NON_ALPHANUMERIC).to_string().replace("%2E", ".");
        Some(MediaLink(format!("{}/{token}/{name}", self.base)))
    }
}

#[cfg(test)]
mod tests {
    use dreiklang_model::Network;

    use super::*;

    #[test]
    fn a_link_leads_to_its_file_for_its_time_and_cannot_be_made_or_read() {
        let base = Url::parse("https://gw.example/media/").unwrap();
        let links = Links::new(&base, &[7; 32]).unwrap();
        let file = Attachment {
            kind: MediaKind::Image,
            name: FileName::new("Plan für Köln.png"),
            media_type: MediaType::new("image/png"),
            size: Some(5),
            dimensions: None,
            blurhash: None,
            duration: None,
            source: MediaSource { network: Network::MATRIX, locator: "mxc://hs.example/secret".to_owned() },
            link: None,
        };
        let town = OrganisationId::new("town").unwrap();
        let now = Timestamp::from_millis(1_800_000_000_000);
        let link = links.link(&town, &file, now).unwrap().0;
        let path = link.strip_prefix("https://gw.example/media/").unwrap();
        let (token, name) = path.split_once('/').unwrap();
        assert_eq!(name, "Plan%20f%C3%BCr%20K%C3%B6ln.png");
        let opened = links.open(token, now).unwrap();
        assert_eq!((&opened.organisation, &opened.source, &opened.name), (&town, &file.source, &file.name));
        let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"secret"));
        let later = |days: i64| Timestamp::from_millis(now.as_millis() + days * DAY_MILLIS);
        assert!(links.open(token, later(30)).is_ok());
        assert_eq!(links.open(token, later(31)), Err(Dead::Expired));
        let mut changed = bytes;
        changed[20] ^= 1;
        for odd in [URL_SAFE_NO_PAD.encode(changed), String::new(), "x".to_owned(), "..".to_owned(), "A".repeat(5000)] {
            assert_eq!(links.open(&odd, now), Err(Dead::Unknown));
        }
        assert_eq!(Links::new(&base, &[8; 32]).unwrap().open(token, now), Err(Dead::Unknown));
    }
}
