// SPDX-License-Identifier: EUPL-1.2
//! What holds only for a moment: that somebody is writing, or is there. It is never stored and never waits behind messages; whoever
//! misses it has missed nothing.

use std::fmt;

use crate::DisplayName;

/// Whether somebody is writing to somebody (Matrix `m.typing`, XEP-0085).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Typing {
    /// He writes.
    Started,
    /// He no longer writes, and has sent nothing.
    Paused,
    /// He sent what he wrote.
    Sent,
}

/// Whether somebody is there (Matrix `m.presence`, RFC 6121 §4.7).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Presence {
    /// How.
    pub availability: Availability,
    /// What he says about it; cleaned and bounded as names are.
    pub status: Option<DisplayName>,
}

/// How somebody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Availability {
    /// Not at all.
    Offline,
    /// There, but not at his device.
    Away,
    /// There, and not to be disturbed.
    Busy,
    /// There.
    Online,
}

impl Presence {
    /// Presence with what somebody says about it.
    #[must_use]
    pub fn new(availability: Availability, status: Option<&str>) -> Self {
        Self { availability, status: status.map(DisplayName::new).filter(|status| !status.is_empty()) }
    }
}

impl fmt::Debug for Presence {
    /// What people say is in no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presence({:?})", self.availability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_cleaned_and_may_be_nothing() {
        let status = |text| Presence::new(Availability::Away, Some(text)).status;
        assert_eq!(status(" at\nlunch\u{202e} "), Some(DisplayName::new("at lunch")));
        assert_eq!(status(" \u{200b}\n"), None);
        assert_eq!(Presence::new(Availability::Online, None).status, None);
    }
}
