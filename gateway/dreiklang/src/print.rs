// SPDX-License-Identifier: EUPL-1.2
//! What commands say to the administrator, on standard output.

use std::io::Write as _;

/// Prints a line. A reader that has gone away is no trouble.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
