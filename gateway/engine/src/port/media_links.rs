// SPDX-License-Identifier: EUPL-1.2
//! Links at which people fetch a file whose network has no place for it. The implementation lives in the binary, which also serves them.

use dreiklang_model::{Attachment, MediaLink, OrganisationId, Timestamp};

/// Makes links. Cheap; nothing is stored, a link holds everything that is needed to serve it.
pub trait MediaLinks: Send + Sync + 'static {
    /// A link to a file, which works from `now` on for [`MediaLink::DAYS`]. Nobody can make one who does not hold the key, nor read
    /// from it where the file lies.
    fn link(&self, organisation: &OrganisationId, file: &Attachment, now: Timestamp) -> Option<MediaLink>;
}
