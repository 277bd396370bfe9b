// SPDX-License-Identifier: EUPL-1.2
//! What people show of themselves besides their name: a picture, named by its content. The bytes are never part of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::MediaSource;

/// Names the picture that is shown of somebody: the SHA-1 of its bytes in hexadecimal digits, as XEP-0084 and XEP-0153 name pictures.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PictureHash(String);

/// Not the hash of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a picture is named by 40 hexadecimal digits")]
pub struct NoPictureHash;

impl PictureHash {
    /// # Errors
    /// [`NoPictureHash`].
    pub fn new(hash: &str) -> Result<Self, NoPictureHash> {
        let legal = hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if legal { Ok(Self(hash.to_ascii_lowercase())) } else { Err(NoPictureHash) }
    }

    /// Forty lower-case hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PictureHash {
    /// Whoever has the picture would know whose it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PictureHash(…)")
    }
}

impl TryFrom<String> for PictureHash {
    type Error = NoPictureHash;
    fn try_from(hash: String) -> Result<Self, NoPictureHash> {
        Self::new(&hash)
    }
}

impl From<PictureHash> for String {
    fn from(hash: PictureHash) -> Self {
        hash.0
    }
}

/// The picture that somebody shows of himself on his own network, as that network names it.
#[derive(Clone, PartialEq, Eq)]
pub struct Portrait {
    /// Changes exactly when the picture does (an address, a hash); opaque to everybody but its adapter.
    pub version: String,
    /// Where the bytes are; nothing when he shows none.
    pub source: Option<MediaSource>,
}

impl fmt::Debug for Portrait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.source.is_some() { "Portrait(…)" } else { "Portrait(none)" })
    }
}

impl Portrait {
    /// He shows none.
    #[must_use]
    pub fn none() -> Self {
        Self { version: String::new(), source: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes() {
        let hash = "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12";
        assert_eq!(PictureHash::new(&hash.to_uppercase()).unwrap().as_str(), hash);
        for no in ["", "2fd4", &hash.replace('2', "x"), &format!("{hash}0")] {
            assert_eq!(PictureHash::new(no), Err(NoPictureHash), "{no}");
        }
    }
}
