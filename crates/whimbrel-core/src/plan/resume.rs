//! Going on where an attempt stopped.

use whimbrel_sql::{Dialect, Statement, Verb, targets};

use super::Step;
use super::prepare::at_statement;
use crate::checksum::Checksum;
use crate::diagnostic::Diagnostic;
use crate::history::{Action, Attempt, AttemptId, AttemptState, History};
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
}

/// Length of a statement's hash in the journal, in hexadecimal digits.
const HASH_LENGTH: usize = 16;

/// The hash by which the journal knows a statement.
pub fn statement_hash(text: &str) -> String {
    Checksum::of(text).as_str()[..HASH_LENGTH].to_owned()
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
            .filter(|attempt| attempt.action == action && attempt.journalled);
        self.resume = match attempt {
            Some(attempt) => resume(self, attempt)?,
            None => None,
        };
        Ok(())
    }
}

/// Where to go on, if the attempt's statements are still those of the file.
fn resume(step: &Step, attempt: &Attempt) -> Result<Option<Resume>, Diagnostic> {
    let (script, statements) = (&step.script, step.statements.as_slice());
    let done = usize::try_from(attempt.statements_done).unwrap_or(0);
    let running = attempt
        .statement_running
        .and_then(|n| usize::try_from(n).ok());
    if done == 0 && running.is_none() {
        return Ok(None);
    }
    let hashes = statement_hashes(script, statements);
    let same = |index: usize| {
        let range = index * HASH_LENGTH..(index + 1) * HASH_LENGTH;
        hashes.get(range.clone()) == attempt.hashes.get(range)
    };
    if let Some(index) = (0..done).find(|&index| !same(index)) {
        return Err(changed_meanwhile(script, statements, attempt, index));
    }
    // One that was rewritten after it was started: whether the old one happened is for a person to
    // say. One that failed may be rewritten, for that is how it is mended.
    let failed = attempt.state == AttemptState::Failed;
    if let Some(index) = running.filter(|&index| !failed && !same(index)) {
        return Err(changed_while_running(script, statements, attempt, index));
    }
    Ok(Some(Resume {
        attempt: attempt.id,
        done,
        running,
        failed,
        state_before: attempt.state_before.clone(),
        replay: replay(script, statements, done, step.dialect)?,
    }))
}

/// What the statements done have left in the session that is gone: settings and the chosen
/// database can be set again; other things can't be rebuilt, and matter if the rest uses them.
fn replay(
    script: &Script,
    statements: &[Statement],
    done: usize,
    dialect: Dialect,
) -> Result<Vec<usize>, Diagnostic> {
    let text = |statement: &Statement| &script.text()[statement.span()];
    let (before, rest) = statements.split_at(done.min(statements.len()));
    let mut again = Vec::new();
    for (index, statement) in before.iter().enumerate() {
        let lost = lost_with_session(statement, text(statement), dialect);
        // A variable that a query was assigned to would be another one now, or the query fails.
        if statement.facts.only_session() && lost.is_empty() {
            again.push(index);
        }
        for name in lost {
            let uses = |later: &&Statement| mentions(text(later), &name) > 0;
            // A statement that was added for it makes it again.
            let makes = |later: &Statement| {
                mentions(text(later), &name) == 1
                    && lost_with_session(later, text(later), dialect).contains(&name)
            };
            if let Some(later) = rest.iter().find(uses).filter(|later| !makes(later)) {
                return Err(at_statement(
                    Diagnostic::error(
                        "lost-session",
                        format!("`{name}` was made by a statement that is done, and is gone with its session"),
                    ),
                    script,
                    later,
                )
                .help("make it again in a statement before this one, which is new to this file and may be added, and run `whimbrel up` again"));
            }
        }
    }
    Ok(again)
}

/// Names that a statement leaves in the session and that nothing can set again: temporary tables,
/// prepared statements, user variables whose value is not a literal.
fn lost_with_session(statement: &Statement, text: &str, dialect: Dialect) -> Vec<String> {
    let facts = &statement.facts;
    match facts.verb {
        Verb::Create if facts.temporary => {
            let made = targets(text, dialect).into_iter();
            made.map(|target| target.name).collect()
        }
        Verb::Prepare => text
            .split_whitespace()
            .nth(1)
            .map(str::to_owned)
            .into_iter()
            .collect(),
        Verb::Set => assigned_variables(text)
            .filter(|(_, value)| !is_literal(value))
            .map(|(name, _)| name)
            .collect(),
        Verb::Select | Verb::With => variables(text),
        _ => Vec::new(),
    }
}

/// `@x` and its value in `SET @x = 1, @y := (SELECT ...)`; a server's own `@@x` is not one.
fn assigned_variables(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    text.split(',').filter_map(|part| {
        let (left, value) = part.split_once('=')?;
        let name = left.trim_end_matches(':').split_whitespace().last()?;
        let user = name.starts_with('@') && !name.starts_with("@@");
        user.then(|| (name.to_owned(), value.trim().to_owned()))
    })
}

fn is_literal(value: &str) -> bool {
    let quoted = value.starts_with('\'') && value.ends_with('\'') && value.len() > 1;
    quoted || value.parse::<f64>().is_ok() || value.eq_ignore_ascii_case("null")
}

/// User variables that a query assigns: `SELECT ... INTO @x`, `@x := ...`.
fn variables(text: &str) -> Vec<String> {
    let lower = text.to_ascii_lowercase();
    if !lower.contains('@') || !(lower.contains(":=") || lower.contains("into")) {
        return Vec::new();
    }
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '@';
    text.split(|c: char| !word(c))
        .filter(|part| part.starts_with('@') && !part.starts_with("@@") && part.len() > 1)
        .map(str::to_owned)
        .collect()
}

fn mentions(text: &str, name: &str) -> usize {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '@';
    text.split(|c: char| !word(c))
        .filter(|part| part.eq_ignore_ascii_case(name))
        .count()
}

fn changed_meanwhile(
    script: &Script,
    statements: &[Statement],
    attempt: &Attempt,
    index: usize,
) -> Diagnostic {
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
    .help("put the statements that are applied back as they were; those after them may change")
}

fn changed_while_running(
    script: &Script,
    statements: &[Statement],
    attempt: &Attempt,
    index: usize,
) -> Diagnostic {
    let message = format!(
        "statement {} was started by an attempt whose end is not known, and has changed since",
        index + 1
    );
    let version = &attempt.version;
    place(Diagnostic::error("started-statement-changed", message), script, statements, index).help(
        format!("look whether the old statement is in the database, then say so: `whimbrel repair {version} --done`, or `whimbrel repair {version} --again` if it is not"),
    )
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

#[cfg(test)]
mod tests {
    use whimbrel_sql::{Dialect, split};

    use super::*;
    use crate::text::SourceFile;

    fn replayed(text: &str, done: usize) -> Result<Vec<usize>, String> {
        let statements = split(text, Dialect::Mysql).unwrap();
        let script = Script::whole(SourceFile::new("a.sql", text));
        replay(&script, &statements, done, Dialect::Mysql).map_err(|error| error.message)
    }

    #[test]
    fn settings_are_run_again_and_what_is_gone_is_told() {
        type Case = (&'static str, usize, Result<Vec<usize>, &'static str>);
        let table: [Case; 9] = [
            (
                "SET foreign_key_checks = 0; USE shop; CREATE TABLE a (i int); DROP TABLE b",
                3,
                Ok(vec![0, 1]),
            ),
            (
                "SET @x = 5; CREATE TABLE a (i int); INSERT INTO a VALUES (@x)",
                2,
                Ok(vec![0]),
            ),
            (
                "SET @x = (SELECT max(i) FROM b); CREATE TABLE a (i int); INSERT INTO a VALUES (@x)",
                2,
                Err("`@x`"),
            ),
            (
                "SET @x = (SELECT max(i) FROM b); DROP TABLE b; CREATE TABLE a (i int)",
                2,
                Ok(vec![]),
            ),
            (
                "CREATE TEMPORARY TABLE t (i int); CREATE TABLE a (i int); INSERT INTO a SELECT i FROM t",
                2,
                Err("`t`"),
            ),
            (
                "SELECT max(i) INTO @m FROM b; CREATE TABLE a (i int); INSERT INTO a VALUES (@m)",
                2,
                Err("`@m`"),
            ),
            (
                "CREATE TEMPORARY TABLE t (i int); CREATE TABLE a (i int); CREATE TEMPORARY TABLE t (i int); INSERT INTO a SELECT i FROM t",
                2,
                Ok(vec![]),
            ),
            (
                "SET @x = (SELECT max(i) FROM b); CREATE TABLE a (i int); SET @x = @x + 1",
                2,
                Err("`@x`"),
            ),
            (
                "PREPARE p FROM 'x'; CREATE TABLE a (i int); EXECUTE p",
                2,
                Err("`p`"),
            ),
        ];
        for (text, done, expected) in table {
            let got = replayed(text, done);
            match expected {
                Ok(list) => assert_eq!(got, Ok(list), "{text}"),
                Err(name) => assert!(got.unwrap_err().starts_with(name), "{text}"),
            }
        }
    }
}
