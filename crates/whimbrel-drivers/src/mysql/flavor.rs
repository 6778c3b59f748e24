//! How MySQL and MariaDB spell the history.

use crate::history_sql::{Flavor, Types};

pub(super) struct Mysql;

/// The server's clock, for it is the server that goes through a unit: see [`Flavor::elapsed`].
pub(super) const BEGIN: &str = "SET @whimbrel_began = UTC_TIMESTAMP(6)";

impl Flavor for Mysql {
    /// Whether a backslash escapes depends on the session's `sql_mode`, and what a letter is on its
    /// character set, so a text with other than ASCII's letters is written in hexadecimal digits.
    fn literal(&self, text: &str) -> String {
        if text.contains('\\') || !text.is_ascii() {
            let mut digits = String::with_capacity(10 + 2 * text.len());
            digits.push_str("_utf8mb4 0x");
            for byte in text.bytes() {
                digits.push_str(&format!("{byte:02x}"));
            }
            digits
        } else {
            format!("'{}'", text.replace('\'', "''"))
        }
    }

    fn name(&self, name: &str) -> String {
        format!("`{}`", name.replace('`', "``"))
    }

    fn now(&self) -> &'static str {
        "UTC_TIMESTAMP(6)"
    }

    fn time(&self, time: jiff::Timestamp) -> String {
        format!("'{}'", time.strftime("%Y-%m-%d %H:%M:%S.%6f"))
    }

    fn after(&self, seconds: u64) -> String {
        format!("UTC_TIMESTAMP(6) + INTERVAL {seconds} SECOND")
    }

    fn milliseconds(&self, column: &str) -> String {
        format!("TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', {column}) DIV 1000")
    }

    fn elapsed(&self) -> String {
        // A session that was made anew in the middle does not know.
        "COALESCE(TIMESTAMPDIFF(MICROSECOND, @whimbrel_began, UTC_TIMESTAMP(6)) DIV 1000, 0)"
            .to_owned()
    }

    fn connection(&self) -> &'static str {
        "CAST(CONNECTION_ID() AS CHAR)"
    }

    fn types(&self) -> Types {
        Types {
            key: "varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            word: "varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            text: "longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            time: "datetime(6)",
        }
    }

    fn table_suffix(&self) -> &'static str {
        " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
    }

    fn insert_or_ignore(&self) -> (&'static str, &'static str) {
        ("INSERT IGNORE", "")
    }
}
