//! Finds history tables in an engine's catalog.

use std::collections::BTreeMap;

use whimbrel_core::driver::{Driver, DriverError};
use whimbrel_sql::Dialect;

use super::spelling;

/// A table as the catalog has it.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) schema: String,
    pub(super) name: String,
    /// Names and types, as the catalog spells them.
    pub(super) columns: Vec<(String, String)>,
}

impl Table {
    /// A column's name and type, whatever its case.
    pub(super) fn column(&self, name: &str) -> Option<&(String, String)> {
        let columns = self.columns.iter();
        columns
            .into_iter()
            .find(|(column, _)| column.eq_ignore_ascii_case(name))
    }
}

/// The tables of these names. They are looked for where the connection looks,
/// and in the schemas given.
pub(super) async fn tables(
    driver: &mut dyn Driver,
    names: &[&str],
    schemas: &[&str],
) -> Result<Vec<Table>, DriverError> {
    let dialect = driver.dialect();
    if dialect == Dialect::Mysql {
        // Names are read from a list, columns by opening each table: only where there is one.
        let names = select_names(names, schemas);
        if driver.query(&names).await?.is_empty() {
            return Ok(Vec::new());
        }
    }
    let select = select(dialect, names, schemas);
    let mut tables: BTreeMap<(String, String), Vec<(String, String)>> = BTreeMap::new();
    for row in driver.query(&select).await? {
        let mut fields = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || fields.next().unwrap_or_default();
        let key = (next(), next());
        tables.entry(key).or_default().push((next(), next()));
    }
    let tables = tables.into_iter();
    Ok(tables
        .map(|((schema, name), columns)| Table {
            schema,
            name,
            columns,
        })
        .collect())
}

fn list<S: AsRef<str>>(items: &[S]) -> String {
    let literals = items.iter().map(|item| spelling::literal(item.as_ref()));
    literals.collect::<Vec<_>>().join(", ")
}

fn lower(names: &[&str]) -> String {
    let lower: Vec<_> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    list(&lower)
}

/// Where MySQL is to look.
fn mysql_places(names: &[&str], schemas: &[&str]) -> String {
    let own = if schemas.is_empty() {
        String::new()
    } else {
        format!(" OR table_schema IN ({})", list(schemas))
    };
    let names = lower(names);
    format!("lower(table_name) IN ({names}) AND (table_schema = DATABASE(){own})")
}

fn select_names(names: &[&str], schemas: &[&str]) -> String {
    format!(
        "SELECT table_name FROM information_schema.tables WHERE {}",
        mysql_places(names, schemas)
    )
}

fn select(dialect: Dialect, names: &[&str], schemas: &[&str]) -> String {
    match dialect {
        Dialect::Postgres => {
            let names = lower(names);
            let own = if schemas.is_empty() {
                String::new()
            } else {
                format!(" OR n.nspname IN ({})", list(schemas))
            };
            format!(
                "SELECT n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, NULL) \
                 FROM pg_catalog.pg_class c \
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
                 WHERE c.relkind IN ('r', 'p') AND pg_catalog.lower(c.relname::text) IN ({names}) \
                 AND (n.nspname = ANY (pg_catalog.current_schemas(false)){own}) \
                 ORDER BY a.attnum"
            )
        }
        Dialect::Sqlite => format!(
            "SELECT 'main' AS place, m.name AS name, p.name AS column_name, p.type AS type FROM sqlite_master m, pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND lower(m.name) IN ({}) ORDER BY p.cid",
            lower(names)
        ),
        Dialect::Mysql => format!(
            "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns \
             WHERE {} ORDER BY ordinal_position",
            mysql_places(names, schemas)
        ),
    }
}
