//! A shadow is a temporary file, also for Cloudflare D1.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use whimbrel_core::driver::{
    Connect, Driver, DriverError, DriverErrorKind, Limits, SchemaObject, SessionOptions, Shadow,
};
use whimbrel_core::history::HistoryTables;

/// A database in a folder of its own among the system's temporary files.
///
/// # Errors
/// The folder can't be made.
pub(crate) fn shadow(
    name: &str,
    options: &SessionOptions,
    d1_limits: Option<Limits>,
) -> Result<Box<dyn Shadow>, DriverError> {
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder).map_err(|error| failed("make", &folder, &error))?;
    let options = SessionOptions {
        tables: HistoryTables::default(),
        ..options.clone()
    };
    let connect = super::file(folder.join("shadow.db"), options, d1_limits);
    Ok(Box::new(Folder { folder, connect }))
}

fn failed(verb: &str, folder: &Path, error: &std::io::Error) -> DriverError {
    let message = format!("can't {verb} {}: {error}", folder.display());
    DriverError::new(DriverErrorKind::Refused, message)
}

struct Folder {
    folder: PathBuf,
    connect: Box<dyn Connect>,
}

#[async_trait]
impl Shadow for Folder {
    fn connect(&self) -> &dyn Connect {
        &*self.connect
    }

    async fn remove(&self) -> Result<(), DriverError> {
        std::fs::remove_dir_all(&self.folder)
            .map_err(|error| failed("remove", &self.folder, &error))
    }
}

/// What `sqlite_schema` says, and how many rows each table has.
pub(crate) async fn schema(
    driver: &mut dyn Driver,
    tables: &HistoryTables,
) -> Result<Vec<SchemaObject>, DriverError> {
    let own = [&tables.applied, &tables.log, &tables.lock, &tables.scripts];
    let list = driver
        .query(
            "SELECT type, name, sql, tbl_name FROM sqlite_master WHERE name NOT LIKE 'sqlite@_%' ESCAPE '@' AND name NOT LIKE '@_cf@_%' ESCAPE '@' ORDER BY type, name",
        )
        .await?;
    let is_own = |row: &Vec<Option<String>>| {
        let table = row.get(3).and_then(Option::as_deref).unwrap_or_default();
        own.iter().any(|name| name.eq_ignore_ascii_case(table))
    };
    let mut objects: Vec<_> = list
        .iter()
        .filter(|row| !is_own(row))
        .map(|row| SchemaObject::of_row(row))
        .collect();
    let names: Vec<_> = objects
        .iter()
        .filter(|object| object.kind == "table")
        .map(|object| object.name.clone())
        .collect();
    for name in names {
        let quoted = name.replace('"', "\"\"");
        let count = driver
            .query(&format!("SELECT 'rows', '', count(*) FROM \"{quoted}\""))
            .await?;
        objects.extend(count.iter().map(|row| SchemaObject {
            name: name.clone(),
            ..SchemaObject::of_row(row)
        }));
    }
    objects.sort();
    Ok(objects)
}
