//! Flyway.

use whimbrel_core::migration::Migration;

use super::super::digest;
use super::super::tool::{Entry, Reach, Row, State, TOOL, Tool, maybe, needed};

pub(super) const FLYWAY: Tool = Tool {
    name: "flyway",
    title: "Flyway",
    table: "flyway_schema_history",
    mark: Some("installed_rank"),
    columns: &[
        needed("installed_rank"),
        needed("version"),
        needed("type"),
        needed("script"),
        needed("success"),
        maybe("checksum"),
        maybe("installed_by"),
        maybe("installed_on"),
        maybe("execution_time"),
    ],
    order: &["installed_rank"],
    read,
    is_unchanged: Some(is_unchanged),
    mend: "put right by hand what it left behind, then `flyway repair`, and import again",
    ..TOOL
};

/// The rows are a log: what comes later about the same script holds.
fn read(rows: &[Row<'_>]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for row in rows {
        let kind = row.text("type").to_ascii_uppercase();
        let entry = entry(row, &kind);
        if kind == "SCHEMA" {
            continue;
        }
        let same = |other: &Entry| match &entry.version {
            Some(version) => other.version.as_ref() == Some(version),
            None => other.names == entry.names,
        };
        let before = entries.iter().position(same);
        let before = before.map(|place| entries.remove(place));
        match (kind.as_str(), before) {
            ("DELETE", _) => {}
            (kind, Some(undone)) if kind.starts_with("UNDO") => entries.push(Entry {
                state: State::RolledBack,
                ..undone
            }),
            _ => entries.push(entry),
        }
    }
    entries
}

fn entry(row: &Row<'_>, kind: &str) -> Entry {
    let failed = row.flag("success") == Some(false);
    Entry {
        version: row.get("version").map(str::to_owned),
        names: vec![row.text("script")],
        reach: match kind {
            "BASELINE" => Reach::Baseline,
            "SQL_BASELINE" => Reach::UpTo,
            _ => Reach::Itself,
        },
        state: if failed {
            State::Failed("its row says `success = false`".to_owned())
        } else {
            State::Applied
        },
        at: row.time("installed_on"),
        checksum: row.get("checksum").map(str::to_owned),
        duration: row.milliseconds("execution_time"),
        // SQLite has no users.
        by: row
            .get("installed_by")
            .filter(|by| !by.is_empty())
            .map(str::to_owned),
        ..Entry::default()
    }
}

fn is_unchanged(migration: &Migration, entry: &Entry) -> bool {
    let stored = entry
        .checksum
        .as_deref()
        .and_then(|text| text.parse::<i32>().ok());
    stored.is_none_or(|stored| digest::flyway(migration.file.text()) == stored)
}
