//! Tools whose table lists versions: dbmate, Rails, diesel, Supabase.

use super::super::tool::{Beside, Entry, Row, Schema, TOOL, Tool, each, maybe, needed};

pub(super) const DBMATE: Tool = Tool {
    name: "dbmate",
    title: "dbmate",
    table: "schema_migrations",
    columns: &[needed("version"), maybe("applied_at"), maybe("inserted_at")],
    unlike: &["dirty", "migration_name"],
    beside: Beside::Without("ar_internal_metadata"),
    order: &["version"],
    read: |rows| {
        each(rows, |row| Entry {
            at: row.time("applied_at").or_else(|| row.time("inserted_at")),
            ..Entry::of_version(row.text("version"))
        })
    },
    ..TOOL
};

pub(super) const RAILS: Tool = Tool {
    name: "rails",
    title: "Rails",
    columns: &[needed("version")],
    beside: Beside::With("ar_internal_metadata"),
    ..DBMATE
};

pub(super) const DIESEL: Tool = Tool {
    name: "diesel",
    title: "diesel",
    table: "__diesel_schema_migrations",
    columns: &[needed("version"), maybe("run_on")],
    order: &["version"],
    read: |rows| {
        each(rows, |row| Entry {
            at: row.time("run_on"),
            ..Entry::of_version(row.text("version"))
        })
    },
    ..TOOL
};

pub(super) const SUPABASE: Tool = Tool {
    name: "supabase",
    title: "Supabase",
    table: "schema_migrations",
    schema: Schema::Own("supabase_migrations"),
    columns: &[needed("version"), maybe("name")],
    order: &["version"],
    read: supabase,
    ..TOOL
};

fn supabase(rows: &[Row<'_>]) -> Vec<Entry> {
    each(rows, |row| {
        let version = row.text("version");
        let name = row.get("name").filter(|name| !name.is_empty());
        Entry {
            names: name
                .map(|name| format!("{version}_{name}"))
                .into_iter()
                .collect(),
            ..Entry::of_version(version)
        }
    })
}
