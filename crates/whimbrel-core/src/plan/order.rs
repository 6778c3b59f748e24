//! What comes before what: the order that a layout gave its files.

use std::collections::HashMap;

use crate::history::{Applied, History};
use crate::migration::{Kind, Migration};
use crate::version::Version;

/// The places of versions, and what is applied by them. Applied ones whose file is gone have no
/// place: they are compared by their versions.
pub(super) struct Order<'a> {
    places: HashMap<(&'a str, &'a Version), usize>,
    tops: HashMap<&'a str, Top<'a>>,
    baselines: Vec<&'a Applied>,
}

/// The last that is applied of a source.
#[derive(Default)]
struct Top<'a> {
    placed: Option<(usize, &'a Version)>,
    gone: Option<&'a Version>,
}

impl<'a> Order<'a> {
    pub(super) fn of(migrations: &'a [Migration], history: &'a History) -> Self {
        let places = migrations.iter().enumerate();
        let places = places.map(|(place, m)| ((&*m.source, &m.version), place));
        let places: HashMap<_, _> = places.collect();
        let mut tops: HashMap<&str, Top<'_>> = HashMap::new();
        let ordered = |row: &&Applied| row.kind != Kind::Repeatable;
        for row in history.applied.iter().filter(ordered) {
            let top = tops.entry(&row.source).or_default();
            match places.get(&(row.source.as_str(), &row.version)) {
                Some(&place) => top.placed = top.placed.max(Some((place, &row.version))),
                None => top.gone = top.gone.max(Some(&row.version)),
            }
        }
        let baseline = |row: &&Applied| row.kind == Kind::Baseline;
        Self {
            places,
            tops,
            baselines: history.applied.iter().filter(baseline).collect(),
        }
    }

    fn place(&self, source: &str, version: &Version) -> Option<usize> {
        self.places.get(&(source, version)).copied()
    }

    /// The last applied version of the same source, if a migration comes before it.
    pub(super) fn above(&self, migration: &Migration) -> Option<&'a Version> {
        let top = self.tops.get(&*migration.source)?;
        let place = self.place(&migration.source, &migration.version);
        let placed = top.placed.filter(|(last, _)| place < Some(*last));
        let gone = top.gone.filter(|gone| migration.version < **gone);
        placed.map(|(_, version)| version).or(gone)
    }

    /// True if a baseline stands for it.
    pub(super) fn in_baseline(&self, migration: &Migration) -> bool {
        let source = &*migration.source;
        let place = self.place(source, &migration.version);
        let ours = |row: &&&Applied| row.source == source;
        migration.kind == Kind::Versioned
            && self.baselines.iter().filter(ours).any(|row| {
                match self.place(source, &row.version) {
                    Some(last) => place <= Some(last),
                    None => migration.version <= row.version,
                }
            })
    }
}
