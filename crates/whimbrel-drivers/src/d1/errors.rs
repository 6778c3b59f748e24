//! D1's errors in the engine's terms.

use reqwest::Url;
use whimbrel_core::driver::{DriverError, DriverErrorKind, Outcome, Position};

use super::answer::ApiError;
use super::http::ANSWER_LIMIT;
use crate::sqlite_flavor::D1_ENFORCES;

/// Errors of statements have this number, and others of the database too.
const QUERY: i64 = 7500;

/// What to do where the time is over.
const TIME: &str = "D1 ends a request after 30 seconds: split the migration, or write the directive `-- Transaction: off`, which makes each statement a request of its own";

/// A request that failed, and what became of its statements.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: DriverError,
    pub(super) outcome: Outcome,
    /// One of its statements failed, so that it can be found which.
    pub(super) by_statement: bool,
}

impl Failed {
    fn before(error: DriverError) -> Self {
        Self {
            error,
            outcome: Outcome::RolledBack,
            by_statement: false,
        }
    }

    fn in_doubt(message: String) -> Self {
        Self {
            error: DriverError::new(DriverErrorKind::Lost, message),
            outcome: Outcome::Unknown,
            by_statement: false,
        }
    }

    /// Says what to do if it is time that ran out.
    fn out_of_time(mut self, is_over: bool) -> Self {
        if is_over {
            self.error.hint = Some(TIME.to_owned());
        }
        self
    }
}

/// The request did not end as HTTP.
pub(super) fn transport(error: reqwest::Error) -> Failed {
    let sent = !error.is_connect() && !error.is_builder();
    let place = error.url().map(place).unwrap_or_default();
    let error = error.without_url();
    if !sent {
        return not_reached(&place, &error);
    }
    let mut message = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        message = format!("{message}: {inner}");
        source = inner.source();
    }
    if sent && error.is_timeout() {
        let limit = ANSWER_LIMIT.as_secs();
        let told = format!("no answer of {place} came within {limit} seconds");
        return Failed::in_doubt(told).out_of_time(true);
    }
    Failed::in_doubt(format!("the answer of {place} did not come: {message}"))
}

/// `HOST:PORT`; an account's and a database's names are nobody's business here.
fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default();
    port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn not_reached(place: &str, error: &reqwest::Error) -> Failed {
    // What is around the innermost one only says that it was about connecting.
    let mut why = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        why = inner.to_string();
        source = inner.source();
    }
    let hint = if place == "api.cloudflare.com:443" {
        "check the way to the internet from here; HTTPS_PROXY names a proxy"
    } else {
        "check that the endpoint runs, and the host and port in the URL"
    };
    let message = format!("can't connect to {place}: {why}");
    Failed::before(DriverError::new(DriverErrorKind::Connect, message).with_hint(hint))
}

/// Nobody waits for the answer any more.
pub(super) fn abandoned() -> Failed {
    Failed {
        error: DriverError::new(DriverErrorKind::Cancelled, "cancelled"),
        outcome: Outcome::Unknown,
        by_statement: false,
    }
}

/// The answer is none of D1's.
pub(super) fn unreadable() -> Failed {
    let mut failed = Failed::in_doubt("the answer can't be read".to_owned());
    failed.error.kind = DriverErrorKind::Refused;
    failed.error.hint = Some("is this the address of D1's API?".to_owned());
    failed
}

/// An answer that is no success.
pub(super) fn answer(status: u16, errors: &[ApiError]) -> Failed {
    let first = errors.first().cloned().unwrap_or_default();
    let told = match (errors.is_empty(), first.code) {
        (true, _) => format!("D1 answered with HTTP status {status}"),
        (false, 0) => first.message.clone(),
        (false, code) => format!("{} [code: {code}]", first.message),
    };
    if first.code == QUERY && is_of_statement(status, &first.message) {
        return Failed {
            error: statement(&first.message),
            outcome: Outcome::RolledBack,
            by_statement: true,
        };
    }
    let (kind, hint) = match status {
        429 => (
            DriverErrorKind::Transient,
            Some("Cloudflare limits how many requests a token makes; wait a while"),
        ),
        401 | 403 => (
            DriverErrorKind::Refused,
            Some("the token (CLOUDFLARE_API_TOKEN) needs the permission D1 Edit for this account"),
        ),
        400 if first.code == 10000 => (
            DriverErrorKind::Refused,
            Some("the token (CLOUDFLARE_API_TOKEN) needs the permission D1 Edit for this account"),
        ),
        404 => (
            DriverErrorKind::Refused,
            Some("check the account and the database in the URL: d1://ACCOUNT_ID/DATABASE_ID"),
        ),
        413 => (
            DriverErrorKind::Statement,
            Some("the migration is too large for one request: split it"),
        ),
        408 => return Failed::in_doubt(told).out_of_time(true),
        400..=499 => (DriverErrorKind::Statement, None),
        _ => {
            let is_over = matches!(status, 504 | 522 | 524) || speaks_of_time(&first.message);
            return Failed::in_doubt(told).out_of_time(is_over);
        }
    };
    let error = DriverError::new(kind, told);
    Failed::before(match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    })
}

/// "D1 DB storage operation exceeded timeout which caused object to be reset", "D1 DB exceeded its
/// CPU time limit and was reset".
fn speaks_of_time(message: &str) -> bool {
    ["timeout", "timed out", "time limit"]
        .iter()
        .any(|words| message.contains(words))
}

/// The engine's own words name SQLite's code; of others, those with a client's status are about
/// the request, and the rest leave its end open (overloaded, reset, out of time).
fn is_of_statement(status: u16, message: &str) -> bool {
    message.contains("SQLITE_")
        || message.contains("constraint failed")
        || message.starts_with("not authorized")
        || status < 500 && status != 408
}

/// `near "FROM": syntax error at offset 7: SQLITE_ERROR (extended: ...)`.
fn statement(told: &str) -> DriverError {
    // Before it come words about the object that holds the database.
    let told = told
        .split_once("constraints were violated: ")
        .map_or(told, |(_, rest)| rest);
    let (rest, extended) = match told.split_once(" (extended: ") {
        Some((rest, extended)) => (rest, Some(extended.trim_end_matches(')'))),
        None => (told, None),
    };
    let (rest, code) = match rest.rsplit_once(": SQLITE_") {
        Some((rest, code)) => (rest, Some(format!("SQLITE_{code}"))),
        None => (rest, None),
    };
    let (message, position) = match rest.rsplit_once(" at offset ") {
        Some((message, offset)) => (message, offset.parse().ok().map(Position::Byte)),
        None => (rest, None),
    };
    let code = extended.map(str::to_owned).or(code);
    DriverError {
        kind: kind(message),
        hint: advice(message, code.as_deref()),
        message: message.to_owned(),
        position,
        code,
        ..DriverError::default()
    }
}

fn kind(message: &str) -> DriverErrorKind {
    if message.contains("already exists") || message.starts_with("duplicate column") {
        DriverErrorKind::AlreadyExists
    } else if message.starts_with("no such ") {
        DriverErrorKind::DoesNotExist
    } else {
        DriverErrorKind::Statement
    }
}

fn advice(message: &str, code: Option<&str>) -> Option<String> {
    let text = match code {
        Some("SQLITE_AUTH") => {
            "D1 does not let this statement pass: it reaches for files, sessions or D1's own tables"
        }
        Some("SQLITE_TOOBIG") => {
            "D1 takes statements of 100 KB and rows and values of 2 MB at most"
        }
        Some("SQLITE_FULL") => "the database has reached its largest size; nothing was written",
        _ if message.starts_with("FOREIGN KEY") => D1_ENFORCES,
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, code: i64, message: &str) -> Failed {
        let error = ApiError {
            code,
            message: message.to_owned(),
        };
        answer(status, &[error])
    }

    #[test]
    fn the_engines_words_are_taken_apart() {
        let failed = of(
            400,
            7500,
            "near \"FROM\": syntax error at offset 7: SQLITE_ERROR",
        );
        assert!(failed.by_statement);
        assert_eq!(failed.error.message, "near \"FROM\": syntax error");
        assert_eq!(failed.error.code.as_deref(), Some("SQLITE_ERROR"));
        assert_eq!(failed.error.position, Some(Position::Byte(7)));
        let failed = of(
            400,
            7500,
            "CHECK constraint failed: id = 1: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_CHECK)",
        );
        assert_eq!(failed.error.message, "CHECK constraint failed: id = 1");
        assert_eq!(
            failed.error.code.as_deref(),
            Some("SQLITE_CONSTRAINT_CHECK")
        );
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_in_time_says_what_to_do() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/a/b", silent.local_addr().unwrap());
        let config = crate::tls::believes_nobody().unwrap();
        let client = reqwest::Client::builder().tls_backend_preconfigured(config);
        let request = client.no_proxy().build().unwrap().post(url);
        let request = request.timeout(std::time::Duration::from_millis(50));
        let failed = transport(request.send().await.unwrap_err());
        let told = failed.error.message;
        assert!(told.starts_with("no answer of 127.0.0.1:"), "{told}");
        assert!(told.ends_with(" came within 60 seconds"), "{told}");
        assert!(failed.error.hint.unwrap().contains("-- Transaction: off"));
        assert_eq!(failed.outcome, Outcome::Unknown);
    }

    #[test]
    fn a_servers_trouble_leaves_the_end_open() {
        let doubt = |failed: Failed| failed.outcome == Outcome::Unknown;
        assert!(doubt(of(500, 7500, "Internal error")));
        assert!(doubt(of(503, 7500, "D1 DB is overloaded")));
        assert!(doubt(answer(502, &[])));
        assert!(!doubt(of(500, 7500, "not authorized: SQLITE_AUTH")));
        for told in [
            of(
                500,
                7500,
                "D1 DB storage operation exceeded timeout which caused object to be reset.",
            ),
            of(
                500,
                7500,
                "D1 DB exceeded its CPU time limit and was reset.",
            ),
            answer(408, &[]),
            answer(524, &[]),
        ] {
            assert!(told.error.hint.as_deref().unwrap().contains("30 seconds"));
            assert!(doubt(told));
        }
        assert_eq!(of(500, 7500, "Internal error").error.hint, None);
        let late =
            "The object was reset since constraints were violated: FOREIGN KEY constraint failed";
        let late = of(500, 7500, late);
        assert_eq!(late.error.message, "FOREIGN KEY constraint failed");
        assert!(!doubt(late));
        assert!(!doubt(of(429, 971, "Please wait")));
        assert_eq!(
            of(429, 971, "Please wait").error.kind,
            DriverErrorKind::Transient
        );
        assert_eq!(
            of(403, 10000, "Authentication error").error.kind,
            DriverErrorKind::Refused
        );
    }
}
