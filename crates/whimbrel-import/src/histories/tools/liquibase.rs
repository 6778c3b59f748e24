//! Liquibase.

use whimbrel_core::migration::Migration;
use whimbrel_sql::Dialect;

use super::super::files::are_one_path;
use super::super::tool::{Entry, Lock, Row, State, TOOL, Tool, each, maybe, needed};
use crate::layouts::liquibase::checksum::is_unchanged;

pub(super) const LIQUIBASE: Tool = Tool {
    name: "liquibase",
    title: "Liquibase",
    table: "databasechangelog",
    mark: Some("orderexecuted"),
    columns: &[
        needed("id"),
        needed("author"),
        needed("filename"),
        needed("orderexecuted"),
        needed("exectype"),
        maybe("dateexecuted"),
        maybe("liquibase"),
        maybe("deployment_id"),
        maybe("md5sum"),
    ],
    order: &["orderexecuted", "dateexecuted"],
    lock: Some(Lock {
        table: "databasechangeloglock",
        column: "locked",
        unlock: "`liquibase release-locks`",
    }),
    read,
    prepare: Some(find_moved),
    is_unchanged: Some(|migration, entry| {
        let stored = entry.checksum.as_deref();
        let unchanged = stored.and_then(|stored| is_unchanged(migration, stored));
        unchanged.unwrap_or(true)
    }),
    mend: "put it right by hand, delete its row from `databasechangelog` unless the change is in the \
           database, and import again",
    ..TOOL
};

/// A changeset is known by its file, its author and its id together.
fn read(rows: &[Row<'_>]) -> Vec<Entry> {
    each(rows, |row| {
        let (id, author, file) = (row.text("id"), row.text("author"), row.text("filename"));
        let kind = row.text("exectype");
        Entry {
            names: vec![
                format!("{file}::{author}:{id}"),
                format!("{author}:{id}"),
                id,
            ],
            state: if kind == "FAILED" {
                State::Failed("its row says `FAILED`".to_owned())
            } else {
                State::Applied
            },
            at: row.time("dateexecuted"),
            checksum: row.get("md5sum").map(str::to_owned),
            batch: row.get("deployment_id").map(str::to_owned),
            tool_version: row.get("liquibase").map(str::to_owned),
            ..Entry::default()
        }
    })
}

/// Where the files are changesets as well, an id alone is anybody's: most are called 1. One whose file was
/// moved, or had another logical path in that version of Liquibase, is the only one of its author and id that
/// no other row is about, unless its checksum says that it is another.
#[allow(clippy::ptr_arg)] // The form that all tools' preparations have.
fn find_moved(entries: &mut Vec<Entry>, migrations: &[Migration], _: Dialect) {
    let is_of = |migration: &Migration, entry: &Entry| {
        are_one_path(migration.version.as_str(), entry.label())
    };
    let mut changesets = migrations.iter();
    if !changesets.any(|migration| migration.version.as_str().contains("::")) {
        return;
    }
    let free: Vec<_> = migrations
        .iter()
        .filter(|migration| !entries.iter().any(|entry| is_of(migration, entry)))
        .collect();
    for entry in entries.iter_mut() {
        entry.names.truncate(1);
        let Some((_, name)) = entry.label().split_once("::") else {
            continue;
        };
        if migrations.iter().any(|migration| is_of(migration, entry)) {
            continue;
        }
        let end = format!("::{name}");
        let mut found = free
            .iter()
            .filter(|one| one.version.as_str().ends_with(&end));
        if let (Some(one), None) = (found.next(), found.next()) {
            let stored = entry.checksum.as_deref();
            let unchanged = stored.and_then(|stored| is_unchanged(one, stored));
            if unchanged != Some(false) {
                entry.names = vec![one.version.to_string()];
            }
        }
    }
}
