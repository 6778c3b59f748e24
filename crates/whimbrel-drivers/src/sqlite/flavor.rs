//! How SQLite spells the history.

use crate::history_sql::{Flavor, Types};

/// With the milliseconds since 1970 at which the unit began, to tell how long it took.
pub(super) struct Sqlite {
    pub(super) began: i64,
}

const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

impl Sqlite {
    pub(super) fn now() -> Self {
        Self {
            began: jiff::Timestamp::now().as_millisecond(),
        }
    }
}

impl Flavor for Sqlite {
    fn literal(&self, text: &str) -> String {
        format!("'{}'", text.replace('\'', "''"))
    }

    fn name(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    fn now(&self) -> &'static str {
        NOW
    }

    fn after(&self, seconds: u64) -> String {
        format!("strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+{seconds} seconds')")
    }

    fn milliseconds(&self, column: &str) -> String {
        format!("CAST(round((julianday({column}) - 2440587.5) * 86400000) AS INTEGER)")
    }

    fn elapsed(&self) -> String {
        format!("max(0, {} - {})", self.milliseconds("'now'"), self.began)
    }

    fn connection(&self) -> &'static str {
        "NULL"
    }

    fn types(&self) -> Types {
        Types {
            key: "text",
            word: "text",
            text: "text",
            time: "text",
        }
    }

    fn table_suffix(&self) -> &'static str {
        ""
    }

    fn insert_or_ignore(&self) -> (&'static str, &'static str) {
        ("INSERT OR IGNORE", "")
    }
}
