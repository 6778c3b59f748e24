//! Times as tools and engines write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Numbers this large are milliseconds since 1970, smaller ones are seconds.
const MILLISECONDS_FROM: f64 = 1e11;

/// Reads a time: RFC 3339, with or without a zone, or a number since 1970. Without a zone it is
/// taken as UTC: no tool says which zone it meant.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        let milliseconds = if number.abs() < MILLISECONDS_FROM {
            number * 1000.0
        } else {
            number
        };
        if !milliseconds.is_finite() || milliseconds == 0.0 {
            return None;
        }
        #[allow(clippy::cast_possible_truncation)] // Out of range is refused by the next line.
        return Timestamp::from_millisecond(milliseconds.round() as i64).ok();
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let civil: DateTime = text.parse().ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn all_spellings_are_read() {
        let expected = "2024-03-01T10:20:30Z".parse().ok();
        for text in [
            "2024-03-01T10:20:30Z",
            "2024-03-01 10:20:30",
            "2024-03-01 10:20:30.000",
            "2024-03-01T11:20:30+01:00",
            "2024-03-01 12:20:30+02",
            "1709288430",
            "1709288430.000000",
            "1709288430000",
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert_eq!(read("soon"), None);
        assert_eq!(read("0"), None);
        assert_eq!(read("1e300"), None);
    }
}
