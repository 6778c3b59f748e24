//! refinery: `V1__name.sql`, and `U2__name.sql` for those that may come late.

use std::collections::HashSet;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::migration::{Reading, Transactions};
use whimbrel_core::source::{Blank, Certainty, Entry, Layout, Listing, Loaded, Recognised};
use whimbrel_core::text::SourceFile;
use whimbrel_sql::Dialect;

use super::files::{Found, Problems, Rules, exact, file_with, lines, load};
use super::pairs::by_number;

/// The layout of refinery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refinery;

impl Layout for Refinery {
    fn name(&self) -> &'static str {
        "refinery"
    }

    /// `V1__name.sql` alone is flyway's as well, which reads it the same way. A `U` is an undo
    /// there, so one without its `V` is refinery's.
    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let code = |entry: &&Entry| entry.extension == "rs" && split(entry).is_some();
        if let Some(entry) = listing.others.iter().find(code) {
            let reason = format!("{} is a migration of refinery", entry.path.display());
            return Some(Recognised::new(Certainty::Certain, reason));
        }
        let names: Vec<_> = listing.entries.iter().filter_map(split).collect();
        if names.is_empty() {
            return None;
        }
        let of_rust = |entry: &Entry| entry.extension == "rs" || entry.stem == "refinery";
        if let Some(entry) = listing.others.iter().find(|entry| of_rust(entry)) {
            let reason = format!("`V` files beside {}", entry.path.display());
            return Some(Recognised::new(Certainty::Certain, reason));
        }
        let of = |letter: char| {
            let list = names.iter().filter(move |name| name.letter == letter);
            list.map(|name| name.version).collect::<HashSet<_>>()
        };
        let (versioned, late) = (of('V'), of('U'));
        // Beside other names, a `U` undoes one of those.
        let alone = names.len() == listing.entries.len() || !versioned.is_empty();
        if !late.is_empty() && late.is_disjoint(&versioned) && alone {
            let reason = "`U` files that are no undo of a `V` file";
            return Some(Recognised::new(Certainty::Certain, reason));
        }
        let marked = |text: &str| lines(text).any(|(_, line)| is_mark(line));
        file_with(listing.entries.iter(), marked).map(|entry| {
            let path = entry.path.display();
            let reason = format!("{path} has `-- refinery:noTransaction`");
            Recognised::new(Certainty::Certain, reason)
        })
    }

    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let listing = &*exact(listing, &mut problems);
        let code = |entry: &&Entry| entry.extension == "rs" && split(entry).is_some();
        for entry in listing.others.iter().filter(code) {
            problems.code(entry, "refinery");
        }
        let mut found = Vec::new();
        let mut late = HashSet::new();
        for entry in &listing.entries {
            let Some(name) = split(entry) else {
                problems.stray(entry, "the name is not of the form `V1__name.sql`");
                continue;
            };
            if name.letter == 'U' {
                late.insert(name.version.to_owned());
            }
            found.push(Found::new(name.version, name.name, entry, None));
        }
        by_number(&mut found);
        let rules = Rules {
            reader: read,
            ..Rules::plain(Transactions::Wrapped)
        };
        let mut loaded = load(listing, dialect, &found, &rules, problems)?;
        for migration in &mut loaded.migrations {
            if late.contains(migration.version.as_str()) {
                migration.directives.allow.push("out-of-order".to_owned());
            }
        }
        Ok(loaded)
    }

    fn blank(&self, listing: &Listing, _: &str, name: &str) -> Option<Vec<Blank>> {
        let names = listing.entries.iter().filter_map(split);
        let numbers = names.filter_map(|name| name.version.parse::<u64>().ok());
        let next = numbers.max().unwrap_or(0) + 1;
        Some(vec![(format!("V{next}__{name}.sql"), String::new())])
    }
}

struct Parsed<'a> {
    letter: char,
    version: &'a str,
    name: &'a str,
}

fn split(entry: &Entry) -> Option<Parsed<'_>> {
    let letter = entry
        .stem
        .chars()
        .next()
        .filter(|c| matches!(c, 'V' | 'U'))?;
    let (version, name) = entry.stem[1..].split_once("__")?;
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let fits = version.parse::<u64>().is_ok() && !name.is_empty() && name.chars().all(word);
    fits.then_some(Parsed {
        letter,
        version,
        name,
    })
}

fn is_mark(line: &str) -> bool {
    line.starts_with("--") && line.trim_start_matches('-').trim() == "refinery:noTransaction"
}

fn read(file: &Arc<SourceFile>, dialect: Dialect) -> Reading {
    let mut reading = Reading::whole(file, dialect);
    if lines(file.text()).any(|(_, line)| is_mark(line)) {
        reading.directives.transaction = Some(false);
    }
    reading
}
