// SPDX-License-Identifier: EUPL-1.2
//! A place as Delta Chat shows it on its map: words about it, and a file `message.kml` (OGC KML 2.2). Pure.

use dreiklang_model::{Attachment, FileName, MediaKind, MediaSource, MediaType, Network, Place};

use super::Enclosed;
use crate::inward::PLACE_FILE;

/// The file that shows a place.
pub(crate) fn place_file(place: &Place) -> Enclosed {
    let kml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<kml xmlns=\"http://www.opengis.net/kml/2.2\">\n<Document>\n<Placemark><Point>\
         <coordinates>{},{}</coordinates></Point></Placemark>\n</Document>\n</kml>",
        place.longitude(),
        place.latitude()
    );
    let file = Attachment {
        kind: MediaKind::File,
        name: FileName::new(PLACE_FILE),
        media_type: MediaType::new("application/vnd.google-earth.kml+xml"),
        size: Some(kml.len() as u64),
        dimensions: None,
        duration: None,
        source: MediaSource { network: Network::GATEWAY, locator: String::new() },
    };
    Enclosed { file, bytes: kml.into_bytes() }
}
