//! How SQLite, and Cloudflare D1 with it, spells the history.

use crate::history_sql::{Flavor, Types};

/// With the milliseconds since 1970 at which the unit began, to tell how long it took; none where
/// the server's clock is another one, and the duration is filled in later.
pub(crate) struct Sqlite {
    pub(crate) began: Option<i64>,
}

const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

pub(crate) const D1_ENFORCES: &str = "D1 keeps foreign keys on; `PRAGMA defer_foreign_keys = on` at the top of the file puts the checks off to its end";

#[cfg(feature = "sqlite")]
impl Sqlite {
    pub(crate) fn now() -> Self {
        Self {
            began: Some(jiff::Timestamp::now().as_millisecond()),
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
        self.began.map_or_else(
            || "0".to_owned(),
            |began| format!("max(0, {} - {began})", self.milliseconds("'now'")),
        )
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
