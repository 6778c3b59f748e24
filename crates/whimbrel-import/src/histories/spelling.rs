//! How the engines spell what is asked of a history table.

use whimbrel_sql::Dialect;

use super::catalog::Table;
use super::tool::Tool;

/// A string literal. The texts are names: they have no backslashes that an engine could take for
/// more than themselves.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn name(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::Mysql => format!("`{}`", name.replace('`', "``")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

fn qualified(dialect: Dialect, table: &Table) -> String {
    format!(
        "{}.{}",
        name(dialect, &table.schema),
        name(dialect, &table.name)
    )
}

/// All rows of a tool's table: its columns as text, in the tool's order.
pub(super) fn select(dialect: Dialect, tool: &Tool, table: &Table) -> String {
    // Each has a name of its own: D1 gives its rows by their columns' names.
    let columns = tool.columns.iter().map(|column| {
        let value = match table.column(column.name) {
            Some((column, kind)) => expression(dialect, column, kind),
            None => "NULL".to_owned(),
        };
        format!(
            "{value} AS {}",
            name(dialect, &format!("read_{}", column.name))
        )
    });
    let columns = columns.collect::<Vec<_>>().join(", ");
    let order = tool.order.iter().filter_map(|wanted| {
        let (column, _) = table.column(wanted)?;
        Some(name(dialect, column))
    });
    let order = order.collect::<Vec<_>>().join(", ");
    let order = if order.is_empty() {
        order
    } else {
        format!(" ORDER BY {order}")
    };
    format!("SELECT {columns} FROM {}{order}", qualified(dialect, table))
}

/// A column as text: times as numbers since 1970, bytes as hexadecimal digits.
fn expression(dialect: Dialect, column: &str, kind: &str) -> String {
    let column = name(dialect, column);
    let kind = kind.to_ascii_lowercase();
    let bytes = ["blob", "binary", "bytea"]
        .iter()
        .any(|word| kind.contains(word));
    let time = kind.starts_with("timestamp") || kind.starts_with("datetime");
    match dialect {
        Dialect::Postgres if bytes => format!("pg_catalog.encode({column}, 'hex')"),
        Dialect::Postgres if time => format!("extract(epoch FROM {column})"),
        Dialect::Mysql if kind.starts_with("timestamp") => format!("UNIX_TIMESTAMP({column})"),
        // No zone is kept with these: they are taken as UTC.
        Dialect::Mysql if time => {
            format!("TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', {column}) / 1000000")
        }
        Dialect::Mysql if kind == "bit" => format!("{column} + 0"),
        // A column may be of bytes by its declaration and hold text all the same.
        Dialect::Sqlite if bytes => {
            format!("CASE typeof({column}) WHEN 'blob' THEN lower(hex({column})) ELSE {column} END")
        }
        _ if bytes => format!("lower(hex({column}))"),
        _ => column,
    }
}

/// The values of one column.
pub(super) fn select_column(dialect: Dialect, table: &Table, column: &str) -> Option<String> {
    let (column, kind) = table.column(column)?;
    Some(format!(
        "SELECT {} FROM {}",
        expression(dialect, column, kind),
        qualified(dialect, table)
    ))
}
