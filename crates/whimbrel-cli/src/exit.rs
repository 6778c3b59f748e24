//! Exit codes, by the kind of error. docs/exit-codes.md lists them.

use std::process::ExitCode;

use whimbrel::Error;
use whimbrel::error::ErrorKind;
use whimbrel::report::Report;

pub(crate) const OK: u8 = 0;
/// A migration failed.
pub(crate) const FAILED: u8 = 1;
/// Wrong arguments or settings.
pub(crate) const USAGE: u8 = 2;
/// `status --check`: something is pending.
pub(crate) const PENDING: u8 = 3;
/// Files are wrong, or the plan is refused; nothing was touched.
pub(crate) const REFUSED: u8 = 4;
/// The database can't be reached or does not answer as expected.
pub(crate) const DATABASE: u8 = 5;
/// The lock was not had in time.
pub(crate) const LOCKED: u8 = 6;
/// Cancelled, as shells count SIGINT.
pub(crate) const CANCELLED: u8 = 130;

/// What each means, for the help and for docs/exit-codes.md.
pub(crate) const MEANINGS: [(u8, &str); 8] = [
    (OK, "done"),
    (
        FAILED,
        "a migration failed; what was applied before it stays",
    ),
    (USAGE, "wrong arguments or settings"),
    (PENDING, "`status --check`: something is pending"),
    (
        REFUSED,
        "files are wrong, or the plan is refused; nothing was touched",
    ),
    (
        DATABASE,
        "the database can't be reached, or does not answer as expected",
    ),
    (LOCKED, "the lock was not free in time"),
    (CANCELLED, "cancelled"),
];

pub(crate) fn of_error(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::Settings => USAGE,
        ErrorKind::Refused => REFUSED,
        ErrorKind::Database => DATABASE,
        ErrorKind::Locked => LOCKED,
        ErrorKind::Failed => FAILED,
        ErrorKind::Cancelled => CANCELLED,
    }
}

/// Of runs that went on after a failure, if there was one.
pub(crate) fn of_reports(reports: &[Report]) -> u8 {
    if reports.iter().all(|report| report.failures.is_empty()) {
        OK
    } else {
        FAILED
    }
}

pub(crate) fn of_usage(error: &clap::Error) -> ExitCode {
    ExitCode::from(if error.use_stderr() { USAGE } else { OK })
}

#[allow(clippy::print_stderr)] // There is nothing else left to say it with.
pub(crate) fn without_runtime(error: &std::io::Error) -> ExitCode {
    eprintln!("error: the system refuses to start the runtime: {error}");
    ExitCode::from(FAILED)
}
