//! From a driver's error to a diagnostic with its place.

use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::driver::{DriverError, DriverErrorKind, Position, UnitError};
use crate::plan::{Direction, Step};
use crate::report::DatabaseState;

/// Draws the error of a unit that began at statement `first` of the step.
pub(super) fn diagnostic(
    step: &Step,
    first: usize,
    failed: &UnitError,
    state: &DatabaseState,
    first_of_all: bool,
) -> Diagnostic {
    let error = &failed.error;
    let (mut diagnostic, failing) = (error.diagnostic(), failed.statement);
    if let Some(statement) = failing.and_then(|index| step.statements.get(first + index)) {
        let text = &step.script.text()[statement.span()];
        let inner = place(text, error.position.as_ref());
        let start = statement.span().start;
        let span = start + inner.start..start + inner.end;
        diagnostic = diagnostic.at_script(&step.script, span, "");
    } else {
        let condition = step.conditions.get(failed.part);
        let condition = condition.filter(|_| error.kind == DriverErrorKind::Condition);
        let span = condition.map_or(0..0, |condition| condition.span.clone());
        diagnostic = diagnostic.at(step.script.file(), span, "");
    }
    if failed.statement.is_none() && error.kind == DriverErrorKind::Statement {
        diagnostic.notes.insert(
            0,
            "the error came at the end of the migration, when it was committed".to_owned(),
        );
    }
    diagnostic.notes.push(state_note(step, state));
    if diagnostic.help.is_none() {
        diagnostic.help = advice(error, step, first_of_all);
    }
    diagnostic
}

pub(super) fn state_note(step: &Step, state: &DatabaseState) -> String {
    match state {
        DatabaseState::Clean => format!("nothing of {} is in the database", step.label),
        DatabaseState::HalfDone { done, statements } => format!(
            "the first {done} of {statements} statements of {} are in the database; the next run goes on after them",
            step.label
        ),
        DatabaseState::Unknown => format!(
            "whether {} is in the database could not be found out; the next run will",
            step.label
        ),
    }
}

fn advice(error: &DriverError, step: &Step, first_of_all: bool) -> Option<String> {
    let untouched = first_of_all && step.direction == Direction::Up;
    (error.kind == DriverErrorKind::AlreadyExists && untouched).then(|| {
        "the history is empty, but the database is not: if another tool made it, `whimbrel import` takes its history over; if it stands at a known version, `whimbrel baseline VERSION` says so".to_owned()
    })
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
        assert_eq!(cut(Position::Line(9, Some("gone".into()))), "");
        assert_eq!(&text[place(text, None)], "SELECT é,");
    }
}
