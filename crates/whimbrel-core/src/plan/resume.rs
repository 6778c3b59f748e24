//! Going on where an attempt stopped.

use whimbrel_sql::Statement;

use super::Step;
use super::asked::{self, Asked};
use super::lost::{Lost, left};
use super::prepare::at_statement;
use crate::checksum::Checksum;
use crate::diagnostic::Diagnostic;
use crate::history::{Action, Attempt, AttemptId, AttemptState, History};
use crate::migration::Kind;
use crate::plan::Direction;
use crate::text::Script;

/// Where an interrupted attempt is taken up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The attempt.
    pub attempt: AttemptId,
    /// Statements surely done.
    pub done: usize,
    /// The statement that was started and whose end is not known.
    pub running: Option<usize>,
    /// The server said that it failed, so all that can be there is what it left half-made.
    pub failed: bool,
    /// What was noted before it began.
    pub state_before: Option<String>,
    /// Statements among those done that only changed the session: they are run again.
    pub replay: Vec<usize>,
    /// Statements that need what can't be had again in this way, in order.
    pub lost: Vec<Lost>,
}

/// Length of a statement's hash in the journal, in hexadecimal digits.
const HASH_LENGTH: usize = 16;

/// In a hash's place: somebody said that what the file says now is there.
const UNSEEN: &str = "----------------";

/// An attempt's hashes once somebody said that a statement is done, whatever it was when it began.
pub(crate) fn said_to_be_done(hashes: &str, statement: usize) -> String {
    let mut hashes = hashes.to_owned();
    let range = statement * HASH_LENGTH..(statement + 1) * HASH_LENGTH;
    if hashes.get(range.clone()).is_some() {
        hashes.replace_range(range, UNSEEN);
    }
    hashes
}

/// The hash by which the journal knows a statement.
pub fn statement_hash(text: &str) -> String {
    format!("{:.HASH_LENGTH$}", Checksum::of(text))
}

/// The hashes of all statements of a script, as the journal keeps them.
pub fn statement_hashes(script: &Script, statements: &[Statement]) -> String {
    let texts = statements.iter().map(|s| &script.text()[s.span()]);
    texts.map(statement_hash).collect()
}

impl Step {
    /// Sets where to go on after an attempt that did not finish.
    ///
    /// # Errors
    /// What it did is not what the file says any more, or can't be gone on with.
    pub fn take_up(&mut self, history: &History) -> Result<(), Diagnostic> {
        let action = match self.direction {
            Direction::Up => Action::Up,
            Direction::Down => Action::Down,
        };
        let attempt = history
            .attempt(&self.source, &self.version)
            .filter(|attempt| attempt.action == action && attempt.journalled)
            // One that is done has its record; if somebody took that away, nothing is known.
            .filter(|attempt| {
                matches!(attempt.state, AttemptState::Started | AttemptState::Failed)
            });
        self.resume = match attempt {
            Some(attempt) => resume(self, attempt)?,
            None => None,
        };
        // A file that was mended may be one transaction by now. What is done of it stays done, and the
        // attempt is closed by the next one.
        self.journalled |= attempt.is_some();
        Ok(())
    }
}

/// Where to go on, if the attempt's statements are still those of the file.
fn resume(step: &Step, attempt: &Attempt) -> Result<Option<Resume>, Diagnostic> {
    let (script, statements) = (&step.script, step.statements.as_slice());
    let done = usize::try_from(attempt.statements_done).unwrap_or(0);
    let asked = Asked::of(attempt);
    let running = attempt
        .statement_running
        .filter(|_| asked == Asked::Nothing)
        .and_then(|n| usize::try_from(n).ok());
    if done == 0 && running.is_none() {
        return Ok(None);
    }
    let hashes = statement_hashes(script, statements);
    let same = |index: usize| {
        let range = index * HASH_LENGTH..(index + 1) * HASH_LENGTH;
        let then = attempt.hashes.get(range.clone());
        then == Some(UNSEEN) || hashes.get(range) == then
    };
    let changed = (0..done).find(|&index| !same(index));
    let runs_again = step.kind == Kind::Repeatable && step.direction == Direction::Up;
    if runs_again && (changed.is_some() || running.is_some_and(|index| !same(index))) {
        return Ok(None);
    }
    if let Some(index) = changed {
        return Err(changed_meanwhile(step, attempt, index));
    }
    // One that was rewritten after it was started: whether the old one happened is for a person to
    // say. One that failed may be rewritten, for that is how it is mended.
    let failed = attempt.state == AttemptState::Failed;
    if let Some(index) = running.filter(|&index| !failed && !same(index)) {
        return Err(changed_while_running(step, index));
    }
    let left = left(script, statements, done, step.dialect);
    let (mut replay, mut lost) = (left.again, left.lost);
    if asked == Asked::Again {
        let (stay, made): (Vec<_>, _) = lost.into_iter().partition(|lost| lost.by_hand);
        replay.extend(made.into_iter().flat_map(|lost| lost.makers));
        lost = stay;
        replay.sort_unstable();
        replay.dedup();
    }
    Ok(Some(Resume {
        attempt: attempt.id,
        done,
        running,
        failed,
        state_before: attempt.state_before.clone(),
        replay,
        lost,
    }))
}

/// True if what an attempt did, or was doing when it died, are a step's first statements, and more than
/// settings.
pub(super) fn begins_like(step: &Step, attempt: &Attempt) -> bool {
    let hashes = statement_hashes(&step.script, &step.statements);
    let died = attempt.state == AttemptState::Started;
    let running = attempt.statement_running.filter(|_| died);
    let begun = attempt.statements_done.max(running.map_or(0, |at| at + 1));
    let count = usize::try_from(begun).unwrap_or(0);
    let same = hashes.get(..count * HASH_LENGTH);
    let mut begun = step.statements.iter().take(count);
    same.is_some()
        && same == attempt.hashes.get(..count * HASH_LENGTH)
        && begun.any(|statement| !statement.facts.only_session())
}

fn changed_meanwhile(step: &Step, attempt: &Attempt, index: usize) -> Diagnostic {
    let (script, statements) = (&step.script, step.statements.as_slice());
    let message = format!(
        "statement {} was applied by an attempt that stopped after {} of {} statements, and has changed since",
        index + 1,
        attempt.statements_done,
        attempt.statements
    );
    place(
        Diagnostic::error("applied-statement-changed", message),
        script,
        statements,
        index,
    )
    .help(format!(
        "put the statements that are applied back as they were; those after them may change. Or take back by hand all that it did, and let it begin anew: `{}`",
        asked::restart(&step.source, &step.version)
    ))
}

fn changed_while_running(step: &Step, index: usize) -> Diagnostic {
    let message = format!(
        "statement {} was started by an attempt whose end is not known, and has changed since",
        index + 1
    );
    let help = asked::commands(
        (
            step,
            "look whether the old statement is in the database, then say what is true",
        ),
        "what the file says now is there: go on after it",
        "the old one is not there: run what the file says now",
    );
    let (script, statements) = (&step.script, step.statements.as_slice());
    place(
        Diagnostic::error("started-statement-changed", message),
        script,
        statements,
        index,
    )
    .help(help)
}

fn place(
    diagnostic: Diagnostic,
    script: &Script,
    statements: &[Statement],
    index: usize,
) -> Diagnostic {
    match statements.get(index) {
        Some(statement) => at_statement(diagnostic, script, statement),
        None => diagnostic.at(script.file(), 0..0, ""),
    }
}
