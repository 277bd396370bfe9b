// SPDX-License-Identifier: EUPL-1.2
//! Randomness that is passed in: keys, session keys, boundaries, tokens and the outer date are drawn from here.

use std::fmt;

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{CryptoRng, Error, RngCore, SeedableRng},
};

/// A source of random numbers (ChaCha20) grown from a seed.
///
/// Whoever passes it in draws the seed from the operating system, fresh for each source. Sealing two different messages from the
/// same seed would break the encryption of both.
pub struct Randomness(ChaCha20Rng);

impl Randomness {
    /// Grows from 32 octets of the operating system's randomness.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// A number below `bound`, which is not zero; evenly enough for what nobody guesses at.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound.max(1)
    }

    pub(crate) fn octets<const N: usize>(&mut self) -> [u8; N] {
        let mut octets = [0; N];
        self.0.fill_bytes(&mut octets);
        octets
    }
}

impl RngCore for Randomness {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, target: &mut [u8]) {
        self.0.fill_bytes(target);
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Error> {
        self.0.try_fill_bytes(target)
    }
}

impl CryptoRng for Randomness {}

impl fmt::Debug for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Randomness(…)")
    }
}
