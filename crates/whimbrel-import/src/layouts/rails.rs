//! The layout `rails`: `structure.sql`, the schema that Rails dumps with the versions it has.

use std::collections::HashSet;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::migration::{Kind, Migration, Reading};
use whimbrel_core::source::{Certainty, Entry, Layout, Listing, Loaded, Recognised};
use whimbrel_core::text::{Script, SourceFile};
use whimbrel_core::version::Version;
use whimbrel_sql::{Dialect, Lexer, Statement, TokenKind, Verb, split};

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
        let unknown = ruby(listing).filter(|entry| !known.contains(&version_of(entry)));
        if let Some(problem) = in_ruby(&unknown.collect::<Vec<_>>(), !entries.is_empty()) {
            problems.add(problem);
        }
        problems.finish(migrations)
    }
}

/// `structure.sql`, or `animals_structure.sql` of a second database. With a number in front it is what a
/// conversion made of it.
fn structures(listing: &Listing) -> impl Iterator<Item = &Entry> {
    let is_one = |stem: &str| {
        (stem == "structure" || stem.ends_with("_structure"))
            && !stem.starts_with(|c: char| c.is_ascii_digit())
    };
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

/// One word about all of them: there may be hundreds.
fn in_ruby(entries: &[&Entry], has_structure: bool) -> Option<Diagnostic> {
    const NAMED: usize = 5;
    let (first, others) = entries.split_first()?;
    let message = format!(
        "{}.rb is a migration in Ruby, which Whimbrel can't run",
        first.stem
    );
    let mut problem = about(Diagnostic::error("ruby-migration", message), &first.path);
    if !others.is_empty() {
        let mut names: Vec<_> = others
            .iter()
            .take(NAMED)
            .map(|one| format!("{}.rb", one.stem))
            .collect();
        let more = others.len() - names.len();
        if more > 0 {
            names.push(format!("{more} more"));
        }
        problem = problem.note(format!("so are {}", names.join(", ")));
    }
    Some(problem.help(if has_structure {
        "not in structure.sql: run what is pending with Rails, which writes structure.sql anew"
    } else {
        "set `config.active_record.schema_format = :sql`, run `rails db:schema:dump`, and give the folder of structure.sql by `--dir`; or go on with SQL in a folder of its own (`--dir`): `whimbrel import` takes over what Rails applied"
    }))
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

/// All of it but SQLite's own tables, which its shell dumps and no server lets anybody make: where Rails
/// loads the file, the shell passes over that error.
fn read(file: &Arc<SourceFile>, dialect: Dialect) -> Reading {
    let whole = Reading::whole(file, dialect);
    let text = file.text();
    let own: Vec<_> = split(text, dialect)
        .unwrap_or_default()
        .iter()
        .map(Statement::span)
        .filter(|span| dialect == Dialect::Sqlite && makes_own_table(&text[span.clone()]))
        .collect();
    if own.is_empty() {
        return whole;
    }
    let mut builder = Script::build(Arc::clone(file));
    let mut start = 0;
    for span in own {
        builder.copy(start..span.start);
        start = span.end;
    }
    builder.copy(start..text.len());
    Reading {
        up: builder.finish(),
        ..whole
    }
}

fn makes_own_table(statement: &str) -> bool {
    let mut words = statement.split_whitespace().map(str::to_ascii_lowercase);
    let begins = ["create", "table"]
        .iter()
        .all(|word| words.next().as_deref() == Some(word));
    begins
        && words
            .next()
            .is_some_and(|name| name.trim_matches('"').starts_with("sqlite_"))
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
    migration.reader = read;
    migration.up = read(file, dialect).up;
    migration.kind = Kind::Baseline;
    // The client for SQLite that loads it does not enforce foreign keys.
    migration.directives.foreign_keys = unenforced(dialect, file.text());
    Some(migration)
}
