//! golang-migrate.

use super::super::tool::{Entry, Reach, Row, State, TOOL, Tool, each, needed};

pub(super) const GOLANG_MIGRATE: Tool = Tool {
    name: "golang-migrate",
    title: "golang-migrate",
    table: "schema_migrations",
    mark: Some("dirty"),
    columns: &[needed("version"), needed("dirty")],
    unlike: &["migration_name"],
    read,
    mend: "look how far it came; finish or undo it by hand, `migrate force VERSION` with the version \
           that the database then has, and import again",
    ..TOOL
};

/// One row, which says how far it came; a negative version is none.
fn read(rows: &[Row<'_>]) -> Vec<Entry> {
    let mut entries = each(rows, |row| Entry {
        reach: Reach::UpTo,
        state: match row.flag("dirty") {
            Some(true) => State::Failed("it is marked as dirty".to_owned()),
            _ => State::Applied,
        },
        ..Entry::of_version(row.text("version"))
    });
    entries.retain(|entry| !entry.label().starts_with('-'));
    entries
}
