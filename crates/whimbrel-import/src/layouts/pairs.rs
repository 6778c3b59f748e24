//! Up and down scripts in files of their own: `NAME.up.sql` and `NAME.down.sql`.

use std::collections::HashMap;

use whimbrel_core::source::{Entry, Listing};

use super::files::{Found, Problems};

/// Which script a name says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Single,
    Up,
    Down,
}

/// Takes `.up` or `.down` off a stem.
pub(crate) fn role(stem: &str) -> (&str, Role) {
    match stem.strip_suffix(".up") {
        Some(rest) => (rest, Role::Up),
        None => match stem.strip_suffix(".down") {
            Some(rest) => (rest, Role::Down),
            None => (stem, Role::Single),
        },
    }
}

/// Pairs the files of a folder. `take` reads a name without its role into version and name, or
/// leaves it out; a down script without its up script can't be run and is passed over.
pub(crate) fn pairs<'a>(
    listing: &'a Listing,
    take: impl Fn(&'a str, Role) -> Option<(&'a str, &'a str)>,
    problems: &mut Problems,
    expected: &str,
) -> Vec<Found<'a>> {
    let mut found: Vec<Found<'a>> = Vec::new();
    let mut downs: HashMap<&str, &Entry> = HashMap::new();
    for entry in &listing.entries {
        let (stem, role) = role(&entry.stem);
        match take(stem, role) {
            Some((version, _)) if role == Role::Down => {
                if let Some(first) = downs.insert(version, entry) {
                    let message = format!(
                        "version {version} has another down script: {}",
                        first.path.display()
                    );
                    problems.error(entry, "two-rollbacks", &message, "remove one of them");
                }
            }
            Some((version, name)) => found.push(Found::new(version, name, entry, None)),
            None => problems.stray(entry, &format!("the name is not of the form {expected}")),
        }
    }
    for item in &mut found {
        item.down = downs.remove(item.version.as_str());
    }
    let mut left: Vec<_> = downs.into_values().collect();
    left.sort_by(|a, b| a.path.cmp(&b.path));
    for entry in left {
        problems.stray(entry, "this down script has no up script");
    }
    found
}

/// Sorts by the versions as numbers of any length.
pub(crate) fn by_number(found: &mut [Found<'_>]) {
    found.sort_by_cached_key(|item| {
        let digits = item.version.trim_start_matches('0');
        (digits.len(), digits.to_owned())
    });
}

/// Sorts by the versions as texts, byte by byte.
pub(crate) fn by_text(found: &mut [Found<'_>]) {
    found.sort_by(|a, b| a.version.cmp(&b.version));
}
