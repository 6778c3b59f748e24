//! Planning `down`.

mod irreversible;

use std::collections::HashSet;

use self::irreversible::Irreversible;
use super::compose::compose_with_hooks;
use super::dependencies::Dependencies;
use super::meant::{Called, Meant, among_files, meant, not_found};
use super::modified::{Change, change_in};
use super::prepare::Rules;
use super::{ByVersion, Direction, Goal, Plan, PlanInput, Step};
use crate::diagnostic::Diagnostic;
use crate::directive::Directives;
use crate::error::Error;
use crate::history::Applied;
use crate::migration::{Kind, Migration, label};
use crate::text::{Script, SourceFile};

pub(super) fn plan(input: PlanInput<'_>, goal: &Goal) -> Result<Plan, Error> {
    let mut planner = Planner::new(input);
    let chosen = planner.choose(goal);
    planner.check_dependents(&chosen);
    let mut steps = Vec::with_capacity(chosen.len());
    for row in &chosen {
        match planner.step(row) {
            Ok(step) => steps.push(step),
            Err(problems) => planner.errors.extend(problems),
        }
    }
    planner.errors.extend(planner.irreversible.problems());
    if planner.errors.is_empty() {
        let count = steps.len();
        // Nothing to undo is no run: hooks of `down` go with what they are around.
        let steps = match count {
            0 => steps,
            _ => super::hooks::around(input, Direction::Down, steps, count)
                .map_err(Error::Refused)?,
        };
        Ok(Plan {
            direction: Direction::Down,
            batch: input.history.next_batch(),
            steps,
            noted: Vec::new(),
            warnings: planner.warnings,
        })
    } else {
        Err(Error::Refused(planner.errors))
    }
}

struct Planner<'a> {
    input: PlanInput<'a>,
    files: ByVersion<'a, &'a Migration>,
    /// What this run's sources have applied, the last first; repeatable ones before all others,
    /// since they build on everything.
    rows: Vec<&'a Applied>,
    irreversible: Irreversible<'a>,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl<'a> Planner<'a> {
    fn new(input: PlanInput<'a>) -> Self {
        let sources: HashSet<_> = input.migrations.iter().map(|m| &*m.source).collect();
        let ours = |row: &&Applied| {
            row.kind != Kind::Baseline
                && (sources.contains(row.source.as_str())
                    || (sources.is_empty() && row.source == crate::source::DEFAULT_SOURCE))
        };
        let files: ByVersion<'_, _> = input
            .migrations
            .iter()
            .filter(|m| m.kind != Kind::Baseline)
            .map(|m| ((&*m.source, &m.version), m))
            .collect();
        let mut rows: Vec<_> = input.history.applied.iter().filter(ours).collect();
        rows.sort_by_key(|row| std::cmp::Reverse((!in_order(&files, row), row.sequence)));
        Self {
            input,
            files,
            rows,
            irreversible: Irreversible::new(input.dialect),
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn file(&self, row: &Applied) -> Option<&'a Migration> {
        self.files
            .get(&(row.source.as_str(), &row.version))
            .copied()
    }

    fn choose(&mut self, goal: &Goal) -> Vec<&'a Applied> {
        let rows = self.rows.clone();
        match goal {
            Goal::UndoBatch => {
                let last = rows.iter().map(|row| row.batch).max();
                rows.into_iter()
                    .filter(|row| Some(row.batch) == last)
                    .collect()
            }
            Goal::UndoSteps(count) => {
                // Repeatable ones don't count: `down --steps 1` undoes the last versioned one.
                let versioned = rows.iter().filter(|row| in_order(&self.files, row));
                versioned.take(*count).copied().collect()
            }
            Goal::UndoAll => rows,
            Goal::DownTo(wanted) => match self.row_of(wanted) {
                Some(stays) => rows
                    .into_iter()
                    .filter(|row| in_order(&self.files, row) && row.sequence > stays.sequence)
                    .collect(),
                None => Vec::new(),
            },
            Goal::Undo(wanted) => {
                let chosen: Vec<_> = wanted.iter().filter_map(|w| self.row_of(w)).collect();
                let is_chosen = |row: &&Applied| {
                    chosen
                        .iter()
                        .any(|c| c.source == row.source && c.version == row.version)
                };
                rows.into_iter().filter(is_chosen).collect()
            }
            _ => Vec::new(),
        }
    }

    fn row_of(&mut self, wanted: &str) -> Option<&'a Applied> {
        let called = self.rows.iter().map(|row| Called {
            source: &row.source,
            version: &row.version,
            name: &row.name,
            file: self.file(row),
        });
        let called: Vec<_> = called.collect();
        let problem = match meant(&called, wanted) {
            Meant::One(place) => return Some(self.rows[place]),
            Meant::Several(problem) => problem,
            Meant::Nothing => match among_files(self.input.migrations, wanted) {
                Meant::One(place) => Diagnostic::error(
                    "not-applied",
                    format!("{} is not applied", self.input.migrations[place].label()),
                ),
                Meant::Several(problem) => problem,
                Meant::Nothing => not_found(wanted, called.iter().map(Called::label)),
            },
        };
        self.errors.push(problem);
        None
    }

    /// Nothing may be undone that something depends on that stays.
    fn check_dependents(&mut self, chosen: &[&Applied]) {
        let dependencies = Dependencies::of(self.input.migrations);
        let goes: HashSet<_> = chosen
            .iter()
            .map(|row| (row.source.as_str(), &row.version))
            .collect();
        for (index, migration) in self.input.migrations.iter().enumerate() {
            let key = (&*migration.source, &migration.version);
            let stays = !goes.contains(&key)
                && self
                    .rows
                    .iter()
                    .any(|row| (row.source.as_str(), &row.version) == key);
            if !stays {
                continue;
            }
            for entry in dependencies.of_index(index) {
                if goes.contains(&(entry.source.as_str(), &entry.version)) {
                    self.errors.push(
                        Diagnostic::error(
                            "dependency",
                            format!(
                                "{} can't be undone: {} depends on it and would stay",
                                entry.text,
                                migration.label()
                            ),
                        )
                        .at(&migration.file, 0..0, "")
                        .help(format!(
                            "undo it as well: whimbrel down {} {}",
                            migration.version, entry.text
                        )),
                    );
                }
            }
        }
    }

    fn step(&mut self, row: &'a Applied) -> Result<Step, Vec<Diagnostic>> {
        let (script, directives) = self.down_script(row)?;
        let like = self.like(row);
        let rules = Rules {
            directives: &directives,
            transactions: like.map(|m| m.transactions).unwrap_or_default(),
            substitute: like.and_then(|m| m.substitute.as_ref()),
        };
        let prepared =
            compose_with_hooks(self.input, &row.source, Direction::Down, &script, rules)?;
        let mut step = Step {
            source: row.source.clone(),
            version: row.version.clone(),
            name: row.name.clone(),
            label: label(&row.version, &row.name),
            description: self
                .file(row)
                .map_or_else(|| row.name.replace('_', " "), Migration::description),
            kind: row.kind,
            direction: Direction::Down,
            dialect: self.input.dialect,
            script: prepared.script,
            statements: prepared.statements,
            segments: prepared.segments,
            journalled: prepared.journalled,
            checksum: row.checksum.clone(),
            keep: Vec::new(),
            down_checksum: row.down_checksum.clone(),
            timeout: directives.timeout,
            lock_timeout: directives.lock_timeout,
            foreign_keys: prepared.foreign_keys,
            conditions: Vec::new(),
            settings: directives.rules.settings,
            resume: None,
            depends: Vec::new(),
        };
        step.take_up(self.input.history)
            .map_err(|problem| vec![problem])?;
        Ok(step)
    }

    /// Its file, or another one of its source, which the same tool runs.
    fn like(&self, row: &Applied) -> Option<&'a Migration> {
        let same_source = |m: &&'a Migration| *m.source == row.source;
        self.file(row)
            .or_else(|| self.input.migrations.iter().find(same_source))
    }

    /// What a file that is gone said of itself, by the script that was kept.
    fn kept_directives(&self, row: &Applied) -> Directives {
        let kept = self.input.kept.get(&row.checksum);
        let Some((text, like)) = kept.zip(self.like(row)) else {
            return Directives::default();
        };
        let file = SourceFile::new(label(&row.version, &row.name), text.as_str());
        let reading = (like.reader)(&file, self.input.dialect);
        let mut directives = reading.directives;
        directives.transaction = reading.down_transaction.or(directives.transaction);
        directives.foreign_keys = directives.foreign_keys.or(like.directives.foreign_keys);
        directives.rules.settings = like.directives.rules.settings;
        directives
    }

    /// The file's down script, unless the file is gone or its up script is not what was applied:
    /// then the one that was kept.
    fn down_script(&mut self, row: &'a Applied) -> Result<(Script, Directives), Vec<Diagnostic>> {
        let file = self.file(row);
        if let Some(migration) = file {
            if migration.directives.irreversible.is_some() {
                return Err(self.irreversible.add(row, file));
            }
            let modified = row.kind == Kind::Versioned
                && matches!(change_in(self.input, migration, row), Change::Modified(_));
            if !modified || row.down_checksum.is_none() {
                return match migration.down_script() {
                    Ok(Some(script)) => Ok((script, of_down(migration))),
                    Ok(None) if row.kind == Kind::Repeatable => {
                        Ok((nothing(row), Directives::default()))
                    }
                    Ok(None) => Err(self.irreversible.add(row, file)),
                    Err(error) => Err(error.diagnostics()),
                };
            }
            self.warnings.push(Diagnostic::warning(
                "kept-script",
                format!(
                    "{} was changed after it was applied: the rollback kept at that time is used",
                    migration.label()
                ),
            ));
        }
        let directives = file.map_or_else(|| self.kept_directives(row), of_down);
        match row
            .down_checksum
            .as_ref()
            .and_then(|key| self.input.kept.get(key))
        {
            Some(text) => {
                let name = format!(
                    "{} (rollback kept in the history)",
                    label(&row.version, &row.name)
                );
                Ok((
                    Script::whole(SourceFile::new(name, text.as_str())),
                    directives,
                ))
            }
            None if row.kind == Kind::Repeatable => Ok((nothing(row), directives)),
            None => Err(self.irreversible.add(row, file)),
        }
    }
}

/// True for versioned migrations, and for repeatable ones that take their turn among them.
fn in_order(files: &ByVersion<'_, &Migration>, row: &Applied) -> bool {
    let file = files.get(&(row.source.as_str(), &row.version));
    row.kind == Kind::Versioned || file.is_some_and(|m| m.directives.rules.in_place)
}

/// The directives as they go for the down script.
fn of_down(migration: &Migration) -> Directives {
    let mut directives = (*migration.directives).clone();
    directives.transaction = migration.down_transaction.or(directives.transaction);
    directives
}

/// A repeatable migration without a rollback: only its record goes, so that it runs again.
fn nothing(row: &Applied) -> Script {
    Script::whole(SourceFile::new(
        label(&row.version, &row.name),
        String::new(),
    ))
}
