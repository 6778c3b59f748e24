//! No row is lost silently: D1 keeps foreign keys on, so DROP TABLE deletes the table's rows
//! first, and ON DELETE CASCADE, SET NULL or SET DEFAULT then change the rows that refer to them.
//!
//! A batch can't look and then decide. So what refers to what is read before, and the batch itself
//! has a statement ahead of each DROP TABLE that fails if rows would go along.

use whimbrel_core::driver::{DriverError, DriverErrorKind, Statements};
use whimbrel_core::history::HistoryTables;
use whimbrel_sql::{Dialect, ObjectKind, Verb, targets};

use super::http::Query;
use super::unit::{FLAVOR, fail_if};
use crate::history_sql::{Flavor, Row};

/// Foreign keys that change rows when their parent's rows go.
pub(super) type References = Vec<Reference>;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    child: String,
    parent: String,
    action: String,
}

const ACTIONS: &str = "('CASCADE', 'SET NULL', 'SET DEFAULT')";

/// Foreign keys of all tables but D1's own, which nobody may look into.
fn keys(columns: &str, condition: &str) -> String {
    format!(
        "SELECT {columns} FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table' AND substr(m.name, 1, 4) <> '_cf_' AND f.on_delete IN {ACTIONS}{condition}"
    )
}

/// Reads [`References`].
pub(super) fn select() -> Query {
    Query::new(keys(
        "m.name AS child, f.\"table\" AS parent, f.on_delete AS action",
        "",
    ))
}

/// Takes the rows of [`select`].
pub(super) fn references(rows: Vec<Row>) -> References {
    let reference = |row: Row| match row.as_slice() {
        [Some(child), Some(parent), Some(action)] => Some(Reference {
            child: child.clone(),
            parent: parent.clone(),
            action: action.clone(),
        }),
        _ => None,
    };
    rows.into_iter().filter_map(reference).collect()
}

/// A statement that fails if the drop would change other tables' rows, and what to call them.
/// A child that was there before the migration and is untouched so far is looked into. Of others,
/// whose rows can't be seen from here, the foreign key alone is reason enough.
pub(super) fn before_drop(
    tables: &HistoryTables,
    references: &References,
    statement: &str,
    before: Statements<'_>,
) -> Option<(String, Query)> {
    let parent = dropped(statement)?;
    let touched = touched(before);
    let known: Vec<_> = references
        .iter()
        .filter(|reference| {
            reference.parent.eq_ignore_ascii_case(&parent)
                && !reference.child.eq_ignore_ascii_case(&parent)
                && !touched.contains(&reference.child.to_ascii_lowercase())
        })
        .collect();
    let literal = FLAVOR.literal(&parent.to_ascii_lowercase());
    let others: Vec<_> = known
        .iter()
        .map(|reference| FLAVOR.literal(&reference.child))
        .collect();
    let mut condition = format!(
        "EXISTS ({})",
        keys(
            "1",
            &format!(
                " AND lower(f.\"table\") = {literal} AND lower(m.name) <> {literal} AND m.name NOT IN ({})",
                others.join(", ")
            )
        )
    );
    for reference in &known {
        let child = FLAVOR.name(&reference.child);
        condition.push_str(&format!(" OR EXISTS (SELECT 1 FROM {child})"));
    }
    let names: Vec<_> = known
        .iter()
        .map(|reference| format!("{} (ON DELETE {})", reference.child, reference.action))
        .collect();
    let names = if names.is_empty() {
        "other tables".to_owned()
    } else {
        names.join(", ")
    };
    let why = format!("dropping {parent} would change the rows of {names} that refer to it");
    Some((why, fail_if(tables, &condition)))
}

/// The error for a guard that struck.
pub(super) fn refused(why: &str) -> DriverError {
    DriverError {
        kind: DriverErrorKind::Statement,
        code: Some("drop-of-parent".to_owned()),
        message: why.to_owned(),
        hint: Some("change the table by ALTER TABLE where that does; else rebuild it together with its children: create the new table and new children that refer to it, copy the rows, drop the old children, drop the old table, rename the new ones (docs/d1.md)".to_owned()),
        ..DriverError::default()
    }
}

fn dropped(statement: &str) -> Option<String> {
    let mut list = targets(statement, Dialect::Sqlite).into_iter();
    let table = list.find(|target| target.kind == ObjectKind::Table);
    table.map(|target| target.name)
}

/// Names of tables that earlier statements drop or rename.
fn touched(before: Statements<'_>) -> Vec<String> {
    before
        .iter()
        .filter(|bound| matches!(bound.facts.verb, Verb::Drop | Verb::Alter))
        .flat_map(|bound| targets(bound.text, Dialect::Sqlite))
        .map(|target| target.name.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use whimbrel_sql::split;

    #[test]
    fn known_children_are_looked_into_and_touched_ones_are_not() {
        let references = vec![
            Reference {
                child: "Posts".to_owned(),
                parent: "users".to_owned(),
                action: "CASCADE".to_owned(),
            },
            Reference {
                child: "likes".to_owned(),
                parent: "USERS".to_owned(),
                action: "SET NULL".to_owned(),
            },
        ];
        let text = "DROP TABLE likes";
        let list = split(text, Dialect::Sqlite).unwrap();
        let before = Statements::new(text, &list);
        let tables = HistoryTables::default();
        let (why, query) =
            before_drop(&tables, &references, "DROP TABLE \"users\"", before).unwrap();
        assert_eq!(
            why,
            "dropping users would change the rows of Posts (ON DELETE CASCADE) that refer to it"
        );
        assert!(query.sql.contains("FROM \"Posts\"") && !query.sql.contains("\"likes\""));
    }
}
