//! Sqitch.

use std::collections::HashMap;

use whimbrel_core::migration::Migration;
use whimbrel_sql::Dialect;

use super::super::digest;
use super::super::tool::{Entry, Row, Schema, TOOL, Tool, each, maybe, needed};

pub(super) const SQITCH: Tool = Tool {
    name: "sqitch",
    title: "Sqitch",
    table: "changes",
    mark: Some("change_id"),
    schema: Schema::Own("sqitch"),
    columns: &[
        needed("change_id"),
        needed("change"),
        needed("project"),
        needed("committed_at"),
        maybe("script_hash"),
        maybe("committer_name"),
    ],
    order: &["committed_at"],
    read,
    prepare: Some(name_reworked),
    is_unchanged: Some(|migration, entry| {
        let stored = entry.checksum.as_deref();
        stored.is_none_or(|stored| digest::is_sha1(&migration.file, stored))
    }),
    ..TOOL
};

fn read(rows: &[Row<'_>]) -> Vec<Entry> {
    each(rows, |row| Entry {
        at: row.time("committed_at"),
        // Sqitch's own upgrade from an older registry puts the id there for want of a hash.
        checksum: row
            .get("script_hash")
            .filter(|hash| Some(*hash) != row.get("change_id"))
            .map(str::to_owned),
        by: row.get("committer_name").map(str::to_owned),
        project: row.get("project").map(str::to_owned),
        ..Entry::of_name(row.text("change"))
    })
}

/// A reworked change stands several times in the table under one name, and its file goes on with
/// the latest text. The script's hash tells which time a row is about, else its place does.
#[allow(clippy::ptr_arg)] // The form that all tools' preparations have.
fn name_reworked(entries: &mut Vec<Entry>, migrations: &[Migration], _: Dialect) {
    let mut times: HashMap<(Option<String>, String), usize> = HashMap::new();
    for entry in entries {
        let name = entry.label().to_owned();
        let again = format!("{name}#");
        let is_one = |m: &&Migration| {
            let version = m.version.as_str();
            version == name || version.starts_with(&again)
        };
        let all: Vec<_> = migrations.iter().filter(is_one).collect();
        let time = times.entry((entry.project.clone(), name)).or_default();
        *time += 1;
        let hash = entry.checksum.as_deref().unwrap_or_default();
        let same = all.iter().find(|m| digest::is_sha1(&m.file, hash));
        let meant = same.or(all.get(*time - 1)).filter(|_| all.len() > 1);
        if let Some(migration) = meant {
            entry.version = Some(migration.version.to_string());
            entry.names = vec![migration.file.name().to_owned()];
        }
    }
}
