//! Is an applied file still what was applied?

use std::collections::HashMap;

use serde::Serialize;
use whimbrel_sql::{Dialect, significant_eq};

use super::{ByVersion, Goal, PlanInput, in_step};
use crate::checksum::Checksum;
use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::history::{Applied, History};
use crate::migration::{Kind, Migration};
use crate::text::SourceFile;
use crate::version::Version;

/// How a file differs from what was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Not at all.
    None,
    /// Only comments, white space or the rollback part.
    Cosmetic,
    /// In what it does. Holds the kept script, if it was kept, for a diff.
    Modified(Option<String>),
}

/// A file that was changed in nothing that it does, or of which somebody said that what it does now is what
/// was applied. Its record gets the new checksum, so that what is kept is the file as it stands, and
/// nobody compares the two again.
#[derive(Clone, Debug, Serialize)]
pub struct Noted {
    /// Namespace.
    pub source: String,
    /// Version as it was recorded.
    pub version: Version,
    /// Version and name.
    pub label: String,
    /// The file's name.
    pub file: String,
    /// Of the file as it is now.
    pub checksum: Checksum,
    /// Key of its down script.
    #[serde(skip)]
    pub down_checksum: Option<Checksum>,
    /// Scripts to keep, with their keys: up, down.
    #[serde(skip)]
    pub keep: Vec<(Checksum, String)>,
}

impl Noted {
    /// The record as it is to be for the file as it stands.
    ///
    /// # Errors
    /// The down script's file cannot be read.
    pub(crate) fn of(migration: &Migration, row: &Applied) -> Result<Self, Error> {
        let kept = migration.kept_scripts()?;
        Ok(Self {
            source: row.source.clone(),
            version: row.version.clone(),
            label: migration.label(),
            file: migration.file.name().to_owned(),
            checksum: migration.checksum.clone(),
            down_checksum: kept.down,
            keep: kept.scripts,
        })
    }

    /// None for a file that the history can't keep: it goes on being compared with what is kept.
    pub(super) fn if_kept(migration: &Migration, row: &Applied) -> Option<Self> {
        let noted = Self::of(migration, row).ok()?;
        let mut keys = noted.keep.iter().map(|(key, _)| key);
        let is_kept = keys.any(|key| *key == migration.checksum);
        is_kept.then_some(noted)
    }
}

/// Compares a file with its record.
pub fn change(
    migration: &Migration,
    applied: &Applied,
    kept: &HashMap<Checksum, String>,
    dialect: Dialect,
) -> Change {
    // A record that was taken over without its file does not know what was applied.
    if migration.checksum == applied.checksum
        || applied.checksum.is_unknown()
        || is_from_before(migration, &applied.checksum)
    {
        return Change::None;
    }
    let Some(text) = kept.get(&applied.checksum) else {
        return Change::Modified(None);
    };
    let same = if migration.directives.rules.part_of_file {
        significant_eq(text, migration.up.text(), dialect)
    } else {
        let file = SourceFile::new(format!("{} as applied", migration.label()), text.as_str());
        // What the layout makes of the file beyond its text (values of variables, settings that
        // stand beside it) is left out on both sides.
        let then = (migration.reader)(&file, dialect);
        let now = (migration.reader)(&migration.file, dialect);
        significant_eq(then.up.text(), now.up.text(), dialect)
            && then.directives.runs_like(&now.directives)
    };
    if same {
        Change::Cosmetic
    } else {
        Change::Modified(Some(text.clone()))
    }
}

/// What was applied is the file that this one was converted from.
fn is_from_before(migration: &Migration, checksum: &Checksum) -> bool {
    let converted = migration.directives.converted.as_ref();
    converted.is_some_and(|converted| converted.checksum == *checksum)
}

/// The kept scripts that planning for a goal (or status, with none) will want to see.
pub fn needed_scripts(
    migrations: &[Migration],
    history: &History,
    goal: Option<&Goal>,
) -> Vec<Checksum> {
    let (mut steps, rest) = in_step(migrations, history);
    let unchanged = |(file, row): (&Migration, &Applied)| {
        file.kind != Kind::Baseline && file.checksum == row.checksum
    };
    if rest.is_empty() && steps.all(unchanged) {
        return Vec::new();
    }
    let files: ByVersion<'_, &Migration> = migrations
        .iter()
        .filter(|m| m.kind != Kind::Baseline)
        .map(|m| ((&*m.source, &m.version), m))
        .collect();
    let undo = goal.is_some_and(|goal| goal.direction() == super::Direction::Down);
    let mut needed = Vec::new();
    for row in &history.applied {
        let file = files.get(&(row.source.as_str(), &row.version));
        let differs = file.is_none_or(|m| m.checksum != row.checksum);
        if differs && file.is_some() && row.kind == Kind::Versioned {
            needed.push(row.checksum.clone());
        }
        if differs && undo {
            needed.extend(row.down_checksum.clone());
            if file.is_none() {
                needed.push(row.checksum.clone());
            }
        }
    }
    needed
}

/// The change of a file by its record, if it has one.
pub(super) fn change_in(input: PlanInput<'_>, migration: &Migration, applied: &Applied) -> Change {
    change(migration, applied, input.kept, input.dialect)
}

/// "It was changed after it was applied".
pub(super) fn modified(migration: &Migration, row: &Applied) -> Diagnostic {
    Diagnostic::error("modified", format!("{} was changed after it was applied", migration.label()))
        .at(&migration.file, 0..0, "")
        .note(format!(
            "applied {}with checksum {}, the file has {}",
            row.applied_at.map(|at| format!("{at:.0} ")).unwrap_or_default(),
            row.checksum.short(),
            migration.checksum.short()
        ))
        .help("put the file back as it was and write a new migration for the change, or go on with `--force`; if the database has that change, `whimbrel repair VERSION --accept`")
}
