// SPDX-License-Identifier: EUPL-1.2
//! How long to wait between two attempts to connect.

use std::time::Duration;

/// First pause: a server that restarts is back within a second, and until then it bounces what people write.
const FIRST: Duration = Duration::from_millis(200);
/// Longest pause.
const LONGEST: Duration = Duration::from_secs(30);
/// Longest pause when somebody else holds the name: at a redeployment he is gone soon.
const LONGEST_IN_CONFLICT: Duration = Duration::from_secs(2);

/// Doubling pauses.
#[derive(Debug)]
pub(crate) struct BackOff(Duration);

impl BackOff {
    pub(crate) fn new() -> Self {
        Self(FIRST)
    }

    /// The pause before the next attempt.
    pub(crate) fn next(&mut self, conflict: bool) -> Duration {
        let pause = self.0.min(if conflict { LONGEST_IN_CONFLICT } else { LONGEST });
        self.0 = pause.saturating_mul(2);
        pause
    }

    /// It worked for a while: begin anew.
    pub(crate) fn reset(&mut self) {
        self.0 = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_limit() {
        let mut pauses = BackOff::new();
        let seconds: Vec<f32> = (0..10).map(|_| pauses.next(false).as_secs_f32()).collect();
        assert_eq!(seconds, [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]);
        assert_eq!(pauses.next(true), LONGEST_IN_CONFLICT);
        pauses.reset();
        assert_eq!(pauses.next(true), FIRST);
    }
}
