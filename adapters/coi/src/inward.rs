// SPDX-License-Identifier: EUPL-1.2
//! What a mail means: whether a person wrote it, who, and what he says. Pure; nothing here waits or knows the gateway.

mod authentication;
mod body;
mod bounce;
mod chat_event;
mod file;
mod formatted;
mod mail;
mod nature;
mod place;
mod reading;
mod receipt;
mod recipients;
mod reply;

pub(crate) use bounce::Bounce;
pub(crate) use mail::Mail;
pub(crate) use place::NAME as PLACE_FILE;
pub(crate) use reading::{Evidence, Letter, Reader, Reading, Rejected, author, own_key};
pub(crate) use recipients::recipients;
