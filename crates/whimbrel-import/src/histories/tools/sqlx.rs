//! sqlx.

use std::time::Duration;

use super::super::digest;
use super::super::tool::{Entry, Row, State, TOOL, Tool, each, maybe, needed};

pub(super) const SQLX: Tool = Tool {
    name: "sqlx",
    title: "sqlx",
    table: "_sqlx_migrations",
    columns: &[
        needed("version"),
        needed("success"),
        needed("checksum"),
        maybe("description"),
        maybe("installed_on"),
        maybe("execution_time"),
    ],
    order: &["version"],
    read,
    is_unchanged: Some(|migration, entry| {
        let stored = entry
            .checksum
            .as_deref()
            .filter(|stored| !stored.is_empty());
        stored.is_none_or(|stored| digest::is_sha384(&migration.file, stored))
    }),
    mend: "look how far it came; finish it by hand and set `success` in its row, or undo it and delete \
           the row, and import again",
    ..TOOL
};

fn read(rows: &[Row<'_>]) -> Vec<Entry> {
    each(rows, |row| {
        let version = row.text("version");
        let nanoseconds = row.get("execution_time").and_then(|text| text.parse().ok());
        Entry {
            names: vec![format!(
                "{version}_{}",
                row.text("description").replace(' ', "_")
            )],
            state: match row.flag("success") {
                Some(false) => State::Failed("its row says `success = false`".to_owned()),
                _ => State::Applied,
            },
            at: row.time("installed_on"),
            checksum: row.get("checksum").map(str::to_owned),
            // -1 stands there while it runs.
            duration: nanoseconds.map(Duration::from_nanos),
            ..Entry::of_version(version)
        }
    })
}
