//! sqlx: `20230101000000_name.sql`, or `.up.sql` and `.down.sql`.

use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::migration::{Reading, Transactions};
use whimbrel_core::source::{Blank, Certainty, Entry, Layout, Listing, Loaded, Recognised};
use whimbrel_core::text::SourceFile;
use whimbrel_sql::Dialect;

use super::files::{Problems, Rules, exact, file_with, load};
use super::pairs::{Control, Role, blank_pair, by_number, managed, pairs, role};
use super::session;

const MARK: &str = "-- no-transaction";

/// The layout of sqlx.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sqlx;

impl Layout for Sqlx {
    fn name(&self) -> &'static str {
        "sqlx"
    }

    /// Its names are those of the native layout; only its mark tells it, or a file that ends the
    /// transaction around it.
    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let named = |entry: &Entry| version_and_name(role(&entry.stem).0).is_some();
        if !listing.entries.iter().any(named) {
            return None;
        }
        // What undoes is read when it is needed, which is seldom.
        let up = |entry: &&Entry| role(&entry.stem).1 != Role::Down;
        let ups = listing.entries.iter().filter(up);
        if let Some(entry) = file_with(ups, |text| text.starts_with(MARK)) {
            let reason = format!("{} begins with `{MARK}`", entry.path.display());
            return Some(Recognised::new(Certainty::Certain, reason));
        }
        let (entry, control) = managed(listing)?;
        (control == Control::Commit).then(|| {
            let path = entry.path.display();
            let reason = format!("pairs of files, and {path} ends the transaction around it");
            Recognised::new(Certainty::Likely, reason)
        })
    }

    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let listing = &*exact(listing, &mut problems);
        let take = |stem, _| version_and_name(stem);
        let expected = "`20230101000000_name.sql`";
        let mut found = pairs(listing, take, &mut problems, expected);
        by_number(&mut found);
        // Its SQLite driver enforces foreign keys, as Whimbrel does.
        let rules = Rules {
            reader: read,
            settings: session::sqlx(dialect),
            ..Rules::plain(Transactions::Wrapped)
        };
        load(listing, dialect, &found, &rules, problems)
    }

    fn blank(&self, listing: &Listing, version: &str, name: &str) -> Option<Vec<Blank>> {
        let stem = format!("{version}_{name}");
        let last = listing.entries.last();
        Some(match last.map(|entry| role(&entry.stem).1) {
            Some(Role::Up | Role::Down) => blank_pair(&stem),
            _ => vec![(format!("{stem}.sql"), String::new())],
        })
    }
}

fn version_and_name(stem: &str) -> Option<(&str, &str)> {
    let (version, name) = stem.split_once('_')?;
    version.parse::<i64>().ok()?;
    Some((version, name))
}

fn read(file: &Arc<SourceFile>, dialect: Dialect) -> Reading {
    let mut reading = Reading::whole(file, dialect);
    if file.text().starts_with(MARK) {
        reading.directives.transaction = Some(false);
    }
    reading
}
