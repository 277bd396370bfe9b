// SPDX-License-Identifier: EUPL-1.2
//! How long a message stays once it was read (XEP-0466; Delta Chat's `Ephemeral-Timer`).

use std::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

/// So long after it was read a message vanishes: whole seconds, never none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lifetime(NonZeroU32);

impl Lifetime {
    /// Takes what a network says; nothing when messages stay.
    #[must_use]
    pub fn new(seconds: u32) -> Option<Self> {
        NonZeroU32::new(seconds).map(Self)
    }

    /// Reads a number of seconds; whatever is none means that messages stay.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        Self::new(text.trim().parse().ok()?)
    }

    /// The seconds.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.0.get()
    }

    /// The same as a span.
    #[must_use]
    pub fn span(self) -> Duration {
        Duration::from_secs(u64::from(self.seconds()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_networks_say() {
        for (text, seconds) in
            [("60", Some(60)), (" 604800 ", Some(604_800)), ("0", None), ("", None), ("-1", None), ("99999999999", None)]
        {
            assert_eq!(Lifetime::read(text).map(Lifetime::seconds), seconds, "{text}");
        }
    }
}
