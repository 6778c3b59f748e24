//! Finds history tables in an engine's catalog.

use std::collections::BTreeMap;

use whimbrel_core::driver::{Driver, DriverError};
use whimbrel_sql::Dialect;

use super::spelling;
use super::tool::is_true;

/// A table as the catalog has it.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) schema: String,
    pub(super) name: String,
    /// It is where the connection looks.
    pub(super) here: bool,
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

/// Which tables are looked for: where the connection looks, and in more schemas.
#[derive(Clone, Debug, Default)]
pub(super) struct Search<'a> {
    pub(super) names: Vec<&'a str>,
    pub(super) schemas: Vec<&'a str>,
    /// Tables of any name that have one of these columns are looked for as well, and on PostgreSQL in all
    /// schemas, if the connection begins where all of them do.
    pub(super) marks: Vec<&'a str>,
}

/// The tables that are there.
pub(super) async fn tables(
    driver: &mut dyn Driver,
    search: &Search<'_>,
) -> Result<Vec<Table>, DriverError> {
    let dialect = driver.dialect();
    if dialect == Dialect::Mysql && search.marks.is_empty() {
        // Names are read from a list, columns by opening each table: only where there is one.
        let names = select_names(search);
        if driver.query(&names).await?.is_empty() {
            return Ok(Vec::new());
        }
    }
    let select = select(dialect, search);
    let mut tables: BTreeMap<(String, String), Table> = BTreeMap::new();
    for row in driver.query(&select).await? {
        let mut fields = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || fields.next().unwrap_or_default();
        let (schema, name) = (next(), next());
        let column = (next(), next());
        let here = is_true(&next());
        let key = (schema.clone(), name.clone());
        let table = tables.entry(key).or_insert_with(|| Table {
            schema,
            name,
            here,
            columns: Vec::new(),
        });
        table.columns.push(column);
    }
    Ok(tables.into_values().collect())
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
fn mysql_places(search: &Search<'_>) -> String {
    let own = if search.schemas.is_empty() {
        String::new()
    } else {
        format!(" OR table_schema IN ({})", list(&search.schemas))
    };
    let marked = if search.marks.is_empty() {
        String::new()
    } else {
        format!(
            " OR (table_schema, table_name) IN (SELECT m.table_schema, m.table_name FROM information_schema.columns m \
             WHERE (m.table_schema = DATABASE(){own}) AND lower(m.column_name) IN ({}))",
            lower(&search.marks)
        )
    };
    let names = lower(&search.names);
    format!("(lower(table_name) IN ({names}){marked}) AND (table_schema = DATABASE(){own})")
}

fn select_names(search: &Search<'_>) -> String {
    format!(
        "SELECT table_name FROM information_schema.tables WHERE {}",
        mysql_places(search)
    )
}

fn select(dialect: Dialect, search: &Search<'_>) -> String {
    match dialect {
        Dialect::Postgres => select_of_postgres(search),
        Dialect::Sqlite => {
            let marked = if search.marks.is_empty() {
                String::new()
            } else {
                format!(
                    " OR EXISTS (SELECT 1 FROM pragma_table_info(m.name) k WHERE lower(k.name) IN ({}))",
                    lower(&search.marks)
                )
            };
            // D1 lets nobody ask about its own tables.
            format!(
                "SELECT 'main' AS place, m.name AS name, p.name AS column_name, p.type AS type, 1 AS here FROM sqlite_master m, pragma_table_info(m.name) p \
                 WHERE m.type = 'table' AND substr(m.name, 1, 4) <> '_cf_' AND (lower(m.name) IN ({}){marked}) ORDER BY p.cid",
                lower(&search.names)
            )
        }
        Dialect::Mysql => format!(
            "SELECT table_schema, table_name, column_name, data_type, table_schema = DATABASE() FROM information_schema.columns \
             WHERE {} ORDER BY ordinal_position",
            mysql_places(search)
        ),
    }
}

fn select_of_postgres(search: &Search<'_>) -> String {
    let names = lower(&search.names);
    let own = if search.schemas.is_empty() {
        String::new()
    } else {
        format!(" OR n.nspname IN ({})", list(&search.schemas))
    };
    let mut marked = String::new();
    let mut anywhere = "";
    if !search.marks.is_empty() {
        marked = format!(
            " OR EXISTS (SELECT 1 FROM pg_catalog.pg_attribute m WHERE m.attrelid = c.oid AND m.attnum > 0 \
             AND NOT m.attisdropped AND pg_catalog.lower(m.attname::text) IN ({}))",
            lower(&search.marks)
        );
        // Whoever chose a schema means that one. What can't be read is not this program's.
        anywhere = " OR (pg_catalog.current_schema() = 'public' AND n.nspname <> 'information_schema' \
             AND n.nspname !~ '^pg_' AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
             AND pg_catalog.has_table_privilege(c.oid, 'SELECT'))";
    }
    format!(
        "SELECT n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, NULL), \
         n.nspname = ANY (pg_catalog.current_schemas(false)) \
         FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         WHERE c.relkind IN ('r', 'p') AND (pg_catalog.lower(c.relname::text) IN ({names}){marked}) \
         AND (n.nspname = ANY (pg_catalog.current_schemas(false)){own}{anywhere}) \
         ORDER BY a.attnum"
    )
}
