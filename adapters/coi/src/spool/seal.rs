// SPDX-License-Identifier: EUPL-1.2
//! A file as it lies in the spool: pieces that are sealed one by one (AES-256-GCM), so that it is read without being held. Each file has a
//! key of its own, made of the installation's sealed secret and its name, which stands for its content: no key meets two contents.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::SpoolName;

/// Octets of a piece before it is sealed.
const PIECE: usize = 64 * 1024;
const TAG: usize = 16;
/// The first octet: which way of sealing it is.
const VERSION: u8 = 1;

/// What seals the spool of one organisation.
#[derive(Clone)]
pub(crate) struct SpoolKey([u8; 32]);

impl std::fmt::Debug for SpoolKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SpoolKey(…)")
    }
}

/// It was changed, cut, or sealed with another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a file in the spool is damaged")]
pub(super) struct Damaged;

/// Where the pieces of a sealed file of some length lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Octets of the file itself.
    pub(super) size: u64,
    pub(super) pieces: u64,
}

impl SpoolKey {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    fn of(&self, name: &SpoolName) -> Result<LessSafeKey, Damaged> {
        let key = blake3::keyed_hash(&self.0, name.as_str().as_bytes());
        UnboundKey::new(&AES_256_GCM, key.as_bytes()).map(LessSafeKey::new).map_err(|_| Damaged)
    }

    pub(super) fn seal(&self, name: &SpoolName, bytes: &[u8]) -> Result<Vec<u8>, Damaged> {
        let key = self.of(name)?;
        let mut pieces: Vec<&[u8]> = bytes.chunks(PIECE).collect();
        if pieces.is_empty() {
            pieces.push(&[]);
        }
        let mut sealed = Vec::with_capacity(1 + bytes.len() + pieces.len() * TAG);
        sealed.push(VERSION);
        for (index, piece) in pieces.iter().enumerate() {
            let mut content = piece.to_vec();
            let (nonce, last) = place(index as u64, index + 1 == pieces.len());
            key.seal_in_place_append_tag(nonce, Aad::from(last), &mut content).map_err(|_| Damaged)?;
            sealed.append(&mut content);
        }
        Ok(sealed)
    }

    /// Opens one piece.
    pub(super) fn open(&self, name: &SpoolName, index: u64, layout: Layout, mut piece: Vec<u8>) -> Result<Vec<u8>, Damaged> {
        let (nonce, last) = place(index, index + 1 == layout.pieces);
        let length = self.of(name)?.open_in_place(nonce, Aad::from(last), &mut piece).map_err(|_| Damaged)?.len();
        piece.truncate(length);
        Ok(piece)
    }
}

impl Layout {
    /// From the first octet and the length of a sealed file.
    pub(super) fn of(version: u8, length: u64) -> Result<Self, Damaged> {
        let body = length.checked_sub(1).filter(|body| version == VERSION && *body >= TAG as u64).ok_or(Damaged)?;
        let pieces = body.div_ceil((PIECE + TAG) as u64);
        let size = body.checked_sub(pieces * TAG as u64).ok_or(Damaged)?;
        Ok(Self { size, pieces })
    }

    /// How many octets a sealed piece has.
    pub(super) fn length(self, index: u64) -> usize {
        let before = index.saturating_mul(PIECE as u64);
        usize::try_from(self.size.saturating_sub(before)).unwrap_or(usize::MAX).min(PIECE) + TAG
    }
}

/// The nonce of a piece, and whether it is the last: so none is left out, and the end is not cut off.
fn place(index: u64, last: bool) -> (Nonce, [u8; 1]) {
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - 8..].copy_from_slice(&index.to_be_bytes());
    (Nonce::assume_unique_for_key(nonce), [u8::from(last)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_any_length_open_whole_or_not_at_all() {
        let key = SpoolKey::new([1; 32]);
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7] {
            let bytes: Vec<u8> = (0..length).map(|octet| octet as u8).collect();
            let name = SpoolName::new("1@x", ["carol", "bob"], 0, &bytes);
            let sealed = key.seal(&name, &bytes).unwrap();
            let read = |key: &SpoolKey, name: &SpoolName, sealed: &[u8]| -> Result<Vec<u8>, Damaged> {
                let layout = Layout::of(sealed[0], sealed.len() as u64)?;
                assert_eq!((layout.size as usize) + 1 + layout.pieces as usize * TAG, sealed.len());
                let (mut rest, mut opened) = (&sealed[1..], Vec::new());
                for index in 0..layout.pieces {
                    let (piece, later) = rest.split_at(layout.length(index));
                    rest = later;
                    opened.extend(key.open(name, index, layout, piece.to_vec())?);
                }
                Ok(opened)
            };
            assert_eq!(read(&key, &name, &sealed).unwrap(), bytes, "{length}");
            assert_eq!(read(&SpoolKey::new([2; 32]), &name, &sealed), Err(Damaged));
            let other = SpoolName::new("2@x", ["carol", "bob"], 0, &bytes);
            assert_eq!(read(&key, &other, &sealed), Err(Damaged));
            let mut changed = sealed.clone();
            *changed.last_mut().unwrap() ^= 1;
            assert_eq!(read(&key, &name, &changed), Err(Damaged));
            if length > PIECE {
                assert_eq!(read(&key, &name, &sealed[..1 + PIECE + TAG]), Err(Damaged), "cut after a whole piece");
            }
            assert!(length < 16 || !sealed.windows(16).any(|window| window == &bytes[..16]));
        }
    }
}
