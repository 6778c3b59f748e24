//! Planning `up`.

mod checks;
mod session;

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use super::compose::{compose_with_hooks, conditions};
use super::dependencies::{Dependencies, circle};
use super::meant::find;
use super::modified::{Change, Noted, change_in};
use super::order::{Order, out_of_order};
use super::prepare::Rules;
use super::verify;
use super::{ByVersion, Direction, Goal, Plan, PlanInput, Step, renamed};
use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::history::Applied;
use crate::migration::{Kind, Migration};

pub(super) fn plan(input: PlanInput<'_>, goal: &Goal) -> Result<Plan, Error> {
    let mut planner = Planner::new(input);
    planner.check_files();
    planner.check_applied();
    planner.check_baselines();
    planner.check_place();
    let pending = planner.pending();
    let chosen = planner.choose(goal, &pending);
    let renamed = renamed::check(input, &chosen);
    if renamed.is_empty() {
        planner.check_order(&chosen);
    }
    for problem in renamed {
        planner.object(problem, false);
    }
    let chosen = planner.add_repeatables(goal, &pending, chosen);
    let mut steps = planner.steps(&chosen);
    for problem in renamed::check_begun(input, &steps) {
        planner.object(problem, false);
    }
    planner.warnings.extend(session::handed_on(&steps));
    let late = chosen
        .iter()
        .position(|&index| is_late(&input.migrations[index]));
    let late = late.unwrap_or(chosen.len());
    if planner.errors.is_empty() {
        match super::hooks::around(input, Direction::Up, steps, late) {
            Ok(all) => steps = all,
            Err(problems) => return Err(Error::Refused(problems)),
        }
    } else {
        steps = Vec::new();
    }
    if planner.errors.is_empty() {
        Ok(Plan {
            direction: Direction::Up,
            batch: input.history.next_batch(),
            steps,
            noted: planner.noted,
            warnings: planner.warnings,
        })
    } else {
        Err(Error::Refused(planner.errors))
    }
}

struct Planner<'a> {
    input: PlanInput<'a>,
    applied: ByVersion<'a, &'a Applied>,
    dependencies: Dependencies,
    /// Made when it is first asked for: a run with nothing to do does without.
    order: OnceCell<Order<'a>>,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    noted: Vec<Noted>,
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
            order: OnceCell::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            noted: Vec::new(),
        }
    }

    fn order(&self) -> &Order<'a> {
        let make = || Order::of(self.input.migrations, self.input.history);
        self.order.get_or_init(make)
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

    /// Places of what is pending, in order of dependency.
    fn pending(&mut self) -> Vec<usize> {
        let migrations = self.input.migrations;
        let pending: Vec<_> = (0..migrations.len())
            .filter(|&i| self.is_pending(i))
            .collect();
        self.dependencies.order(&pending).unwrap_or_else(|places| {
            self.errors.push(circle(migrations, &places));
            Vec::new()
        })
    }

    fn is_pending(&self, index: usize) -> bool {
        let migration = &self.input.migrations[index];
        match self.row(migration) {
            Some(row) => {
                migration.kind == Kind::Repeatable
                    && (migration.directives.rules.always
                        || change_in(self.input, migration, row) != Change::None)
            }
            None => migration.kind == Kind::Repeatable || !self.order().in_baseline(index),
        }
    }

    fn choose(&mut self, goal: &Goal, pending: &[usize]) -> Vec<usize> {
        let all = self.input.migrations.len();
        match goal {
            Goal::Latest => self.in_order(pending, all),
            Goal::NextSteps(count) => {
                let mut next = self.in_order(pending, all);
                next.truncate(*count);
                next
            }
            Goal::UpTo(wanted) => match self.place_of(wanted) {
                Some(last) => self.in_order(pending, last + 1),
                None => Vec::new(),
            },
            Goal::Before(wanted) => match self.place_of(wanted) {
                Some(end) => self.in_order(pending, end),
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

    /// What runs in the order of versions, of the pending ones before `end`. A source that has
    /// nothing applied begins with the last baseline among its files.
    fn in_order(&self, pending: &[usize], end: usize) -> Vec<usize> {
        let baseline = |index: &usize| self.input.migrations[*index].kind == Kind::Baseline;
        let starts = if pending.iter().any(baseline) {
            self.order().starts_before(end)
        } else {
            HashMap::new()
        };
        let runs = |index: &usize| {
            let migration = &self.input.migrations[*index];
            let start = starts.get(&*migration.source);
            *index < end
                && start.is_none_or(|start| index >= start)
                && match migration.kind {
                    Kind::Versioned => true,
                    Kind::Repeatable => migration.directives.rules.in_place,
                    Kind::Baseline => start == Some(index),
                    Kind::Hook => false,
                }
        };
        pending.iter().copied().filter(runs).collect()
    }

    fn place_of(&mut self, wanted: &str) -> Option<usize> {
        match find(self.input.migrations, wanted) {
            Ok(place) => Some(place),
            Err(problem) => {
                self.errors.push(problem);
                None
            }
        }
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
                && let Some(top) = self.order().applied_after(index)
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
            .filter(|entry| !entry.index.is_some_and(|i| self.order().in_baseline(i)))
            .map(|entry| {
                let (state, help) = match entry.index {
                    Some(_) => (
                        "is pending and not part of this run",
                        format!(
                            "apply it too: whimbrel up {} {}",
                            entry.text, migration.version
                        ),
                    ),
                    None => entry.unknown(&migration.source),
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
        let in_order = self.in_order(pending, migrations.len());
        let members: HashSet<_> = chosen.iter().collect();
        let complete = in_order.iter().all(|index| members.contains(index));
        if complete && !matches!(goal, Goal::Apply(_)) {
            let late = pending.iter().filter(|index| is_late(&migrations[**index]));
            chosen.extend(late);
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
                Ok(step) => {
                    self.check_empty(&self.input.migrations[index], &step);
                    steps.push(step);
                }
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
        let mut prepared = compose_with_hooks(
            self.input,
            &migration.source,
            Direction::Up,
            &migration.up,
            rules,
        )?;
        if let Some(script) = &migration.verify {
            prepared = verify::add(self.input, prepared, script, rules)?;
        }
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
            conditions: conditions(self.input, &migration.directives, &migration.file)?,
            settings: migration.directives.rules.settings,
            resume: None,
            depends,
        };
        step.take_up(self.input.history)
            .map_err(|problem| vec![problem])?;
        Ok(step)
    }
}

/// True for repeatable migrations that come after all versioned ones.
fn is_late(migration: &Migration) -> bool {
    migration.kind == Kind::Repeatable && !migration.directives.rules.in_place
}
