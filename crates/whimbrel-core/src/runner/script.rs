//! Units and their history writes: the one place that composes them, for runs and for dry runs.

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::driver::{BoundStatement, Fact, Lease, Part, Record, Server, Statements, Unit, Write};
use crate::error::Error;
use crate::history::{Action, Attempt, AttemptId, AttemptState, History};
use crate::migration::Kind;
use crate::plan::{Direction, Plan, Segment, Step, statement_hashes};
use crate::runner::{CONCURRENT_LOCK_TIMEOUT, RunOptions};

/// What a step writes into the history, put together before its units borrow from it.
pub(super) struct Records {
    pub(super) attempt: Attempt,
    replaces: bool,
    sequence: i64,
    batch: i64,
}

impl Records {
    pub(super) fn new(
        step: &Step,
        id: AttemptId,
        sequence: i64,
        batch: i64,
        history: &History,
        options: &RunOptions,
    ) -> Self {
        let count = i32::try_from(step.statements.len()).unwrap_or(i32::MAX);
        let hashes = if step.journalled {
            statement_hashes(&step.script, &step.statements)
        } else {
            String::new()
        };
        let attempt = Attempt {
            id,
            source: step.source.clone(),
            version: step.version.clone(),
            name: step.name.clone(),
            action: match step.direction {
                _ if step.kind == Kind::Hook => Action::Hook,
                Direction::Up => Action::Up,
                Direction::Down => Action::Down,
            },
            state: if step.journalled {
                AttemptState::Started
            } else {
                AttemptState::Done
            },
            journalled: step.journalled,
            statements_done: if step.journalled {
                done_before(step)
            } else {
                count
            },
            statement_running: None,
            statements: count,
            hashes,
            connection: None,
            state_before: None,
            error: None,
            started_at: jiff::Timestamp::UNIX_EPOCH,
            duration: std::time::Duration::ZERO,
            started_by: options.owner.who(),
        };
        let replaced = history.applied(&step.source, &step.version);
        Self {
            attempt,
            replaces: replaced.is_some(),
            // One that runs again keeps its place: what was built on it is undone before it.
            sequence: replaced.map_or(sequence, |row| row.sequence),
            batch,
        }
    }

    /// The writes that make the step applied or undone; its scripts are kept apart.
    pub(super) fn result<'a>(&'a self, step: &'a Step) -> Vec<Write<'a>> {
        if step.kind == Kind::Hook {
            return Vec::new();
        }
        let (source, version) = (step.source.as_str(), step.version.as_str());
        let remove = Write::Remove { source, version };
        if step.direction == Direction::Down {
            return vec![remove];
        }
        let mut writes = Vec::new();
        if self.replaces {
            writes.push(remove);
        }
        writes.push(Write::Apply(Record {
            source,
            version,
            name: &step.name,
            kind: step.kind,
            sequence: self.sequence,
            batch: self.batch,
            checksum: &step.checksum,
            down_checksum: step.down_checksum.as_ref(),
            applied_at: Fact::Now,
            duration: if self.attempt.journalled {
                Fact::SinceAttempt
            } else {
                Fact::Now
            },
            applied_by: &self.attempt.started_by,
            tool: crate::TOOL,
            id: self.attempt.id,
            statements: self.attempt.statements,
        }));
        writes
    }

    /// The one part of a step that is one transaction.
    pub(super) fn whole<'a>(&'a self, step: &'a Step) -> Part<'a> {
        let mut after = self.result(step);
        // The record of what is applied is the log's entry as well.
        if step.direction == Direction::Down {
            after.push(Write::Attempt(&self.attempt));
        }
        Part {
            before: Vec::new(),
            statements: bind(step, 0..step.statements.len()),
            after,
        }
    }

    /// One segment of a journalled step; `first` says that it is the first of this attempt.
    pub(super) fn segment<'a>(
        &'a self,
        step: &'a Step,
        segment: &Segment,
        first: bool,
        state_before: Option<&'a str>,
    ) -> Part<'a> {
        let id = self.attempt.id;
        let start = number(segment.statements.start);
        let end = number(segment.statements.end);
        let mut before = Vec::new();
        if first {
            before.push(Write::Supersede {
                source: &step.source,
                version: step.version.as_str(),
            });
            before.push(Write::Attempt(&self.attempt));
            keep_scripts(&mut before, step);
        }
        if !segment.atomic {
            before.push(Write::Statement {
                id,
                done: start,
                running: Some(start),
                state_before,
            });
        }
        let mut after = Vec::new();
        if segment.statements.end == step.statements.len() {
            after.extend(self.result(step));
            after.push(Write::Finish { id, done: end });
        } else {
            after.push(Write::Statement {
                id,
                done: end,
                running: None,
                state_before: None,
            });
        }
        Part {
            before,
            statements: bind(step, segment.statements.clone()),
            after,
        }
    }
}

/// Keeps a step's scripts.
pub(super) fn keep_scripts<'a>(writes: &mut Vec<Write<'a>>, step: &'a Step) {
    if !step.keep.is_empty() {
        let scripts = step.keep.iter();
        let scripts = scripts.map(|(checksum, text)| (checksum, text.as_str()));
        writes.push(Write::Keep(scripts.collect()));
    }
}

pub(super) fn number(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

pub(super) fn done_before(step: &Step) -> i32 {
    step.resume.as_ref().map_or(0, |resume| number(resume.done))
}

fn bind(step: &Step, range: std::ops::Range<usize>) -> Statements<'_> {
    Statements::new(step.script.text(), &step.statements[range])
}

pub(super) fn bound(step: &Step, at: usize) -> Option<BoundStatement<'_>> {
    let statement = step.statements.get(at)?;
    Some(BoundStatement::new(step.script.text(), statement))
}

pub(super) fn unit<'a>(
    step: &Step,
    part: Part<'a>,
    atomic: bool,
    lease: Lease,
    options: &RunOptions,
) -> Unit<'a> {
    Unit {
        lease,
        atomic,
        lock_timeout: lock_timeout(step, &part, options),
        parts: vec![part],
        foreign_keys: step.foreign_keys,
        settings: step.settings,
        replay: Vec::new(),
        continues: false,
    }
}

fn lock_timeout(step: &Step, part: &Part<'_>, options: &RunOptions) -> Option<Duration> {
    let concurrent = part
        .statements
        .iter()
        .any(|statement| statement.facts.concurrently);
    let least = if concurrent {
        CONCURRENT_LOCK_TIMEOUT
    } else {
        Duration::ZERO
    };
    let wanted = step
        .lock_timeout
        .unwrap_or_else(|| match options.lock_timeout {
            Duration::ZERO => Duration::ZERO,
            limit => limit.max(least),
        });
    (!wanted.is_zero()).then_some(wanted)
}

/// A whole run as one unit; none if there is nothing to do.
pub(super) fn as_one<'a>(
    steps: &[(&'a Step, &'a Records)],
    lease: Lease,
    options: &RunOptions,
) -> Option<Unit<'a>> {
    let parts = steps.iter().map(|(step, records)| {
        let mut part = records.whole(step);
        keep_scripts(&mut part.before, step);
        part
    });
    let (first, _) = steps.first()?;
    Some(Unit {
        parts: parts.collect(),
        ..unit(first, Part::default(), true, lease, options)
    })
}

/// The segments of a journalled step that are still to be done; an empty one if all are and only
/// the record is missing.
pub(super) fn pending_segments(step: &Step) -> Vec<Segment> {
    let done = step.resume.as_ref().map_or(0, |resume| resume.done);
    let count = step.statements.len();
    if done >= count {
        return vec![Segment {
            statements: count..count,
            atomic: true,
            foreign_keys: None,
        }];
    }
    step.segments
        .iter()
        .filter(|segment| segment.statements.end > done)
        .map(|segment| Segment {
            statements: segment.statements.start.max(done)..segment.statements.end,
            ..*segment
        })
        .collect()
}

/// Locks that a migration holds until its transaction ends, as a rule of thumb: a table, its
/// indexes, its TOAST table and that table's index.
const LOCKS_PER_STATEMENT: u64 = 3;

/// One transaction for a whole run: possible here, and not too large?
pub(super) fn check_single_transaction(server: &Server, plan: &mut Plan) -> Result<(), Error> {
    if !server.capabilities.transactional_ddl {
        return Err(Error::refused(
            Diagnostic::error(
                "single-transaction",
                format!(
                    "{} commits at each schema change, so a run can't be one transaction",
                    server.engine
                ),
            )
            .help("leave `--single-transaction` out"),
        ));
    }
    if let Some(step) = plan.steps.iter().find(|step| step.journalled) {
        return Err(Error::refused(
            Diagnostic::error(
                "single-transaction",
                format!("{} can't run inside a transaction", step.label),
            )
            .at(step.script.file(), 0..0, "")
            .help("apply it by itself, then the others with `--single-transaction`"),
        ));
    }
    if let Some(step) = plan.steps.iter().find(|step| !step.conditions.is_empty()) {
        let message = format!(
            "{} has a condition, which is asked between migrations",
            step.label
        );
        let problem = Diagnostic::error("single-transaction", message);
        let problem = problem.at(step.script.file(), step.conditions[0].span.clone(), "");
        return Err(Error::refused(
            problem.help("leave `--single-transaction` out"),
        ));
    }
    let statements: u64 = plan
        .steps
        .iter()
        .map(|step| step.statements.len() as u64)
        .sum();
    if let Some(slots) = server
        .lock_slots
        .filter(|slots| statements * LOCKS_PER_STATEMENT > *slots)
    {
        plan.warnings.push(
            Diagnostic::warning(
                "lock-table",
                format!("{statements} statements in one transaction may need more locks than the server's lock table is sized for ({slots})"),
            )
            .help("if it fails with \"out of shared memory\", raise max_locks_per_transaction, or leave `--single-transaction` out"),
        );
    }
    Ok(())
}
