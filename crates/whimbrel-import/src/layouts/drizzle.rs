//! drizzle-kit: `meta/_journal.json` says which files there are, in which order.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;
use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::migration::{Reading, Transactions};
use whimbrel_core::source::{Certainty, Entry, Layout, Listing, Loaded, Recognised};
use whimbrel_core::text::{Script, SourceFile};
use whimbrel_sql::Dialect;

use super::files::{Found, Problems, Rules, folder_of, load};
use super::pairs::by_text;
use super::prisma::{is_migration, is_snapshot};
use super::session;
use super::several::refuse_several;

const BREAKPOINT: &str = "--> statement-breakpoint";

/// The layout of drizzle-kit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drizzle;

#[derive(Deserialize)]
struct Journal {
    #[serde(default)]
    dialect: String,
    entries: Vec<Tag>,
}

impl Journal {
    /// False if it says another engine than the database's. SQLite would take most of what was
    /// written for another one.
    fn is_for(&self, dialect: Dialect) -> bool {
        match self.dialect.as_str() {
            "postgresql" | "pg" => dialect == Dialect::Postgres,
            "mysql" => dialect == Dialect::Mysql,
            "sqlite" | "turso" => dialect == Dialect::Sqlite,
            _ => true,
        }
    }
}

#[derive(Deserialize)]
struct Tag {
    tag: String,
}

impl Layout for Drizzle {
    fn name(&self) -> &'static str {
        "drizzle"
    }

    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let reason = if journals(listing).next().is_some() {
            "`meta/_journal.json`"
        } else if listing.others.iter().any(is_snapshot) && listing.entries.iter().any(is_migration)
        {
            "folders with `migration.sql` and `snapshot.json`"
        } else {
            return None;
        };
        Some(Recognised::new(Certainty::Certain, reason))
    }

    fn without_blank(&self) -> &'static str {
        "its journal and snapshot come from the schema in TypeScript; `drizzle-kit generate`, or `drizzle-kit generate --custom` for an empty file"
    }

    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let mut found = Vec::new();
        let mut listed: HashSet<(usize, &str, &str)> = HashSet::new();
        let journals: Vec<_> = journals(listing).collect();
        refuse_several(journals.iter().copied(), &mut problems);
        for journal in &journals {
            let base = journal.folder.strip_suffix("meta/").unwrap_or_default();
            let read = read_journal(journal)?;
            if !read.is_for(dialect) {
                problems.other_provider(journal, &read.dialect);
            }
            for Tag { tag } in read.entries {
                let this = |entry: &&Entry| {
                    (entry.root, entry.folder.as_str()) == (journal.root, base) && entry.stem == tag
                };
                let Some(entry) = listing.entries.iter().find(this) else {
                    let message =
                        format!("the journal lists {tag}, but there is no {base}{tag}.sql");
                    let help = "get the file back, or take the entry out of the journal";
                    problems.error(journal, "missing-file", &message, help);
                    continue;
                };
                listed.insert((entry.root, &entry.folder, &entry.stem));
                let name = tag.split_once('_').map_or("", |(_, name)| name);
                found.push(Found::new(tag.as_str(), name, entry, None));
            }
        }
        if journals.is_empty() {
            let migrations = listing.entries.iter().filter(|entry| is_migration(entry));
            refuse_several(migrations, &mut problems);
            found = by_folder(listing, &mut listed);
        }
        for entry in &listing.entries {
            if !listed.contains(&(entry.root, &entry.folder, &entry.stem)) {
                problems.stray(entry, "the journal does not list this file");
            }
        }
        let rules = Rules {
            reader: read,
            settings: session::drizzle(dialect),
            ..Rules::plain(Transactions::Wrapped)
        };
        load(listing, dialect, &found, &rules, problems)
    }
}

fn journals(listing: &Listing) -> impl Iterator<Item = &Entry> {
    let is_journal = |entry: &&Entry| {
        entry.stem == "_journal" && entry.extension == "json" && folder_of(entry) == Some("meta")
    };
    listing.others.iter().filter(is_journal)
}

/// The names of the files, in the journal's order.
fn read_journal(journal: &Entry) -> Result<Journal, Error> {
    let file = journal.read()?;
    match serde_json::from_str(file.text()) {
        Ok(journal) => Ok(journal),
        Err(error) => {
            let mut before = file.text().split_inclusive('\n');
            let lines = before.by_ref().take(error.line().saturating_sub(1));
            let at: usize = lines.map(str::len).sum();
            let message =
                "the journal can't be read: it is not JSON with `entries` and their `tag`";
            Err(Error::refused(Diagnostic::error("journal", message).at(
                &file,
                at..at,
                "",
            )))
        }
    }
}

/// Without a journal each migration is a folder, in the order of their names.
fn by_folder<'a>(
    listing: &'a Listing,
    listed: &mut HashSet<(usize, &'a str, &'a str)>,
) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    for entry in listing.entries.iter().filter(|entry| is_migration(entry)) {
        listed.insert((entry.root, &entry.folder, &entry.stem));
        let folder = folder_of(entry).unwrap_or_default();
        let name = folder.split_once('_').map_or("", |(_, name)| name);
        found.push(Found::new(folder, name, entry, None));
    }
    by_text(&mut found);
    found
}

/// A breakpoint ends a statement, with or without a semicolon before it; MySQL would not even take
/// it for a comment.
fn read(file: &Arc<SourceFile>, dialect: Dialect) -> Reading {
    let mut reading = Reading::whole(file, dialect);
    let text = file.text();
    if text.contains(BREAKPOINT) {
        let mut script = Script::build(Arc::clone(file));
        let mut done = 0;
        for (at, mark) in text.match_indices(BREAKPOINT) {
            script.copy(done..at).put("\n;", at);
            done = at + mark.len();
        }
        script.copy(done..text.len());
        reading.up = script.finish();
    }
    reading
}
