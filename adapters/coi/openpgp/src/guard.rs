// SPDX-License-Identifier: EUPL-1.2
//! The one place where somebody else's parser meets bytes of strangers: whatever they are, this ends and does not panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a foreign parser. [`None`] when it gave up by panicking; nothing it touched is used afterwards.
pub(crate) fn guarded<T>(parse: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(parse)).ok()
}
