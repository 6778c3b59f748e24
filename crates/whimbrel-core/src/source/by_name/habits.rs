//! How whole folders are named where no number stands for a migration by itself.

use std::collections::{HashMap, HashSet};

use super::super::native::split_role;
use super::{Entry, Listing, Version};

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

/// True if a later folder has a lower number: `2023/045_users`, `2024/001_roles`. Those of dates and
/// times count through all folders, whose numbers are then those of tickets, say.
pub(super) fn count_anew<'a>(files: impl Iterator<Item = (&'a str, &'a Entry)>) -> bool {
    const DATE: usize = 8;
    let files = files.map(|(version, entry)| {
        let short = version.bytes().take_while(u8::is_ascii_digit).count() < DATE;
        let path = Version::new(format!("{}{}", entry.folder, entry.stem));
        (path, Version::new(version), short)
    });
    let mut files: Vec<_> = files.collect();
    files.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    let (mut pairs, mut numbers) = (files.windows(2), files.iter());
    numbers.all(|(_, _, short)| *short) && pairs.any(|pair| pair[1].1 < pair[0].1)
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

/// True if several numbers have two files whose names differ in the same way behind the same name:
/// `001_users` and `001_users.rb`, `002_posts` and `002_posts.rb`. One of them may well undo the
/// other, in a word that nobody here knows, so they are no migrations until somebody says so.
pub(super) fn come_in_parts<'a>(numbers: impl Iterator<Item = &'a Vec<&'a Entry>>) -> bool {
    // Most of them have two files; in a hundred there would be five thousand pairs.
    const FEW: usize = 8;
    let mut seen: HashMap<(&str, &str), &str> = HashMap::new();
    for files in numbers.filter(|files| files.len() <= FEW) {
        for (place, one) in files.iter().enumerate() {
            let beside = |other: &&&Entry| (other.root, &other.folder) == (one.root, &one.folder);
            for other in files[place + 1..].iter().filter(beside) {
                let stems = (split_role(&one.stem).0, split_role(&other.stem).0);
                let Some((base, ends)) = parts(stems.0, stems.1) else {
                    continue;
                };
                if seen.insert(ends, base).is_some_and(|first| first != base) {
                    return true;
                }
            }
        }
    }
    false
}

/// The name that two stems share, and what each has behind it; none if they share but a number.
fn parts<'a>(one: &'a str, other: &'a str) -> Option<(&'a str, (&'a str, &'a str))> {
    let same = one.chars().zip(other.chars());
    let shared: usize = same
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum();
    let ends_there = |stem: &str| {
        let rest = &stem[shared..];
        rest.is_empty() || rest.starts_with(['.', '_', '-', ' '])
    };
    let base = if ends_there(one) && ends_there(other) {
        &one[..shared]
    } else {
        let at = one[..shared].rfind(['.', '_', '-', ' '])?;
        &one[..at]
    };
    let named = base.contains(char::is_alphabetic);
    let (a, b) = (&one[base.len()..], &other[base.len()..]);
    named.then(|| (base, if a < b { (a, b) } else { (b, a) }))
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
    let all = listing.entries.iter().all(shared) && !are_ways(&listing.entries);
    all.then_some(prefix)
}

/// True if names are of ways between versions, of which one is chosen: there is a way back
/// (`v1_to_v2` and `v2_to_v1`), or both its ends can be had by themselves (`v1`, `v1-v2`, `v2`).
fn are_ways(entries: &[Entry]) -> bool {
    let numbers = |entry: &Entry| {
        let groups = entry.stem.split(|c: char| !c.is_ascii_digit() && c != '.');
        let groups = groups.map(|group| group.trim_matches('.').to_owned());
        groups.filter(|group| !group.is_empty()).collect::<Vec<_>>()
    };
    let names: HashSet<_> = entries.iter().map(numbers).collect();
    names.iter().any(|name| {
        let back: Vec<_> = name.iter().rev().cloned().collect();
        let whole = |end: &String| names.contains(std::slice::from_ref(end));
        name.len() == 2 && name.iter().all(whole) || back != *name && names.contains(&back)
    })
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn names_are_compared_from_the_front() {
        for (one, other, expected) in [
            ("001_a", "001_a.rb", Some(("001_a", ("", ".rb")))),
            (
                "001_a_drop",
                "001_a_create",
                Some(("001_a", ("_create", "_drop"))),
            ),
            ("001_a.i", "001_a.d", Some(("001_a", (".d", ".i")))),
            ("001_ab", "001_ac", None),
            ("001_tables", "001_data", None),
            ("001", "001.rb", None),
        ] {
            assert_eq!(parts(one, other), expected, "{one} {other}");
        }
    }
}
