//! diesel: `2023-01-01-000000_name/up.sql`, `down.sql`, `metadata.toml`.

use std::collections::BTreeMap;

use whimbrel_core::Error;
use whimbrel_core::migration::Transactions;
use whimbrel_core::source::{Blank, Certainty, Entry, Layout, Listing, Loaded, Recognised};
use whimbrel_sql::Dialect;

use super::files::{Found, Problems, Rules, folder_of, is_numbered, load};
use super::pairs::by_text;
use super::session;
use super::several::refuse_several;

/// The layout of diesel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Diesel;

impl Layout for Diesel {
    fn name(&self) -> &'static str {
        "diesel"
    }

    /// The tool takes any name for a version; where none begins with a digit, the folders are more
    /// likely of somebody's own making, and not in the order of texts.
    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let numbered = |folder: &str| folder.starts_with(|c: char| c.is_ascii_digit());
        let is_up = |entry: &&Entry| entry.stem == "up" && folder_of(entry).is_some_and(numbered);
        let entry = listing.entries.iter().find(is_up)?;
        let reason = format!("folders with `up.sql`, such as {}", entry.folder);
        Some(Recognised::new(Certainty::Certain, reason))
    }

    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let mut folders: BTreeMap<(usize, &str), Folder<'_>> = BTreeMap::new();
        for entry in listing.entries.iter().chain(&listing.others) {
            let folder = folders.entry((entry.root, entry.folder.as_str()));
            match (entry.stem.as_str(), &*entry.extension) {
                ("up", "sql") => folder.or_default().up = Some(entry),
                ("down", "sql") => folder.or_default().down = Some(entry),
                ("metadata", "toml") => folder.or_default().metadata = Some(entry),
                (_, "sql") => problems.stray(entry, "this is neither `up.sql` nor `down.sql`"),
                _ if is_numbered(&entry.folder) => {
                    folder.or_default().other.get_or_insert(entry);
                }
                _ => {}
            }
        }
        refuse_several(
            folders.values().filter_map(|folder| folder.up),
            &mut problems,
        );
        let mut found = Vec::new();
        for folder in folders.values() {
            found.extend(folder.found(&mut problems)?);
        }
        by_text(&mut found);
        let rules = Rules {
            settings: session::diesel(dialect),
            ..Rules::plain(Transactions::Wrapped)
        };
        load(listing, dialect, &found, &rules, problems)
    }

    fn blank(&self, _: &Listing, version: &str, name: &str) -> Option<Vec<Blank>> {
        // The digits of a time, as diesel writes them.
        let spelt = match version.len() {
            14 => format!(
                "{}-{}-{}-{}",
                &version[..4],
                &version[4..6],
                &version[6..8],
                &version[8..]
            ),
            _ => version.to_owned(),
        };
        let file = |part: &str| (format!("{spelt}_{name}/{part}.sql"), String::new());
        Some(vec![file("up"), file("down")])
    }
}

#[derive(Default)]
struct Folder<'a> {
    up: Option<&'a Entry>,
    down: Option<&'a Entry>,
    metadata: Option<&'a Entry>,
    /// Something else that lies there.
    other: Option<&'a Entry>,
}

impl<'a> Folder<'a> {
    fn found(&self, problems: &mut Problems) -> Result<Option<Found<'a>>, Error> {
        let Some(up) = self.up else {
            if let Some(beside) = self.down.or(self.metadata).or(self.other) {
                let help = "diesel refuses this as well, for every folder has an `up.sql`: get it back, or remove the folder";
                problems.error(
                    beside,
                    "no-up",
                    "there is no `up.sql` beside this file",
                    help,
                );
            }
            return Ok(None);
        };
        let folder = folder_of(up).unwrap_or_default();
        let (version, name) = folder.split_once('_').unwrap_or((folder, ""));
        let version = version.replace('-', "");
        if version.is_empty() {
            let help = "a folder is called `2023-01-01-000000_name`";
            problems.error(up, "no-version", "the folder's name has no version", help);
            return Ok(None);
        }
        let mut found = Found::new(version, name, up, self.down);
        if let Some(metadata) = self.metadata {
            found.transaction = transaction(metadata, problems)?;
        }
        Ok(Some(found))
    }
}

/// `run_in_transaction` of a migration's `metadata.toml`; where the file is there and does not say
/// it, diesel runs the migration without a transaction.
fn transaction(metadata: &Entry, problems: &mut Problems) -> Result<Option<bool>, Error> {
    let file = metadata.read()?;
    let help = "it may hold `run_in_transaction = false`";
    let Ok(table) = file.text().parse::<toml::Table>() else {
        problems.error(metadata, "metadata", "this is not TOML", help);
        return Ok(None);
    };
    match table.get("run_in_transaction") {
        None => Ok(Some(false)),
        Some(toml::Value::Boolean(yes)) => Ok((!yes).then_some(false)),
        Some(_) => {
            let message = "run_in_transaction is neither true nor false";
            problems.error(metadata, "metadata", message, help);
            Ok(None)
        }
    }
}
