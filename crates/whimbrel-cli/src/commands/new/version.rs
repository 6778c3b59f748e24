//! The version of a new file: the next number where the folder counts, else the time as the folder
//! writes it.

use jiff::Timestamp;
use whimbrel::source::{FileName, Listing};
use whimbrel::version::Version;

/// What the new file's name begins with.
pub(super) struct Next {
    pub(super) version: String,
    /// What stands between it and the name.
    pub(super) separator: char,
}

/// An empty folder gets timestamps, which do not collide between branches.
pub(super) fn next(listing: &Listing, now: Timestamp) -> Next {
    let stems = listing.entries.iter().map(|entry| entry.stem.as_str());
    let stems: Vec<_> = stems.filter(|stem| !stem.starts_with("R__")).collect();
    if let Some(next) = in_parts(&stems, now) {
        return next;
    }
    Next {
        version: version(&stems, now),
        separator: '_',
    }
}

fn version(stems: &[&str], now: Timestamp) -> String {
    let versions = stems.iter().map(|stem| FileName::parse(stem).version);
    let versions = versions.filter(|version| !version.is_empty());
    let Some(last) = versions.map(Version::new).max() else {
        return timestamp(now, stems);
    };
    let text = last.as_str();
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    // A timestamp to the second is the usual form.
    if let (true, 1..14, Ok(number)) = (digits, text.len(), text.parse::<u64>()) {
        let clock = clock(text, now).and_then(|text| text.parse().ok());
        let next = clock.filter(|time| *time > number).unwrap_or(number + 1);
        return format!("{next:0width$}", width = text.len());
    }
    let today = now.strftime("%Y%m%d").to_string();
    if let Some((date, number)) = text
        .split_once(['_', '-'])
        .filter(|(date, _)| date.len() == today.len())
    {
        let next = if date == today {
            number.parse::<u64>().unwrap_or(0) + 1
        } else {
            1
        };
        return format!("{today}_{next:0width$}", width = number.len());
    }
    timestamp(now, stems)
}

/// The time in the form of a number that is one: a date with or without hours, or seconds or
/// milliseconds since 1970.
fn clock(text: &str, now: Timestamp) -> Option<String> {
    let format = match text.len() {
        8 => "%Y%m%d",
        10 => "%Y%m%d%H",
        12 => "%Y%m%d%H%M",
        _ => "",
    };
    let this_year = now.strftime("%Y").to_string();
    let is_date = !format.is_empty()
        && is_date(text.get(..4)?, text.get(4..6)?, text.get(6..8)?)
        && text[..4] <= *this_year;
    match text.len() {
        _ if is_date => Some(now.strftime(format).to_string()),
        10 if text.starts_with('1') => Some(now.as_second().to_string()),
        13 if text.starts_with('1') => Some(now.as_millisecond().to_string()),
        _ => None,
    }
}

/// Where all names begin with a date in parts, `2024-01-05-users` or `2024_01_05_120000_users`, the
/// new one does as well, in the form of the last.
fn in_parts(stems: &[&str], now: Timestamp) -> Option<Next> {
    let forms: Option<Vec<_>> = stems.iter().map(|stem| Form::of(stem)).collect();
    let mut forms: Vec<_> = stems.iter().zip(forms?).collect();
    forms.sort_by_key(|(stem, _)| **stem);
    let (_, form) = forms.pop()?;
    let between = form.between;
    let mut version = now
        .strftime(&format!("%Y{between}%m{between}%d"))
        .to_string();
    if let Some((before, digits)) = form.time {
        let time = now.strftime("%H%M%S").to_string();
        version.push(before);
        version.push_str(&time[..digits]);
    }
    Some(Next {
        version,
        separator: form.separator,
    })
}

/// How a name that begins with a date is put together.
struct Form {
    between: char,
    /// What stands before the time, and how many digits it has.
    time: Option<(char, usize)>,
    separator: char,
}

impl Form {
    fn of(stem: &str) -> Option<Self> {
        const SEPARATORS: [char; 3] = ['-', '_', '.'];
        let between = stem.chars().nth(4).filter(|c| SEPARATORS.contains(c))?;
        let (year, month, day) = (stem.get(..4)?, stem.get(5..7)?, stem.get(8..10)?);
        if !is_date(year, month, day) || stem.chars().nth(7) != Some(between) {
            return None;
        }
        let mut rest = stem.get(10..)?.chars();
        let mut separator = rest.next()?;
        let digits = rest.clone().take_while(char::is_ascii_digit).count();
        let after = rest.nth(digits);
        let time = (matches!(digits, 4 | 6) && after.is_some()).then_some((separator, digits));
        if time.is_some() {
            separator = after?;
        }
        SEPARATORS.contains(&separator).then_some(Self {
            between,
            time,
            separator,
        })
    }
}

fn is_date(year: &str, month: &str, day: &str) -> bool {
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    [year, month, day].into_iter().all(digits)
        && (1990..2100).contains(&number(year))
        && (1..=12).contains(&number(month))
        && (1..=31).contains(&number(day))
}

/// The time, or the next second that no file has: two may be made in one.
fn timestamp(mut now: Timestamp, stems: &[&str]) -> String {
    loop {
        let text = now.strftime("%Y%m%d%H%M%S").to_string();
        if !stems.iter().any(|stem| stem.starts_with(&text)) {
            return text;
        }
        now += jiff::SignedDuration::from_secs(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_as_the_folder_does() {
        let now: Timestamp = "2026-11-29T03:04:05Z".parse().unwrap();
        for (stems, expected) in [
            (&[][..], "20261129030405_"),
            (&["007_a", "R__v"], "008_"),
            (&["9_a", "10_b"], "11_"),
            (&["20240105120000_a"], "20261129030405_"),
            (&["20261129030405_a"], "20261129030406_"),
            (&["20231201_001_a"], "20261129_001_"),
            (&["20261129_001_a"], "20261129_002_"),
            (&["20240105_a"], "20261129_"),
            (&["20261129_a"], "20261130_"),
            (&["20249905_a"], "20249906_"),
            (&["202401051230_a"], "202611290304_"),
            (&["1700000000_a"], "1795921445_"),
            (&["1600000000000_a"], "1795921445000_"),
            (&["2024-01-05-users"], "2026-11-29-"),
            (&["2024-01-05_users", "2025-02-01_a"], "2026-11-29_"),
            (&["2014_10_12_000000_users"], "2026_11_29_030405_"),
            (&["2024.01.05-1200.a"], "2026.11.29-0304."),
            (&["2024-01-05-users", "003_x"], "2025_"),
        ] {
            let next = in_parts(stems, now).unwrap_or_else(|| Next {
                version: version(
                    &stems
                        .iter()
                        .copied()
                        .filter(|stem| !stem.starts_with("R__"))
                        .collect::<Vec<_>>(),
                    now,
                ),
                separator: '_',
            });
            assert_eq!(
                format!("{}{}", next.version, next.separator),
                expected,
                "{stems:?}"
            );
        }
    }
}
