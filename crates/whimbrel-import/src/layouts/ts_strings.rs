//! The layout `ts-strings`: migrations in TypeScript or JavaScript whose SQL is in plain strings.

mod module;
mod tokens;

use std::collections::HashMap;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::checksum::Checksum;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::migration::{Down, Migration, Transactions};
use whimbrel_core::source::{
    Blank, Certainty, Entry, FileName, Layout, Listing, Loaded, Recognised, is_dated,
};
use whimbrel_core::version::Version;
use whimbrel_sql::Dialect;

use super::read::{Problems, about, opening, whole_file};

/// String migrations.
#[derive(Clone, Copy, Debug)]
pub(super) struct TsStrings;

impl Layout for TsStrings {
    fn name(&self) -> &'static str {
        "ts-strings"
    }

    /// Only where no SQL file is: beside those, scripts are something else's.
    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        if listing.entries.iter().any(|entry| !is_script(entry)) {
            return None;
        }
        let numbered: Vec<_> = scripts(listing)
            .filter(|entry| is_numbered(entry))
            .collect();
        let first = numbered.first()?;
        let name = format!("{}.{}", first.stem, first.extension);
        let strings = numbered
            .iter()
            .take(8)
            .any(|entry| has_string(&opening(entry)));
        Some(if strings {
            Recognised::new(
                Certainty::Certain,
                format!("`export const up` is a string, as in {name}"),
            )
        } else {
            Recognised::new(
                Certainty::Likely,
                format!("numbered scripts such as {name}"),
            )
        })
    }

    fn load(&self, listing: &Listing, _dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let mut migrations: Vec<Migration> = Vec::new();
        for entry in scripts(listing) {
            let read = read(listing, entry);
            migrations.extend(problems.take(read)?.flatten());
        }
        migrations.sort_by(|a, b| a.version.cmp(&b.version));
        let mut seen: HashMap<&Version, &Migration> = HashMap::new();
        for migration in &migrations {
            if let Some(first) = seen.insert(&migration.version, migration) {
                let message = format!(
                    "version {} is in two files: {} and {}",
                    first.version,
                    first.file.name(),
                    migration.file.name()
                );
                let problem = Diagnostic::error("duplicate-version", message);
                problems.add(problem.at(&migration.file, 0..0, ""));
            }
        }
        problems.finish(migrations)
    }

    /// The next number where the folder counts, in the language of the last module.
    fn blank(&self, listing: &Listing, given: &str, name: &str) -> Option<Vec<Blank>> {
        let numbered = scripts(listing).filter(|entry| is_numbered(entry));
        let last = numbered.max_by_key(|entry| Version::new(FileName::parse(&entry.stem).version));
        let extension = last.map_or("ts", |entry| &*entry.extension);
        let number = last.map(|entry| FileName::parse(&entry.stem).version);
        let counted = number.filter(|number| number.len() < TIMESTAMP_LENGTH);
        let counted = counted.and_then(|number| {
            let next: u64 = number.parse().ok()?;
            Some(format!("{:0width$}", next + 1, width = number.len()))
        });
        let version = counted.unwrap_or_else(|| given.to_owned());
        let text = "export const up = `\n`;\n\nexport const down = `\n`;\n";
        Some(vec![(
            format!("{version}_{name}.{extension}"),
            text.to_owned(),
        )])
    }
}

/// `20240101120000`
const TIMESTAMP_LENGTH: usize = 14;

fn scripts(listing: &Listing) -> impl Iterator<Item = &Entry> {
    let all = listing.entries.iter().chain(&listing.others);
    all.filter(|entry| is_script(entry))
}

fn is_script(entry: &Entry) -> bool {
    let known = ["ts", "mts", "cts", "js", "mjs", "cjs"];
    // `.d.ts` holds types alone.
    let types = entry.stem.rsplit('.').next() == Some("d");
    known.contains(&&*entry.extension) && !types
}

fn is_numbered(entry: &Entry) -> bool {
    entry.stem.starts_with(|c: char| c.is_ascii_digit())
}

fn has_string(text: &str) -> bool {
    let after = text.split_once("export const up").map(|(_, rest)| rest);
    let value = after.and_then(|rest| rest.split_once('='));
    value.is_some_and(|(_, rest)| rest.trim_start().starts_with(['`', '\'', '"']))
}

/// A migration; none for a module that is not numbered and has no `up`.
fn read(listing: &Listing, entry: &Entry) -> Result<Option<Migration>, Error> {
    let file = entry.read()?;
    if !is_numbered(entry) && !file.text().contains("export const up") {
        return Ok(None);
    }
    let module = module::read(&file).map_err(Error::refused)?;
    let Some(up) = module.up else {
        let problem = Diagnostic::error("no-up", "the file has no `export const up`");
        return Err(Error::refused(about(problem, &entry.path)));
    };
    let named = FileName::parse(&entry.stem);
    let version = if named.version.is_empty() || is_dated(&entry.stem) {
        &entry.stem
    } else {
        &named.version
    };
    let mut migration = whole_file(listing, version, &named.name, Arc::clone(&file));
    migration.checksum = Checksum::of(up.text());
    migration.up = up;
    migration.down = module.down.map_or(Down::None, Down::Script);
    migration.transactions = Transactions::Wrapped;
    migration.directives.description = module.description;
    migration.directives.transaction = module.transaction;
    migration.directives.timeout = module.timeout;
    migration.directives.rules.part_of_file = true;
    Ok(Some(migration))
}
