//! Tables that are stored by what knows no transactions.

use mysql_async::Conn;
use whimbrel_core::driver::{DriverError, Untransactional};
use whimbrel_sql::{ObjectKind, Target};

use super::flavor::Mysql;
use super::wire::batch;
use crate::history_sql::Flavor;

/// Each table is asked for by its name, for which the server opens that one alone; so many in one query.
const AT_ONCE: usize = 100;

const ENGINES: &str = "FROM information_schema.ENGINES WHERE TRANSACTIONS <> 'YES'";

pub(super) async fn ask(
    connection: &mut Conn,
    tables: &[Target],
) -> Result<Untransactional, DriverError> {
    let engines = format!("SELECT ENGINE, SUPPORT {ENGINES}");
    let asked = tables.chunks(AT_ONCE).map(|some| {
        let queries: Vec<_> = some.iter().map(query).collect();
        queries.join(" UNION ALL ")
    });
    let all: Vec<_> = std::iter::once(engines).chain(asked).collect();
    let mut sets = batch(connection, &all.join(";\n")).await?.into_iter();
    let mut found = Untransactional::default();
    for row in sets.next().unwrap_or_default() {
        if let [Some(engine), support] = row.as_slice() {
            found.by_default |= support.as_deref() == Some("DEFAULT");
            found.engines.push(engine.clone());
        }
    }
    for row in sets.flatten() {
        if let [schema, Some(name)] = row.as_slice() {
            found.tables.push(Target {
                kind: ObjectKind::Table,
                schema: schema.clone(),
                name: name.clone(),
            });
        }
    }
    Ok(found)
}

fn query(table: &Target) -> String {
    let text = |value: &str| Flavor::literal(&Mysql, value);
    let schema = table.schema.as_deref();
    let schema = schema.map_or_else(|| "DATABASE()".to_owned(), text);
    let name = text(&table.name);
    format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {schema} AND TABLE_NAME = {name} AND ENGINE IN (SELECT ENGINE {ENGINES})"
    )
}
