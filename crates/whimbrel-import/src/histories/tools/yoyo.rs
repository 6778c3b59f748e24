//! yoyo.

use super::super::tool::{Entry, Lock, TOOL, Tool, each, maybe, needed};

/// A row for each applied migration, by its file's name without the extension. The hash is of that
/// name alone, so it says nothing of the file.
pub(super) const YOYO: Tool = Tool {
    name: "yoyo",
    title: "yoyo",
    table: "_yoyo_migration",
    mark: Some("migration_hash"),
    columns: &[
        needed("migration_hash"),
        needed("migration_id"),
        maybe("applied_at_utc"),
    ],
    order: &["applied_at_utc", "migration_id"],
    lock: Some(Lock {
        table: "yoyo_lock",
        column: "locked",
        unlock: "`yoyo break-lock`",
    }),
    read: |rows| {
        each(rows, |row| Entry {
            at: row.time("applied_at_utc"),
            ..Entry::of_name(row.text("migration_id"))
        })
    },
    ..TOOL
};
