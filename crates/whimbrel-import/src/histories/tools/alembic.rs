//! Alembic.

use super::super::tool::{Entry, Reach, TOOL, Tool, each, needed};

/// The table holds the last revision of each branch, and only Alembic's own scripts know what came
/// before it. It can be found again where a file carries the revision in its name.
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
    ..TOOL
};
