//! The layout `rails`: `structure.sql`, the schema that Rails dumps with the versions it has.

use std::collections::HashSet;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::migration::{Kind, Migration};
use whimbrel_core::source::{Certainty, Entry, Layout, Listing, Loaded, Recognised};
use whimbrel_core::text::SourceFile;
use whimbrel_core::version::Version;
use whimbrel_sql::{Dialect, Lexer, TokenKind, Verb, split};

use super::read::{Problems, about, unenforced, whole_file};

/// Rails' `structure.sql`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rails;

const TABLE: &str = "schema_migrations";

impl Layout for Rails {
    fn name(&self) -> &'static str {
        "rails"
    }

    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let has_versions =
            |entry: &&Entry| entry.read().is_ok_and(|file| file.text().contains(TABLE));
        if let Some(entry) = structures(listing).find(has_versions) {
            let reason = format!(
                "{}.{} has the versions of {TABLE}",
                entry.stem, entry.extension
            );
            return Some(Recognised::new(Certainty::Certain, reason));
        }
        let first = ruby(listing).next()?;
        let reason = format!("migrations in Ruby such as {}.rb", first.stem);
        listing
            .entries
            .is_empty()
            .then(|| Recognised::new(Certainty::Likely, reason))
    }

    fn without_blank(&self) -> &'static str {
        "Rails dumps structure.sql; `rails generate migration`, run it, and dump again; or go on in a folder of native files, `--dir`"
    }

    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let entries: Vec<_> = structures(listing).collect();
        let mut known = HashSet::new();
        let mut migrations = Vec::new();
        match entries.as_slice() {
            [entry] => {
                let file = entry.read()?;
                known = versions(&file, dialect).map_err(Error::refused)?;
                migrations.extend(structure(listing, &file, &known, dialect, &mut problems));
            }
            [] => {}
            [first, second, ..] => {
                let message = format!(
                    "{}.sql and {}.sql are the schemas of two databases",
                    first.stem, second.stem
                );
                let problem = about(Diagnostic::error("two-structures", message), &second.path);
                problems.add(problem.help("give the file of this one by `--dir`"));
            }
        }
        for entry in ruby(listing) {
            if !known.contains(&version_of(entry)) {
                problems.add(in_ruby(entry, !entries.is_empty()));
            }
        }
        problems.finish(migrations)
    }
}

/// `structure.sql`, or `animals_structure.sql` of a second database.
fn structures(listing: &Listing) -> impl Iterator<Item = &Entry> {
    let is_one = |stem: &str| stem == "structure" || stem.ends_with("_structure");
    listing
        .entries
        .iter()
        .filter(move |entry| is_one(&entry.stem))
}

/// `20240101120000_create_users.rb`
fn ruby(listing: &Listing) -> impl Iterator<Item = &Entry> {
    let numbered = |entry: &&Entry| entry.stem.starts_with(|c: char| c.is_ascii_digit());
    let all = listing
        .others
        .iter()
        .filter(|entry| entry.extension == "rb");
    all.filter(numbered)
}

fn version_of(entry: &Entry) -> Version {
    let digits = entry.stem.find(|c: char| !c.is_ascii_digit());
    Version::new(&entry.stem[..digits.unwrap_or(entry.stem.len())])
}

fn in_ruby(entry: &Entry, has_structure: bool) -> Diagnostic {
    let message = format!(
        "{}.rb is a migration in Ruby, which Whimbrel can't run",
        entry.stem
    );
    let problem = about(Diagnostic::error("ruby-migration", message), &entry.path);
    problem.help(if has_structure {
        "it is not in structure.sql: run it with Rails, which writes structure.sql anew"
    } else {
        "set `config.active_record.schema_format = :sql`, run `rails db:schema:dump`, and give the folder of structure.sql by `--dir`"
    })
}

/// The versions that the file inserts.
pub(crate) fn versions(
    file: &Arc<SourceFile>,
    dialect: Dialect,
) -> Result<HashSet<Version>, Diagnostic> {
    let text = file.text();
    let statements = split(text, dialect).map_err(|error| {
        Diagnostic::error("syntax", error.to_string()).at(file, error.span.clone(), "")
    })?;
    let inserts = statements
        .iter()
        .filter(|statement| statement.facts.verb == Verb::Insert);
    let texts = inserts.map(|statement| &text[statement.span()]);
    let of_rails = texts.filter(|text| text.contains(TABLE));
    Ok(of_rails.flat_map(|text| literals(text, dialect)).collect())
}

fn literals(text: &str, dialect: Dialect) -> Vec<Version> {
    let strings = Lexer::new(text, dialect).filter(|token| token.kind == TokenKind::String);
    let words = strings.map(|token| text[token.span].trim_matches(['\'', '"']));
    let numbers = words.filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
    numbers
        .filter(|word| !word.is_empty())
        .map(Version::new)
        .collect()
}

/// The whole schema: where an empty database begins.
fn structure(
    listing: &Listing,
    file: &Arc<SourceFile>,
    known: &HashSet<Version>,
    dialect: Dialect,
    problems: &mut Problems,
) -> Option<Migration> {
    let Some(last) = known.iter().max() else {
        let message = format!("the file inserts no versions into {TABLE}");
        problems.add(Diagnostic::error("no-version", message).at(file, 0..0, ""));
        return None;
    };
    let others = listing.entries.len() - 1;
    if others > 0 {
        let message =
            format!("other .sql files ({others}) are passed over: Rails loads structure.sql alone");
        problems.add(Diagnostic::warning("stray-file", message));
    }
    let mut migration = whole_file(listing, last.as_str(), "structure", Arc::clone(file));
    migration.kind = Kind::Baseline;
    // The client for SQLite that loads it does not enforce foreign keys.
    migration.directives.foreign_keys = unenforced(dialect, file.text());
    Some(migration)
}
