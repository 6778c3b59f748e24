//! Tools whose table lists files' names: wrangler, knex, kysely, node-pg-migrate, sql-migrate,
//! Laravel.

use super::super::tool::{Entry, Lock, Row, TOOL, Tool, each, maybe, needed};

pub(super) const WRANGLER: Tool = Tool {
    name: "wrangler",
    title: "wrangler (D1)",
    table: "d1_migrations",
    columns: &[needed("name"), maybe("id"), maybe("applied_at")],
    order: &["id"],
    read: |rows| {
        each(rows, |row| Entry {
            at: row.time("applied_at"),
            ..Entry::of_name(row.text("name"))
        })
    },
    ..TOOL
};

pub(super) const KNEX: Tool = Tool {
    name: "knex",
    title: "knex",
    table: "knex_migrations",
    mark: Some("migration_time"),
    columns: &[
        needed("name"),
        needed("batch"),
        maybe("id"),
        maybe("migration_time"),
    ],
    order: &["id"],
    lock: Some(Lock {
        table: "knex_migrations_lock",
        column: "is_locked",
        unlock: "`knex migrate:unlock`",
    }),
    read: |rows| {
        each(rows, |row| Entry {
            at: row.time("migration_time"),
            batch: row.get("batch").map(str::to_owned),
            ..Entry::of_name(row.text("name"))
        })
    },
    ..TOOL
};

pub(super) const KYSELY: Tool = Tool {
    name: "kysely",
    title: "kysely",
    table: "kysely_migration",
    columns: &[needed("name"), needed("timestamp")],
    order: &["timestamp", "name"],
    lock: Some(Lock {
        table: "kysely_migration_lock",
        column: "is_locked",
        unlock: "`UPDATE kysely_migration_lock SET is_locked = 0`",
    }),
    read: |rows| {
        each(rows, |row| Entry {
            at: row.time("timestamp"),
            ..Entry::of_name(row.text("name"))
        })
    },
    ..TOOL
};

pub(super) const NODE_PG_MIGRATE: Tool = Tool {
    name: "node-pg-migrate",
    title: "node-pg-migrate",
    table: "pgmigrations",
    mark: Some("run_on"),
    columns: &[needed("name"), needed("run_on"), maybe("id")],
    order: &["run_on", "id"],
    read: |rows| {
        each(rows, |row| Entry {
            at: row.time("run_on"),
            ..Entry::of_name(row.text("name"))
        })
    },
    ..TOOL
};

pub(super) const SQL_MIGRATE: Tool = Tool {
    name: "sql-migrate",
    title: "sql-migrate",
    table: "gorp_migrations",
    columns: &[needed("id"), needed("applied_at")],
    order: &["applied_at", "id"],
    read: |rows| {
        each(rows, |row| Entry {
            at: row.time("applied_at"),
            ..Entry::of_name(row.text("id"))
        })
    },
    ..TOOL
};

pub(super) const LARAVEL: Tool = Tool {
    name: "laravel",
    title: "Laravel",
    table: "migrations",
    columns: &[needed("migration"), needed("batch"), maybe("id")],
    order: &["id"],
    read: laravel,
    ..TOOL
};

fn laravel(rows: &[Row<'_>]) -> Vec<Entry> {
    each(rows, |row| Entry {
        batch: row.get("batch").map(str::to_owned),
        ..Entry::of_name(row.text("migration"))
    })
}
