//! Files that make another tool's table.

use whimbrel_core::migration::Migration;
use whimbrel_sql::{Dialect, ObjectKind, Verb, split, targets};

/// The table that a tool keeps its history in.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrackingTable<'a> {
    pub(super) name: &'a str,
    pub(super) dialect: Dialect,
}

impl TrackingTable<'_> {
    /// True if a migration makes this table and touches nothing else.
    pub(super) fn is_all_that_is_made(self, migration: &Migration) -> bool {
        let text = migration.up.text();
        let Ok(statements) = split(text, self.dialect) else {
            return false;
        };
        let mut makes = false;
        for statement in &statements {
            let facts = &statement.facts;
            let targets = targets(&text[statement.span()], self.dialect);
            let mut tables = targets
                .iter()
                .filter(|t| t.kind == ObjectKind::Table)
                .peekable();
            let about_it = tables.peek().is_some()
                && tables.all(|table| table.name.eq_ignore_ascii_case(self.name))
                && matches!(facts.object, Some(ObjectKind::Table | ObjectKind::Index));
            if !about_it && facts.verb != Verb::Comment {
                return false;
            }
            makes |= facts.verb == Verb::Create && facts.object == Some(ObjectKind::Table);
        }
        makes
    }
}
