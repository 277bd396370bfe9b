// SPDX-License-Identifier: EUPL-1.2
//! Reading a stream and its messages, for the fuzz targets alone: this is in no other build.

use bytes::BytesMut;

use crate::{
    inward,
    xml::{Frame, Reader, write},
};

/// Reads bytes as a component's stream, and says again what was read.
pub fn read(bytes: &[u8]) {
    let (mut reader, mut input) = (Reader::new(), BytesMut::from(bytes));
    while let Ok(Some(frame)) = reader.next(&mut input) {
        let (Frame::Element(element) | Frame::Excessive(element)) = frame else {
            if matches!(frame, Frame::Footer) {
                return;
            }
            continue;
        };
        inward::read(&element);
        let _ = write(&element, &mut BytesMut::new());
    }
}
