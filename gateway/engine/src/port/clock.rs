// SPDX-License-Identifier: EUPL-1.2
//! Time and randomness are passed in, so that tests can hold both still.

use dreiklang_model::Timestamp;

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Where randomness comes from.
pub trait Entropy: Send + Sync + 'static {
    /// Eighty random bits (more are ignored): what an id needs.
    fn random(&self) -> u128;

    /// Two hundred and fifty-six bits from which keys may be made.
    ///
    /// # Errors
    /// [`NoEntropy`]: nothing may be made then.
    fn seed(&self) -> Result<[u8; 32], NoEntropy>;
}

/// The operating system gives no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no randomness")]
pub struct NoEntropy;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn random(&self) -> u128 {
        let mut bytes = [0; 16];
        // No randomness means a broken machine; ids then only differ by time and the unique constraints still hold.
        if getrandom::fill(&mut bytes).is_err() {
            tracing::error!("the operating system gives no randomness");
        }
        u128::from_le_bytes(bytes)
    }

    fn seed(&self) -> Result<[u8; 32], NoEntropy> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| NoEntropy)?;
        Ok(seed)
    }
}
