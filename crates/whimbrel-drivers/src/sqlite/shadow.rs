//! A shadow is a temporary file, also for Cloudflare D1.

use std::fs::File;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use whimbrel_core::driver::{
    Connect, Driver, DriverError, DriverErrorKind, Limits, SHADOW_PREFIX, SchemaObject,
    SessionOptions, Shadow,
};
use whimbrel_core::history::HistoryTables;

/// A database in a folder of its own among the system's temporary files. A lock on a file beside the
/// folder says that somebody wants it; folders without are removed.
///
/// # Errors
/// The folder can't be made.
pub(crate) fn shadow(
    name: &str,
    options: &SessionOptions,
    d1_limits: Option<Limits>,
) -> Result<Box<dyn Shadow>, DriverError> {
    let all = std::env::temp_dir();
    let folder = all.join(name);
    // Claimed before it is there, so that it is never there without.
    let lock = lock_of(&folder);
    let claim = File::create(&lock).and_then(|file| file.lock().map(|()| file));
    let claim = claim.map_err(|error| failed("make", &lock, &error))?;
    let notes = remove_left_behind(&all);
    std::fs::create_dir(&folder).map_err(|error| failed("make", &folder, &error))?;
    let options = SessionOptions {
        tables: HistoryTables::default(),
        ..options.clone()
    };
    let connect = super::file(folder.join("shadow.db"), options, d1_limits);
    Ok(Box::new(Folder {
        path: folder,
        connect,
        notes,
        _claim: claim,
    }))
}

fn lock_of(folder: &Path) -> PathBuf {
    folder.with_extension("lock")
}

/// Removes the folders of runs that died. What is another user's stays.
fn remove_left_behind(all: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(all).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(SHADOW_PREFIX)) && path.is_dir()
    });
    let mut notes = Vec::new();
    for folder in folders {
        let lock = lock_of(&folder);
        let unclaimed = File::open(&lock).is_ok_and(|file| file.try_lock().is_ok());
        if unclaimed && std::fs::remove_dir_all(&folder).is_ok() {
            // Nothing is in it.
            let _ = std::fs::remove_file(&lock);
            notes.push(format!(
                "removed {}, which a conversion that died left",
                folder.display()
            ));
        }
    }
    notes
}

fn failed(verb: &str, folder: &Path, error: &std::io::Error) -> DriverError {
    let message = format!("can't {verb} {}: {error}", folder.display());
    DriverError::new(DriverErrorKind::Refused, message)
}

struct Folder {
    path: PathBuf,
    connect: Box<dyn Connect>,
    notes: Vec<String>,
    /// Locked until this is dropped.
    _claim: File,
}

#[async_trait]
impl Shadow for Folder {
    fn connect(&self) -> &dyn Connect {
        &*self.connect
    }

    async fn remove(&self) -> Result<(), DriverError> {
        let lock = lock_of(&self.path);
        std::fs::remove_dir_all(&self.path)
            .map_err(|error| failed("remove", &self.path, &error))?;
        std::fs::remove_file(&lock).map_err(|error| failed("remove", &lock, &error))
    }

    fn notes(&self) -> &[String] {
        &self.notes
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
