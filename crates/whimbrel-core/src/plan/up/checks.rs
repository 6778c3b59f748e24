//! What stands against any run: files that are not what was applied, and what baselines say of them.

use std::collections::HashSet;

use super::Planner;
use crate::diagnostic::Diagnostic;
use crate::history::Action;
use crate::migration::{Kind, Migration, Transactions};
use crate::plan::Step;
use crate::plan::difference::difference;
use crate::plan::modified::{Change, Noted, change_in, modified};
use crate::plan::{ByVersion, in_step};

impl Planner<'_> {
    /// A run without any files is seldom meant.
    pub(super) fn check_files(&mut self) {
        if self.input.migrations.is_empty() {
            let warning = Diagnostic::warning("no-migrations", "there are no migrations here");
            let help = "`whimbrel new NAME` writes one; `--dir` or `dir` in whimbrel.toml names another folder";
            self.warnings.push(warning.help(help));
        }
    }

    /// A file that `new` wrote and nobody went on with: it would be recorded for good. Empty text is
    /// meant so: a place that is kept.
    pub(super) fn check_empty(&mut self, migration: &Migration, step: &Step) {
        let own = migration.transactions == Transactions::Strict;
        let begun = own && !migration.up.text().trim().is_empty();
        if begun && migration.kind == Kind::Versioned && step.statements.is_empty() {
            let message = format!("{} holds no statement", migration.label());
            let warning = Diagnostic::warning("no-statement", message);
            let help = "once it is applied, what is written into it later does not run";
            self.warnings
                .push(warning.at(&migration.file, 0..0, "").help(help));
        }
    }

    /// A history that nobody sees is like none: all is applied again, into this schema. It may be
    /// meant so: one schema per customer, say.
    pub(super) fn check_place(&mut self) {
        if let Some(table) = &self.input.history.elsewhere {
            let message = format!(
                "this database has a history in {table}, where the connection's search_path does not lead; a new one is begun"
            );
            let warning = Diagnostic::warning("history-elsewhere", message);
            let help = format!("if that one is meant, name it: --table {table}");
            self.warnings.push(warning.help(help));
        }
    }

    /// Applied files that were modified, half-undone ones, applied ones whose file is gone.
    pub(super) fn check_applied(&mut self) {
        for migration in self.input.migrations {
            let Some(row) = self.row(migration) else {
                continue;
            };
            let attempt = self.input.history.attempt(&row.source, &row.version);
            if attempt.is_some_and(|a| a.action == Action::Down && a.is_half_done()) {
                self.errors.push(
                    Diagnostic::error(
                        "half-undone",
                        format!("{} is undone half-way", migration.label()),
                    )
                    .at(&migration.file, 0..0, "")
                    .help(format!("finish it first: whimbrel down {}", row.version)),
                );
            }
            if row.kind == Kind::Versioned && migration.kind == Kind::Versioned {
                match change_in(self.input, migration, row) {
                    Change::None => {}
                    Change::Cosmetic => self.noted.extend(Noted::if_kept(migration, row)),
                    Change::Modified(kept) => {
                        let mut problem = modified(migration, row);
                        let lines = kept.and_then(|then| difference(&then, migration.written()));
                        problem.notes.extend(lines);
                        self.object(problem, false);
                    }
                }
            }
        }
        self.check_missing();
        self.check_below_baseline();
    }

    /// A baseline records every file that it knows, so one without a record came later.
    fn check_below_baseline(&mut self) {
        let mut rows = self.input.history.applied.iter();
        if !rows.any(|row| row.kind == Kind::Baseline) {
            return;
        }
        let files = self.input.migrations;
        // One that began the database stands for all below it, which never had records.
        let began = |source: &str| {
            let mut own = files
                .iter()
                .filter(|m| *m.source == *source && m.kind == Kind::Baseline);
            own.any(|m| self.row(m).is_some_and(|row| row.kind == Kind::Baseline))
        };
        let sources: HashSet<&str> = files.iter().map(|m| &*m.source).collect();
        let began: HashSet<&str> = sources.into_iter().filter(|s| began(s)).collect();
        for (index, migration) in files.iter().enumerate() {
            if !began.contains(&*migration.source)
                && self.row(migration).is_none()
                && self.order().in_baseline(index)
            {
                self.warnings.push(
                    Diagnostic::warning(
                        "below-baseline",
                        format!(
                            "{} is below the baseline and has no record: it is taken as being there",
                            migration.label()
                        ),
                    )
                    .at(&migration.file, 0..0, "")
                    .help("if it is not in the database, give it a version after the baseline"),
                );
            }
        }
    }

    fn check_missing(&mut self) {
        let (_, rest) = in_step(self.input.migrations, self.input.history);
        if rest.is_empty() {
            return;
        }
        let files: ByVersion<'_, &Migration> = self
            .input
            .migrations
            .iter()
            .map(|m| ((&*m.source, &m.version), m))
            .collect();
        let sources: HashSet<_> = self.input.migrations.iter().map(|m| &*m.source).collect();
        let missing: Vec<_> = rest
            .iter()
            .filter(|row| row.kind == Kind::Versioned && sources.contains(row.source.as_str()))
            .filter(|row| !files.contains_key(&(row.source.as_str(), &row.version)))
            .map(|row| row.version.to_string())
            .collect();
        if let Some(last) = missing.last() {
            let message = match missing.len() {
                1 => format!("{last} is applied here, but its file is not in this folder"),
                n => format!("{n} applied migrations have no file in this folder, up to {last}"),
            };
            self.warnings.push(
                Diagnostic::warning("missing", message)
                    .help("the database is ahead of these files, or another branch was applied"),
            );
        }
    }

    pub(super) fn check_baselines(&mut self) {
        let mut files = self.input.migrations.iter();
        if !files.any(|migration| migration.kind == Kind::Baseline) {
            return;
        }
        for migration in self.order().baselines_without_use() {
            let message = format!(
                "{} is passed over: it begins an empty database, and this one has a history",
                migration.label()
            );
            let warning = Diagnostic::warning("baseline", message);
            self.warnings.push(warning.at(&migration.file, 0..0, ""));
        }
    }
}
