//! wrangler, for Cloudflare D1: `0001_name.sql`.

use std::path::Path;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::migration::{Substitute, Transactions};
use whimbrel_core::source::{Blank, Certainty, Layout, Listing, Loaded, Recognised, read_native};
use whimbrel_core::text::Script;
use whimbrel_sql::{Dialect, TransactionControl, split};

use super::files::{Found, Problems, Rules, load, number_and_name};
use super::pairs::are_distinct;

const CONFIGS: [&str; 3] = ["wrangler.toml", "wrangler.json", "wrangler.jsonc"];

/// The layout of wrangler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wrangler;

impl Layout for Wrangler {
    fn name(&self) -> &'static str {
        "wrangler"
    }

    /// Its names are native ones; what tells it is its configuration beside the folder. Where
    /// numbers repeat, `by-name` reads the folder the same way.
    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let stems = listing.entries.iter().map(|entry| entry.stem.as_str());
        let numbers = stems.map(|stem| number_and_name(stem).map(|(number, _)| number));
        let numbers = numbers.collect::<Option<Vec<_>>>()?;
        if numbers.is_empty() || !are_distinct(numbers) {
            return None;
        }
        let config = listing.roots.iter().find_map(|root| config_for_d1(root))?;
        let reason = format!("{config} beside it is about a D1 database");
        Some(Recognised::new(Certainty::Likely, reason))
    }

    /// Sorted by the number before the first underscore, which is the version, as it is in a native
    /// folder: whether the configuration is there does not change what is applied. A file goes to
    /// the database as it is, without the frame of a dump, with the record behind it. wrangler
    /// knows no rollback, so one written for Whimbrel is read.
    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let mut found = Vec::new();
        for entry in &listing.entries {
            if entry.folder.is_empty() {
                let stem = entry.stem.as_str();
                let (number, name) = number_and_name(stem).unwrap_or((stem, ""));
                found.push(Found::new(number, name, entry, None));
            } else {
                problems.stray(entry, "this file is in a folder inside");
            }
        }
        found.sort_by_key(|item| {
            let number = number_and_name(&item.up.stem).and_then(|(n, _)| n.parse::<u64>().ok());
            (number.is_none(), number, item.up.stem.clone())
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

fn config_for_d1(root: &Path) -> Option<&'static str> {
    let full = root.canonicalize().ok()?;
    let folder = full.parent()?;
    let about_d1 = |name: &&str| {
        let text = std::fs::read_to_string(folder.join(name));
        text.is_ok_and(|text| text.contains("d1_databases"))
    };
    CONFIGS.into_iter().find(about_d1)
}
