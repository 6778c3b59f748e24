//! Planning `up`.

use std::collections::{HashMap, HashSet};

use super::dependencies::{Dependencies, circle};
use super::modified::{Change, change_in};
use super::order::Order;
use super::prepare::{Rules, prepare};
use super::{Direction, Goal, Plan, PlanInput, Step, find, not_found};
use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::history::{Action, Applied};
use crate::migration::{Kind, Migration};
use crate::version::Version;

pub(super) fn plan(input: PlanInput<'_>, goal: &Goal) -> Result<Plan, Error> {
    let mut planner = Planner::new(input);
    planner.check_applied();
    let pending = planner.pending();
    let chosen = planner.choose(goal, &pending);
    planner.check_order(&chosen);
    let chosen = planner.add_repeatables(goal, &pending, chosen);
    let steps = planner.steps(&chosen);
    if planner.errors.is_empty() {
        Ok(Plan {
            direction: Direction::Up,
            batch: input.history.next_batch(),
            steps,
            warnings: planner.warnings,
        })
    } else {
        Err(Error::Refused(planner.errors))
    }
}

struct Planner<'a> {
    input: PlanInput<'a>,
    applied: HashMap<(&'a str, &'a Version), &'a Applied>,
    dependencies: Dependencies,
    order: Order<'a>,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl<'a> Planner<'a> {
    fn new(input: PlanInput<'a>) -> Self {
        let rows = input.history.applied.iter();
        Self {
            input,
            applied: rows
                .map(|row| ((row.source.as_str(), &row.version), row))
                .collect(),
            dependencies: Dependencies::of(input.migrations),
            order: Order::of(input.migrations, input.history),
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn row(&self, migration: &'a Migration) -> Option<&'a Applied> {
        self.applied
            .get(&(&*migration.source, &migration.version))
            .copied()
    }

    /// What is settled with `--force`: an error without it, a warning with it.
    fn object(&mut self, diagnostic: Diagnostic, allowed: bool) {
        if allowed || self.input.options.force {
            self.warnings.push(Diagnostic {
                severity: crate::diagnostic::Severity::Warning,
                ..diagnostic
            });
        } else {
            self.errors.push(diagnostic);
        }
    }

    /// Applied files that were modified, half-undone ones, applied ones whose file is gone.
    fn check_applied(&mut self) {
        for migration in self.input.migrations {
            let Some(row) = self.row(migration) else {
                continue;
            };
            let attempt = self.input.history.attempt(&row.source, &row.version);
            if attempt.is_some_and(|a| a.action == Action::Down && a.journalled) {
                self.errors.push(
                    Diagnostic::error(
                        "half-undone",
                        format!("{} is undone half-way", migration.label()),
                    )
                    .at(&migration.file, 0..0, "")
                    .help(format!("finish it first: whimbrel down {}", row.version)),
                );
            }
            if row.kind == Kind::Versioned
                && migration.kind == Kind::Versioned
                && let Change::Modified(_) = change_in(self.input, migration, row)
            {
                self.object(modified(migration, row), false);
            }
        }
        self.check_missing();
        self.check_below_baseline();
    }

    /// A baseline records every file that it knows, so one without a record came later.
    fn check_below_baseline(&mut self) {
        for migration in self.input.migrations {
            if self.row(migration).is_none() && self.order.in_baseline(migration) {
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
        let files: HashSet<_> = self
            .input
            .migrations
            .iter()
            .map(|m| (&*m.source, &m.version))
            .collect();
        let sources: HashSet<_> = self.input.migrations.iter().map(|m| &*m.source).collect();
        let missing: Vec<_> = self
            .input
            .history
            .applied
            .iter()
            .filter(|row| row.kind == Kind::Versioned && sources.contains(row.source.as_str()))
            .filter(|row| !files.contains(&(row.source.as_str(), &row.version)))
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

    /// Places of what is pending, in order of dependency.
    fn pending(&mut self) -> Vec<usize> {
        let migrations = self.input.migrations;
        let pending: Vec<_> = (0..migrations.len())
            .filter(|&i| self.is_pending(&migrations[i]))
            .collect();
        self.dependencies.order(&pending).unwrap_or_else(|places| {
            self.errors.push(circle(migrations, &places));
            Vec::new()
        })
    }

    fn is_pending(&self, migration: &'a Migration) -> bool {
        match self.row(migration) {
            Some(row) => {
                migration.kind == Kind::Repeatable
                    && change_in(self.input, migration, row) != Change::None
            }
            None => migration.kind == Kind::Repeatable || !self.order.in_baseline(migration),
        }
    }

    fn choose(&mut self, goal: &Goal, pending: &[usize]) -> Vec<usize> {
        let migrations = self.input.migrations;
        let versioned = || {
            let all = pending.iter().copied();
            all.filter(|&i| migrations[i].kind == Kind::Versioned)
        };
        match goal {
            Goal::Latest => versioned().collect(),
            Goal::NextSteps(count) => versioned().take(*count).collect(),
            Goal::UpTo(wanted) => match self.place_of(wanted) {
                Some(last) => versioned().filter(|&i| i <= last).collect(),
                None => Vec::new(),
            },
            Goal::Before(wanted) => match self.place_of(wanted) {
                Some(end) => versioned().filter(|&i| i < end).collect(),
                None => Vec::new(),
            },
            Goal::Apply(wanted) => {
                let places: HashSet<_> = wanted.iter().filter_map(|w| self.place_of(w)).collect();
                pending
                    .iter()
                    .copied()
                    .filter(|i| places.contains(i))
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn place_of(&mut self, wanted: &str) -> Option<usize> {
        let place = find(self.input.migrations, wanted);
        if place.is_none() {
            let labels = self.input.migrations.iter().map(Migration::label);
            self.errors.push(not_found(wanted, labels));
        }
        place
    }

    /// What is chosen must not lie below what is applied, and must have what it depends on.
    fn check_order(&mut self, chosen: &[usize]) {
        let migrations = self.input.migrations;
        let members: HashSet<_> = chosen.iter().copied().collect();
        for &index in chosen {
            let migration = &migrations[index];
            let allowed =
                self.input.options.out_of_order || migration.directives.allows("out-of-order");
            if migration.kind == Kind::Versioned
                && !allowed
                && let Some(top) = self.order.above(migration)
            {
                self.object(out_of_order(migration, top), false);
            }
            for problem in self.missing_dependencies(index, &members) {
                self.errors.push(problem);
            }
        }
    }

    fn missing_dependencies(&self, index: usize, chosen: &HashSet<usize>) -> Vec<Diagnostic> {
        let migration = &self.input.migrations[index];
        let entries = self.dependencies.of_index(index).iter();
        entries
            .filter(|entry| !entry.index.is_some_and(|i| chosen.contains(&i)))
            .filter(|entry| {
                !self
                    .applied
                    .contains_key(&(entry.source.as_str(), &entry.version))
            })
            .filter(|entry| {
                !entry
                    .index
                    .is_some_and(|i| self.order.in_baseline(&self.input.migrations[i]))
            })
            .map(|entry| {
                let (state, help) = match entry.index {
                    Some(_) => (
                        "is pending and not part of this run",
                        format!(
                            "apply it too: whimbrel up {} {}",
                            entry.text, migration.version
                        ),
                    ),
                    None => (
                        "is neither applied nor among the files",
                        "check the version in the `Depends:` line".to_owned(),
                    ),
                };
                Diagnostic::error(
                    "dependency",
                    format!(
                        "{} depends on {}, which {state}",
                        migration.label(),
                        entry.text
                    ),
                )
                .at(&migration.file, 0..0, "")
                .help(help)
            })
            .collect()
    }

    /// Repeatable ones run when nothing versioned stays behind, or when they are named.
    fn add_repeatables(
        &self,
        goal: &Goal,
        pending: &[usize],
        mut chosen: Vec<usize>,
    ) -> Vec<usize> {
        let migrations = self.input.migrations;
        let is_versioned = |i: &&usize| migrations[**i].kind == Kind::Versioned;
        let versioned = pending.iter().filter(is_versioned).count();
        let complete = chosen.iter().filter(is_versioned).count() == versioned;
        if complete && !matches!(goal, Goal::Apply(_)) {
            chosen.extend(pending.iter().filter(|i| !is_versioned(i)));
        }
        chosen
    }

    fn steps(&mut self, chosen: &[usize]) -> Vec<Step> {
        let places: HashMap<usize, usize> = chosen
            .iter()
            .enumerate()
            .map(|(place, &i)| (i, place))
            .collect();
        let mut steps = Vec::with_capacity(chosen.len());
        for &index in chosen {
            let depends = self
                .dependencies
                .indexes(index)
                .filter_map(|i| places.get(&i).copied())
                .collect();
            match self.step(&self.input.migrations[index], depends) {
                Ok(step) => steps.push(step),
                Err(problems) => self.errors.extend(problems),
            }
        }
        steps
    }

    fn step(&self, migration: &'a Migration, depends: Vec<usize>) -> Result<Step, Vec<Diagnostic>> {
        let kept = migration
            .kept_scripts()
            .map_err(|error| error.diagnostics())?;
        if self.input.options.require_rollback
            && kept.down.is_none()
            && migration.directives.irreversible.is_none()
        {
            return Err(vec![
                Diagnostic::error(
                    "no-rollback",
                    format!(
                        "{} has no rollback, and `require_rollback` is set",
                        migration.label()
                    ),
                )
                .at(&migration.file, 0..0, "")
                .help("add a `-- Rollback` section, or the directive `-- Irreversible: why`"),
            ]);
        }
        let rules = Rules {
            directives: &migration.directives,
            transactions: migration.transactions,
            substitute: migration.substitute.as_ref(),
        };
        let prepared = prepare(self.input, &migration.up, rules)?;
        let mut step = Step {
            source: migration.source.to_string(),
            version: migration.version.clone(),
            name: migration.name.clone(),
            label: migration.label(),
            description: migration.description(),
            kind: migration.kind,
            direction: Direction::Up,
            dialect: self.input.dialect,
            script: prepared.script,
            statements: prepared.statements,
            segments: prepared.segments,
            journalled: prepared.journalled,
            checksum: migration.checksum.clone(),
            keep: kept.scripts,
            down_checksum: kept.down,
            timeout: migration.directives.timeout,
            lock_timeout: migration.directives.lock_timeout,
            foreign_keys: prepared.foreign_keys,
            resume: None,
            depends,
        };
        step.take_up(self.input.history)
            .map_err(|problem| vec![problem])?;
        Ok(step)
    }
}

fn modified(migration: &Migration, row: &Applied) -> Diagnostic {
    Diagnostic::error("modified", format!("{} was changed after it was applied", migration.label()))
        .at(&migration.file, 0..0, "")
        .note(format!(
            "applied {:.0} with checksum {}, the file has {}",
            row.applied_at,
            &row.checksum.as_str()[..row.checksum.as_str().len().min(12)],
            &migration.checksum.as_str()[..12]
        ))
        .help("put the file back as it was and write a new migration for the change, or go on with `--force`")
}

fn out_of_order(migration: &Migration, top: &Version) -> Diagnostic {
    Diagnostic::error(
        "out-of-order",
        format!("{} is pending, but {top} after it is applied already", migration.label()),
    )
    .at(&migration.file, 0..0, "")
    .help("give it a later version; or allow it with the directive `-- Allow: out-of-order` in this file, `out_of_order = true` in the settings, or `--force`")
}
