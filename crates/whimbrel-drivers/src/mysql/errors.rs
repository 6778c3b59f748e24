//! MySQL's errors in the engine's terms.

use mysql_async::{Error, IoError};
use whimbrel_core::driver::{DriverError, DriverErrorKind, Position};

use crate::distrust::Distrust;

pub(super) fn error(error: &Error) -> DriverError {
    match error {
        Error::Server(server) => DriverError {
            kind: kind(server.code),
            message: server.message.clone(),
            code: Some(format!("{} ({})", server.code, server.state)),
            hint: advice(server.code).map(str::to_owned),
            position: position(&server.message),
            ..DriverError::default()
        },
        Error::Io(io) => DriverError::new(
            DriverErrorKind::Lost,
            format!("the connection to the server broke: {io}"),
        ),
        Error::Driver(driver) => DriverError::new(
            DriverErrorKind::Lost,
            format!("the connection to the server broke: {driver}"),
        ),
        // The library's own text could repeat the URL.
        Error::Url(_) => {
            DriverError::new(DriverErrorKind::Connect, "the database URL can't be read")
        }
        Error::Other(other) => DriverError::new(DriverErrorKind::Lost, other.to_string()),
    }
}

/// True if it is the server's error of this number.
pub(super) fn is(error: &Error, code: u16) -> bool {
    matches!(error, Error::Server(server) if server.code == code)
}

/// As [`is`], of an error in the engine's terms.
pub(super) fn has_code(error: &DriverError, code: u16) -> bool {
    let own = error.code.as_deref().and_then(|own| own.split(' ').next());
    own.is_some_and(|own| own.parse() == Ok(code))
}

/// As [`error`], of a statement in a message of several: the server quotes what follows in the
/// message, also what follows the statement.
pub(super) fn joined(failed: &Error) -> DriverError {
    let mut error = error(failed);
    let Some((head, rest)) = error.message.split_once("near '") else {
        return error;
    };
    let Some((quoted, line)) = rest.rsplit_once("' at line ") else {
        return error;
    };
    let at_its_end = quoted.starts_with(";\n");
    let own = match quoted.split_once("\n;\n") {
        _ if at_its_end => "",
        Some((own, _)) => own,
        None => quoted,
    };
    let line = line.trim().parse().unwrap_or(1_usize);
    let line = line.saturating_sub(usize::from(at_its_end)).max(1);
    error.message = format!("{head}near '{own}' at line {line}");
    error.position = position(&error.message);
    error
}

/// Why the server's certificate is not believed, if that is why it failed.
pub(super) fn distrust(error: &Error) -> Option<Distrust> {
    match error {
        Error::Io(IoError::Io(error)) => Distrust::of(error),
        _ => None,
    }
}

/// By error number, as the manuals of both servers list them.
fn kind(code: u16) -> DriverErrorKind {
    match code {
        1213 | 1020 => DriverErrorKind::Transient,
        1205 | 3572 => DriverErrorKind::LockTimeout,
        1317 | 3024 | 1969 => DriverErrorKind::Cancelled,
        1007 | 1050 | 1060 | 1061 | 1304 | 1359 | 1537 | 1826 | 3822 => {
            DriverErrorKind::AlreadyExists
        }
        1008 | 1051 | 1054 | 1091 | 1146 | 1305 | 1360 | 1539 => DriverErrorKind::DoesNotExist,
        1044 | 1045 | 1049 | 1129 | 1130 | 1040 | 1203 => DriverErrorKind::Refused,
        1053 | 1077 | 1079 | 1152..=1161 | 1927 | 4031 => DriverErrorKind::Lost,
        _ => DriverErrorKind::Statement,
    }
}

fn advice(code: u16) -> Option<&'static str> {
    Some(match code {
        1045 => "check the user and the password",
        1049 => "create the database first: CREATE DATABASE ... CHARACTER SET utf8mb4",
        1205 => {
            "another session holds a lock on what this statement changes; try again when it is done, or allow more time with --lock-timeout"
        }
        1142 | 1143 | 1227 | 1370 => "connect as a user who may, or grant this one the right",
        1175 => {
            "the server's sql_safe_updates refuses it: allow it with --session-sql \"SET sql_safe_updates = 0\""
        }
        1969 => {
            "the server's max_statement_time ended it: allow more with --session-sql \"SET max_statement_time = 0\", or set it for the user that migrates"
        }
        3024 => {
            "the server's max_execution_time ended it: allow more with --session-sql \"SET max_execution_time = 0\""
        }
        4031 => {
            "the server's wait_timeout ended the connection: the network or this process stood still for longer than it allows"
        }
        1290 | 1792 | 1836 => "the server or the session is read-only: connect to the primary",
        _ => return None,
    })
}

/// `... near 'TEXT' at line N`
fn position(message: &str) -> Option<Position> {
    let (head, line) = message.rsplit_once(" at line ")?;
    let line = line.trim().parse().ok()?;
    let near = head
        .find("near '")
        .map(|at| head[at + 6..].trim_end_matches('\'').to_owned());
    Some(Position::Line(line, near))
}
