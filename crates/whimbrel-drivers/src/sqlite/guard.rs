//! No child row is lost silently.

use rusqlite::Connection;
use whimbrel_core::driver::{DriverError, DriverErrorKind};
use whimbrel_sql::{Dialect, Lexer, TokenKind};

use super::errors;

/// Rows of `PRAGMA foreign_key_check`: table, row, parent.
pub(super) type Violations = Vec<(String, Option<i64>, String)>;

pub(super) fn violations(connection: &Connection) -> Result<Violations, DriverError> {
    let read = || {
        let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect::<Result<Violations, _>>()
    };
    read().map_err(|error| errors::error(&error))
}

/// Refuses violations that were not there before.
pub(super) fn check(before: &Violations, after: &Violations) -> Result<(), DriverError> {
    let Some((table, row, parent)) = after.iter().find(|found| !before.contains(found)) else {
        return Ok(());
    };
    let row = row.map_or_else(|| "a row".to_owned(), |id| format!("row {id}"));
    Err(DriverError {
        kind: DriverErrorKind::Statement,
        code: Some("foreign_key_check".to_owned()),
        message: format!("{row} of {table} refers to a row of {parent} that is not there"),
        hint: Some("the migration ran with foreign keys off and left rows without their parent; nothing was committed".to_owned()),
        ..DriverError::default()
    })
}

/// With foreign keys on, DROP TABLE deletes the table's rows first, and ON DELETE CASCADE or SET
/// NULL then takes the children's rows along without a word.
pub(super) fn check_drop(connection: &Connection, statement: &str) -> Result<(), DriverError> {
    let Some(table) = dropped_table(statement) else {
        return Ok(());
    };
    let find = "SELECT m.name, f.on_delete FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table' AND lower(f.\"table\") = lower(?1) AND lower(m.name) <> lower(?1) AND f.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT')";
    let read = || -> rusqlite::Result<Vec<(String, String)>> {
        if !connection.query_row("PRAGMA foreign_keys", [], |row| row.get::<_, bool>(0))? {
            return Ok(Vec::new());
        }
        let mut statement = connection.prepare(find)?;
        let rows = statement.query_map([&table], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    };
    for (child, action) in read().map_err(|error| errors::error(&error))? {
        let filled = format!(
            "SELECT EXISTS (SELECT 1 FROM \"{}\")",
            child.replace('"', "\"\"")
        );
        let filled = connection
            .query_row(&filled, [], |row| row.get(0))
            .map_err(|error| errors::error(&error))?;
        if filled {
            return Err(DriverError {
                kind: DriverErrorKind::Statement,
                code: Some("drop-of-parent".to_owned()),
                message: format!("dropping {table} would change the rows of {child} that refer to it (ON DELETE {action})"),
                hint: Some("to rebuild a table, write the directive `-- Foreign-Keys: off` at the top of the file: the rows stay, and foreign_key_check runs before the commit".to_owned()),
                ..DriverError::default()
            });
        }
    }
    Ok(())
}

/// The name in `DROP TABLE [IF EXISTS] [schema.]name`.
fn dropped_table(statement: &str) -> Option<String> {
    let tokens = Lexer::new(statement, Dialect::Sqlite).filter(|token| !token.kind.is_trivia());
    let last = tokens.last()?;
    let text = &statement[last.span.clone()];
    match last.kind {
        TokenKind::Word => Some(text.to_owned()),
        TokenKind::QuotedIdentifier | TokenKind::String => {
            let quote = &text[..1];
            let inner = text.get(1..text.len() - 1)?;
            Some(inner.replace(&format!("{quote}{quote}"), quote))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::dropped_table;

    #[test]
    fn names_are_found() {
        assert_eq!(
            dropped_table("DROP TABLE IF EXISTS main.\"a \"\"b\"").unwrap(),
            "a \"b"
        );
        assert_eq!(dropped_table("drop table users -- now").unwrap(), "users");
        assert_eq!(dropped_table("drop table [a b]").unwrap(), "a b");
    }
}
