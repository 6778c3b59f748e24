//! Liquibase.

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
