//! SQLite's errors in the engine's terms.

use rusqlite::{Error, ErrorCode};
use whimbrel_core::driver::{DriverError, DriverErrorKind, Position};

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
        hint: code.and_then(|code| advice(code.code)),
        position: offset
            .and_then(|at| usize::try_from(at).ok())
            .map(Position::Byte),
        message,
        ..DriverError::default()
    }
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

fn advice(code: ErrorCode) -> Option<String> {
    let text = match code {
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
