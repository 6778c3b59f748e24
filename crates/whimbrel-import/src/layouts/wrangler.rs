//! wrangler, for Cloudflare D1: `0001_name.sql`.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::migration::{Substitute, Transactions};
use whimbrel_core::source::{
    Blank, Certainty, Entry, Layout, Listing, Loaded, Recognised, read_native,
};
use whimbrel_core::text::Script;
use whimbrel_sql::{Dialect, TransactionControl, split};

use super::files::{Found, Problems, Rules, exact, file_name, load, number_and_name};

const CONFIGS: [&str; 3] = ["wrangler.toml", "wrangler.json", "wrangler.jsonc"];

/// The layout of wrangler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wrangler;

impl Layout for Wrangler {
    fn name(&self) -> &'static str {
        "wrangler"
    }

    /// Its names are native ones; what tells it is its configuration beside the folder. Where they
    /// are not, since the whole name counts there, no other layout reads the folder as it does.
    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let is_drizzles = |entry: &Entry| entry.stem == "_journal";
        if listing.entries.is_empty() || listing.others.iter().any(is_drizzles) {
            return None;
        }
        let config = listing.roots.iter().find_map(|root| config_for_d1(root))?;
        let reason = format!("{config} beside it is about a D1 database");
        if have_numbers(listing) {
            return Some(Recognised::new(Certainty::Likely, reason));
        }
        let flat = listing.entries.iter().all(|entry| entry.folder.is_empty());
        flat.then(|| Recognised::new(Certainty::Certain, reason))
    }

    /// Sorted by the number before the first underscore, which is the version, as it is in a native
    /// folder: whether the configuration is there does not change what is applied. Where numbers
    /// repeat or are missing, the whole name is, as it always is in wrangler. A file goes to
    /// the database as it is, without the frame of a dump, with the record behind it. wrangler
    /// knows no rollback, so one written for Whimbrel is read.
    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let listing = &*exact(listing, &mut problems);
        let mut found = Vec::new();
        let by_number = have_numbers(listing);
        for entry in &listing.entries {
            if entry.folder.is_empty() {
                let stem = entry.stem.as_str();
                let numbered = number_and_name(stem).filter(|_| by_number);
                let (version, name) = numbered.unwrap_or((stem, stem));
                found.push(Found::new(version, name, entry, None));
            } else {
                problems.stray(entry, "this file is in a folder inside");
            }
        }
        found.sort_by_key(|item| {
            let number = number_and_name(&item.up.stem).and_then(|(n, _)| n.parse::<u64>().ok());
            (number.is_none(), number, file_name(item.up))
        });
        load(
            listing,
            dialect,
            &found,
            &Rules {
                reader: read_native,
                substitute: Some(Substitute::new(move |script| Ok(unframed(script, dialect)))),
                ..Rules::plain(Transactions::Bare)
            },
            problems,
        )
    }

    fn blank(&self, _: &Listing, version: &str, name: &str) -> Option<Vec<Blank>> {
        let text = "";
        Some(vec![(format!("{version}_{name}.sql"), text.to_owned())])
    }
}

/// wrangler takes `BEGIN TRANSACTION;` and `COMMIT;` out of a file before it sends it, as SQLite's
/// shell writes them around a dump; other spellings it leaves for D1 to refuse
/// (`src/d1/trimmer.ts` of wrangler 4.86).
fn unframed(script: &Script, dialect: Dialect) -> Script {
    let text = script.text();
    let Ok(statements) = split(text, dialect) else {
        return script.clone();
    };
    let controls = statements.iter().filter_map(|one| {
        let control = one.facts.transaction_control?;
        Some((control, one.span()))
    });
    let controls: Vec<_> = controls.collect();
    let [
        (TransactionControl::Begin, begin),
        (TransactionControl::Commit, commit),
    ] = controls.as_slice()
    else {
        return script.clone();
    };
    if &text[begin.clone()] != "BEGIN TRANSACTION" || &text[commit.clone()] != "COMMIT" {
        return script.clone();
    }
    let mut out = Script::build(Arc::clone(script.file()));
    for kept in [
        0..begin.start,
        begin.end..commit.start,
        commit.end..text.len(),
    ] {
        out.copy_text(&text[kept.clone()], script.origin(kept.start));
    }
    out.finish()
}

/// True if each file has a number of its own.
fn have_numbers(listing: &Listing) -> bool {
    let mut numbers = HashSet::new();
    let plain = |entry: &Entry| {
        let number = number_and_name(&entry.stem).and_then(|(n, _)| n.parse::<u64>().ok());
        number.is_some_and(|number| numbers.insert(number))
    };
    let flat = listing.entries.iter().filter(|e| e.folder.is_empty());
    flat.into_iter().all(plain)
}

fn config_for_d1(root: &Path) -> Option<&'static str> {
    let full = root.canonicalize().ok()?;
    let folder = full.parent()?;
    let about_d1 = |name: &&str| {
        let text = std::fs::read_to_string(folder.join(name));
        text.is_ok_and(|text| text.contains("d1_databases"))
    };
    CONFIGS.into_iter().find(about_d1)
}
