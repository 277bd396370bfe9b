// SPDX-License-Identifier: EUPL-1.2
//! A place as Delta Chat sends it: a file `message.kml` (OGC KML 2.2) beside words about the place. Pure.

use dreiklang_model::{Place, What};

use super::file::File;

/// The name of the file.
pub(crate) const NAME: &str = "message.kml";
/// Largest file that is read, and longest words that go with a place.
const LARGEST: usize = 64 * 1024;
const LONGEST: usize = 500;

/// Makes a place of the file that shows one, and of the words beside it.
pub(super) fn taken<R>(says: &mut Vec<What<R>>, files: &mut Vec<File>) {
    let Some((index, place)) = files.iter().enumerate().find_map(|(index, file)| Some((index, read(file)?))) else { return };
    files.remove(index);
    let label = match says.as_slice() {
        [What::Message(words)] if words.text.weight() <= LONGEST && words.in_reply_to.is_none() => {
            Some(words.text.reading().into_owned())
        }
        _ => None,
    };
    if label.is_some() {
        says.clear();
    }
    says.push(What::Place(place.with(None, label.as_deref())));
}

/// The place that a file shows; [`None`] for another file, and for one with no place, or with several: that is a way.
fn read(file: &File) -> Option<Place> {
    const BEGIN: &str = "<coordinates>";
    if !file.name.as_str().eq_ignore_ascii_case(NAME) || file.bytes.len() > LARGEST {
        return None;
    }
    let text = std::str::from_utf8(&file.bytes).ok()?;
    let (_, rest) = text.split_once(BEGIN).filter(|(_, rest)| !rest.contains(BEGIN))?;
    let (point, _) = rest.split_once("</coordinates>")?;
    let mut numbers = point.trim().split(',').map(|number| number.trim().parse::<f64>().ok());
    let (longitude, latitude) = (numbers.next()??, numbers.next()??);
    Place::new(latitude, longitude)
}

#[cfg(test)]
mod tests {
    use dreiklang_model::{FileName, MediaKind, MediaType, Message, NativeId};

    use super::*;

    fn kml(name: &str, points: &str) -> File {
        let bytes = format!("<kml xmlns='http://www.opengis.net/kml/2.2'><Document>{points}</Document></kml>").into_bytes();
        let media_type = MediaType::new("application/vnd.google-earth.kml+xml");
        File { kind: MediaKind::File, name: FileName::new(name), media_type, duration: None, bytes }
    }

    fn point(at: &str) -> String {
        format!("<Placemark><Point><coordinates>{at}</coordinates></Point></Placemark>")
    }

    #[test]
    fn a_point_and_its_words_are_a_place() {
        let mut says = vec![What::<NativeId>::Message(Message::text("here"))];
        let mut files = vec![kml("message.kml", &point(" 8.80777,53.07516 "))];
        taken(&mut says, &mut files);
        assert_eq!(says, [What::Place(Place::new(53.07516, 8.80777).unwrap().with(None, Some("here")))]);
        assert!(files.is_empty());
    }

    #[test]
    fn other_files_stay_files() {
        for file in [
            kml("way.kml", &point("8,53")),
            kml("message.kml", ""),
            kml("message.kml", &point("8,99")),
            kml("message.kml", &format!("{}{}", point("8,53"), point("9,54"))),
        ] {
            let (mut says, mut files) = (Vec::<What<NativeId>>::new(), vec![file.clone()]);
            taken(&mut says, &mut files);
            assert_eq!((says, files), (vec![], vec![file]));
        }
    }
}
