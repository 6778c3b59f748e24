//! Prisma: `20230101000000_name/migration.sql` and `migration_lock.toml`.

use std::collections::HashSet;

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::migration::Transactions;
use whimbrel_core::source::{Blank, Certainty, Entry, Layout, Listing, Loaded, Recognised};
use whimbrel_sql::Dialect;

use super::files::{Found, Problems, Rules, folder_of, is_numbered, load};
use super::pairs::by_text;
use super::several::refuse_several;

const LOCK_HELP: &str = "resolve what is in conflict there; it holds one line, such as `provider = \"postgresql\"`, the datasource's";

/// The layout of Prisma.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prisma;

impl Layout for Prisma {
    fn name(&self) -> &'static str {
        "prisma"
    }

    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        if lock_file(listing).is_some() {
            let reason = "`migration_lock.toml`";
            return Some(Recognised::new(Certainty::Certain, reason));
        }
        // drizzle-kit keeps a snapshot beside each of its files of that name.
        if listing.others.iter().any(is_snapshot) {
            return None;
        }
        let entry = listing.entries.iter().find(|entry| is_migration(entry))?;
        let reason = format!("folders with `migration.sql`, such as {}", entry.folder);
        Some(Recognised::new(Certainty::Certain, reason))
    }

    /// The folder's name is the version, in the order of texts. Each file goes to the server as it
    /// is. A `down.sql` beside it is what Prisma's manual says to undo it with by hand.
    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        check_provider(listing, dialect, &mut problems)?;
        refuse_lost(listing, &mut problems);
        let migrations = listing.entries.iter().filter(|entry| is_migration(entry));
        refuse_several(migrations, &mut problems);
        let mut found = Vec::new();
        for entry in &listing.entries {
            if is_migration(entry) {
                let folder = folder_of(entry).unwrap_or_default();
                let same =
                    |other: &&Entry| (other.root, &other.folder) == (entry.root, &entry.folder);
                let beside = listing.entries.iter().filter(same);
                let down = beside.into_iter().find(|other| other.stem == "down");
                let name = folder.split_once('_').map_or("", |(_, name)| name);
                found.push(Found::new(folder, name, entry, down));
            } else if entry.stem != "down" {
                problems.stray(
                    entry,
                    "this is not a `migration.sql` in a folder of its own",
                );
            }
        }
        by_text(&mut found);
        load(
            listing,
            dialect,
            &found,
            &Rules::plain(Transactions::Bare),
            problems,
        )
    }

    fn blank(&self, _: &Listing, version: &str, name: &str) -> Option<Vec<Blank>> {
        let file = format!("{version}_{name}/migration.sql");
        Some(vec![(file, String::new())])
    }
}

/// A migration's folder whose file is gone. Passed over, it would be missed only where its table is.
fn refuse_lost(listing: &Listing, problems: &mut Problems) {
    let place = |entry: &Entry| (entry.root, entry.folder.clone());
    let migrations = listing.entries.iter().filter(|entry| is_migration(entry));
    let mut seen: HashSet<_> = migrations.map(place).collect();
    let files = listing.entries.iter().chain(&listing.others);
    for entry in files.filter(|entry| is_numbered(&entry.folder)) {
        if seen.insert(place(entry)) {
            let message = "there is no `migration.sql` beside this file";
            let help = "Prisma refuses this as well: get the file back, or remove the folder";
            problems.error(entry, "missing-file", message, help);
        }
    }
}

pub(super) fn is_migration(entry: &Entry) -> bool {
    entry.stem == "migration" && folder_of(entry).is_some()
}

pub(super) fn is_snapshot(entry: &Entry) -> bool {
    entry.stem == "snapshot" && entry.extension == "json"
}

fn lock_file(listing: &Listing) -> Option<&Entry> {
    let is_lock = |entry: &&Entry| entry.stem == "migration_lock" && entry.extension == "toml";
    listing.others.iter().find(is_lock)
}

/// The lock file names the engine that the files were made for. Without a name Prisma refuses the
/// folder. In a merge conflict it takes the first name that it finds; of two names, nobody knows
/// which is right.
fn check_provider(
    listing: &Listing,
    dialect: Dialect,
    problems: &mut Problems,
) -> Result<(), Error> {
    let Some(lock) = lock_file(listing) else {
        return Ok(());
    };
    let file = lock.read()?;
    let table = match file.text().parse::<toml::Table>() {
        Ok(table) => table,
        Err(error) => {
            let problem = Diagnostic::error("lock-file", "the lock file is not TOML")
                .at(&file, error.span().unwrap_or_default(), "")
                .help(LOCK_HELP);
            problems.errors.push(problem);
            return Ok(());
        }
    };
    let Some(provider) = table.get("provider").and_then(toml::Value::as_str) else {
        let message = "the lock file names no provider, which Prisma refuses as well";
        problems.error(lock, "lock-file", message, LOCK_HELP);
        return Ok(());
    };
    let fits = match dialect {
        Dialect::Postgres => matches!(provider, "postgresql" | "postgres" | "cockroachdb"),
        Dialect::Mysql => provider == "mysql",
        Dialect::Sqlite => provider == "sqlite",
    };
    if !fits {
        problems.other_provider(lock, provider);
    }
    Ok(())
}
