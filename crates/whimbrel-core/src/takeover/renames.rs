//! Records of files that were converted and whose versions are other ones now.

use std::collections::HashMap;

use super::{Adopted, Adoption, Entry, EntryState, Former};
use crate::error::Error;
use crate::history::{Applied, History};
use crate::migration::Migration;
use crate::version::Version;

/// What giving the records their new versions would write. A record is known by the version and
/// the checksum that the converted file names.
///
/// # Errors
/// A down script can't be read.
pub fn renames(migrations: &[Migration], history: &History) -> Result<Adoption, Error> {
    let rows: HashMap<_, _> = history
        .applied
        .iter()
        .map(|row| ((row.source.as_str(), row.version.as_str()), row))
        .collect();
    let mut entries = Vec::new();
    for migration in migrations {
        if let Some(row) = former(migration, &rows) {
            entries.push((row.sequence, entry(migration, row)?));
        }
    }
    entries.sort_by_key(|(sequence, _)| *sequence);
    Ok(Adoption {
        entries: entries.into_iter().map(|(_, entry)| entry).collect(),
        ..Adoption::default()
    })
}

type Rows<'h> = HashMap<(&'h str, &'h str), &'h Applied>;

/// The record of what a file was, if it goes by another version or by another name for the same.
pub(crate) fn former<'h>(migration: &Migration, rows: &Rows<'h>) -> Option<&'h Applied> {
    let converted = migration.directives.converted.as_ref()?;
    let row = rows.get(&(&*migration.source, converted.version.as_str()))?;
    let is_it = row.checksum.is_unknown() || row.checksum == converted.checksum;
    let renamed = converted.version.as_str() != migration.version.as_str();
    (is_it && renamed).then_some(*row)
}

fn entry(migration: &Migration, row: &Applied) -> Result<Entry, Error> {
    Ok(Entry {
        kind: row.kind,
        batch: Some(row.batch),
        applied_at: row.applied_at,
        record: Some(Adopted {
            kind: row.kind,
            batch: row.batch,
            checksum: migration.checksum.clone(),
            kept: migration.kept_scripts()?,
            applied_at: row.applied_at,
            duration: row.duration,
            applied_by: Some(row.applied_by.to_string()),
            tool: Some(row.tool.to_string()),
            former: Some(Former {
                version: row.version.clone(),
                sequence: row.sequence,
            }),
        }),
        ..Entry::of(migration, EntryState::Renamed)
    })
}

/// The history as it will be then.
pub(crate) fn renamed(history: &History, adoption: &Adoption) -> History {
    let versions: HashMap<_, _> = adoption
        .records()
        .filter_map(|(entry, record)| {
            let former = record.former.as_ref()?;
            Some((
                (entry.source.clone(), former.version.to_string()),
                entry.version.clone(),
            ))
        })
        .collect();
    let mut history = history.clone();
    for row in &mut history.applied {
        let key = (row.source.clone(), row.version.to_string());
        if let Some(version) = versions.get(&key) {
            row.version = Version::clone(version);
        }
    }
    history
}
