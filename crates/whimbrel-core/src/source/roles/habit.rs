//! What a folder says of up and down in its own way, for all its files alike.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{DOING, Entry, Listing, UNDOING};

/// Where a name says which script it is.
#[derive(Clone, Copy)]
enum Place {
    /// `001_users_down`, `001-users-down`, `001_users.undo`
    End(char),
    /// `001.undo.users`, `001_down_users`
    Middle,
    /// `down/001_users`
    Folder,
}

const PLACES: [Place; 5] = [
    Place::End('_'),
    Place::End('-'),
    Place::End('.'),
    Place::Middle,
    Place::Folder,
];

/// A folder and a stem, without what said which script it is.
type Base = (String, String);

/// The same files with `.up` and `.down` at the ends of their names, where the folder says it in
/// another way. A word alone says nothing (`004_clean_up.sql`): it counts where both scripts of
/// some migration are there, and then for every file, for a script that undoes must never pass for
/// a migration.
pub(super) fn spelt(listing: &Listing) -> Cow<'_, Listing> {
    PLACES
        .into_iter()
        .find_map(|place| spelt_in(listing, place))
        .map_or(Cow::Borrowed(listing), Cow::Owned)
}

fn spelt_in(listing: &Listing, place: Place) -> Option<Listing> {
    let entries = &listing.entries;
    let downs: HashSet<(usize, Base)> = with(entries, place, &UNDOING).collect();
    if downs.is_empty() {
        return None;
    }
    let mut ups: HashSet<(usize, Base)> = with(entries, place, &DOING).collect();
    if !matches!(place, Place::Middle) {
        ups.extend(entries.iter().map(|entry| {
            let base = (entry.folder.clone(), entry.stem.clone());
            (entry.root, base)
        }));
    }
    if downs.is_disjoint(&ups) {
        return None;
    }
    let mut listing = listing.clone();
    for entry in &mut listing.entries {
        if let Some(base) = place.base(entry, &UNDOING) {
            rename(entry, base, "down");
        } else if let Some(base) = place.base(entry, &DOING) {
            let key = (entry.root, base);
            if downs.contains(&key) {
                rename(entry, key.1, "up");
            }
        }
    }
    Some(listing)
}

fn with<'a>(
    entries: &'a [Entry],
    place: Place,
    words: &'a [&str],
) -> impl Iterator<Item = (usize, Base)> + 'a {
    entries
        .iter()
        .filter_map(move |entry| Some((entry.root, place.base(entry, words)?)))
}

fn rename(entry: &mut Entry, (folder, stem): Base, role: &str) {
    entry.folder = folder;
    entry.stem = format!("{stem}.{role}");
}

impl Place {
    /// A name without one of the words, if it has one in this place.
    fn base(self, entry: &Entry, words: &[&str]) -> Option<Base> {
        let is_word = |text: &str| words.iter().any(|word| word.eq_ignore_ascii_case(text));
        let stem = &entry.stem;
        match self {
            Self::End(separator) => {
                let (base, word) = stem.rsplit_once(separator)?;
                // Both of these are read everywhere.
                let known = separator == '.' && matches!(word, "up" | "down" | "rollback");
                (is_word(word) && !known && !base.is_empty())
                    .then(|| (entry.folder.clone(), base.to_owned()))
            }
            Self::Middle => {
                let digits = stem.bytes().take_while(u8::is_ascii_digit).count();
                let (number, rest) = stem.split_at(digits);
                let rest = rest.strip_prefix(['_', '-', '.'])?;
                let (word, name) = rest.split_once(['_', '-', '.'])?;
                (digits > 0 && is_word(word))
                    .then(|| (entry.folder.clone(), format!("{number}_{name}")))
            }
            Self::Folder => {
                let is_it = |part: &&str| is_word(part.strip_suffix('s').unwrap_or(part));
                let parts: Vec<_> = entry.folder.split_inclusive('/').collect();
                let at = parts
                    .iter()
                    .position(|part| is_it(&part.trim_end_matches('/')))?;
                let folder = [&parts[..at], &parts[at + 1..]].concat().concat();
                Some((folder, stem.clone()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{listing, paths_of};
    use super::*;

    fn read(paths: &[&str]) -> Vec<String> {
        paths_of(&spelt(&listing(paths)))
    }

    #[test]
    fn every_way_to_say_up_and_down_is_read() {
        for paths in [
            ["1_a_up", "1_a_down"],
            ["1_a-UP", "1_a-DOWN"],
            ["1_a.do", "1_a.undo"],
            ["1.do.a", "1.undo.a"],
            ["1_up_a", "1_down_a"],
            ["up/1_a", "down/1_a"],
            ["deploy/1_a", "revert/1_a"],
        ] {
            assert_eq!(read(&paths), ["1_a.up", "1_a.down"], "{paths:?}");
        }
        for paths in [
            ["1_a", "1_a_rollback"],
            ["1_a", "1_a.undo"],
            ["1_a", "rollbacks/1_a"],
        ] {
            assert_eq!(read(&paths), ["1_a", "1_a.down"], "{paths:?}");
        }
        assert_eq!(
            read(&["x/up/1_a", "x/down/1_a"]),
            ["x/1_a.up", "x/1_a.down"]
        );
    }

    #[test]
    fn words_by_themselves_are_names() {
        for paths in [
            ["1_sign_up", "2_scale_down"],
            ["1_a.up", "1_a.down"],
            ["1_todo", "2_rollback"],
            ["down/1_a", "2_b"],
        ] {
            assert_eq!(read(&paths), paths);
        }
        // Where the habit is clear, what has no partner is no migration either.
        assert_eq!(
            read(&["1_a_up", "1_a_down", "2_clean_up", "3_b_down"]),
            ["1_a.up", "1_a.down", "2_clean_up", "3_b.down"]
        );
    }
}
