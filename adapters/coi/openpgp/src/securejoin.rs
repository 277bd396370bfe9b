// SPDX-License-Identifier: EUPL-1.2
//! SecureJoin, version 3, from the side of the one who invites: a link (`link`), and two messages answered by two (`handshake`).
//!
//! | # | way | encrypted | `Secure-Join` |
//! |---|---|---|---|
//! | 1 | guest to host | with the secret of the link, unsigned | `vc-request-pubkey` |
//! | 2 | host to guest | with the same secret, signed | `vc-pubkey` |
//! | 3 | guest to host | to the host's key, signed | `vc-request-with-auth`, `vg-request-with-auth` for rooms |
//! | 4 | host to guest | to the guest's key, signed | `vc-contact-confirm`; for a room, the message that adds him |
//!
//! Nothing is remembered between the steps: what the host must know is found by the token. Which tokens are valid, and until when, is
//! decided by who keeps them.

mod handshake;
mod link;
mod token;

pub use handshake::{Answer, Guest, Host, Refusal, Request};
pub use link::{Invite, NoInvite, Purpose};
pub use token::{GroupId, NoToken, Token};
