//! Prisma.

use super::super::digest;
use super::super::tool::{Entry, Row, State, TOOL, Tool, maybe, needed};

pub(super) const PRISMA: Tool = Tool {
    name: "prisma",
    title: "Prisma",
    table: "_prisma_migrations",
    columns: &[
        needed("migration_name"),
        needed("checksum"),
        needed("finished_at"),
        maybe("started_at"),
        maybe("rolled_back_at"),
        maybe("logs"),
    ],
    order: &["started_at"],
    read,
    is_unchanged: Some(|migration, entry| {
        let stored = entry.checksum.as_deref();
        stored.is_none_or(|stored| digest::is_sha256(&migration.file, stored))
    }),
    mend: "put right by hand what it left behind, then `prisma migrate resolve --applied NAME` or \
           `--rolled-back NAME`, and import again",
    ..TOOL
};

/// A migration that failed and was resolved has several rows: the last one holds.
fn read(rows: &[Row<'_>]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for row in rows {
        let name = row.text("migration_name");
        entries.retain(|entry| entry.label() != name);
        let finished = row.time("finished_at");
        entries.push(Entry {
            state: if row.get("rolled_back_at").is_some() {
                State::RolledBack
            } else if row.get("finished_at").is_some() {
                State::Applied
            } else {
                State::Failed(reason(row.get("logs")))
            },
            at: finished,
            duration: finished
                .zip(row.time("started_at"))
                .and_then(|(end, start)| end.duration_since(start).try_into().ok()),
            checksum: row.get("checksum").map(str::to_owned),
            ..Entry::of_name(name)
        });
    }
    entries
}

fn reason(logs: Option<&str>) -> String {
    let line = logs.and_then(|logs| logs.lines().map(str::trim).find(|line| !line.is_empty()));
    match line {
        Some(line) => format!("it did not finish: {line}"),
        None => "it did not finish".to_owned(),
    }
}
