// SPDX-License-Identifier: EUPL-1.2
//! From stanzas of people to the canonical model: reading a message is pure, handing it in is not.

mod acceptor;
mod encryption;
mod files;
mod formatting;
mod message;
mod references;
mod time;

pub(crate) use acceptor::{Acceptor, accept};
pub(crate) use files::BLURHASH_URI;
#[cfg(test)]
pub(crate) use message::place;
pub(crate) use message::{Meaning, Said, content};
pub(crate) use references::THREAD;
pub(crate) use time::read as time_of;
pub(crate) use time::stamp;

/// What a message says, for the benchmark.
#[cfg(feature = "measuring")]
pub(crate) fn said(stanza: &minidom::Element) -> Option<dreiklang_model::What<dreiklang_model::NativeId>> {
    match message::read(stanza, &crate::envelope::Envelope::read(stanza)?, dreiklang_model::Language::German) {
        message::Meaning::Said(said) => Some(said.what),
        _ => None,
    }
}

/// Reads a stanza of a message, for the fuzz targets.
#[cfg(fuzzing)]
pub(crate) fn read(stanza: &minidom::Element) {
    if let Some(envelope) = crate::envelope::Envelope::read(stanza) {
        let _ = message::read(stanza, &envelope, dreiklang_model::Language::German);
    }
}
