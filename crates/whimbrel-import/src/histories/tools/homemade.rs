//! The tables of three runners that teams wrote for themselves and that Whimbrel replaces.

use super::super::tool::{Entry, Row, State, TOOL, Tool, each, maybe, needed};

/// A D1 runner in TypeScript: a status per row.
pub(super) const WITH_STATUS: Tool = Tool {
    name: "schema-migrations-with-status",
    title: "a runner with a status per migration",
    table: "__schema_migrations",
    columns: &[
        needed("version"),
        maybe("name"),
        maybe("status"),
        maybe("applied_at"),
        maybe("executed_at"),
        maybe("execution_time"),
    ],
    order: &["version"],
    read: with_status,
    ..TOOL
};

fn with_status(rows: &[Row<'_>]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for row in rows {
        let status = row.text("status").to_ascii_lowercase();
        let state = match status.as_str() {
            "pending" => continue,
            "failed" | "running" => State::Failed(format!("its status is `{status}`")),
            "rolled_back" | "rolledback" | "rolled-back" | "reverted" => State::RolledBack,
            _ => State::Applied,
        };
        entries.push(Entry {
            names: row.get("name").map(str::to_owned).into_iter().collect(),
            state,
            at: row.time("applied_at").or_else(|| row.time("executed_at")),
            duration: row.milliseconds("execution_time"),
            ..Entry::of_version(row.text("version"))
        });
    }
    entries
}

/// A runner for Bun and PostgreSQL: numbers, names and batches.
pub(super) const WITH_BATCHES: Tool = Tool {
    name: "migrations-with-batches",
    title: "a runner with batches",
    table: "migrations",
    columns: &[
        needed("id"),
        needed("name"),
        needed("batch"),
        needed("executed_at"),
    ],
    order: &["executed_at", "id"],
    read: |rows| {
        each(rows, |row| Entry {
            names: vec![row.text("name")],
            at: row.time("executed_at"),
            batch: row.get("batch").map(str::to_owned),
            ..Entry::of_version(row.text("id"))
        })
    },
    ..TOOL
};

/// A runner for Supabase in JavaScript: files' names.
pub(super) const WITH_NAMES: Tool = Tool {
    name: "schema-migrations-by-name",
    title: "a runner that keeps files' names",
    table: "schema_migrations",
    columns: &[
        needed("migration_name"),
        maybe("id"),
        maybe("executed_at"),
        maybe("applied_at"),
        maybe("created_at"),
    ],
    order: &["id", "executed_at", "migration_name"],
    read: with_names,
    ..TOOL
};

fn with_names(rows: &[Row<'_>]) -> Vec<Entry> {
    each(rows, |row| Entry {
        at: ["executed_at", "applied_at", "created_at"]
            .into_iter()
            .find_map(|column| row.time(column)),
        ..Entry::of_name(row.text("migration_name"))
    })
}
