// SPDX-License-Identifier: EUPL-1.2
//! Receiving from the organisation's own mail server by LMTP (RFC 2033): every recipient has his own answer.

mod command;
mod conversation;
mod data;
mod listener;

pub(crate) use listener::Listener;
