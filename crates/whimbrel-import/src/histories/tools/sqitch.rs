//! Sqitch.

use std::collections::HashMap;

use whimbrel_core::migration::Migration;

use super::super::digest;
use super::super::tool::{Entry, Row, Schema, TOOL, Tool, each, maybe, needed};

pub(super) const SQITCH: Tool = Tool {
    name: "sqitch",
    title: "Sqitch",
    table: "changes",
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
        checksum: row.get("script_hash").map(str::to_owned),
        by: row.get("committer_name").map(str::to_owned),
        project: row.get("project").map(str::to_owned),
        ..Entry::of_name(row.text("change"))
    })
}

/// A reworked change stands several times in the table under one name. The script of an earlier one
/// was copied to `name@tag.sql`; its hash tells which.
fn name_reworked(entries: &mut [Entry], migrations: &[Migration]) {
    let mut last: HashMap<(Option<String>, String), usize> = HashMap::new();
    for (place, entry) in entries.iter().enumerate() {
        last.insert((entry.project.clone(), entry.label().to_owned()), place);
    }
    for (place, entry) in entries.iter_mut().enumerate() {
        let key = (entry.project.clone(), entry.label().to_owned());
        if last.get(&key) == Some(&place) {
            continue;
        }
        let hash = entry.checksum.as_deref().unwrap_or_default();
        let same = migrations.iter().filter(|m| digest::is_sha1(&m.file, hash));
        let names: Vec<_> = same.map(|m| m.file.name().to_owned()).collect();
        if !names.is_empty() {
            entry.names = names;
        }
    }
}
