//! Which files undo others, where their names say it in other words than `.up` and `.down`.
//!
//! A rollback must never pass for a migration: `001_users_rollback.sql` beside `001_users.sql`
//! would empty what was just made. What a name alone can't tell (`007_scale_down.sql` goes
//! forward), the file that it undoes does.

mod habit;

use std::borrow::Cow;
use std::collections::HashMap;

use super::layout::{Entry, Listing};
use super::native::{FileName, FileRole, split_role};

const UNDOING: [&str; 10] = [
    "down",
    "rollback",
    "undo",
    "revert",
    "downgrade",
    "backout",
    "backward",
    "backwards",
    "reverse",
    "uninstall",
];
const DOING: [&str; 9] = [
    "up", "do", "deploy", "migrate", "upgrade", "apply", "forward", "forwards", "install",
];
const SEPARATORS: [char; 4] = ['.', '_', '-', ' '];

/// Which way a word says that a script goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Do,
    Undo,
}

/// The listing with `.up` and `.down` in the place of such words, and each script that undoes in
/// the folder of what it undoes.
pub(super) fn spelt_out(listing: &Listing) -> Cow<'_, Listing> {
    if !listing.entries.iter().any(may_undo) {
        return Cow::Borrowed(listing);
    }
    let listing = habit::spelt(listing);
    let spelt: Vec<Spelt> = listing.entries.iter().map(Spelt::of).collect();
    let ups = Ups::of(&listing.entries, &spelt);
    let mut out = listing.as_ref().clone();
    for (index, one) in spelt.iter().enumerate() {
        if one.way != Some(Way::Undo) || one.is_plain(&listing.entries[index]) {
            continue;
        }
        match ups.undone_by(one, index) {
            Some(up) => {
                out.entries[index]
                    .folder
                    .clone_from(&listing.entries[up].folder);
                let base = if spelt[up].way == Some(Way::Do) {
                    out.entries[up].stem = format!("{}.up", spelt[up].base);
                    &spelt[up].base
                } else {
                    &listing.entries[up].stem
                };
                out.entries[index].stem = format!("{base}.down");
            }
            // What lies in such a folder, or is called so, is never a migration.
            None if one.by_folder || one.alone => {
                out.entries[index].stem = format!("{}.down", one.base);
            }
            None => {}
        }
    }
    Cow::Owned(out)
}

/// True for a file whose name says in other words than Whimbrel's that it undoes another; a file in
/// a folder may. Most are not taken apart, however many there are.
fn may_undo(entry: &Entry) -> bool {
    let (stem, role) = split_role(&entry.stem);
    let says_so =
        |word: &str| way(word.trim_start_matches(|c: char| c.is_ascii_digit())) == Some(Way::Undo);
    !entry.folder.is_empty() || role != FileRole::Down && stem.split(SEPARATORS).any(says_so)
}

/// A file's name taken apart.
struct Spelt {
    /// The root and the folder, without `up/` or `down/` at the end.
    home: (usize, String),
    /// The stem without the word.
    base: String,
    way: Option<Way>,
    by_folder: bool,
    /// The word is the whole name, and the folder says what it is about: `001_users/rollback`.
    alone: bool,
}

impl Spelt {
    fn of(entry: &Entry) -> Self {
        let folder = entry.folder.trim_end_matches('/');
        let (parent, last) = match folder.rfind('/') {
            Some(at) => (&folder[..=at], &folder[at + 1..]),
            None => ("", folder),
        };
        let of_folder = way(last.trim_end_matches(['s', 'S']));
        let home = if of_folder.is_some() {
            parent
        } else {
            &entry.folder
        };
        let alone = way(&entry.stem).filter(|_| of_folder.is_none() && !home.is_empty());
        let in_name = alone.map(|way| (entry.stem.clone(), way));
        let in_name = in_name.or_else(|| ending(&entry.stem));
        let undoing = of_folder == Some(Way::Undo);
        let beginning = beginning(&entry.stem).filter(|_| undoing);
        let (base, of_name) = match in_name.or(beginning) {
            Some((base, way)) => (base, Some(way)),
            None => (entry.stem.clone(), None),
        };
        Self {
            home: (entry.root, home.to_owned()),
            base,
            way: if undoing { of_folder } else { of_name },
            by_folder: undoing,
            alone: alone.is_some(),
        }
    }

    /// True if its name says so in Whimbrel's own words, for a script beside it.
    fn is_plain(&self, entry: &Entry) -> bool {
        !self.by_folder && split_role(&entry.stem).1 == FileRole::Down
    }
}

/// The scripts that may be undone, by what they are called.
struct Ups<'a> {
    by_name: HashMap<(&'a (usize, String), &'a str), usize>,
    by_number: HashMap<(&'a (usize, String), String), Vec<usize>>,
    /// All of a folder's.
    by_home: HashMap<&'a (usize, String), Vec<usize>>,
    /// Those that have nothing but such a word for a name.
    alone: HashMap<&'a (usize, String), usize>,
}

impl<'a> Ups<'a> {
    fn of(entries: &'a [Entry], spelt: &'a [Spelt]) -> Self {
        let mut ups = Self {
            by_name: HashMap::new(),
            by_number: HashMap::new(),
            by_home: HashMap::new(),
            alone: HashMap::new(),
        };
        for (index, (entry, one)) in entries.iter().zip(spelt).enumerate() {
            if one.by_folder {
                continue;
            }
            ups.by_name.insert((&one.home, &entry.stem), index);
            if one.way == Some(Way::Do) {
                ups.by_name.insert((&one.home, &one.base), index);
            }
            if one.way != Some(Way::Undo) {
                ups.by_home.entry(&one.home).or_default().push(index);
                if one.alone {
                    ups.alone.insert(&one.home, index);
                }
                let number = FileName::parse(&one.base).version;
                let same = ups.by_number.entry((&one.home, number));
                same.or_default().push(index);
            }
        }
        ups
    }

    /// The file of that name; for one that has nothing but a number (`001_rollback`), or lies in a
    /// folder of its own, the only one of that number.
    fn undone_by(&self, one: &Spelt, own: usize) -> Option<usize> {
        if one.alone {
            let only = self.by_home.get(&one.home).map(Vec::as_slice);
            let only = only.and_then(|ups| <[usize; 1]>::try_from(ups).ok());
            let named = self.alone.get(&one.home).copied();
            return named.or(only.map(|[up]| up));
        }
        let named = self.by_name.get(&(&one.home, one.base.as_str()));
        if let Some(up) = named.filter(|up| **up != own) {
            return Some(*up);
        }
        let name = FileName::parse(&one.base);
        if name.version.is_empty() || !(one.by_folder || name.name.is_empty()) {
            return None;
        }
        match self.by_number.get(&(&one.home, name.version))?.as_slice() {
            [up] => Some(*up),
            _ => None,
        }
    }
}

fn way(word: &str) -> Option<Way> {
    let is = |known: &&str| known.eq_ignore_ascii_case(word);
    if UNDOING.iter().any(is) {
        Some(Way::Undo)
    } else {
        DOING.iter().any(is).then_some(Way::Do)
    }
}

/// `001_users_down`, `001-users-up`, `001.undo`, `1down`.
fn ending(stem: &str) -> Option<(String, Way)> {
    let rest = stem.trim_start_matches(|c: char| c.is_ascii_digit());
    let (base, word) = match stem.rfind(SEPARATORS) {
        Some(at) => (&stem[..at], &stem[at + 1..]),
        None => stem.split_at(stem.len() - rest.len()),
    };
    let way = way(word)?;
    let base = base.trim_end_matches(SEPARATORS);
    (!base.is_empty()).then(|| (base.to_owned(), way))
}

/// `rollback_001_users`.
fn beginning(stem: &str) -> Option<(String, Way)> {
    let (word, base) = stem.split_once(SEPARATORS)?;
    Some((base.to_owned(), way(word)?))
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::*;

    pub(super) fn listing(paths: &[&str]) -> Listing {
        let entries = paths.iter().map(|path| {
            let at = path.rfind('/').map_or(0, |at| at + 1);
            Entry {
                path: (*path).into(),
                folder: path[..at].to_owned(),
                root: 0,
                stem: path[at..].to_owned(),
                extension: "sql".into(),
                text: OnceLock::new(),
            }
        });
        Listing {
            entries: entries.collect(),
            ..Listing::default()
        }
    }

    pub(super) fn paths_of(listing: &Listing) -> Vec<String> {
        let path = |entry: &Entry| format!("{}{}", entry.folder, entry.stem);
        listing.entries.iter().map(path).collect()
    }

    fn read(paths: &[&str]) -> Vec<String> {
        paths_of(&spelt_out(&listing(paths)))
    }

    #[test]
    fn what_undoes_another_file_is_told_by_both_names() {
        for (paths, expected) in [
            (["001_a", "001_a_rollback"], ["001_a", "001_a.down"]),
            (["001_a", "001_rollback"], ["001_a", "001_a.down"]),
            (["001_a-up", "001_a-down"], ["001_a.up", "001_a.down"]),
            (["001_a.UP", "001_a.DOWN"], ["001_a.up", "001_a.down"]),
            (["001.do", "001.undo"], ["001.up", "001.down"]),
            (["1down", "1up"], ["1.down", "1.up"]),
            (["001.do.a", "001.undo.a"], ["001_a.up", "001_a.down"]),
            (["up/001_a", "down/001_a"], ["001_a.up", "001_a.down"]),
            (["001_a", "rollbacks/rollback_001"], ["001_a", "001_a.down"]),
            (["v1/001_a", "v1/undo/001_a"], ["v1/001_a", "v1/001_a.down"]),
            (["001_a", "Down/002_b"], ["001_a", "Down/002_b.down"]),
            (["1/Down", "1/Up"], ["1/Up.down", "1/Up.up"]),
            (
                ["1/migrate", "1/rollback"],
                ["1/migrate.up", "1/migrate.down"],
            ),
            (["1/revert", "1/schema"], ["1/schema.down", "1/schema"]),
            (["1/schema", "2/revert"], ["1/schema", "2/revert.down"]),
            (["001_a_apply", "001_a_backout"], ["001_a.up", "001_a.down"]),
            (
                ["001.downgrade.a", "001.upgrade.a"],
                ["001_a.down", "001_a.up"],
            ),
        ] {
            assert_eq!(read(&paths), expected);
        }
    }

    #[test]
    fn what_goes_forward_stays() {
        let plain = ["001_a", "002_scale_down", "003_set_up", "004_drop_rollback"];
        assert_eq!(read(&plain), plain);
        let plain = ["1/install", "2/upgrade", "3/a", "3/b"];
        assert_eq!(read(&plain), plain);
        let pairs = [
            "001_a.up",
            "001_a.down",
            "002_lock_down.up",
            "002_lock_down.down",
        ];
        assert_eq!(read(&pairs), pairs);
    }
}
