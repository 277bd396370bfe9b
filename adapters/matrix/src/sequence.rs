// SPDX-License-Identifier: EUPL-1.2
//! The sequence of transactions. Synapse numbers them one by one, and leaves one out for ever when it is made at the moment
//! at which Synapse finds us again: only the number shows it.

use std::sync::{Mutex, PoisonError};

/// The number of the last transaction.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    last: Mutex<Option<u64>>,
}

impl Sequence {
    /// Is a transaction missing between the last one and this one? Ids that are no numbers show nothing.
    pub(crate) fn gap_before(&self, transaction: &str) -> bool {
        let Ok(number) = transaction.parse::<u64>() else { return false };
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).replace(number);
        last.is_some_and(|last| number > last.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps() {
        let sequence = Sequence::default();
        let gaps: Vec<bool> =
            ["7", "8", "8", "word", "9", "11", "10", "11", "3", "4", "6"].iter().map(|id| sequence.gap_before(id)).collect();
        assert_eq!(gaps, [false, false, false, false, false, true, false, false, false, false, true]);
    }
}
