// SPDX-License-Identifier: EUPL-1.2
//! Receiving from one mailbox by IMAP (RFC 3501, RFC 2177).

mod mailbox;
mod session;
mod visit;
mod watermark;

pub(crate) use mailbox::Mailbox;
