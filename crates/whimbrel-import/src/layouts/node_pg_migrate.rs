//! node-pg-migrate's SQL files: `1700000000000_name.sql` with `-- Up Migration` and
//! `-- Down Migration`, or `.up.sql` and `.down.sql`.

use std::ops::Range;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::migration::{Reading, Transactions};
use whimbrel_core::source::{Blank, Certainty, Entry, Layout, Listing, Loaded, Recognised};
use whimbrel_core::text::{Script, SourceFile};
use whimbrel_core::version::Version;
use whimbrel_sql::Dialect;

use super::files::{Problems, Rules, any_file_has, file_with, lines, load, number_and_name};
use super::pairs::{Role, pairs, role};

/// The layout of node-pg-migrate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodePgMigrate;

impl Layout for NodePgMigrate {
    fn name(&self) -> &'static str {
        "node-pg-migrate"
    }

    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        if is_marked(listing) {
            let reason = "files with `-- Up Migration` lines";
            return Some(Recognised::new(Certainty::Certain, reason));
        }
        let code = listing.others.iter().find(|entry| {
            is_code(entry) && entry.read().is_ok_and(|file| file.text().contains("pgm"))
        })?;
        let reason = format!("{} is a migration of node-pg-migrate", code.path.display());
        Some(Recognised::new(Certainty::Certain, reason))
    }

    /// The file's name is the version. Sorted by the number at its start, then by name.
    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        for entry in listing.others.iter().filter(|entry| is_code(entry)) {
            problems.code(entry, "node-pg-migrate");
        }
        let take = |stem, _| {
            let (_, name) = number_and_name(stem)?;
            Some((stem, name))
        };
        let mut found = pairs(listing, take, &mut problems, "`1700000000000_name.sql`");
        found.sort_by_cached_key(|item| (moment(&item.version), collated(&item.version)));
        let rules = Rules {
            reader: read,
            ..Rules::plain(Transactions::Wrapped)
        };
        load(listing, dialect, &found, &rules, problems)
    }

    fn blank(&self, _: &Listing, _: &str, name: &str) -> Option<Vec<Blank>> {
        let now = jiff::Timestamp::now().as_millisecond();
        let text = "-- Up Migration\n\n-- Down Migration\n";
        Some(vec![(format!("{now}_{name}.sql"), text.to_owned())])
    }
}

/// True if there is a mark in a file. In a folder of pairs it is but a heading. Names with
/// milliseconds are nearly always this tool's; its older files often have no marks, so all are
/// looked at there.
fn is_marked(listing: &Listing) -> bool {
    let single = |entry: &&Entry| role(&entry.stem).1 == Role::Single;
    let mut singles = listing.entries.iter().filter(single).peekable();
    let Some(first) = singles.peek() else {
        return false;
    };
    let marked = |text: &str| mark(text, "up").is_some();
    match number_and_name(&first.stem) {
        Some((number, _)) if matches!(number.len(), 13 | 17) => {
            file_with(singles, marked).is_some()
        }
        _ => any_file_has(listing, marked),
    }
}

fn is_code(entry: &Entry) -> bool {
    matches!(
        &*entry.extension,
        "js" | "cjs" | "mjs" | "ts" | "cts" | "mts"
    ) && entry.folder.is_empty()
        && number_and_name(&entry.stem).is_some()
}

/// When the file was made: milliseconds since 1970, or seventeen digits that spell the time out.
fn moment(name: &str) -> i64 {
    let digits = number_and_name(name).map_or("", |(digits, _)| digits);
    if digits.len() == 17 {
        let spelt = format!(
            "{}-{}-{}T{}:{}:{}.{}Z",
            &digits[..4],
            &digits[4..6],
            &digits[6..8],
            &digits[8..10],
            &digits[10..12],
            &digits[12..14],
            &digits[14..]
        );
        if let Ok(moment) = spelt.parse::<jiff::Timestamp>() {
            return moment.as_millisecond();
        }
    }
    digits.parse().unwrap_or(i64::MAX)
}

/// A name as the tool compares those of one time: as words, by their letters and numbers alone.
fn collated(name: &str) -> (Version, String) {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    let letters: String = letters.collect();
    (Version::new(letters.to_lowercase()), name.to_owned())
}

/// The line that begins a part: dashes, the direction, the word.
fn mark(text: &str, part: &str) -> Option<Range<usize>> {
    lines(text).find_map(|(at, line)| {
        let comment = line.trim_start().strip_prefix("--")?;
        let comment = comment.trim_start_matches(|c: char| c == '-' || c.is_whitespace());
        let mut words = comment.split_whitespace();
        let direction = words.next()?.eq_ignore_ascii_case(part);
        let word = words.next()?.get(..9)?.eq_ignore_ascii_case("migration");
        (direction && word).then_some(at..at + line.len())
    })
}

/// Each part goes on to the other one's mark; without an up mark the whole file is the up script.
fn read(file: &Arc<SourceFile>, dialect: Dialect) -> Reading {
    let mut reading = Reading::whole(file, dialect);
    let text = file.text();
    let (up, down) = (mark(text, "up"), mark(text, "down"));
    let part = |this: &Range<usize>, other: Option<&Range<usize>>| {
        let end = other.map_or(text.len(), |other| other.start);
        let end = if end < this.start { text.len() } else { end };
        Script::slice(Arc::clone(file), this.end..end)
    };
    if let Some(up) = &up {
        reading.up = part(up, down.as_ref());
    }
    reading.down = down.as_ref().map(|down| part(down, up.as_ref()));
    reading
}
