// SPDX-License-Identifier: EUPL-1.2
//! What stands inside of the encryption, for the fuzz targets alone: this is in no other build.

use crate::{Limits, guard::guarded, open};

/// Reads packets as the content of an encrypted message.
pub fn unpacked(packets: &[u8], limits: &Limits) {
    let _ = guarded(|| open::unpacked(packets, limits, true).is_ok());
}
