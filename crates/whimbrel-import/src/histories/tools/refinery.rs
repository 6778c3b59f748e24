//! refinery.

use whimbrel_core::migration::Migration;

use super::super::digest;
use super::super::tool::{Entry, Row, TOOL, Tool, each, maybe, needed};

pub(super) const REFINERY: Tool = Tool {
    name: "refinery",
    title: "refinery",
    table: "refinery_schema_history",
    columns: &[
        needed("version"),
        needed("name"),
        maybe("applied_on"),
        maybe("checksum"),
    ],
    order: &["version"],
    read,
    is_unchanged: Some(is_unchanged),
    ..TOOL
};

fn read(rows: &[Row<'_>]) -> Vec<Entry> {
    each(rows, |row| Entry {
        names: vec![row.text("name")],
        at: row.time("applied_on"),
        checksum: row.get("checksum").map(str::to_owned),
        ..Entry::of_version(row.text("version"))
    })
}

fn is_unchanged(migration: &Migration, entry: &Entry) -> bool {
    let (Some(stored), Some(version), Some(name)) =
        (&entry.checksum, &entry.version, entry.names.first())
    else {
        return true;
    };
    digest::is_refinery(&migration.file, name, version, stored)
}
