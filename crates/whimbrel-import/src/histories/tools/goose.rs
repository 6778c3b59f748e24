//! goose.

use super::super::tool::{Entry, Row, State, TOOL, Tool, maybe, needed};

pub(super) const GOOSE: Tool = Tool {
    name: "goose",
    title: "goose",
    table: "goose_db_version",
    mark: Some("version_id"),
    columns: &[
        needed("version_id"),
        needed("is_applied"),
        maybe("id"),
        maybe("tstamp"),
    ],
    order: &["id"],
    read,
    ..TOOL
};

/// Older versions write a row for each way, up and down: the last one of a version holds. Version 0
/// is the table's own beginning.
fn read(rows: &[Row<'_>]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for row in rows {
        let version = row.text("version_id");
        if version == "0" {
            continue;
        }
        entries.retain(|entry| entry.label() != version);
        entries.push(Entry {
            state: match row.flag("is_applied") {
                Some(false) => State::RolledBack,
                _ => State::Applied,
            },
            at: row.time("tstamp"),
            ..Entry::of_version(version)
        });
    }
    entries
}
