//! From a driver's error to a diagnostic with its place.

use std::ops::Range;

use whimbrel_sql::{Dialect, Statement, Verb};

use super::unfilled::unfilled;
use crate::diagnostic::Diagnostic;
use crate::driver::{DriverError, DriverErrorKind, Position, UnitError};
use crate::history::{Action, Attempt, History};
use crate::plan::{Direction, Step};
use crate::report::DatabaseState;

/// Draws the error of a unit that began at statement `first` of the step.
pub(super) fn diagnostic(
    step: &Step,
    first: usize,
    failed: &UnitError,
    state: &DatabaseState,
    before: Before,
) -> Diagnostic {
    let error = &failed.error;
    let mut diagnostic = error.diagnostic();
    let index = failed.statement.map(|index| first + index);
    let failing = index.and_then(|index| step.statements.get(index));
    if let Some(statement) = failing {
        let text = &step.script.text()[statement.span()];
        let inner = place(text, error.position.as_ref());
        let start = statement.span().start;
        let span = start + inner.start..start + inner.end;
        if error.position.is_some() {
            // A `$` is a part of names on MySQL, which stops behind it.
            let dollar = text[..inner.start].ends_with('$');
            let at = &text[inner.start - usize::from(dollar)..];
            let advice = unfilled(at, step.dialect);
            diagnostic.help = diagnostic.help.or(advice);
        }
        diagnostic = diagnostic.at_script(&step.script, span, "");
    } else {
        let condition = step.conditions.get(failed.part);
        let condition = condition.filter(|_| error.kind == DriverErrorKind::Condition);
        let span = condition.map_or(0..0, |condition| condition.span.clone());
        diagnostic = diagnostic.at(step.script.file(), span, "");
    }
    let refused = matches!(
        error.kind,
        DriverErrorKind::Statement | DriverErrorKind::AlreadyExists | DriverErrorKind::DoesNotExist
    );
    if failed.statement.is_none() && refused {
        diagnostic.notes.insert(
            0,
            "none of the file's statements failed: it was the session SQL that runs before them, the history's own writes, or the commit behind them".to_owned(),
        );
    }
    diagnostic.notes.push(state_note(step, state));
    if diagnostic.help.is_none() {
        diagnostic.help = advice(error, step, failing, before);
    }
    diagnostic
}

pub(super) fn state_note(step: &Step, state: &DatabaseState) -> String {
    let label = &step.label;
    match (step.direction, state) {
        (Direction::Up, DatabaseState::Clean) => format!("nothing of {label} is in the database"),
        (Direction::Down, DatabaseState::Clean) => {
            format!("{label} is still in the database, all of it")
        }
        // Its end is not known.
        (
            direction,
            DatabaseState::HalfDone {
                done: 0,
                statements,
            },
        ) => {
            let of = match direction {
                Direction::Up => label.clone(),
                Direction::Down => format!("the rollback of {label}"),
            };
            format!(
                "it is the first of {statements} statements of {of}; the next run goes on there"
            )
        }
        (Direction::Up, DatabaseState::HalfDone { done, statements }) => format!(
            "{} in the database; the next run goes on after {}",
            first(*done, *statements, label),
            if *done == 1 { "it" } else { "them" }
        ),
        (Direction::Down, DatabaseState::HalfDone { done, statements }) => format!(
            "{} done; the next run goes on after {}",
            first(*done, *statements, &format!("the rollback of {label}")),
            if *done == 1 { "it" } else { "them" }
        ),
        (Direction::Up, DatabaseState::Unknown) => {
            format!("whether {label} is in the database could not be found out; the next run will")
        }
        (Direction::Down, DatabaseState::Unknown) => {
            format!("whether {label} was undone could not be found out; the next run will")
        }
    }
}

/// The first statements, and whether they are one or many.
fn first(done: usize, statements: usize, of: &str) -> String {
    match done {
        1 => format!("the first of {statements} statements of {of} is"),
        _ => format!("the first {done} of {statements} statements of {of} are"),
    }
}

fn advice(
    error: &DriverError,
    step: &Step,
    statement: Option<&Statement>,
    before: Before,
) -> Option<String> {
    // SQLite looks up every table that refers to a dropped one, also those that are gone.
    let drops = statement.is_some_and(|statement| statement.facts.verb == Verb::Drop)
        && step.dialect == Dialect::Sqlite
        && error.message.starts_with("no such table: main.");
    let text = match (step.direction, error.kind, before) {
        _ if drops && step.foreign_keys != Some(false) => {
            "a table that is dropped is looked up in the tables that refer to it: `-- Foreign-Keys: off` in the file's opening comment leaves that out"
        }
        (Direction::Up, DriverErrorKind::DoesNotExist, _) if statement.is_none() => {
            "if the file drops the schema that the history is in, keep the history in another: --table SCHEMA.whimbrel_applied"
        }
        (Direction::Up, DriverErrorKind::AlreadyExists, Before::Nothing) => {
            "the history is empty, but the database is not: if another tool made it, `whimbrel import` takes its history over; if it stands at a known version, `whimbrel baseline VERSION` says so"
        }
        (Direction::Up, DriverErrorKind::AlreadyExists, Before::Undone) => {
            "an earlier `down` left it behind: drop it by hand, and mend that rollback"
        }
        (Direction::Down, DriverErrorKind::Statement | DriverErrorKind::DoesNotExist, _) => {
            "mend the rollback in the migration's file and run it again: while its up script is as it was applied, the file's rollback is used"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

/// What was in the database before this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Migrations.
    Something,
    /// Nothing any more: all was undone.
    Undone,
    /// Nothing that the history knows of.
    Nothing,
}

impl Before {
    pub(super) fn of(history: &History, done: usize) -> Self {
        let undone = |attempt: &Attempt| attempt.action == Action::Down;
        match history.applied.is_empty() && done == 0 {
            false => Self::Something,
            true if history.attempts.iter().any(undone) => Self::Undone,
            true => Self::Nothing,
        }
    }
}

/// The bytes of a statement that an error is about; its first line where the server does not say.
fn place(text: &str, position: Option<&Position>) -> Range<usize> {
    match position {
        Some(Position::Character(number)) => {
            let at = text
                .char_indices()
                .nth(number.saturating_sub(1))
                .map_or(text.len(), |(index, _)| index);
            word(text, at)
        }
        Some(Position::Byte(at)) => word(text, *at),
        Some(Position::Line(line, near)) => line_place(text, *line, near.as_deref()),
        None => 0..first_line(text, 0),
    }
}

fn line_place(text: &str, line: usize, near: Option<&str>) -> Range<usize> {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let start = start.min(text.len());
    // The server quotes the text from the error on; its line is where that text begins or ends.
    if let Some(near) = near.filter(|near| !near.is_empty()) {
        // It quotes to the statement's end, unless that is far.
        if let Some(before) = text.strip_suffix(near) {
            return word(text, before.len());
        }
        let found = text[start..].find(near).map(|at| start + at);
        if let Some(at) = found.or_else(|| text.rfind(near)) {
            return word(text, at);
        }
    }
    let indent = text[start..].len() - text[start..].trim_start().len();
    start + indent..first_line(text, start + indent)
}

fn first_line(text: &str, start: usize) -> usize {
    text[start..]
        .find('\n')
        .map_or(text.len(), |end| start + end)
}

/// The word at a byte, or the one character.
fn word(text: &str, at: usize) -> Range<usize> {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let length = text[at..]
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(text.len() - at);
    let one = text[at..].chars().next().map_or(0, char::len_utf8);
    at..at + length.max(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_become_words() {
        let text = "SELECT é,\n  fooo FROM bar";
        let cut = |position: Position| &text[place(text, Some(&position))];
        assert_eq!(cut(Position::Character(13)), "fooo");
        assert_eq!(cut(Position::Byte(13)), "fooo");
        assert_eq!(cut(Position::Character(8)), "é");
        assert_eq!(cut(Position::Character(999)), "");
        assert_eq!(cut(Position::Line(2, Some("fooo FROM bar".into()))), "fooo");
        assert_eq!(cut(Position::Line(2, None)), "fooo FROM bar");
        let twice = "SELECT nope nope nope";
        let last = Position::Line(1, Some("nope".into()));
        assert_eq!(place(twice, Some(&last)), 17..21);
        assert_eq!(cut(Position::Line(9, Some("gone".into()))), "");
        assert_eq!(&text[place(text, None)], "SELECT é,");
    }
}
