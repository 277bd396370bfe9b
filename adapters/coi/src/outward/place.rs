// SPDX-License-Identifier: EUPL-1.2
//! A place as Delta Chat shows it on its map: words about it, and a file `message.kml` (OGC KML 2.2). Pure.

use dreiklang_model::{Attachment, FileName, MediaKind, MediaSource, MediaType, Network, Place, Timestamp};
use mail_parser::DateTime;

use super::Enclosed;
use crate::inward::PLACE_FILE;

/// The file that shows a place; without a time Delta Chat does not take it.
pub(crate) fn place_file(place: &Place, at: Timestamp) -> Enclosed {
    let when = DateTime::from_timestamp(at.as_millis() / 1000).to_rfc3339();
    let kml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<kml xmlns=\"http://www.opengis.net/kml/2.2\">\n<Document>\n<Placemark><Timestamp>\
         <when>{when}</when></Timestamp><Point><coordinates>{},{}</coordinates></Point></Placemark>\n</Document>\n</kml>",
        place.longitude(),
        place.latitude()
    );
    let file = Attachment {
        kind: MediaKind::File,
        name: FileName::new(PLACE_FILE),
        media_type: MediaType::new("application/vnd.google-earth.kml+xml"),
        size: Some(kml.len() as u64),
        dimensions: None,
        blurhash: None,
        duration: None,
        source: MediaSource { network: Network::GATEWAY, locator: String::new() },
        link: None,
    };
    Enclosed { file, bytes: kml.into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_that_of_delta_chat() {
        let at = Timestamp::from_millis(1_031_699_305_000);
        let written = place_file(&Place::new(53.07516, 8.80777).unwrap(), at);
        let kml = String::from_utf8(written.bytes).unwrap();
        let placemark = "<Placemark><Timestamp><when>2002-09-10T23:08:25Z</when></Timestamp><Point><coordinates>8.80777,53.07516\
                         </coordinates></Point></Placemark>";
        assert!(kml.contains(placemark), "{kml}");
    }
}
