//! Finds the file that an entry of a history is about.

use std::collections::HashMap;

use whimbrel_core::migration::{Kind, Migration};
use whimbrel_core::version::Version;

use super::tool::Entry;

/// What tools write behind a file's name.
const EXTENSIONS: [&str; 7] = ["sql", "js", "ts", "mjs", "cjs", "mts", "cts"];
/// Files that are called after their folder.
const IN_FOLDERS: [&str; 2] = ["migration", "up"];

/// The project's migrations, by all that other tools call them.
pub(super) struct Files<'m> {
    pub(super) migrations: &'m [Migration],
    versions: HashMap<Version, Vec<usize>>,
    /// By the number that a file's name starts with, in layouts where that is not the version.
    numbers: HashMap<Version, Vec<usize>>,
    /// Paths without extensions.
    stems: Vec<String>,
    /// What converted files were called before; empty for others.
    former: Vec<String>,
}

impl<'m> Files<'m> {
    pub(super) fn new(migrations: &'m [Migration]) -> Self {
        let mut files = Self {
            migrations,
            versions: HashMap::new(),
            numbers: HashMap::new(),
            stems: migrations.iter().map(|m| stem(m.file.name())).collect(),
            former: migrations.iter().map(former).collect(),
        };
        for (place, migration) in migrations.iter().enumerate() {
            let list = files.versions.entry(migration.version.clone());
            list.or_default().push(place);
            let before = Version::new(files.former[place].as_str());
            if before != migration.version && !files.former[place].is_empty() {
                files.versions.entry(before).or_default().push(place);
            }
            if migration.kind == Kind::Versioned
                && let Some(number) = number(last(&files.stems[place]))
            {
                files.numbers.entry(number).or_default().push(place);
            }
        }
        files
    }

    /// The place of an entry's migration. Where several would do, none does. A path says most, then
    /// a version; a name alone says little where there is a version that says something else.
    pub(super) fn find(&self, entry: &Entry) -> Option<usize> {
        let names: Vec<_> = entry.names.iter().map(|name| stem(name)).collect();
        let by_path = names.iter().find_map(|name| self.of_path(name));
        by_path.or_else(|| match &entry.version {
            Some(version) => self.of_version(version),
            None => names.iter().find_map(|name| self.of_name(name)),
        })
    }

    fn of_version(&self, text: &str) -> Option<usize> {
        let version = Version::new(text);
        // Some tools take 1.0 for 1.
        let short = Version::new(text.trim_end_matches(".0"));
        self.one(self.versions.get(&version))
            .or_else(|| self.one(self.numbers.get(&version)))
            .or_else(|| self.one(self.versions.get(&short)))
    }

    fn of_path(&self, name: &str) -> Option<usize> {
        let depth = |place: usize| self.stems[place].matches('/').count();
        let found = (0..self.stems.len()).filter(|&at| {
            are_one_path(&self.stems[at], name) || are_one_path(&self.former[at], name)
        });
        let found: Vec<_> = found.collect();
        // Of `deploy/users` and `deploy/app/users`, `users` is the first.
        let least = found.iter().map(|&place| depth(place)).min()?;
        let mut nearest = found.into_iter().filter(|&place| depth(place) == least);
        let first = nearest.next()?;
        nearest.next().is_none().then_some(first)
    }

    fn of_name(&self, name: &str) -> Option<usize> {
        let version = Version::new(name);
        self.one(self.versions.get(&version))
            .or_else(|| {
                self.only(|place| are_one_path(self.migrations[place].version.as_str(), name))
            })
            .or_else(|| self.only(|place| self.migrations[place].name == name))
            .or_else(|| self.only(|place| has_part(last(&self.stems[place]), name)))
    }

    /// The one place; of several, the one that is not a baseline's.
    fn one(&self, places: Option<&Vec<usize>>) -> Option<usize> {
        let places = places?;
        let versioned = |place: &&usize| self.migrations[**place].kind == Kind::Versioned;
        if let [place] = places.as_slice() {
            return Some(*place);
        }
        let mut versioned = places.iter().filter(versioned);
        let first = versioned.next()?;
        versioned.next().is_none().then_some(*first)
    }

    fn only(&self, test: impl Fn(usize) -> bool) -> Option<usize> {
        let mut places = (0..self.migrations.len()).filter(|&place| test(place));
        let first = places.next()?;
        places.next().is_none().then_some(first)
    }
}

/// The version of a file before it was converted.
fn former(migration: &Migration) -> String {
    let converted = migration.directives.converted.as_ref();
    converted.map_or_else(String::new, |one| one.version.to_string())
}

/// The shorter of two paths is the end of the longer one.
pub(super) fn are_one_path(a: &str, b: &str) -> bool {
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short)
            .is_some_and(|front| front.is_empty() || front.ends_with('/'))
    };
    !a.is_empty() && !b.is_empty() && (ends(a, b) || ends(b, a))
}

/// Alembic's `ae1027a6acf_users`, or `002_ae1027a6acf_users`. Short words would be found anywhere.
fn has_part(stem: &str, name: &str) -> bool {
    name.len() >= 8 && format!("_{stem}_").contains(&format!("_{name}_"))
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What a migration without a file is called: as its file would be.
pub(super) fn version_of(entry: &Entry) -> String {
    entry.version.clone().unwrap_or_else(|| stem(entry.label()))
}

/// A path without what every tool leaves out: `a/001_x.up.sql` is `a/001_x`, `a/001_x/up.sql` too.
fn stem(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut stem = path.as_str();
    if let Some((front, extension)) = path.rsplit_once('.')
        && EXTENSIONS.contains(&extension)
    {
        stem = front;
    }
    stem = stem.strip_suffix(".up").unwrap_or(stem);
    if let Some((folder, name)) = stem.rsplit_once('/')
        && IN_FOLDERS.contains(&name)
    {
        stem = folder;
    }
    stem.to_owned()
}

/// The number that a name starts with: `V1_2__x` has 1, `2024-01-02-030405_x` has 20240102030405.
fn number(name: &str) -> Option<Version> {
    let digits = name.trim_start_matches(['V', 'v']);
    let end = digits
        .find(|c: char| !c.is_ascii_digit() && c != '-')
        .unwrap_or(digits.len());
    let number = digits[..end].replace('-', "");
    (!number.is_empty()).then(|| Version::new(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_tools_leave_out() {
        for (path, expected) in [
            ("a/001_x.up.sql", "a/001_x"),
            ("a/001_x/up.sql", "a/001_x"),
            ("a/2024_init/migration.sql", "a/2024_init"),
            ("001_x.js", "001_x"),
            ("v1.2", "v1.2"),
        ] {
            assert_eq!(stem(path), expected);
        }
        assert_eq!(
            number("2024-01-02-030405_x"),
            Some(Version::new("20240102030405"))
        );
        assert_eq!(number("V7__x"), Some(Version::new("7")));
        assert_eq!(number("users"), None);
        assert!(are_one_path(
            "db/changelog.sql::ada:1",
            "changelog.sql::ada:1"
        ));
        assert!(!are_one_path("a/b_users", "users") && !are_one_path("", "users"));
        assert!(has_part("002_ae1027a6acf", "ae1027a6acf") && !has_part("users_1", "1"));
    }
}
