//! How whole folders are named where no number stands for a migration by itself.

use std::collections::HashSet;

use super::{Entry, Listing};

/// True for numbers of one width that grow, as most folders have them: no two are the same.
pub(super) fn count_up<'a>(mut versions: impl Iterator<Item = &'a str>) -> bool {
    let mut last = versions.next().unwrap_or_default();
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    digits(last)
        && versions.all(|version| {
            let grows = last.len() == version.len() && last < version && digits(version);
            last = version;
            grows
        })
}

/// True if every file is in a folder whose name has a number: `v1.10/tables.sql`.
pub(super) fn in_versioned_folders<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> bool {
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
pub(super) fn differ(entries: &[&Entry]) -> bool {
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
pub(super) fn common_prefix(listing: &Listing) -> Option<&str> {
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
