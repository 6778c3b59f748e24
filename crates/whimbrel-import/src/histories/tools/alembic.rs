//! Alembic.

use std::collections::{HashMap, HashSet};

use whimbrel_core::migration::Migration;
use whimbrel_sql::Dialect;

use super::super::tool::{Entry, Reach, TOOL, Tool, each, needed};

/// The table holds the last revision of each branch, and only Alembic's own scripts know what came
/// before it. It can be found again where a file carries the revision in its name; what came before is
/// every file before that one, unless the files say it.
pub(super) const ALEMBIC: Tool = Tool {
    name: "alembic",
    title: "Alembic",
    table: "alembic_version",
    mark: Some("version_num"),
    columns: &[needed("version_num")],
    order: &["version_num"],
    read: |rows| {
        each(rows, |row| Entry {
            reach: Reach::UpTo,
            ..Entry::of_name(row.text("version_num"))
        })
    },
    prepare: Some(follow),
    ..TOOL
};

/// How a step begins in what `alembic upgrade --sql` writes: `-- Running upgrade a, b -> c`.
const STEP: &str = "-- Running upgrade ";

/// Where the files say what came before each revision, those of other branches are not applied.
#[allow(clippy::ptr_arg)] // The form that all tools' preparations have.
fn follow(entries: &mut Vec<Entry>, migrations: &[Migration], _: Dialect) {
    let mut before: HashMap<&str, Vec<&str>> = HashMap::new();
    for migration in migrations {
        let lines = migration.file.text().lines();
        for step in lines.filter_map(|line| line.strip_prefix(STEP)) {
            if let Some((parents, name)) = step.split_once("->") {
                let parents = parents.split(',').map(str::trim);
                let parents = parents.filter(|name| !name.is_empty());
                let name = name.split(',').next().unwrap_or_default().trim();
                before.insert(name, parents.collect());
            }
        }
    }
    let mut open: Vec<String> = entries
        .iter()
        .map(|entry| entry.label().to_owned())
        .collect();
    let mut found = HashSet::new();
    while let Some(name) = open.pop() {
        let Some(parents) = before.get(name.as_str()) else {
            // Not all of them say so.
            return;
        };
        if found.insert(name) {
            open.extend(parents.iter().map(|&name| name.to_owned()));
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    // In the order of the files.
    let place = |name: &String| {
        let mut files = migrations.iter();
        files.position(|one| {
            one.name.contains(name.as_str()) || one.version.as_str().contains(name.as_str())
        })
    };
    found.sort_by_cached_key(place);
    *entries = found.into_iter().map(Entry::of_name).collect();
}
