//! Which of two migrations comes first. The order among the files is the layout's; versions are
//! compared only where a recorded one has no file.

use std::collections::{HashMap, HashSet};

use super::ByVersion;
use crate::diagnostic::Diagnostic;
use crate::history::{Applied, History};
use crate::migration::{Kind, Migration};
use crate::version::Version;

/// What the history says of the migrations' order.
pub(super) struct Order<'a> {
    migrations: &'a [Migration],
    tops: Tops<'a>,
    /// Of what was tried before: how far its source has come since.
    since_tried: HashMap<usize, Tops<'a>>,
    starts: HashMap<&'a str, usize>,
}

/// By source.
type Tops<'a> = HashMap<&'a str, Top<'a>>;

/// How far a source has come.
#[derive(Default)]
struct Top<'a> {
    applied: Reach<'a>,
    baseline: Reach<'a>,
}

#[derive(Default)]
struct Reach<'a> {
    /// The last place among the files.
    place: Option<(usize, &'a Version)>,
    /// The highest version of those without a file, where files are in order of versions.
    version: Option<&'a Version>,
}

impl<'a> Order<'a> {
    pub(super) fn of(migrations: &'a [Migration], history: &'a History) -> Self {
        let places = Places::of(migrations);
        let tops = places.tops(history.applied.iter());
        let tried = super::tried::tried(migrations, history);
        let since = |(&index, &run): (&usize, &i64)| {
            let later = history.applied.iter().filter(|row| row.run > run);
            (index, places.tops(later))
        };
        Self {
            starts: starts(migrations, &tops, migrations.len()),
            since_tried: tried.iter().map(since).collect(),
            migrations,
            tops,
        }
    }

    /// A version that is applied although it comes after this migration, and that makes it late: one
    /// that was applied before the run that tried it last, or in that run, knew of it.
    pub(super) fn applied_after(&self, index: usize) -> Option<&'a Version> {
        let migration = &self.migrations[index];
        let tops = self.since_tried.get(&index).unwrap_or(&self.tops);
        let reach = &tops.get(&*migration.source)?.applied;
        let by_place = reach.place.filter(|(place, _)| *place > index);
        let by_version = reach.version.filter(|top| **top > migration.version);
        by_place.map(|(_, version)| version).or(by_version)
    }

    /// True if a baseline says that the migration is there already.
    pub(super) fn in_baseline(&self, index: usize) -> bool {
        let migration = &self.migrations[index];
        let Some(top) = self.tops.get(&*migration.source) else {
            return false;
        };
        let reach = &top.baseline;
        migration.kind != Kind::Repeatable
            && (reach.place.is_some_and(|(place, _)| place >= index)
                || reach.version.is_some_and(|top| *top >= migration.version))
    }

    /// Where each source that has nothing applied begins, if it has a baseline among its files
    /// before `end`.
    pub(super) fn starts_before(&self, end: usize) -> HashMap<&'a str, usize> {
        starts(self.migrations, &self.tops, end)
    }

    /// Baselines that are the last of their source although it has a history without them: their
    /// state is one that the database can't come to by these files.
    pub(super) fn baselines_without_use(&self) -> Vec<&'a Migration> {
        let mut last: HashMap<&str, usize> = HashMap::new();
        for (index, migration) in self.migrations.iter().enumerate() {
            if matches!(migration.kind, Kind::Versioned | Kind::Baseline) {
                last.insert(&migration.source, index);
            }
        }
        let same = |a: usize, b: usize| self.migrations[a].version == self.migrations[b].version;
        let unused = |index: &usize| {
            self.migrations[*index].kind == Kind::Baseline
                && self.tops.contains_key(&*self.migrations[*index].source)
                && !self.in_baseline(*index)
                && !(*index > 0 && same(*index, index - 1))
        };
        let unused = last.into_values().filter(unused);
        unused.map(|index| &self.migrations[index]).collect()
    }

    /// True if `up` passes the migration over: a baseline that is not the start, or what a start
    /// replaces.
    pub(super) fn is_passed_over(&self, index: usize) -> bool {
        let migration = &self.migrations[index];
        match self.starts.get(&*migration.source) {
            Some(&start) if migration.kind == Kind::Versioned => index < start,
            Some(&start) => migration.kind == Kind::Baseline && index != start,
            None => migration.kind == Kind::Baseline,
        }
    }
}

/// Where the files stand.
struct Places<'a> {
    places: ByVersion<'a, usize>,
    /// Sources whose files are not in the order of their versions.
    by_place: HashSet<&'a str>,
}

impl<'a> Places<'a> {
    fn of(migrations: &'a [Migration]) -> Self {
        let mut places: ByVersion<'_, usize> = ByVersion::default();
        let mut by_place = HashSet::new();
        let mut last: HashMap<&str, &Version> = HashMap::new();
        for (index, migration) in migrations.iter().enumerate() {
            let key = (&*migration.source, &migration.version);
            match migration.kind {
                // A baseline may have the version of the migration that it goes up to.
                Kind::Baseline => {
                    places.entry(key).or_insert(index);
                }
                _ => {
                    places.insert(key, index);
                }
            }
            if migration.kind == Kind::Versioned
                && last
                    .insert(&migration.source, &migration.version)
                    .is_some_and(|previous| *previous > migration.version)
            {
                by_place.insert(&*migration.source);
            }
        }
        Self { places, by_place }
    }

    /// How far these rows bring each source.
    fn tops<'r>(&self, rows: impl Iterator<Item = &'r Applied>) -> Tops<'r> {
        let mut tops: Tops<'_> = HashMap::new();
        for row in rows {
            let top = tops.entry(&row.source).or_default();
            let key = (row.source.as_str(), &row.version);
            let place = self.places.get(&key).copied();
            let compares = !self.by_place.contains(row.source.as_str());
            match row.kind {
                Kind::Repeatable | Kind::Hook => {}
                Kind::Versioned => top.applied.extend(row, place, compares),
                Kind::Baseline => {
                    top.applied.extend(row, place, compares);
                    top.baseline.extend(row, place, compares);
                }
            }
        }
        tops
    }
}

fn starts<'a>(migrations: &'a [Migration], tops: &Tops<'_>, end: usize) -> HashMap<&'a str, usize> {
    let files = migrations.iter().enumerate().take(end);
    files
        .filter(|(_, m)| m.kind == Kind::Baseline && !tops.contains_key(&*m.source))
        .map(|(index, m)| (&*m.source, index))
        .collect()
}

impl<'a> Reach<'a> {
    fn extend(&mut self, row: &'a Applied, place: Option<usize>, compares: bool) {
        match place {
            Some(place) if self.place.is_none_or(|(top, _)| top < place) => {
                self.place = Some((place, &row.version));
            }
            None if compares && self.version.is_none_or(|top| *top < row.version) => {
                self.version = Some(&row.version);
            }
            _ => {}
        }
    }
}

/// "It is pending, but a later one is applied".
pub(super) fn out_of_order(migration: &Migration, top: &Version) -> Diagnostic {
    Diagnostic::error(
        "out-of-order",
        format!("{} is pending, but {top} after it is applied already", migration.label()),
    )
    .at(&migration.file, 0..0, "")
    .help("give it a later version; or allow it with the directive `-- Allow: out-of-order` in this file, `out_of_order = true` in the settings, or `--force`")
}
