//! The native layout: `001_name.sql`, `20231201_001_name.sql`, `.up.sql`/`.down.sql`, `R__name.sql`.

mod file_name;

use std::path::Path;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use whimbrel_sql::Dialect;

pub(super) use self::file_name::split_role;
pub use self::file_name::{FileName, FileRole};
use super::layout::{Certainty, Entry, Layout, Listing, Recognised};
use super::programs::{programs_beside, refuse_programs};
use super::{Loaded, header, in_parallel, roles, sections};
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
        load(&roles::spelt_out(listing), dialect, &named)
    }
}

/// An up script that was read.
struct Read<'a> {
    entry: &'a Entry,
    /// Only version and name if it can't be read.
    migration: Result<Migration, (Version, String)>,
    problems: Vec<Diagnostic>,
}

/// Lists of these are built, paired and sorted: ten thousand of them by themselves would be megabytes
/// to move each time.
type Boxed<'a> = Box<Read<'a>>;

impl Read<'_> {
    /// What a down script and its up script have in common.
    fn key(&self) -> (&Version, &str) {
        match &self.migration {
            Ok(migration) => (&migration.version, &migration.name),
            Err((version, name)) => (version, name),
        }
    }

    /// What it is sorted by within its folder: repeatable ones come last.
    fn place(&self) -> (bool, Option<&Version>) {
        let migration = self.migration.as_ref().ok();
        let repeatable = migration.is_some_and(|m| m.kind == Kind::Repeatable);
        (repeatable, migration.map(|m| &m.version))
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
    loaded.warnings.extend(programs_beside(listing));
    let mut errors = Vec::new();
    let is_down = |entry: &&Entry| split_role(&entry.stem).1 == FileRole::Down;
    let (downs, ups): (Vec<_>, Vec<_>) = listing.entries.iter().partition(is_down);
    let reads = in_parallel(&ups, |entry| {
        let read = read_one(listing, entry, dialect, named(entry));
        read.map(Box::new).map_err(Box::new)
    });
    let reads = reads.into_iter().collect::<Result<Vec<Boxed<'_>>, _>>();
    let mut reads = reads.map_err(|error| *error)?;
    for read in &mut reads {
        for problem in read.problems.drain(..) {
            if problem.is_error() {
                errors.push(problem);
            } else {
                loaded.warnings.push(problem);
            }
        }
    }
    let downs = downs.into_iter().map(|entry| (entry, named(entry)));
    pair_downs(&mut reads, downs, &mut errors);
    sort(listing, &mut reads);
    refuse_duplicates(&reads, &mut errors);
    if errors.is_empty() {
        let migrations = reads.into_iter().filter_map(|read| read.migration.ok());
        loaded.migrations = migrations.collect();
        Ok(loaded)
    } else {
        Err(Error::Refused(errors))
    }
}

fn read_one<'a>(
    listing: &Listing,
    entry: &'a Entry,
    dialect: Dialect,
    mut name: FileName,
) -> Result<Read<'a>, Error> {
    let file = match entry.read() {
        Ok(file) => file,
        Err(Error::Refused(problems)) => {
            return Ok(Read {
                entry,
                migration: Err((Version::new(name.version), name.name)),
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
            let problem = header::version_differs(&file, header, &name.version);
            if !problem.is_error() {
                parts.directives.version = None;
            }
            parts.problems.push(problem);
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
        version: Version::new(name.version),
        name: name.name,
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
        verify: None,
        transactions: Transactions::default(),
        down_transaction: None,
        reader: sections::read,
        substitute: None,
    };
    Ok(Read {
        entry,
        migration: Ok(migration),
        problems: parts.problems,
    })
}

/// A down script with the version and the name that it undoes.
type Undoing<'a> = (&'a Entry, Version, String);

/// Places of the up scripts that have the same names.
fn by_name(reads: &[Boxed<'_>], downs: &[Undoing<'_>]) -> Vec<Option<usize>> {
    let mut ups = FxHashMap::default();
    if !downs.is_empty() {
        ups.extend(reads.iter().enumerate().map(|(at, up)| (up.key(), at)));
    }
    let place = |(_, version, name): &Undoing<'_>| ups.get(&(version, name.as_str())).copied();
    downs.iter().map(place).collect()
}

/// golang-migrate and sqlx go by the number alone, so names that differ are found there: a down
/// script without a partner is that of the only `.up` file of its number.
fn by_number(reads: &[Boxed<'_>], downs: &[Undoing<'_>], places: &mut [Option<usize>]) {
    let taken: FxHashSet<usize> = places.iter().copied().flatten().collect();
    let mut numbers: FxHashMap<&Version, Option<usize>> = FxHashMap::default();
    for (at, up) in reads.iter().enumerate() {
        let pairs = split_role(&up.entry.stem).1 == FileRole::Up;
        let only = Some(at).filter(|at| pairs && !taken.contains(at));
        let same = numbers.entry(up.key().0);
        same.and_modify(|seen| *seen = None).or_insert(only);
    }
    for ((_, version, _), place) in downs.iter().zip(places) {
        if place.is_none() {
            *place = numbers.get(version).copied().flatten();
        }
    }
}

fn pair_downs<'a>(
    reads: &mut [Boxed<'_>],
    downs: impl Iterator<Item = (&'a Entry, FileName)>,
    errors: &mut Vec<Diagnostic>,
) {
    let downs: Vec<_> = downs
        .map(|(entry, name)| (entry, Version::new(name.version), name.name))
        .collect();
    let mut places = by_name(reads, &downs);
    if places.contains(&None) {
        by_number(reads, &downs, &mut places);
    }
    for ((entry, ..), place) in downs.into_iter().zip(places) {
        let Some(index) = place else {
            errors.push(
                path_error(
                    "down-without-up",
                    "the down script has no up script",
                    &entry.path,
                )
                .help(format!("expected `{}` beside it", up_name(&entry.path))),
            );
            continue;
        };
        let Ok(migration) = &mut reads[index].migration else {
            continue;
        };
        if !matches!(migration.down, Down::None) {
            errors.push(path_error(
                "two-rollbacks",
                "the migration has another rollback in its own file",
                &entry.path,
            ));
        }
        migration.down = match entry.text.get() {
            Some(file) => Down::Script(Script::whole(Arc::clone(file))),
            None => Down::File(entry.path.clone()),
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

fn sort(listing: &Listing, reads: &mut [Boxed<'_>]) {
    let folder = |read: &Read<'_>| (read.entry.root, Version::new(read.entry.folder.as_str()));
    reads.sort_by(|a, b| {
        let ((a_late, a_version), (b_late, b_version)) = (a.place(), b.place());
        let mut order = a_late.cmp(&b_late);
        if listing.sort_dirs_separately {
            order = order.then_with(|| folder(a).cmp(&folder(b)));
        }
        order.then_with(|| a_version.cmp(&b_version))
    });
}

fn refuse_duplicates(reads: &[Boxed<'_>], errors: &mut Vec<Diagnostic>) {
    let mut migrations: Vec<&Migration> = reads
        .iter()
        .filter_map(|read| read.migration.as_ref().ok())
        .filter(|migration| !migration.version.as_str().is_empty())
        .collect();
    migrations.sort_by(|a, b| a.version.cmp(&b.version));
    for pair in migrations.windows(2) {
        if let [first, migration] = pair
            && first.version == migration.version
        {
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
                .help("give one of them the next free number; if one undoes the other, end its name in `.down`; if in your tool the whole name is the version, say `--layout by-name`"),
            );
        }
    }
}
