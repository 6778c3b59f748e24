//! The layout `by-name`: the whole name is the version, in natural order.

mod habits;

use std::collections::{HashMap, HashSet};

use whimbrel_sql::Dialect;

pub use self::habits::is_dated;
use super::layout::{Certainty, Entry, Layout, Listing, Recognised};
use super::native::{self, FileName, FileRole, split_role};
use super::{Loaded, roles};
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
        let listing = &*roles::spelt_out(listing);
        let parts = listing.entries.iter().map(|entry| {
            let (version, _, role, repeatable) = FileName::parts(&entry.stem);
            (version, entry, role != FileRole::Down && !repeatable)
        });
        let ups: Vec<_> = parts.filter(|(_, _, is_up)| *is_up).collect();
        let unnumbered = ups
            .iter()
            .filter(|(version, ..)| version.is_empty())
            .count();
        if unnumbered > 0 && habits::in_versioned_folders(&listing.entries) {
            let reason = "the folders carry the numbers, so the path is the version";
            return Some(Recognised::new(Certainty::Likely, reason));
        }
        if unnumbered == ups.len() {
            let prefix = habits::common_prefix(listing)?;
            let reason = format!("numbers after `{prefix}`, so the whole name is the version");
            return Some(Recognised::new(Certainty::Likely, reason));
        }
        if listing.entries.iter().all(|entry| is_dated(&entry.stem)) {
            let reason = "the names begin with dates in parts, so the whole name is the version";
            return Some(Recognised::new(Certainty::Likely, reason));
        }
        if habits::count_up(ups.iter().map(|(version, ..)| *version)) {
            return None;
        }
        if habits::in_versioned_folders(&listing.entries)
            && habits::count_anew(ups.iter().map(|(version, entry, _)| (*version, *entry)))
        {
            let reason = "the numbers begin anew in numbered folders, so the path is the version";
            return Some(Recognised::new(Certainty::Likely, reason));
        }
        let mut names: HashMap<Version, Vec<&Entry>> = HashMap::new();
        for (version, entry, _) in ups {
            names.entry(Version::new(version)).or_default().push(entry);
        }
        names.retain(|version, files| version.is_numeric() && files.len() > 1);
        if habits::come_in_parts(names.values()) {
            return None;
        }
        let most = names.iter();
        let (number, files) = most.max_by_key(|(version, files)| (files.len(), *version))?;
        let habit = files.len() > 2 || names.len() > 1 || habits::differ(files);
        habit.then(|| {
            let count = files.len();
            let reason = format!(
                "{count} files share the number {number}, so the whole name is the version"
            );
            Recognised::new(Certainty::Likely, reason)
        })
    }

    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let pairs = has_pairs(listing);
        let spelt = spelt_with_dots(&roles::spelt_out(listing), pairs);
        let (listing, strays) = without_strays(&spelt, pairs);
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
fn without_strays(listing: &Listing, pairs: bool) -> (Listing, Vec<Diagnostic>) {
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
            FileRole::Single if pairs => {
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
fn spelt_with_dots(listing: &Listing, pairs: bool) -> Listing {
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

/// True if there is a name with `.up`.
fn has_pairs(listing: &Listing) -> bool {
    let mut entries = listing.entries.iter();
    entries.any(|entry| split_role(&entry.stem).1 == FileRole::Up)
}
