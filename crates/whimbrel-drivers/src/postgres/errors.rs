//! PostgreSQL's errors and notices in the engine's terms.

use std::io;

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{ErrorFields, ErrorResponseBody, NoticeResponseBody};
use whimbrel_core::driver::{DriverError, DriverErrorKind, Notice, Position};

/// The fields of a message by their letters.
fn collect(fields: ErrorFields<'_>) -> io::Result<Vec<(u8, String)>> {
    fields
        .map(|field| {
            Ok((
                field.type_(),
                String::from_utf8_lossy(field.value_bytes()).into_owned(),
            ))
        })
        .collect()
}

struct Fields(Vec<(u8, String)>);

impl Fields {
    fn get(&self, letter: u8) -> Option<String> {
        self.0
            .iter()
            .find(|(l, _)| *l == letter)
            .map(|(_, text)| text.clone())
    }
}

/// An error response.
pub(super) fn error(body: &ErrorResponseBody) -> DriverError {
    let fields = match collect(body.fields()) {
        Ok(list) => Fields(list),
        Err(error) => return lost(&error),
    };
    let code = fields.get(b'C').unwrap_or_default();
    let position = fields.get(b'P').and_then(|text| text.parse().ok());
    let message = fields.get(b'M').unwrap_or_default();
    DriverError {
        kind: kind(&code),
        detail: fields.get(b'D'),
        hint: fields.get(b'H').or_else(|| advice(&code, &message)),
        message,
        context: fields.get(b'W'),
        position: position.map(Position::Character),
        code: Some(code),
    }
}

/// An error response in the middle of logging in: poolers have codes of their own for it.
pub(super) fn not_let_in(body: &ErrorResponseBody) -> DriverError {
    let mut error = error(body);
    if error.code.as_deref() == Some("08P01") {
        error.kind = DriverErrorKind::Refused;
        let hint = "a pooler says so: check the user, the password and the database";
        error.hint.get_or_insert_with(|| hint.to_owned());
    }
    error
}

/// A notice or a warning.
pub(super) fn notice(body: &NoticeResponseBody) -> Notice {
    let fields = Fields(collect(body.fields()).unwrap_or_default());
    Notice {
        severity: fields
            .get(b'V')
            .or_else(|| fields.get(b'S'))
            .unwrap_or_default(),
        code: fields.get(b'C'),
        message: fields.get(b'M').unwrap_or_default(),
        detail: fields.get(b'D'),
        hint: fields.get(b'H'),
    }
}

/// The connection broke.
pub(super) fn lost(error: &io::Error) -> DriverError {
    DriverError::new(
        DriverErrorKind::Lost,
        format!("the connection to the server broke: {error}"),
    )
}

/// A command that no message can hold, since there is a NUL byte in it.
pub(super) fn unsendable(error: &io::Error) -> DriverError {
    DriverError::new(
        DriverErrorKind::Statement,
        format!("the statement can't be sent: {error}"),
    )
}

/// The server's `transaction_timeout` ended the connection.
const TRANSACTION_TIMEOUT: &str = "25P04";

/// The statement failed and took the connection with it, and would do so again.
pub(super) fn ends_the_connection(error: &DriverError) -> bool {
    error.code.as_deref() == Some(TRANSACTION_TIMEOUT)
}

/// By SQLSTATE, as the manual's Appendix A lists them.
fn kind(code: &str) -> DriverErrorKind {
    match code {
        "40001" | "40P01" => DriverErrorKind::Transient,
        "55P03" => DriverErrorKind::LockTimeout,
        // The latter ends the connection, and would end the next one at the same place.
        "57014" | TRANSACTION_TIMEOUT => DriverErrorKind::Cancelled,
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => DriverErrorKind::Lost,
        "42P04" | "42P06" | "42P07" | "42701" | "42710" | "42723" => DriverErrorKind::AlreadyExists,
        "42P01" | "42703" | "42704" | "42883" | "3F000" => DriverErrorKind::DoesNotExist,
        "28000" | "28P01" | "3D000" | "53300" => DriverErrorKind::Refused,
        code if code.starts_with("08") => DriverErrorKind::Lost,
        _ => DriverErrorKind::Statement,
    }
}

/// Nothing can be written there.
const STANDBY: &str = "the server is a standby, or default_transaction_read_only is on for this role or database: connect to the primary, as a role that may write";

fn advice(code: &str, message: &str) -> Option<String> {
    let text = match code {
        // Servers translate the message; the setting's name is in it in most languages.
        "57014" if message.contains("timeout") => {
            "the server's statement_timeout ended it: allow more with --session-sql \"SET statement_timeout = '10min'\", or set it for the role that migrates"
        }
        "25P03" => {
            "the server's idle_in_transaction_session_timeout ended the connection: the network or this process stood still for longer than it allows"
        }
        "57P05" => {
            "the server's idle_session_timeout ended the connection: the network or this process stood still for longer than it allows"
        }
        TRANSACTION_TIMEOUT => {
            "the server's transaction_timeout ended the connection: allow more with --session-sql \"SET transaction_timeout = 0\", or set it for the role that migrates"
        }
        "28P01" => "check the user and the password",
        "28000" => {
            "check the user, and if the server's pg_hba.conf is named, the host, the database and sslmode too: it lets none in with these"
        }
        // In other languages as well: no other error of this code is about a statement of a file.
        "25001" if !message.contains("SET TRANSACTION") => {
            "run the file without a transaction around it: write the directive `-- Transaction: off` into its opening comment"
        }
        "2D000" => {
            "it commits by itself: write the directive `-- Transaction: off` into the file's opening comment"
        }
        "42501" => {
            "connect as the owner of what is named, or grant this role the right (since PostgreSQL 15 nobody but the database's owner may create in the schema public)"
        }
        "3D000" => "create the database first: CREATE DATABASE",
        "55P03" => {
            "another session holds a lock on what this statement changes; try again when it is done, or allow more time with --lock-timeout"
        }
        "53200" => {
            "many objects in one transaction need many locks: raise max_locks_per_transaction, or leave --single-transaction out"
        }
        "22P05" => {
            "the database's encoding lacks a character of the file; those of its comments count as well, since the history keeps the whole file"
        }
        "25006" => STANDBY,
        "55P04" => {
            "a new enum value can't be used in the transaction that adds it: put the two into files of their own"
        }
        _ => return None,
    };
    Some(text.to_owned())
}
