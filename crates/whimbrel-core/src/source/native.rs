//! The native layout: `001_name.sql`, `20231201_001_name.sql`, `.up.sql`/`.down.sql`, `R__name.sql`.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use whimbrel_sql::Dialect;

use super::layout::{Certainty, Entry, Layout, Listing, Recognised};
use super::programs::refuse_programs;
use super::spelling::spelt;
use super::{Loaded, in_parallel, sections};
use crate::checksum::Checksum;
use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::migration::{Down, Kind, Migration, Transactions};
use crate::text::{Script, SourceFile};
use crate::version::Version;

/// What a file of this layout is called.
pub(super) const NAMING_HELP: &str = "name files like `001_create_users.sql`, `20241201120000_create_users.sql`, `20231201_001_create_users.sql`, a pair `001_create_users.up.sql` and `.down.sql`, or `R__active_users.sql` for a repeatable one";

/// The native layout.
#[derive(Clone, Copy, Debug)]
pub struct Native;

/// What a file's name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    /// The version's text; empty if the name has none.
    pub version: String,
    /// What follows it.
    pub name: String,
    /// Which script the file holds.
    pub role: FileRole,
    /// `R__`.
    pub repeatable: bool,
}

/// Which script a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRole {
    /// Up, and down in a rollback section.
    Single,
    /// `.up`
    Up,
    /// `.down`
    Down,
}

impl FileName {
    /// Reads a file's name without its extension.
    pub fn parse(stem: &str) -> Self {
        let (rest, role) = split_role(stem);
        if let Some(name) = rest.strip_prefix("R__") {
            return Self {
                version: rest.to_owned(),
                name: name.to_owned(),
                role,
                repeatable: !name.is_empty(),
            };
        }
        let end = version_end(rest);
        let name = rest[end..].trim_start_matches(['_', '-', '.', ' ']);
        Self {
            version: rest[..end].to_owned(),
            name: name.to_owned(),
            role,
            repeatable: false,
        }
    }
}

/// Takes `.up` or `.down` off a stem. yoyo says `.rollback`, and a rollback must never pass for a
/// migration.
pub(super) fn split_role(stem: &str) -> (&str, FileRole) {
    if let Some(rest) = stem.strip_suffix(".up") {
        (rest, FileRole::Up)
    } else if let Some(rest) = stem
        .strip_suffix(".down")
        .or_else(|| stem.strip_suffix(".rollback"))
    {
        (rest, FileRole::Down)
    } else {
        (stem, FileRole::Single)
    }
}

/// Where the version ends: after the first group of digits, after further groups behind dots, and
/// after the number that follows a date (`20231201_001`).
fn version_end(text: &str) -> usize {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut end = digits(0);
    if end == 0 {
        return 0;
    }
    let date = end == 8;
    while text[end..].starts_with('.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    let number = text[end..]
        .strip_prefix(['_', '-'])
        .map_or(0, |_| digits(end + 1));
    let after = end + 1 + number;
    let ends_there = || matches!(text.as_bytes().get(after), None | Some(b'_' | b'-' | b'.'));
    if date && (1..=6).contains(&number) && ends_there() {
        end = after;
    }
    end
}

impl Layout for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let reason = if listing.entries.is_empty() {
            "the folder is empty"
        } else {
            "numbers at the start of the names"
        };
        Some(Recognised::new(Certainty::Fallback, reason))
    }

    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        refuse_programs(listing)?;
        let named = |entry: &Entry| FileName::parse(&entry.stem);
        load(&spelt(listing), dialect, &named)
    }
}

struct Read<'a> {
    entry: &'a Entry,
    name: FileName,
    version: Version,
    migration: Option<Migration>,
    problems: Vec<Diagnostic>,
}

impl Read<'_> {
    /// What a down script and its up script have in common.
    fn key(&self) -> (&Version, &str) {
        (&self.version, &self.name.name)
    }
}

/// Loads a listing whose files are named as `named` says. Shared by the layouts that differ only
/// in how a name is read.
pub(super) fn load(
    listing: &Listing,
    dialect: Dialect,
    named: &(dyn Fn(&Entry) -> FileName + Sync),
) -> Result<Loaded, Error> {
    let mut loaded = Loaded::default();
    let mut errors = Vec::new();
    let mut reads = Vec::new();
    let mut downs = Vec::new();
    for read in read_all(listing, dialect, named)? {
        if read.name.role == FileRole::Down {
            downs.push(read);
        } else {
            reads.push(read);
        }
    }
    for read in &mut reads {
        for problem in read.problems.drain(..) {
            if problem.is_error() {
                errors.push(problem);
            } else {
                loaded.warnings.push(problem);
            }
        }
    }
    pair_downs(&mut reads, downs, &mut errors);
    sort(listing, &mut reads);
    refuse_duplicates(&reads, &mut errors);
    if errors.is_empty() {
        loaded.migrations = reads
            .into_iter()
            .filter_map(|read| read.migration)
            .collect();
        Ok(loaded)
    } else {
        Err(Error::Refused(errors))
    }
}

fn read_all<'a>(
    listing: &'a Listing,
    dialect: Dialect,
    named: &(dyn Fn(&Entry) -> FileName + Sync),
) -> Result<Vec<Read<'a>>, Error> {
    let read = |entry: &'a Entry| read_one(listing, entry, dialect, named(entry));
    in_parallel(&listing.entries, read).into_iter().collect()
}

fn read_one<'a>(
    listing: &Listing,
    entry: &'a Entry,
    dialect: Dialect,
    mut name: FileName,
) -> Result<Read<'a>, Error> {
    if name.role == FileRole::Down {
        return Ok(Read {
            entry,
            version: Version::new(name.version.as_str()),
            name,
            migration: None,
            problems: Vec::new(),
        });
    }
    let file = match entry.read() {
        Ok(file) => file,
        Err(Error::Refused(problems)) => {
            return Ok(Read {
                entry,
                version: Version::new(name.version.as_str()),
                name,
                migration: None,
                problems,
            });
        }
        Err(error) => return Err(error),
    };
    let mut parts = sections::read(&file, dialect);
    if let Some(header) = &parts.directives.version {
        if name.version.is_empty() {
            name.version.clone_from(header);
        } else if Version::new(header.as_str()) != Version::new(name.version.as_str()) {
            parts
                .problems
                .push(version_differs(&file, header, &name.version));
        }
    }
    if name.version.is_empty() {
        parts.problems.push(
            Diagnostic::error("no-version", "the file's name has no version")
                .at(&file, 0..0, "")
                .help(NAMING_HELP),
        );
    }
    if name.role == FileRole::Up && parts.down.is_some() {
        parts.problems.push(
            Diagnostic::error("two-rollbacks", "an `.up` file has no rollback of its own")
                .at(&file, 0..0, "")
                .help(
                    "put it into the `.down` file beside it, or take `.up` out of this file's name",
                ),
        );
    }
    let migration = Migration {
        source: Arc::clone(&listing.source),
        version: Version::new(name.version.as_str()),
        name: name.name.clone(),
        kind: if name.repeatable {
            Kind::Repeatable
        } else {
            Kind::Versioned
        },
        directives: parts.directives,
        checksum: Checksum::of(file.text()),
        file,
        up: parts.up,
        down: parts.down.map_or(Down::None, Down::Script),
        transactions: Transactions::default(),
        down_transaction: None,
        reader: sections::read,
        substitute: None,
    };
    Ok(Read {
        entry,
        version: migration.version.clone(),
        name,
        migration: Some(migration),
        problems: parts.problems,
    })
}

fn version_differs(file: &Arc<SourceFile>, header: &str, name: &str) -> Diagnostic {
    let at = file.text().find(header).unwrap_or(0);
    Diagnostic::error(
        "version-differs",
        format!("the header says version {header}, the file's name says {name}"),
    )
    .at(file, at..at + header.len(), "")
    .help("make them agree, or leave the header out")
}

fn pair_downs(reads: &mut [Read<'_>], downs: Vec<Read<'_>>, errors: &mut Vec<Diagnostic>) {
    let places: Vec<Option<usize>> = {
        let mut ups = HashMap::new();
        // golang-migrate and sqlx go by the number alone, so names that differ are found there.
        let mut numbers: HashMap<&Version, Option<usize>> = HashMap::new();
        if !downs.is_empty() {
            for (at, up) in reads.iter().enumerate() {
                ups.insert(up.key(), at);
                let only = |seen: &mut Option<usize>| *seen = None;
                let paired = Some(at).filter(|_| up.name.role == FileRole::Up);
                numbers
                    .entry(&up.version)
                    .and_modify(only)
                    .or_insert(paired);
            }
        }
        let named: HashSet<_> = downs.iter().map(Read::key).collect();
        let by_number = |down: &Read<'_>| {
            let at = numbers.get(&down.version).copied().flatten()?;
            (!named.contains(&reads[at].key())).then_some(at)
        };
        downs
            .iter()
            .map(|down| ups.get(&down.key()).copied().or_else(|| by_number(down)))
            .collect()
    };
    for (down, place) in downs.into_iter().zip(places) {
        let Some(index) = place else {
            errors.push(
                path_error(
                    "down-without-up",
                    "the down script has no up script",
                    &down.entry.path,
                )
                .help(format!(
                    "expected `{}` beside it",
                    up_name(&down.entry.path)
                )),
            );
            continue;
        };
        let Some(migration) = &mut reads[index].migration else {
            continue;
        };
        if !matches!(migration.down, Down::None) {
            errors.push(path_error(
                "two-rollbacks",
                "the migration has another rollback in its own file",
                &down.entry.path,
            ));
        }
        migration.down = match down.entry.text.get() {
            Some(file) => Down::Script(Script::whole(Arc::clone(file))),
            None => Down::File(down.entry.path.clone()),
        };
    }
}

fn up_name(down: &Path) -> String {
    let name = down
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    name.replacen(".down.", ".up.", 1)
}

fn path_error(code: &str, message: &str, path: &Path) -> Diagnostic {
    about_file(Diagnostic::error(code, message), path)
}

/// Points at a file as a whole, unread.
pub(super) fn about_file(diagnostic: Diagnostic, path: &Path) -> Diagnostic {
    let file = SourceFile::new(path.display().to_string(), String::new());
    diagnostic.at(&file, 0..0, "")
}

fn sort(listing: &Listing, reads: &mut [Read<'_>]) {
    let key = |read: &Read<'_>| {
        let migration = read.migration.as_ref();
        (
            migration.is_some_and(|m| m.kind == Kind::Repeatable),
            listing
                .sort_dirs_separately
                .then(|| (read.entry.root, Version::new(read.entry.folder.as_str()))),
            migration.map(|m| m.version.clone()),
        )
    };
    reads.sort_by_cached_key(key);
}

fn refuse_duplicates(reads: &[Read<'_>], errors: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&Version, &Migration> = HashMap::new();
    for migration in reads.iter().filter_map(|read| read.migration.as_ref()) {
        if migration.version.as_str().is_empty() {
            continue;
        }
        if let Some(first) = seen.insert(&migration.version, migration) {
            errors.push(
                Diagnostic::error(
                    "duplicate-version",
                    format!(
                        "version {} is in two files: {} and {}",
                        first.version,
                        first.file.name(),
                        migration.file.name()
                    ),
                )
                .at(&migration.file, 0..0, "")
                .help("give one of them the next free number; if in your tool the whole name is the version, say `--layout by-name`"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let table = [
            ("001_create_users", "001", "create_users", FileRole::Single),
            (
                "20241201120000_initial_schema",
                "20241201120000",
                "initial_schema",
                FileRole::Single,
            ),
            (
                "20231201_001_create_users",
                "20231201_001",
                "create_users",
                FileRole::Single,
            ),
            (
                "20231201-2-create",
                "20231201-2",
                "create",
                FileRole::Single,
            ),
            (
                "20241202093000_add_users.up",
                "20241202093000",
                "add_users",
                FileRole::Up,
            ),
            ("7.down", "7", "", FileRole::Down),
            ("0001.members.rollback", "0001", "members", FileRole::Down),
            ("1.2.3_x", "1.2.3", "x", FileRole::Single),
            ("005_2024_sales", "005", "2024_sales", FileRole::Single),
            ("20240101_2fa", "20240101", "2fa", FileRole::Single),
            ("3-dashes", "3", "dashes", FileRole::Single),
            ("12", "12", "", FileRole::Single),
            ("create_users", "", "create_users", FileRole::Single),
        ];
        for (stem, version, name, role) in table {
            let parsed = FileName::parse(stem);
            assert_eq!(
                (parsed.version.as_str(), parsed.name.as_str(), parsed.role),
                (version, name, role),
                "{stem}"
            );
        }
        let repeatable = FileName::parse("R__active_users_view");
        assert!(repeatable.repeatable);
        assert_eq!(repeatable.name, "active_users_view");
    }
}
