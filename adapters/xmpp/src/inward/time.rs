// SPDX-License-Identifier: EUPL-1.2
//! Points in time as XMPP writes them (XEP-0082).

use dreiklang_model::Timestamp;

/// As a UTC date-time.
pub(crate) fn stamp(at: Timestamp) -> Option<String> {
    jiff::Timestamp::from_millisecond(at.as_millis()).ok().map(|at| format!("{at:.3}"))
}

/// A date-time of any offset; [`None`] for what is none.
pub(crate) fn read(stamp: &str) -> Option<Timestamp> {
    stamp.trim().parse::<jiff::Timestamp>().ok().map(|at| Timestamp::from_millis(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        assert_eq!(stamp(Timestamp::from_millis(1_031_699_305_123)).as_deref(), Some("2002-09-10T23:08:25.123Z"));
        for (text, millis) in [
            ("2002-09-10T23:08:25Z", Some(1_031_699_305_000)),
            ("2002-09-10T23:08:25.5Z", Some(1_031_699_305_500)),
            (" 2002-09-11T01:08:25+02:00 ", Some(1_031_699_305_000)),
            ("20020910T23:08:25", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(read(text).map(Timestamp::as_millis), millis, "{text}");
        }
    }
}
