//! How PostgreSQL spells the history.

use crate::history_sql::{Flavor, Types};

pub(super) struct Postgres;

/// The journal's name for a connection: its process and when that was started, since numbers
/// come again.
pub(super) const CONNECTION: &str = "(SELECT pid || ' ' || extract(epoch FROM backend_start) FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid())";

/// The lock's holder had a connection of its own, and the server has it no more. Others' times of
/// start may not be visible: then the number is enough for it to count as being there.
pub(super) const GONE: &str = "connection IS NOT NULL AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_activity a WHERE a.pid = pg_catalog.split_part(connection, ' ', 1)::integer AND (a.backend_start IS NULL OR connection = a.pid || ' ' || extract(epoch FROM a.backend_start)))";

impl Flavor for Postgres {
    fn literal(&self, text: &str) -> String {
        let quoted = text.replace('\'', "''");
        if text.contains('\\') {
            format!("E'{}'", quoted.replace('\\', "\\\\"))
        } else {
            format!("'{quoted}'")
        }
    }

    fn name(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    fn now(&self) -> &'static str {
        "pg_catalog.clock_timestamp()"
    }

    fn time(&self, time: jiff::Timestamp) -> String {
        format!("timestamptz '{time:.6}'")
    }

    fn after(&self, seconds: u64) -> String {
        format!("pg_catalog.clock_timestamp() + interval '{seconds} seconds'")
    }

    fn milliseconds(&self, column: &str) -> String {
        format!("(pg_catalog.date_part('epoch', {column}) * 1000)::bigint")
    }

    fn elapsed(&self) -> String {
        "(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.transaction_timestamp()) * 1000)::bigint".to_owned()
    }

    fn elapsed_by_default(&self, applied: &str) -> Option<String> {
        let elapsed = self.elapsed();
        Some(format!(
            "ALTER TABLE {applied} ALTER duration_ms SET DEFAULT {elapsed}"
        ))
    }

    fn connection(&self) -> &'static str {
        CONNECTION
    }

    fn types(&self) -> Types {
        Types {
            key: "text",
            word: "text",
            text: "text",
            time: "timestamptz",
        }
    }

    fn table_suffix(&self) -> &'static str {
        ""
    }

    fn insert_or_ignore(&self) -> (&'static str, &'static str) {
        ("INSERT", " ON CONFLICT DO NOTHING")
    }
}
