//! SQLite's errors in the engine's terms.

use rusqlite::{Error, ErrorCode};
use whimbrel_core::driver::{DriverError, DriverErrorKind, Position};
use whimbrel_sql::{Dialect, Lexer, Token, TokenKind};

use crate::sqlite_flavor::D1_ENFORCES;

/// Result codes that are clearer by their name.
const NAMES: [(i32, &str); 12] = [
    (1, "SQLITE_ERROR"),
    (5, "SQLITE_BUSY"),
    (8, "SQLITE_READONLY"),
    (9, "SQLITE_INTERRUPT"),
    (10, "SQLITE_IOERR"),
    (11, "SQLITE_CORRUPT"),
    (13, "SQLITE_FULL"),
    (14, "SQLITE_CANTOPEN"),
    (18, "SQLITE_TOOBIG"),
    (19, "SQLITE_CONSTRAINT"),
    (20, "SQLITE_MISMATCH"),
    (26, "SQLITE_NOTADB"),
];

pub(super) fn error(error: &Error) -> DriverError {
    let (code, message, offset) = match error {
        Error::SqliteFailure(code, message) => (Some(*code), message.clone(), None),
        Error::SqlInputError {
            error, msg, offset, ..
        } => (Some(*error), Some(msg.clone()), Some(*offset)),
        _ => (None, None, None),
    };
    let message = message.unwrap_or_else(|| error.to_string());
    DriverError {
        kind: code.map_or(DriverErrorKind::Statement, |code| kind(code.code, &message)),
        code: code.map(|code| name(code.extended_code)),
        hint: code.and_then(|code| advice(code.code, &message)),
        position: offset
            .and_then(|at| usize::try_from(at).ok())
            .map(Position::Byte),
        message,
        ..DriverError::default()
    }
}

/// The error of a statement.
pub(super) fn error_in(sql: &str, cause: &Error) -> DriverError {
    let mut error = error(cause);
    let place = || named(sql, &error.message).map(Position::Byte);
    error.position = error.position.clone().or_else(place);
    if error.hint.is_none() && misses_parent(sql, &error.message) {
        error.hint = Some(format!(
            "the statement does not name this table: a trigger does, or a reference leads to it; {ENFORCED}"
        ));
    }
    error
}

/// A statement that waits for a value. Nobody gives one, and SQLite would take NULL.
pub(super) fn parameter(sql: &str, name: &str) -> DriverError {
    let mut tokens = Lexer::new(sql, Dialect::Sqlite);
    let is_it = |token: &Token| {
        token.kind != TokenKind::String
            && !token.kind.is_trivia()
            && sql[token.span.start..].starts_with(name)
    };
    let message = format!("`{name}` stands for a value that nobody gives: SQLite would take NULL");
    DriverError {
        kind: DriverErrorKind::Statement,
        position: tokens
            .find(is_it)
            .map(|token| Position::Byte(token.span.start)),
        hint: Some("write the value; a text with such a character goes in quotes".to_owned()),
        message,
        ..DriverError::default()
    }
}

/// What turns references off here does not in D1.
pub(super) fn advise_for_d1(error: &mut DriverError) {
    if error
        .hint
        .as_ref()
        .is_some_and(|hint| hint.ends_with(ENFORCED))
    {
        error.hint = Some(D1_ENFORCES.to_owned());
    }
}

/// True if a statement that changes rows misses a table that it does not name: one that a reference
/// leads to, or a trigger names.
fn misses_parent(sql: &str, message: &str) -> bool {
    let verb = sql.trim_start().get(..6).unwrap_or_default();
    let changes = ["insert", "update", "delete", "replac"]
        .iter()
        .any(|word| verb.eq_ignore_ascii_case(word));
    let table = message.strip_prefix("no such table: main.");
    changes && table.is_some_and(|table| !sql.contains(table))
}

/// Where a statement names what the message says is not there, if it does so once: SQLite gives
/// places of columns and of syntax alone.
fn named(sql: &str, message: &str) -> Option<usize> {
    let (what, name) = message.split_once(": ")?;
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let whole =
        |at: &usize| !sql[..*at].ends_with(is_part) && !sql[at + name.len()..].starts_with(is_part);
    let found = sql.match_indices(name).map(|(at, _)| at).filter(whole);
    let places: Vec<_> = found.take(2).collect();
    (what.starts_with("no such ") && places.len() == 1).then(|| places[0])
}

fn kind(code: ErrorCode, message: &str) -> DriverErrorKind {
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => DriverErrorKind::LockTimeout,
        ErrorCode::OperationInterrupted => DriverErrorKind::Cancelled,
        ErrorCode::CannotOpen => DriverErrorKind::Connect,
        ErrorCode::NotADatabase => DriverErrorKind::Refused,
        _ if message.contains("already exists") || message.starts_with("duplicate column") => {
            DriverErrorKind::AlreadyExists
        }
        _ if message.starts_with("no such ") => DriverErrorKind::DoesNotExist,
        _ => DriverErrorKind::Statement,
    }
}

fn name(extended: i32) -> String {
    NAMES
        .iter()
        .find(|(code, _)| *code == extended & 0xff)
        .map_or_else(
            || format!("SQLite {extended}"),
            |(_, name)| (*name).to_owned(),
        )
}

const ENFORCED: &str = "references are enforced here; the directive `-- Foreign-Keys: off` runs a file without, with a check before its commit, `--session-sql 'PRAGMA foreign_keys = off'` every file, without one, as do the layouts of tools that don't enforce them";

fn advice(code: ErrorCode, message: &str) -> Option<String> {
    let text = match code {
        _ if message.starts_with("foreign key mismatch")
            || message.starts_with("FOREIGN KEY constraint failed") =>
        {
            ENFORCED
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            "another connection is writing to the file; try again when it is done"
        }
        ErrorCode::ReadOnly => "the file or its folder is not writable",
        ErrorCode::DiskFull => "the disk is full; nothing was written",
        ErrorCode::NotADatabase => "the file is no SQLite database, or it is encrypted",
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d1_has_advice_of_its_own() {
        let with = |hint: &str| {
            let mut error = DriverError::new(DriverErrorKind::Statement, "").with_hint(hint);
            advise_for_d1(&mut error);
            error.hint.unwrap()
        };
        assert_eq!(with(&format!("why; {ENFORCED}")), D1_ENFORCES);
        assert_eq!(with("the disk is full"), "the disk is full");
    }

    #[test]
    fn a_table_that_is_not_named_is_a_parent() {
        let missed = |sql| misses_parent(sql, "no such table: main.collection");
        assert!(missed("INSERT INTO new SELECT * FROM old"));
        assert!(!missed("INSERT INTO collection VALUES (1)"));
        assert!(!missed("CREATE INDEX i ON a (b)"));
    }

    #[test]
    fn what_is_not_there_is_found_where_it_is_named_once() {
        let at = |sql, message| named(sql, message);
        let insert = "INSERT INTO\n  nowhere VALUES ('nowhere.')";
        assert_eq!(at(insert, "no such table: nowhere"), Some(14));
        assert_eq!(at("SELECT a.a FROM a", "no such table: a"), Some(16));
        assert_eq!(at("DELETE FROM a WHERE a", "no such table: a"), None);
        assert_eq!(at("DROP TABLE b", "no such table: main.a"), None);
        assert_eq!(at("DROP TABLE b", "near b: syntax error"), None);
        assert_eq!(at("DROP TABLE \u{e9}", "no such table: \u{e9}"), Some(11));
    }
}
