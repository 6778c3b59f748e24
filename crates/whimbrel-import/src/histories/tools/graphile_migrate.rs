//! graphile-migrate.

use super::super::digest;
use super::super::tool::{Entry, Schema, TOOL, Tool, each, needed};

pub(super) const GRAPHILE_MIGRATE: Tool = Tool {
    name: "graphile-migrate",
    title: "graphile-migrate",
    table: "migrations",
    schema: Schema::Own("graphile_migrate"),
    columns: &[
        needed("filename"),
        needed("hash"),
        needed("previous_hash"),
        needed("date"),
    ],
    order: &["filename"],
    // The number alone, with `.sql`, even where the file's own name says more.
    read: |rows| {
        each(rows, |row| Entry {
            at: row.time("date"),
            checksum: row.get("hash").map(str::to_owned),
            ..Entry::of_version(row.text("filename").trim_end_matches(".sql"))
        })
    },
    is_unchanged: Some(|migration, entry| {
        let stored = entry.checksum.as_deref();
        stored.is_none_or(|stored| digest::is_graphile_migrate(&migration.file, stored))
    }),
    ..TOOL
};
