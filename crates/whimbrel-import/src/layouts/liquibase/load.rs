//! Changesets of whatever form as migrations.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::checksum::Checksum;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::directive::Directives;
use whimbrel_core::hook::{Hook, When};
use whimbrel_core::migration::{Down, Kind, Migration, Transactions};
use whimbrel_core::plan::Direction;
use whimbrel_core::rules::{Condition, Marks, Otherwise, Placeholders};
use whimbrel_core::source::{Listing, Loaded};
use whimbrel_core::text::{Script, SourceFile};
use whimbrel_sql::Dialect;

use super::super::read::{Problems, unenforced, whole_file};
use super::attributes::Attributes;
use super::delimiter::{self, Reading};
use super::filter::{self, Filter};
use super::is_formatted;
use super::master::{Around, Own, Part};
use super::parse::{Changeset, parse};
use super::{precondition, values};

/// A folder being loaded.
pub(super) struct Load<'a> {
    pub(super) listing: &'a Listing,
    pub(super) dialect: Dialect,
    pub(super) problems: Problems,
    /// Paths of the files that have a place in it.
    pub(super) used: HashSet<PathBuf>,
    pub(super) values: BTreeMap<String, String>,
    migrations: Vec<Migration>,
    hooks: Vec<Hook>,
    /// Rollbacks that run another changeset: the place of the migration, what it names, and where.
    references: Vec<(usize, String, Diagnostic)>,
    filter: Filter,
    /// Changesets with a context or labels of which the run is told nothing.
    untold: usize,
}

/// A changeset, whatever it was written in.
pub(super) struct Made<'a> {
    pub(super) file: &'a Arc<SourceFile>,
    /// What Liquibase calls its file.
    pub(super) path: &'a str,
    pub(super) author: &'a str,
    pub(super) id: &'a str,
    pub(super) comment: Option<String>,
    pub(super) conditions: Vec<Condition>,
    pub(super) values: BTreeMap<String, String>,
    /// The name that it gives to what was done so far.
    pub(super) tag: Option<String>,
    pub(super) up: Script,
    pub(super) down: Down,
}

impl<'a> Load<'a> {
    pub(super) fn new(listing: &'a Listing, dialect: Dialect, problems: Problems) -> Self {
        Self {
            listing,
            dialect,
            problems,
            used: HashSet::new(),
            values: BTreeMap::new(),
            migrations: Vec::new(),
            hooks: Vec::new(),
            references: Vec::new(),
            filter: Filter::of(&listing.options),
            untold: 0,
        }
    }

    pub(super) fn part(&mut self, part: Part) -> Result<(), Error> {
        match part {
            Part::File(entry, around) => {
                if let Some(file) = self.problems.take(entry.read())? {
                    self.file(&around, &file);
                }
            }
            Part::Changeset(own) => self.own(&own)?,
            Part::Preconditions(own) => self.preconditions(&own),
            Part::Property(property) => {
                self.values.entry(property.name).or_insert(property.value);
            }
        }
        Ok(())
    }

    fn file(&mut self, around: &Around, file: &Arc<SourceFile>) {
        if !is_formatted(file.text()) {
            let none = Attributes::parse(file, 0..0);
            if !self.is_chosen(file, 0..0, &none, around) {
                return;
            }
            // includeAll takes a plain file for one changeset.
            let version = format!("{}::includeAll:raw", around.path);
            let mut migration = whole_file(self.listing, &version, "raw", Arc::clone(file));
            migration.transactions = Transactions::Wrapped;
            let migration = self.ruled(migration, &BTreeMap::new());
            self.migrations.push(migration);
            return;
        }
        let listing = self.listing;
        let given = |key: &str| listing.placeholders.get(key).cloned();
        let mut changelog = parse(file, self.dialect, &mut self.values, &given);
        for problem in changelog.problems.drain(..) {
            self.problems.add(problem);
        }
        let path = changelog.logical_path.as_ref().unwrap_or(&around.path);
        for changeset in &changelog.changesets {
            self.changeset(file, path, changeset, around);
        }
    }

    fn changeset(
        &mut self,
        file: &Arc<SourceFile>,
        path: &str,
        changeset: &Changeset,
        around: &Around,
    ) {
        let attributes = Attributes::parse(file, changeset.attributes.clone());
        if !self.is_chosen(file, changeset.header.clone(), &attributes, around) {
            return;
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
        let down = self.down(file, path, changeset, &attributes);
        let made = Made {
            file,
            path,
            author: &changeset.author,
            id: &changeset.id,
            comment: changeset.comment.clone(),
            conditions: changeset.conditions.clone(),
            values: changeset.values.clone(),
            tag: None,
            up,
            down,
        };
        self.add(made, &attributes);
    }

    /// Whether a changeset is for this database and this run; what is wrong with its attributes is said.
    pub(super) fn is_chosen(
        &mut self,
        file: &Arc<SourceFile>,
        header: Range<usize>,
        attributes: &Attributes<'_>,
        around: &Around,
    ) -> bool {
        let mut problems = Vec::new();
        attributes.check(&mut problems);
        for problem in problems {
            self.problems.add(problem);
        }
        if !attributes.is_for(self.dialect) || attributes.is("ignore", false) {
            return false;
        }
        if filter::is_about(attributes, &around.chosen) {
            let message = "native files have no contexts and labels";
            let problem = Diagnostic::error("not-convertible", message).at(file, header, "");
            self.problems.lose(problem.help("take them out where every database has this changeset, or keep the folder in its layout"));
        }
        let takes = self.filter.takes(attributes, &around.chosen);
        self.untold += usize::from(takes.is_none());
        takes.unwrap_or(true)
    }

    pub(super) fn add(&mut self, made: Made<'_>, attributes: &Attributes<'_>) {
        let version = format!("{}::{}:{}", made.path, made.author, made.id);
        let mut migration = whole_file(self.listing, &version, made.id, Arc::clone(made.file));
        migration.checksum = Checksum::of(made.up.text());
        migration.up = made.up;
        migration.down = made.down;
        migration.transactions = Transactions::Wrapped;
        let always = attributes.is("runAlways", attributes.is("alwaysRun", false));
        if always || attributes.is("runOnChange", false) {
            migration.kind = Kind::Repeatable;
        }
        let directives = &mut migration.directives;
        directives.description = made.comment;
        directives.tags = made.tag.into_iter().collect();
        directives.transaction = (!attributes.is("runInTransaction", true)).then_some(false);
        // What was added to an earlier file runs when it is found.
        directives.allow = vec!["out-of-order".to_owned()];
        directives.rules.part_of_file = true;
        directives.rules.in_place = true;
        directives.rules.always = always;
        directives.rules.conditions = made.conditions;
        let migration = self.ruled(migration, &made.values);
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
        if let Some(problem) = values::nested(&migration.up) {
            self.problems.add(problem);
        }
        let mut values = values.clone();
        values.extend(own.values);
        let placeholders = &self.listing.placeholders;
        values::settle(&mut values, |key| placeholders.get(key).cloned());
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
            let whose = (path, part("changesetAuthor"), part("changesetId"));
            self.refer(whose, file, span);
            return Down::None;
        }
        let reading = Reading {
            delimiter: attributes.get("rollbackEndDelimiter"),
            split: attributes.is("rollbackSplitStatements", true),
            strip: attributes.is("stripComments", true),
        };
        Down::Script(self.script(file, changeset, lines, reading))
    }

    /// The changeset that comes next is undone by the script of another.
    pub(super) fn refer(
        &mut self,
        (path, author, id): (&str, &str, &str),
        file: &Arc<SourceFile>,
        span: Range<usize>,
    ) {
        let version = format!("{path}::{author}:{id}");
        let message = format!("there is no changeset {version} to roll back with");
        let problem = Diagnostic::error("liquibase-rollback", message).at(file, span, "");
        self.references
            .push((self.migrations.len(), version, problem));
    }

    /// What must hold for anything to run is asked before anything does.
    fn preconditions(&mut self, own: &Own) {
        let read = precondition::of_node(&own.node, self.dialect);
        let conditions = read.unwrap_or_else(|problems| {
            for (span, message) in problems {
                let problem = Diagnostic::error("liquibase-precondition", message);
                self.problems.add(problem.at(&own.file, span, ""));
            }
            Vec::new()
        });
        let is_known = |one: &Condition| matches!(one.on_fail, Otherwise::Stop | Otherwise::Run);
        if !conditions.iter().all(is_known) {
            let message = "a changelog's own preconditions can HALT or WARN";
            let problem = Diagnostic::error("liquibase-precondition", message);
            self.problems
                .add(problem.at(&own.file, own.node.at.clone(), ""));
        }
        if conditions.is_empty() {
            return;
        }
        let mut directives = Directives::default();
        directives.rules.conditions = conditions;
        directives.rules.placeholders = Placeholders::On {
            values: self.values.clone(),
            strict: false,
            marks: Marks::default(),
            server: Vec::new(),
        };
        self.hooks.push(Hook {
            source: Arc::clone(&self.listing.source),
            name: "preConditions".to_owned(),
            direction: Direction::Up,
            when: When::Before,
            script: Script::slice(Arc::clone(&own.file), 0..0),
            directives,
        });
    }

    pub(super) fn finish(mut self) -> Result<Loaded, Error> {
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
        let loaded = self.problems.finish(self.migrations)?;
        Ok(Loaded {
            hooks: self.hooks,
            ..loaded
        })
    }
}
