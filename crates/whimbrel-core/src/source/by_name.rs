//! The layout `by-name`: the whole name is the version, in natural order.

use std::collections::{HashMap, HashSet};

use whimbrel_sql::Dialect;

use super::layout::{Certainty, Entry, Layout, Listing, Recognised};
use super::native::{self, FileName, FileRole, split_role};
use super::{Loaded, roles};
use crate::diagnostic::Diagnostic;
use crate::error::Error;
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
    /// three files, or several such numbers, is a habit.
    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let listing = roles::spelt_out(listing);
        let parts = listing.entries.iter().map(|entry| {
            let (version, _, role, repeatable) = FileName::parts(&entry.stem);
            (version, role != FileRole::Down && !repeatable)
        });
        let ups = parts.filter(|(_, is_up)| *is_up);
        let versions: Vec<&str> = ups.map(|(version, _)| version).collect();
        if versions.iter().all(|version| version.is_empty()) && versioned_folders(&listing) {
            return Some(Recognised::new(
                Certainty::Likely,
                "the folders carry the numbers, so the path is the version",
            ));
        }
        if count_up(&versions) {
            return None;
        }
        let mut names: HashMap<Version, usize> = HashMap::new();
        for version in versions {
            *names.entry(Version::new(version)).or_default() += 1;
        }
        names.retain(|version, files| version.is_numeric() && *files > 1);
        let (version, files) = names
            .iter()
            .max_by_key(|(version, files)| (**files, *version))?;
        (*files > 2 || names.len() > 1).then(|| {
            let reason = format!(
                "{files} files share the number {version}, so the whole name is the version"
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
        Ok(loaded)
    }
}

/// True for numbers of one width that grow, as most folders have them: no two are the same.
fn count_up(versions: &[&str]) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let grows = |pair: &[&str]| pair[0].len() == pair[1].len() && pair[0] < pair[1];
    versions.windows(2).all(grows) && versions.iter().all(|version| digits(version))
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

/// True if every file is in a folder whose name has a number: `v1.10/tables.sql`.
fn versioned_folders(listing: &Listing) -> bool {
    !listing.entries.is_empty()
        && listing.entries.iter().all(|entry| {
            let folder = entry.folder.trim_end_matches('/');
            let last = folder.rsplit('/').next().unwrap_or(folder);
            last.trim_start_matches(['v', 'V'])
                .starts_with(|c: char| c.is_ascii_digit())
        })
}
