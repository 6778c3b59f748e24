//! drizzle.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use whimbrel_core::migration::Migration;
use whimbrel_sql::Dialect;

use super::super::digest;
use super::super::tool::{Entry, Row, Schema, TOOL, Tool, each, maybe, needed};

pub(super) const DRIZZLE: Tool = Tool {
    name: "drizzle",
    title: "drizzle",
    table: "__drizzle_migrations",
    schema: Schema::Preferred("drizzle"),
    columns: &[
        needed("hash"),
        needed("created_at"),
        maybe("id"),
        maybe("name"),
        maybe("applied_at"),
    ],
    order: &["created_at", "id"],
    read,
    prepare: Some(name_entries),
    is_unchanged: Some(|migration, entry| {
        let stored = entry.checksum.as_deref();
        stored.is_none_or(|stored| digest::is_sha256(&migration.file, stored))
    }),
    ..TOOL
};

/// The time in a row is when the file was made, which is how the journal beside the files knows it;
/// it is kept as the version until the names are known.
fn read(rows: &[Row<'_>]) -> Vec<Entry> {
    each(rows, |row| Entry {
        names: row.get("name").map(str::to_owned).into_iter().collect(),
        at: row.time("applied_at"),
        checksum: row.get("hash").map(str::to_owned),
        ..Entry::of_version(row.text("created_at"))
    })
}

#[derive(Deserialize)]
struct Journal {
    entries: Vec<JournalEntry>,
}

#[derive(Deserialize)]
struct JournalEntry {
    when: serde_json::Number,
    tag: String,
}

/// Names come from the journal, or where it does not have the time, from the file with the hash.
#[allow(clippy::ptr_arg)] // The form that all tools' preparations have.
fn name_entries(entries: &mut Vec<Entry>, migrations: &[Migration], _: Dialect) {
    let tags = tags(migrations);
    for entry in entries {
        let Some(when) = entry.version.take() else {
            continue;
        };
        if let Some(tag) = tags.get(&when) {
            entry.names.push(tag.clone());
        } else if entry.names.is_empty() {
            let hash = entry.checksum.as_deref().unwrap_or_default();
            let same = migrations
                .iter()
                .filter(|m| digest::is_sha256(&m.file, hash) || was(m, hash));
            entry.names.extend(same.map(|m| m.file.name().to_owned()));
        }
        if entry.names.is_empty() {
            entry.names.push(when);
        }
    }
}

/// True of a file that was converted from the one with this hash: beside it stands no journal.
fn was(migration: &Migration, hash: &str) -> bool {
    let converted = migration.directives.converted.as_ref();
    converted.is_some_and(|converted| converted.checksum.to_string() == hash)
}

fn tags(migrations: &[Migration]) -> HashMap<String, String> {
    let folder = |m: &Migration| Path::new(m.file.name()).parent().map(Path::to_owned);
    let mut folders: Vec<PathBuf> = migrations.iter().filter_map(folder).collect();
    folders.dedup();
    let journals = folders.iter().filter_map(|folder| {
        let text = std::fs::read_to_string(folder.join("meta/_journal.json")).ok()?;
        serde_json::from_str::<Journal>(&text).ok()
    });
    let entries = journals.flat_map(|journal| journal.entries);
    entries
        .map(|entry| (entry.when.to_string(), entry.tag))
        .collect()
}
