//! The native layout: `001_name.sql`, `20231201_001_name.sql`, `.up.sql`/`.down.sql`, `R__name.sql`.

mod file_name;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};
use whimbrel_sql::Dialect;

use self::file_name::is_backward_date;
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

/// The up scripts of a folder, file by file.
struct Ups<'a> {
    entries: Vec<&'a Entry>,
    /// What was read of them. A file that can't be read counts by its name, and nothing runs.
    migrations: Vec<Migration>,
}

impl Ups<'_> {
    /// What a down script and its up script have in common.
    fn keys(&self) -> impl Iterator<Item = (&Version, &str)> {
        let migrations = self.migrations.iter();
        migrations.map(|migration| (&migration.version, migration.name.as_str()))
    }

    /// In the order of their versions, the repeatable ones last.
    fn sort(&mut self, listing: &Listing) {
        let folder = |entry: &Entry| (entry.root, Version::new(entry.folder.as_str()));
        let order = |a: (&Entry, &Migration), b: (&Entry, &Migration)| {
            let is_late = |migration: &Migration| migration.kind == Kind::Repeatable;
            let mut order = is_late(a.1).cmp(&is_late(b.1));
            if listing.sort_dirs_separately {
                order = order.then_with(|| folder(a.0).cmp(&folder(b.0)));
            }
            order.then_with(|| a.1.version.cmp(&b.1.version))
        };
        let at = |index: usize| (self.entries[index], &self.migrations[index]);
        let steps = 1..self.migrations.len();
        if steps.into_iter().all(|i| order(at(i - 1), at(i)).is_le()) {
            return;
        }
        let entries = std::mem::take(&mut self.entries);
        let migrations = std::mem::take(&mut self.migrations);
        let mut both: Vec<_> = entries.into_iter().zip(migrations).collect();
        both.sort_by(|a, b| order((a.0, &a.1), (b.0, &b.1)));
        (self.entries, self.migrations) = both.into_iter().unzip();
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
    refuse_backward_dates(listing)?;
    let mut errors = Vec::new();
    let is_down = |entry: &&Entry| split_role(&entry.stem).1 == FileRole::Down;
    let (downs, entries): (Vec<_>, Vec<_>) = listing.entries.iter().partition(is_down);
    // Few files have any, and what each gives is to be no larger than it must.
    let problems = Mutex::new(BTreeMap::new());
    let places: Vec<_> = entries.iter().copied().enumerate().collect();
    let migrations = in_parallel(&places, |(place, entry)| {
        let (migration, found) = read_one(listing, entry, dialect, named(entry))?;
        if !found.is_empty() {
            let mut all = problems.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(*place, found);
        }
        Ok(migration)
    });
    let migrations = migrations.into_iter().collect::<Result<Vec<_>, Error>>()?;
    let problems = problems
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let mut ups = Ups {
        entries,
        migrations,
    };
    let mut problems: Vec<_> = problems.into_values().flatten().collect();
    pair_downs(&mut ups, &downs, named, &mut problems);
    for problem in problems {
        if problem.is_error() {
            errors.push(problem);
        } else {
            loaded.warnings.push(problem);
        }
    }
    ups.sort(listing);
    refuse_duplicates(&ups.migrations, &mut errors);
    if errors.is_empty() {
        loaded.migrations = ups.migrations;
        Ok(loaded)
    } else {
        Err(Error::Refused(errors))
    }
}

fn read_one(
    listing: &Listing,
    entry: &Entry,
    dialect: Dialect,
    mut name: FileName,
) -> Result<(Migration, Vec<Diagnostic>), Error> {
    let mut unread = Vec::new();
    let file = match entry.read() {
        Ok(file) => file,
        Err(Error::Refused(problems)) => {
            unread = problems;
            SourceFile::new(entry.path.display().to_string(), "")
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
        directives: parts.directives.shared(),
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
    let mut problems = parts.problems;
    if !unread.is_empty() {
        problems = unread;
    }
    Ok((migration, problems))
}

/// A down script with the version and the name that it undoes.
type Undoing<'a> = (&'a Entry, Version, String);

/// Places of the up scripts that have the same names.
fn by_name(ups: &Ups<'_>, downs: &[Undoing<'_>]) -> Vec<Option<usize>> {
    let places = ups.keys().enumerate().map(|(at, key)| (key, at));
    let places: FxHashMap<_, _> = places.collect();
    let place = |(_, version, name): &Undoing<'_>| places.get(&(version, name.as_str())).copied();
    downs.iter().map(place).collect()
}

/// golang-migrate and sqlx go by the number alone, so names that differ are found there: a down
/// script without a partner is that of the only `.up` file of its number.
fn by_number(ups: &Ups<'_>, downs: &[Undoing<'_>], places: &mut [Option<usize>]) {
    let taken: FxHashSet<usize> = places.iter().copied().flatten().collect();
    let mut numbers: FxHashMap<&Version, Option<usize>> = FxHashMap::default();
    for (at, (version, _)) in ups.keys().enumerate() {
        let pairs = split_role(&ups.entries[at].stem).1 == FileRole::Up;
        let only = Some(at).filter(|at| pairs && !taken.contains(at));
        let same = numbers.entry(version);
        same.and_modify(|seen| *seen = None).or_insert(only);
    }
    for ((_, version, _), place) in downs.iter().zip(places) {
        if place.is_none() {
            *place = numbers.get(version).copied().flatten();
        }
    }
}

fn place_and_name(entry: &Entry) -> (usize, &str, &str) {
    (entry.root, &entry.folder, split_role(&entry.stem).0)
}

/// The places of the up scripts that have the very names of their down scripts, if all have: both lists
/// are in order, and nearly every folder of pairs is nothing else.
fn side_by_side(ups: &Ups<'_>, downs: &[&Entry]) -> Option<Vec<Option<usize>>> {
    let mut ups = ups.entries.iter().enumerate();
    let of = |down: &&Entry| {
        let own = place_and_name(down);
        let places = ups.by_ref();
        let mut places = places.map(|(at, up)| (at, place_and_name(up).cmp(&own)));
        let (at, order) = places.find(|(_, order)| order.is_ge())?;
        order.is_eq().then_some(Some(at))
    };
    downs.iter().map(of).collect()
}

fn pair_downs(
    ups: &mut Ups<'_>,
    downs: &[&Entry],
    named: &dyn Fn(&Entry) -> FileName,
    problems: &mut Vec<Diagnostic>,
) {
    let places = side_by_side(ups, downs).unwrap_or_else(|| {
        let named = downs.iter().map(|entry| (*entry, named(entry)));
        let downs: Vec<_> = named
            .map(|(entry, name)| (entry, Version::new(name.version), name.name))
            .collect();
        let mut places = by_name(ups, &downs);
        if places.contains(&None) {
            by_number(ups, &downs, &mut places);
        }
        places
    });
    let mut alone = Vec::new();
    for (entry, place) in downs.iter().zip(places) {
        let Some(index) = place else {
            alone.push(*entry);
            continue;
        };
        let migration = &mut ups.migrations[index];
        if !matches!(migration.down, Down::None) {
            problems.push(path_error(
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
    let alone = alone.into_iter();
    problems.extend(alone.map(|entry| without_up(entry, &named(entry).name, ups)));
}

/// A down script that is nobody's: the up script was lost. If one of the same name but another
/// number is there, without a down script, somebody mistyped a number; nothing is lost then.
fn without_up(down: &Entry, name: &str, ups: &Ups<'_>) -> Diagnostic {
    let message = "the down script has no up script";
    let mut migrations = ups.migrations.iter();
    let same =
        |migration: &&Migration| migration.name == name && matches!(migration.down, Down::None);
    match migrations.find(same).filter(|_| !name.is_empty()) {
        Some(up) => {
            let message = format!("{message} of its number, and is passed over");
            let warning = Diagnostic::warning("down-without-up", message);
            about_file(warning, &down.path)
                .help(format!("if it undoes {}, give it that number", up.label()))
        }
        None => path_error("down-without-up", message, &down.path)
            .help(format!("expected `{}` beside it", up_name(&down.path))),
    }
}

/// `01-02-2024_users`, of which nothing tells what is the month, would be sorted by its first part.
fn refuse_backward_dates(listing: &Listing) -> Result<(), Error> {
    let [first, _, ..] = listing.entries.as_slice() else {
        return Ok(());
    };
    if !listing
        .entries
        .iter()
        .all(|entry| is_backward_date(&entry.stem))
    {
        return Ok(());
    }
    let message = "these names begin with dates that do not begin with the year: sorted, they would run in another order";
    let help = "begin them with the year and the month, as in `2024-02-01_users.sql`";
    Err(Error::refused(
        path_error("backward-date", message, &first.path).help(help),
    ))
}

fn up_name(down: &Path) -> String {
    let name = down
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    // What says `.rollback` has no `.up` beside it, but the name alone.
    name.replacen(".down.", ".up.", 1)
        .replacen(".rollback.", ".", 1)
}

fn path_error(code: &str, message: &str, path: &Path) -> Diagnostic {
    about_file(Diagnostic::error(code, message), path)
}

/// Points at a file as a whole, unread.
pub(super) fn about_file(diagnostic: Diagnostic, path: &Path) -> Diagnostic {
    let file = SourceFile::new(path.display().to_string(), String::new());
    diagnostic.at(&file, 0..0, "")
}

fn refuse_duplicates(migrations: &[Migration], errors: &mut Vec<Diagnostic>) {
    let mut migrations: Vec<&Migration> = migrations
        .iter()
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
