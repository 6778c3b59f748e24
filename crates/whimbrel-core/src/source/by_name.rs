//! The layout `by-name`: the whole name is the version, in natural order.

use std::collections::{HashMap, HashSet};

use whimbrel_sql::Dialect;

use super::Loaded;
use super::layout::{Certainty, Entry, Layout, Listing, Recognised};
use super::native::{self, FileName, FileRole, split_role};
use super::spelling::spelt;
use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::migration::Transactions;
use crate::version::Version;

/// Files whose whole name, with the folders before it, is the version: `0002_a.up.sql` and
/// `0002_b.up.sql` are two migrations, `v1.9/tables.sql` comes before `v1.10/tables.sql`.
#[derive(Clone, Copy, Debug)]
pub struct ByName;

impl Layout for ByName {
    fn name(&self) -> &'static str {
        "by-name"
    }

    /// One number in two files is a collision, to be refused by the native layout. A number in
    /// three files, several such numbers, or names that say how they differ, are a habit.
    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let listing = &*spelt(listing);
        let mut names: HashMap<Version, Vec<&Entry>> = HashMap::new();
        let mut numbered = 0;
        for entry in &listing.entries {
            let name = FileName::parse(&entry.stem);
            if name.role == FileRole::Down || name.repeatable {
                continue;
            }
            numbered += usize::from(!name.version.is_empty());
            names
                .entry(Version::new(name.version))
                .or_default()
                .push(entry);
        }
        if numbered == 0 {
            let reason = if in_versioned_folders(&listing.entries) {
                "the folders carry the numbers, so the path is the version".to_owned()
            } else {
                let prefix = common_prefix(listing)?;
                format!("numbers after `{prefix}`, so the whole name is the version")
            };
            return Some(Recognised::new(Certainty::Likely, reason));
        }
        names.retain(|version, files| version.is_numeric() && files.len() > 1);
        let most = names
            .iter()
            .max_by_key(|(version, files)| (files.len(), (*version).clone()));
        let habit =
            most.filter(|(_, files)| files.len() > 2 || names.len() > 1 || differ_by_habit(files));
        let reason = match habit {
            Some((number, files)) => format!(
                "{} files share the number {number}, so the whole name is the version",
                files.len()
            ),
            None if listing.entries.iter().all(|entry| is_dated(&entry.stem)) => {
                "the names begin with dates in parts, so the whole name is the version".to_owned()
            }
            None => return None,
        };
        Some(Recognised::new(Certainty::Likely, reason))
    }

    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let (listing, strays) = without_strays(&spelt_with_dots(&spelt(listing)));
        let mut loaded = native::load(&listing, dialect, &named)?;
        loaded.warnings.extend(strays);
        // No native files: what no transaction takes stands among others in them, since their own
        // programs send each statement by itself.
        for migration in &mut loaded.migrations {
            migration.transactions = Transactions::Bare;
        }
        Ok(loaded)
    }
}

/// In a folder of pairs, a file that is neither of a pair's is not the tool's, and a down script
/// without its up script is never run: both are passed over, with a word.
fn without_strays(listing: &Listing) -> (Listing, Vec<Diagnostic>) {
    let names = |role: FileRole| {
        let of_role = move |entry: &&Entry| split_role(&entry.stem).1 == role;
        listing
            .entries
            .iter()
            .filter(of_role)
            .map(|entry| named(entry).version)
            .collect::<HashSet<_>>()
    };
    let (ups, singles) = (names(FileRole::Up), names(FileRole::Single));
    let mut kept = Listing {
        entries: Vec::new(),
        ..listing.clone()
    };
    let mut strays = Vec::new();
    for entry in &listing.entries {
        let name = named(entry);
        let why = match name.role {
            FileRole::Single if !ups.is_empty() => {
                "this file is neither `.up` nor `.down` and is passed over"
            }
            FileRole::Down if !ups.contains(&name.version) && !singles.contains(&name.version) => {
                "this down script has no up script and is passed over"
            }
            _ => {
                kept.entries.push(entry.clone());
                continue;
            }
        };
        strays.push(native::about_file(
            Diagnostic::warning("stray-file", why),
            &entry.path,
        ));
    }
    (kept, strays)
}

fn named(entry: &Entry) -> FileName {
    let (stem, role) = split_role(&entry.stem);
    FileName {
        version: format!("{}{stem}", entry.folder),
        name: stem.to_owned(),
        role,
        repeatable: false,
    }
}

/// In a folder of pairs `_up` and `_down` count as well, as they do in maragudk/migrate, whose
/// pattern takes any character before the word.
fn spelt_with_dots(listing: &Listing) -> Listing {
    let pairs = listing
        .entries
        .iter()
        .any(|entry| split_role(&entry.stem).1 == FileRole::Up);
    let mut listing = listing.clone();
    for entry in listing.entries.iter_mut().filter(|_| pairs) {
        for word in ["up", "down"] {
            if let Some(stem) = entry.stem.strip_suffix(&format!("_{word}")) {
                entry.stem = format!("{stem}.{word}");
            }
        }
    }
    listing
}

/// True if every file is in a folder whose name has a number: `v1.10/tables.sql`.
fn in_versioned_folders<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> bool {
    let mut entries = entries.into_iter().peekable();
    entries.peek().is_some()
        && entries.all(|entry| {
            let folder = entry.folder.trim_end_matches('/');
            let last = folder.rsplit('/').next().unwrap_or(folder);
            last.trim_start_matches(['v', 'V'])
                .starts_with(|c: char| c.is_ascii_digit())
        })
}

/// True of `2024-01-05-users`: there the year alone is no version, since the next file may be of the
/// same one.
pub fn is_dated(stem: &str) -> bool {
    let mut parts = stem.split(['-', '_', '.']);
    let mut digits = |length: usize| {
        parts
            .next()
            .is_some_and(|part| part.bytes().take_while(u8::is_ascii_digit).count() == length)
    };
    digits(4) && digits(2) && digits(2)
}

/// Files of one number that no mistake gave it: dates in parts (`2024-01-05-users`), letters behind
/// the number (`007a`), folders that count as well (`2024/001_users`).
fn differ_by_habit(entries: &[&Entry]) -> bool {
    let goes_on = |entry: &&Entry| {
        let rest = entry.stem.trim_start_matches(|c: char| c.is_ascii_digit());
        let part = rest.trim_start_matches(['-', '_', '.']);
        let letter = rest.starts_with(|c: char| c.is_ascii_alphabetic());
        letter || part.bytes().take_while(u8::is_ascii_digit).count() == 2
    };
    let folders: HashSet<_> = entries.iter().map(|entry| &entry.folder).collect();
    entries.iter().all(goes_on)
        || folders.len() == entries.len() && in_versioned_folders(entries.iter().copied())
}

/// What every name begins with, if a number follows it in all of them: `V0001.users`, `v1.2`. Names
/// such as `V1__users` are of tools that have more to say about them, which ask for capitals.
fn common_prefix(listing: &Listing) -> Option<&str> {
    let numbered = |entry: &'_ Entry| {
        let digit = entry.stem.find(|c: char| c.is_ascii_digit())?;
        let rest = entry.stem[digit..].trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let of_a_tool = matches!(&entry.stem[..digit], "V" | "U" | "B")
            && (rest.is_empty() || rest.starts_with("__"));
        (digit > 0 && !of_a_tool).then_some(digit)
    };
    let first = listing.entries.first()?;
    let prefix = &first.stem[..numbered(first)?];
    let shared =
        |entry: &Entry| numbered(entry) == Some(prefix.len()) && entry.stem.starts_with(prefix);
    listing.entries.iter().all(shared).then_some(prefix)
}
