//! Tools whose table lists versions: dbmate, Rails, diesel, Supabase.

use std::collections::HashSet;

use whimbrel_core::migration::{Kind, Migration};
use whimbrel_core::version::Version;
use whimbrel_sql::Dialect;

use super::super::tool::{Beside, Entry, Row, Schema, State, TOOL, Tool, each, maybe, needed};
use crate::layouts::rails;

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
    prepare: Some(compare_with_structure),
    ..DBMATE
};

/// structure.sql lists every version that it holds: a database that lacks one of them is not what
/// the file makes, and one that has them has them by that file. So it is also where the file was converted,
/// which has the highest of them as its version then.
fn compare_with_structure(entries: &mut Vec<Entry>, migrations: &[Migration], dialect: Dialect) {
    let there: HashSet<_> = entries
        .iter()
        .map(|entry| Version::new(entry.label()))
        .collect();
    let could_be = |m: &&Migration| m.kind == Kind::Baseline || there.contains(&m.version);
    let listed: HashSet<_> = migrations
        .iter()
        .filter(could_be)
        .filter_map(|one| Some((one, rails::versions(&one.file, dialect).ok()?)))
        .filter(|(one, listed)| listed.contains(&one.version))
        .flat_map(|(_, listed)| listed)
        .collect();
    let own: HashSet<_> = migrations.iter().map(|one| &one.version).collect();
    entries.retain(|entry| {
        let version = Version::new(entry.label());
        own.contains(&version) || !listed.contains(&version)
    });
    let mut missing: Vec<_> = listed.difference(&there).cloned().collect();
    missing.sort();
    entries.extend(missing.into_iter().map(|version| Entry {
        state: State::NotThere,
        ..Entry::of_version(version.as_str())
    }));
}

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
