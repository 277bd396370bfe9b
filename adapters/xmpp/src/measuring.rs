// SPDX-License-Identifier: EUPL-1.2
//! Converting a message, for the benchmark alone: this is in no other build.

use bytes::BytesMut;
use dreiklang_engine::port::Deliverable;
use dreiklang_model::{Language, NativeId, What};

use crate::{
    inward, outward,
    xml::{Frame, Reader, write as write_xml},
};

/// A stream on which messages come.
pub struct Stream {
    reader: Reader,
    input: BytesMut,
}

impl Default for Stream {
    fn default() -> Self {
        let header = "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' id='1'>";
        Self { reader: Reader::new(), input: BytesMut::from(header) }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream")
    }
}

impl Stream {
    /// What the next stanza says.
    pub fn read(&mut self, bytes: &[u8]) -> Option<What<NativeId>> {
        self.input.extend_from_slice(bytes);
        loop {
            match self.reader.next(&mut self.input).ok()?? {
                Frame::Element(stanza) => return inward::said(&stanza),
                Frame::Excessive(_) | Frame::Footer => return None,
                _ => {}
            }
        }
    }
}

/// The stanzas for a message.
#[must_use]
pub fn write(delivery: &Deliverable) -> Option<Vec<u8>> {
    let mut bytes = BytesMut::new();
    for stanza in outward::stanzas(delivery, None, &[], Language::English) {
        write_xml(&stanza, &mut bytes).ok()?;
    }
    Some(bytes.to_vec())
}
