//! What lies below a baseline.

use std::collections::HashMap;

use crate::history::History;
use crate::migration::{Kind, Migration};
use crate::version::Version;

/// How far the baselines of a history reach, per source.
pub(super) struct Baselines<'a> {
    places: HashMap<(&'a str, &'a Version), usize>,
    reach: HashMap<&'a str, Reach<'a>>,
}

/// A baseline reaches to its version's place among the files, whatever their order; where no file
/// has that version, versions are compared.
#[derive(Default)]
struct Reach<'a> {
    place: Option<usize>,
    version: Option<&'a Version>,
}

impl<'a> Baselines<'a> {
    pub(super) fn of(migrations: &'a [Migration], history: &'a History) -> Self {
        let mut baselines = Self {
            places: HashMap::new(),
            reach: HashMap::new(),
        };
        let rows = history.applied.iter();
        let mut rows = rows.filter(|row| row.kind == Kind::Baseline).peekable();
        if rows.peek().is_none() {
            return baselines;
        }
        let files = migrations.iter().enumerate();
        baselines.places = files
            .filter(|(_, migration)| migration.kind == Kind::Versioned)
            .map(|(place, migration)| ((&*migration.source, &migration.version), place))
            .collect();
        for row in rows {
            let reach = baselines.reach.entry(&row.source).or_default();
            match baselines.places.get(&(row.source.as_str(), &row.version)) {
                Some(&place) => reach.place = reach.place.max(Some(place)),
                None => reach.version = reach.version.max(Some(&row.version)),
            }
        }
        baselines
    }

    /// True if a baseline says that this migration is there.
    pub(super) fn cover(&self, migration: &Migration) -> bool {
        let Some(reach) = self.reach.get(&*migration.source) else {
            return false;
        };
        let place = self.places.get(&(&*migration.source, &migration.version));
        place.is_some_and(|&place| {
            reach.place.is_some_and(|end| place <= end)
                || reach.version.is_some_and(|top| migration.version <= *top)
        })
    }
}
