// SPDX-License-Identifier: EUPL-1.2
//! A place that somebody shows (Matrix `m.location`, XEP-0080, `geo:` of RFC 5870, Delta Chat's points of interest).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::one_line;

/// Ten-millionths of a degree: about a centimetre.
const PARTS: f64 = 1e7;
/// Longest address of a place that is read.
const LONGEST_URI: usize = 300;
/// Longest words about a place, in characters.
const LONGEST_LABEL: usize = 1000;

/// A place on earth (WGS 84).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    latitude: i32,
    longitude: i32,
    /// How far it may be off, in metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<u32>,
    /// What is there, in words on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl Place {
    /// In degrees. [`None`] for what is not on earth.
    #[must_use]
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let on_earth = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        #[expect(clippy::cast_possible_truncation, reason = "180 degrees fit")]
        let parts = |degrees: f64| (degrees * PARTS).round() as i32;
        on_earth.then(|| Self { latitude: parts(latitude), longitude: parts(longitude), accuracy: None, label: None })
    }

    /// The same, off by so many metres and with what is there; empty words are none.
    #[must_use]
    pub fn with(self, accuracy: Option<f64>, label: Option<&str>) -> Self {
        let accuracy = accuracy.filter(|metres| (0.0..1e9).contains(metres));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range above")]
        let accuracy = accuracy.map(|metres| metres.round() as u32);
        Self { accuracy, label: label.map(|label| one_line(label, LONGEST_LABEL)).filter(|label| !label.is_empty()), ..self }
    }

    /// Degrees north.
    #[must_use]
    pub fn latitude(&self) -> f64 {
        f64::from(self.latitude) / PARTS
    }

    /// Degrees east.
    #[must_use]
    pub fn longitude(&self) -> f64 {
        f64::from(self.longitude) / PARTS
    }

    /// From a `geo:` address (RFC 5870 §3.3); other coordinate systems than WGS 84 are not read.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        let uri = uri.trim();
        if uri.len() > LONGEST_URI {
            return None;
        }
        let (scheme, rest) = uri.split_once(':')?;
        let rest = rest.split(['?', '#']).next()?;
        let mut parts = rest.split(';');
        let mut numbers = parts.next()?.split(',').map(|number| number.trim().parse::<f64>().ok());
        let (latitude, longitude) = (numbers.next()??, numbers.next()??);
        let mut accuracy = None;
        for parameter in parts {
            match parameter.split_once('=') {
                Some((name, value)) if name.eq_ignore_ascii_case("u") => accuracy = value.parse().ok(),
                Some((name, value)) if name.eq_ignore_ascii_case("crs") && !value.eq_ignore_ascii_case("wgs84") => return None,
                _ => {}
            }
        }
        let place = Self::new(latitude, longitude)?.with(accuracy, None);
        scheme.eq_ignore_ascii_case("geo").then_some(place)
    }

    /// As a `geo:` address.
    #[must_use]
    pub fn uri(&self) -> String {
        let accuracy = self.accuracy.map(|metres| format!(";u={metres}")).unwrap_or_default();
        format!("geo:{},{}{accuracy}", self.latitude(), self.longitude())
    }

    /// Its words and its address, for whoever is shown a text.
    #[must_use]
    pub fn in_words(&self) -> String {
        match &self.label {
            Some(label) => format!("{label}\n{}", self.uri()),
            None => self.uri(),
        }
    }
}

impl fmt::Debug for Place {
    /// Where people are is in no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses() {
        for (uri, same) in [
            ("geo:53.07516,8.80777", Some("geo:53.07516,8.80777")),
            ("GEO:53.07516,8.80777,12.5;crs=WGS84;u=35.4", Some("geo:53.07516,8.80777;u=35")),
            ("geo:-0.5,180?z=17&q=x", Some("geo:-0.5,180")),
            ("geo:91,0", None),
            ("geo:0,181", None),
            ("geo:NaN,0", None),
            ("geo:53.07516", None),
            ("geo:1,2;crs=moon", None),
            ("http:1,2", None),
            ("geo", None),
        ] {
            assert_eq!(Place::from_uri(uri).map(|place| place.uri()).as_deref(), same, "{uri}");
        }
    }

    #[test]
    fn words() {
        let place = Place::new(1.5, 2.0).unwrap();
        assert_eq!(place.in_words(), "geo:1.5,2");
        assert_eq!(place.with(None, Some(" Town\nhall\u{202e}")).in_words(), "Town hall\ngeo:1.5,2");
    }

    proptest! {
        #[test]
        fn there_and_back(latitude in -90.0f64..=90.0, longitude in -180.0f64..=180.0, accuracy in proptest::option::of(0.0f64..1e6)) {
            let place = Place::new(latitude, longitude).unwrap().with(accuracy, None);
            prop_assert_eq!(Place::from_uri(&place.uri()), Some(place));
        }
    }
}
