//! What converted files are called.

use std::collections::HashSet;

use crate::migration::{Kind, Migration};
use crate::source::{FileName, FileRole};
use crate::version::Version;

/// A migration's new name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewName {
    pub(super) version: Version,
    /// The file's name without `.up` and extension.
    pub(super) stem: String,
}

/// Versions stay as they are if the native layout reads them from a file's name in the same order;
/// else the number that each begins with, if that tells them apart; else they are counted.
pub(super) fn of(migrations: &[Migration]) -> Vec<NewName> {
    let counted = |index: usize, _: &Migration| format!("{:04}", index + 1);
    let ways: [Way<'_>; 3] = [
        &|_, migration| migration.version.to_string(),
        &|_, migration| FileName::parse(migration.version.as_str()).version,
        &counted,
    ];
    let mut names = Vec::new();
    for way in ways {
        names = named(migrations, way);
        if is_ordered(migrations, &names) {
            break;
        }
    }
    names
}

/// The version of a migration by its place and itself.
type Way<'a> = &'a dyn Fn(usize, &Migration) -> String;

fn named(migrations: &[Migration], way: Way<'_>) -> Vec<NewName> {
    let mut versioned = 0;
    let mut repeatables = Repeatables::of(migrations);
    let name = |migration: &Migration| {
        if migration.kind == Kind::Repeatable {
            return repeatables.next(migration);
        }
        let version = way(versioned, migration);
        versioned += 1;
        let name = plain(of_version(migration));
        let stem = if name.is_empty() {
            version.clone()
        } else {
            format!("{version}_{name}")
        };
        NewName {
            version: Version::new(version),
            stem,
        }
    };
    migrations.iter().map(name).collect()
}

/// The name, without the version where a layout has both in one.
fn of_version(migration: &Migration) -> &str {
    let (name, version) = (migration.name.as_str(), migration.version.as_str());
    let own = if name.is_empty() && !version.starts_with(|c: char| c.is_ascii_digit()) {
        version
    } else {
        name
    };
    let parsed = FileName::parse(own);
    let rest = own.len() - parsed.name.len();
    if parsed.role == FileRole::Single && !parsed.version.is_empty() && !parsed.repeatable {
        &own[rest..]
    } else {
        own
    }
}

/// What every file system takes, and nothing that the native layout reads something into.
fn plain(name: &str) -> String {
    let plain = |c: char| {
        if c.is_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let text: String = name.chars().map(plain).collect();
    text.trim_matches(['_', '-']).to_owned()
}

fn is_ordered(migrations: &[Migration], names: &[NewName]) -> bool {
    let versioned = migrations
        .iter()
        .zip(names)
        .filter(|(migration, _)| migration.kind != Kind::Repeatable)
        .map(|(_, name)| name);
    let mut last: Option<&Version> = None;
    for name in versioned {
        let parsed = FileName::parse(&name.stem);
        let is_read = parsed.version == name.version.as_str()
            && parsed.role == FileRole::Single
            && !parsed.repeatable
            && name
                .version
                .as_str()
                .starts_with(|c: char| c.is_ascii_digit());
        if !is_read || last.is_some_and(|last| *last >= name.version) {
            return false;
        }
        last = Some(&name.version);
    }
    true
}

/// Names of repeatable ones, which are their versions; numbered where their order asks for it.
struct Repeatables {
    numbered: bool,
    count: usize,
}

impl Repeatables {
    fn of(migrations: &[Migration]) -> Self {
        let all = migrations.iter().filter(|m| m.kind == Kind::Repeatable);
        let versions: Vec<_> = all.map(|m| Version::new(repeatable(m))).collect();
        let distinct: HashSet<_> = versions.iter().collect();
        Self {
            numbered: distinct.len() < versions.len() || !versions.is_sorted(),
            count: 0,
        }
    }

    fn next(&mut self, migration: &Migration) -> NewName {
        self.count += 1;
        let mut stem = repeatable(migration);
        if self.numbered {
            stem = stem.replacen("R__", &format!("R__{:03}_", self.count), 1);
        }
        NewName {
            version: Version::new(stem.as_str()),
            stem,
        }
    }
}

fn repeatable(migration: &Migration) -> String {
    let name = match migration.name.as_str() {
        "" => migration.version.as_str(),
        name => name,
    };
    format!("R__{}", plain(name.trim_start_matches("R__")))
}
