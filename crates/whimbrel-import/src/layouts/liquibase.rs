//! The layout `liquibase`: changesets in files of formatted SQL.

mod attributes;
pub(crate) mod checksum;
mod delimiter;
mod filter;
mod includes;
mod master;
mod parse;
mod precondition;
mod values;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::checksum::Checksum;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::migration::{Down, Kind, Migration, Transactions};
use whimbrel_core::rules::{Marks, Placeholders};
use whimbrel_core::source::{Certainty, Entry, Layout, Listing, Loaded, Recognised};
use whimbrel_core::text::{Script, SourceFile};
use whimbrel_sql::Dialect;

use self::attributes::Attributes;
use self::delimiter::Reading;
use self::filter::Filter;
use self::master::Included;
use self::parse::{Changeset, parse};
use super::files::head;
use super::read::{Problems, about, opening, unenforced, whole_file};

/// Liquibase's formatted SQL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Liquibase;

/// So many files are opened to find out.
const LOOK_AT: usize = 8;

impl Layout for Liquibase {
    fn name(&self) -> &'static str {
        "liquibase"
    }

    fn options(&self) -> &'static [&'static str] {
        &filter::OPTIONS
    }

    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let entries = listing.entries.iter().take(LOOK_AT);
        if let Some(entry) = entries
            .into_iter()
            .find(|entry| is_formatted(&opening(entry)))
        {
            let reason = format!("the header of {}", file_name(entry));
            return Some(Recognised::new(Certainty::Certain, reason));
        }
        let mut others = listing.others.iter();
        let found = others.find(|entry| is_changelog(entry))?;
        let reason = format!("the changelog {}", file_name(found));
        Some(Recognised::new(Certainty::Certain, reason))
    }

    fn without_blank(&self) -> &'static str {
        "a changeset has an author and stands in a changelog; write `--changeset AUTHOR:ID` at the end of one, or begin a new file with `--liquibase formatted sql`"
    }

    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let filter = Filter::of(&listing.options);
        let mut changelogs: Vec<_> = listing.others.iter().collect();
        changelogs.retain(|entry| is_changelog(entry));
        let included = if changelogs.is_empty() {
            all_files(listing)
        } else {
            let found = master::follow(listing, &changelogs, dialect, &mut problems)?;
            left_out(listing, &found, &mut problems);
            found
        };
        if included.conditional > 0 && !listing.options.is_empty() {
            let message = "the changelog includes files with a context or labels, which Whimbrel can't choose from";
            let help =
                "say no contexts and labels: then all run; or write them into the changesets";
            problems.add(Diagnostic::error("liquibase-context", message).help(help));
        }
        let mut load = Load {
            listing,
            dialect,
            problems,
            values: included.values,
            migrations: Vec::new(),
            references: Vec::new(),
            filter,
            untold: included.conditional,
        };
        for (path, entry) in included.files {
            if let Some(file) = load.problems.take(entry.read())? {
                load.file(&path, &file);
            }
        }
        load.finish()
    }
}

/// The files of the folder, as includeAll sorts them: as text, without regard to numbers.
fn all_files(listing: &Listing) -> Included {
    let mut entries: Vec<_> = listing.entries.iter().collect();
    entries.sort_by_cached_key(|entry| (entry.root, path_of(entry)));
    let named = |entry: &Entry| (path_of(entry), entry.clone());
    Included {
        files: entries.into_iter().map(named).collect(),
        ..Included::default()
    }
}

/// Says which files no changelog includes.
fn left_out(listing: &Listing, found: &Included, problems: &mut Problems) {
    for entry in &listing.entries {
        if !found
            .files
            .iter()
            .any(|(_, other)| other.path == entry.path)
        {
            let message = "no changelog includes this file: it is passed over";
            problems.add(about(
                Diagnostic::warning("stray-file", message),
                &entry.path,
            ));
        }
    }
}

fn is_formatted(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty());
    first.is_some_and(parse::is_header)
}

fn is_changelog(entry: &Entry) -> bool {
    matches!(&*entry.extension, "xml" | "yaml" | "yml" | "json")
        && head(entry).is_some_and(|text| text.contains("databaseChangeLog"))
}

fn file_name(entry: &Entry) -> String {
    format!("{}.{}", entry.stem, entry.extension)
}

fn path_of(entry: &Entry) -> String {
    format!("{}{}", entry.folder, file_name(entry))
}

/// A folder being loaded.
struct Load<'a> {
    listing: &'a Listing,
    dialect: Dialect,
    problems: Problems,
    values: BTreeMap<String, String>,
    migrations: Vec<Migration>,
    /// Rollbacks that run another changeset: the place of the migration, what it names, and where.
    references: Vec<(usize, String, Diagnostic)>,
    filter: Filter,
    /// Changesets with a context or labels of which the run is told nothing.
    untold: usize,
}

impl Load<'_> {
    fn file(&mut self, path: &str, file: &Arc<SourceFile>) {
        if !is_formatted(file.text()) {
            // includeAll takes a plain file for one changeset.
            let version = format!("{path}::includeAll:raw");
            let mut migration = whole_file(self.listing, &version, "raw", Arc::clone(file));
            migration.transactions = Transactions::Wrapped;
            let migration = self.ruled(migration, &BTreeMap::new());
            self.migrations.push(migration);
            return;
        }
        let mut changelog = parse(file, self.dialect, &mut self.values);
        for problem in changelog.problems.drain(..) {
            self.problems.add(problem);
        }
        let path = changelog.logical_path.unwrap_or_else(|| path.to_owned());
        for changeset in &changelog.changesets {
            self.changeset(file, &path, changeset);
        }
    }

    fn changeset(&mut self, file: &Arc<SourceFile>, path: &str, changeset: &Changeset) {
        let attributes = Attributes::parse(file, changeset.attributes.clone());
        let mut problems = Vec::new();
        attributes.check(&mut problems);
        for problem in problems {
            self.problems.add(problem);
        }
        if !attributes.is_for(self.dialect) || attributes.is("ignore", false) {
            return;
        }
        if filter::is_about(&attributes) {
            let message = "native files have no contexts and labels";
            let problem = Diagnostic::error("not-convertible", message).at(
                file,
                changeset.header.clone(),
                "",
            );
            self.problems.lose(problem.help("take them out where every database has this changeset, or keep the folder in its layout"));
        }
        match self.filter.takes(&attributes) {
            Some(true) => {}
            Some(false) => return,
            None => self.untold += 1,
        }
        let reading = Reading {
            delimiter: attributes.get("endDelimiter"),
            split: attributes.is("splitStatements", true),
            strip: attributes.is("stripComments", true),
        };
        let up = self.script(file, changeset, &changeset.lines, reading);
        if up.text().trim().is_empty() {
            let problem = Diagnostic::error("liquibase-empty", "this changeset has no SQL");
            self.problems
                .add(problem.at(file, changeset.header.clone(), ""));
        }
        let path = attributes.get("logicalFilePath").unwrap_or(path);
        let version = format!("{path}::{}:{}", changeset.author, changeset.id);
        let mut migration = whole_file(self.listing, &version, &changeset.id, Arc::clone(file));
        migration.checksum = Checksum::of(up.text());
        migration.up = up;
        migration.down = self.down(file, path, changeset, &attributes);
        migration.transactions = Transactions::Wrapped;
        let always = attributes.is("runAlways", false);
        if always || attributes.is("runOnChange", false) {
            migration.kind = Kind::Repeatable;
        }
        let directives = &mut migration.directives;
        directives.description.clone_from(&changeset.comment);
        directives.transaction = (!attributes.is("runInTransaction", true)).then_some(false);
        // What was added to an earlier file runs when it is found.
        directives.allow = vec!["out-of-order".to_owned()];
        directives.rules.part_of_file = true;
        directives.rules.in_place = true;
        directives.rules.always = always;
        directives
            .rules
            .conditions
            .clone_from(&changeset.conditions);
        let migration = self.ruled(migration, &changeset.values);
        self.migrations.push(migration);
    }

    /// What holds for every migration of this tool.
    fn ruled(&mut self, mut migration: Migration, values: &BTreeMap<String, String>) -> Migration {
        let given = |key: &str| self.listing.placeholders.contains_key(key);
        let own = values::Own::of(&migration, self.dialect, |key| {
            values.contains_key(key) || given(key)
        });
        for problem in own.unknown {
            self.problems.add(problem);
        }
        let mut values = values.clone();
        values.extend(own.values);
        migration.directives.rules.placeholders = Placeholders::On {
            values,
            strict: false,
            marks: Marks::default(),
            server: own.server,
        };
        // Its driver for SQLite does not enforce foreign keys.
        migration.directives.foreign_keys = unenforced(self.dialect, migration.up.text());
        migration
    }

    fn script(
        &mut self,
        file: &Arc<SourceFile>,
        changeset: &Changeset,
        lines: &[std::ops::Range<usize>],
        reading: Reading<'_>,
    ) -> Script {
        let made = delimiter::script(file, lines, reading, self.dialect);
        made.unwrap_or_else(|message| {
            let problem = Diagnostic::error("liquibase-delimiter", message);
            self.problems
                .add(problem.at(file, changeset.header.clone(), ""));
            Script::slice(Arc::clone(file), changeset.header.clone())
        })
    }

    fn down(
        &mut self,
        file: &Arc<SourceFile>,
        path: &str,
        changeset: &Changeset,
        attributes: &Attributes<'_>,
    ) -> Down {
        let lines = &changeset.rollback;
        let text: String = lines
            .iter()
            .map(|line| &file.text()[line.clone()])
            .collect();
        let start = text.trim().to_ascii_lowercase();
        if start.is_empty() {
            return Down::None;
        }
        if start.starts_with("not required") || start.starts_with("empty") {
            return Down::Script(Script::slice(Arc::clone(file), 0..0));
        }
        if start.contains("changesetid") {
            let span = lines[0].start..lines[lines.len() - 1].end;
            let named = Attributes::parse(file, span.clone());
            let part = |name: &str| named.get(name).unwrap_or_default();
            let path = named.get("changesetPath").unwrap_or(path);
            let version = format!(
                "{path}::{}:{}",
                part("changesetAuthor"),
                part("changesetId")
            );
            let message = format!("there is no changeset {version} to roll back with");
            let problem = Diagnostic::error("liquibase-rollback", message).at(file, span, "");
            self.references
                .push((self.migrations.len(), version, problem));
            return Down::None;
        }
        let reading = Reading {
            delimiter: attributes.get("rollbackEndDelimiter"),
            split: attributes.is("rollbackSplitStatements", true),
            strip: attributes.is("stripComments", true),
        };
        Down::Script(self.script(file, changeset, lines, reading))
    }

    fn finish(mut self) -> Result<Loaded, Error> {
        let mut seen: HashMap<_, usize> = HashMap::new();
        for (index, migration) in self.migrations.iter().enumerate() {
            if let Some(first) = seen.insert(migration.version.clone(), index) {
                let message = format!("the changeset {} is there twice", migration.version);
                let problem = Diagnostic::error("duplicate-version", message);
                let at = migration.up.origin(0);
                self.problems
                    .add(problem.at(&migration.file, at..at, "").note(format!(
                        "the first is in {}",
                        self.migrations[first].file.name()
                    )));
            }
        }
        for (index, version, problem) in std::mem::take(&mut self.references) {
            let mut others = self.migrations.iter();
            match others.find(|migration| migration.version.as_str() == version) {
                Some(found) => self.migrations[index].down = Down::Script(found.up.clone()),
                None => self.problems.add(problem),
            }
        }
        if self.untold > 0 {
            let which = match self.untold {
                1 => "a changeset has a context or labels: it runs".to_owned(),
                count => format!("{count} changesets have a context or labels: all of them run"),
            };
            let message = format!("{which}, as in Liquibase when it is given none");
            let warning = Diagnostic::warning("liquibase-context", message);
            let help = "say which: `--layout-option contexts=prod`, `--layout-option label-filter=...`, or [layout_options] in whimbrel.toml";
            self.problems.add(warning.help(help));
        }
        self.problems.finish(self.migrations)
    }
}
