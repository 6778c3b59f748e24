//! A shadow is a database of its own on the same server.

use std::sync::Arc;

use async_trait::async_trait;
use whimbrel_core::driver::{
    Driver, DriverError, SHADOW_PREFIX, SchemaObject, SessionOptions, Shadow,
};
use whimbrel_core::history::HistoryTables;

use super::Connector;
use super::config::Config;
use crate::shadow::{Server, make};

pub(super) async fn shadow(
    config: &Arc<Config>,
    options: &SessionOptions,
    name: &str,
) -> Result<Box<dyn Shadow>, DriverError> {
    let connector = |config: Arc<Config>| {
        let options = SessionOptions {
            tables: HistoryTables::default(),
            ..options.clone()
        };
        Box::new(Connector { config, options })
    };
    let mut own = Config::clone(config);
    name.clone_into(&mut own.database);
    let given = connector(Arc::clone(config));
    make(&Mysql, given, connector(Arc::new(own)), name).await
}

struct Mysql;

#[async_trait]
impl Server for Mysql {
    /// Such a lock belongs to the whole server, and ends with its connection.
    async fn claim(&self, driver: &mut dyn Driver, name: &str) -> Result<(), DriverError> {
        let claim = format!("SELECT GET_LOCK('{name}', 0)");
        driver.query(&claim).await.map(drop)
    }

    async fn left_behind(&self, driver: &mut dyn Driver) -> Result<Vec<String>, DriverError> {
        let list = format!(
            "SELECT schema_name FROM information_schema.schemata AS s WHERE schema_name REGEXP '^{SHADOW_PREFIX}.*_[0-9]+_[0-9]+$' AND IS_FREE_LOCK(schema_name) = 1 AND NOT EXISTS (SELECT 1 FROM information_schema.processlist AS p WHERE p.db = s.schema_name) ORDER BY schema_name"
        );
        let rows = driver.query(&list).await?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    /// With the character set of the given one.
    async fn create(&self, driver: &mut dyn Driver, name: &str) -> Result<(), DriverError> {
        let rows = driver
            .query("SELECT @@character_set_database, @@collation_database")
            .await?;
        let value = |at: usize| rows.first().and_then(|row| row.get(at)?.clone());
        let like = match (value(0), value(1)) {
            (Some(set), Some(collation)) => format!(" CHARACTER SET {set} COLLATE {collation}"),
            _ => String::new(),
        };
        let made = driver
            .query(&format!("CREATE DATABASE `{name}`{like}"))
            .await;
        made.map(drop).map_err(|error| {
            error.with_hint("the user needs the right to create a database for the shadow; `--shadow-url URL` names another server for it")
        })
    }

    /// Connections to it are in nobody's way.
    async fn drop(
        &self,
        driver: &mut dyn Driver,
        name: &str,
        _force: bool,
    ) -> Result<(), DriverError> {
        let drop_it = format!("DROP DATABASE IF EXISTS `{name}`");
        driver.query(&drop_it).await.map(drop)
    }
}

/// What the server's own SHOW CREATE says of each object, and how many rows each table has.
pub(super) async fn schema(
    driver: &mut dyn Driver,
    tables: &HistoryTables,
    database: &str,
) -> Result<Vec<SchemaObject>, DriverError> {
    let own = [&tables.applied, &tables.log, &tables.lock, &tables.scripts];
    let mut objects = Vec::new();
    for list in LISTS {
        for row in driver.query(list).await? {
            let [Some(kind), Some(name)] = row.as_slice() else {
                continue;
            };
            let is_own = own.iter().any(|own| own.eq_ignore_ascii_case(name));
            if !(kind == "table" && is_own) {
                objects.extend(describe(driver, kind, name, database).await?);
            }
        }
    }
    objects.sort();
    Ok(objects)
}

/// Each gives kinds and names.
const LISTS: [&str; 4] = [
    "SELECT IF(table_type = 'VIEW', 'view', 'table'), table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
    "SELECT LOWER(routine_type), routine_name FROM information_schema.routines WHERE routine_schema = DATABASE()",
    "SELECT 'trigger', trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
    "SELECT 'event', event_name FROM information_schema.events WHERE event_schema = DATABASE()",
];

async fn describe(
    driver: &mut dyn Driver,
    kind: &str,
    name: &str,
    database: &str,
) -> Result<Vec<SchemaObject>, DriverError> {
    let quoted = name.replace('`', "``");
    let rows = driver
        .query(&format!("SHOW CREATE {kind} `{quoted}`"))
        .await?;
    // Name, then text; where the statement depends on the session's mode, that comes in between.
    let at = match kind {
        "table" | "view" => 1,
        "event" => 3,
        _ => 2,
    };
    let text = rows.first().and_then(|row| row.get(at)?.clone());
    let definition = text.unwrap_or_default().replace(database, "(this)");
    let mut objects = vec![SchemaObject {
        kind: kind.to_owned(),
        name: name.to_owned(),
        definition: without_counter(&definition),
    }];
    if kind == "table" {
        let rows = driver
            .query(&format!("SELECT 'rows', '', COUNT(*) FROM `{quoted}`"))
            .await?;
        objects.extend(rows.iter().map(|row| SchemaObject {
            name: name.to_owned(),
            ..SchemaObject::of_row(row)
        }));
    }
    Ok(objects)
}

/// The next number is data, not schema.
fn without_counter(definition: &str) -> String {
    const KEY: &str = " AUTO_INCREMENT=";
    let Some(at) = definition.rfind(KEY) else {
        return definition.to_owned();
    };
    let rest = definition[at + KEY.len()..].trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{}{rest}", &definition[..at])
}

#[cfg(test)]
mod tests {
    use super::without_counter;

    #[test]
    fn the_next_number_is_left_out() {
        assert_eq!(
            without_counter("CREATE TABLE `t` (..) ENGINE=InnoDB AUTO_INCREMENT=12 COMMENT='x'"),
            "CREATE TABLE `t` (..) ENGINE=InnoDB COMMENT='x'"
        );
        assert_eq!(
            without_counter("CREATE TABLE `t` (..)"),
            "CREATE TABLE `t` (..)"
        );
    }
}
