//! `Depends:` and the order that it asks for.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use crate::diagnostic::Diagnostic;
use crate::migration::Migration;
use crate::version::Version;

/// What a `Depends:` entry names.
pub(super) struct Dependency {
    pub(super) text: String,
    pub(super) source: String,
    pub(super) version: Version,
    /// Its place among the files, if it is there.
    pub(super) index: Option<usize>,
}

impl Dependency {
    /// What to say of one that is nowhere, to somebody with files of the source `own`, and what
    /// helps.
    pub(super) fn unknown(&self, own: &str) -> (&'static str, String) {
        let source = &self.source;
        if self.version.as_str().starts_with('@') {
            let help = format!("name the migration of {source} that has the tag");
            ("is a tag, and the history keeps none", help)
        } else if source == own {
            let help = "check the version in the `Depends:` line".to_owned();
            ("is neither applied nor among the files", help)
        } else {
            let help = format!(
                "apply the files of the source {source} first (`WHIMBREL_SOURCE={source}`), or check the name"
            );
            ("is not applied", help)
        }
    }
}

/// The migrations' dependencies, by place among the files.
pub(super) struct Dependencies(Vec<Vec<Dependency>>);

impl Dependencies {
    pub(super) fn of(migrations: &[Migration]) -> Self {
        let any = migrations.iter().any(|m| !m.directives.depends.is_empty());
        let mut places = HashMap::new();
        let mut labels = HashMap::new();
        if any {
            for (index, migration) in migrations.iter().enumerate() {
                let source = migration.source.to_string();
                labels.insert((source.clone(), migration.label()), index);
                places.insert((source, migration.version.clone()), index);
            }
        }
        let resolve = |migration: &Migration| {
            let entries = migration.directives.depends.iter();
            // `001` and `1` are one.
            let mut seen = HashSet::new();
            entries
                .map(|text| {
                    let (source, version) = text
                        .split_once('/')
                        .unwrap_or((&migration.source, text.as_str()));
                    let source = source.to_owned();
                    // As a version, or as its file is called.
                    let name = version.strip_suffix(".sql").unwrap_or(version);
                    let by_label = || labels.get(&(source.clone(), name.to_owned()));
                    let mut version = Version::new(version);
                    let index = places.get(&(source.clone(), version.clone()));
                    let index = index.or_else(by_label).copied();
                    if let Some(index) = index {
                        version = migrations[index].version.clone();
                    }
                    Dependency {
                        text: text.clone(),
                        source,
                        version,
                        index,
                    }
                })
                .filter(|entry| seen.insert((entry.source.clone(), entry.version.clone())))
                .collect()
        };
        Self(migrations.iter().map(resolve).collect())
    }

    pub(super) fn of_index(&self, index: usize) -> &[Dependency] {
        &self.0[index]
    }

    /// The places that a migration depends on, among the files.
    pub(super) fn indexes(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        self.0[index]
            .iter()
            .filter_map(|dependency| dependency.index)
    }

    /// Orders `pending` (places, ascending) so that each comes after what it depends on, and
    /// otherwise as it was.
    ///
    /// # Errors
    /// The places that depend on each other in a circle.
    pub(super) fn order(&self, pending: &[usize]) -> Result<Vec<usize>, Vec<usize>> {
        let mut waiting: HashMap<usize, usize> = HashMap::new();
        let mut followers: HashMap<usize, Vec<usize>> = HashMap::new();
        let members: HashSet<_> = pending.iter().copied().collect();
        for &index in pending {
            let before: Vec<_> = self
                .indexes(index)
                .filter(|i| members.contains(i))
                .collect();
            waiting.insert(index, before.len());
            for dependency in before {
                followers.entry(dependency).or_default().push(index);
            }
        }
        let mut ready: BinaryHeap<_> = pending
            .iter()
            .filter(|index| waiting[index] == 0)
            .map(|&index| Reverse(index))
            .collect();
        let mut order = Vec::with_capacity(pending.len());
        while let Some(Reverse(index)) = ready.pop() {
            order.push(index);
            waiting.remove(&index);
            for follower in followers.remove(&index).unwrap_or_default() {
                if let Some(count) = waiting.get_mut(&follower) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(Reverse(follower));
                    }
                }
            }
        }
        if waiting.is_empty() {
            Ok(order)
        } else {
            let mut circle: Vec<_> = waiting.into_keys().collect();
            circle.sort_unstable();
            Err(circle)
        }
    }
}

/// "These depend on each other".
pub(super) fn circle(migrations: &[Migration], places: &[usize]) -> Diagnostic {
    let labels: Vec<_> = places.iter().map(|&i| migrations[i].label()).collect();
    let first = &migrations[places[0]];
    Diagnostic::error(
        "dependency-circle",
        format!(
            "these migrations depend on each other in a circle: {}",
            labels.join(", ")
        ),
    )
    .at(&first.file, 0..0, "")
    .help("take one of the `Depends:` lines out")
}

#[cfg(test)]
mod tests {
    use super::Dependency;
    use crate::version::Version;

    #[test]
    fn what_is_nowhere_is_told_by_where_it_would_be() {
        let told = |text: &str| {
            let (source, version) = text.split_once('/').unwrap();
            let entry = Dependency {
                text: text.to_owned(),
                source: source.to_owned(),
                version: Version::new(version),
                index: None,
            };
            let (state, help) = entry.unknown("main");
            format!("{state}; {help}")
        };
        assert_eq!(
            told("main/7"),
            "is neither applied nor among the files; check the version in the `Depends:` line"
        );
        assert_eq!(
            told("billing/7"),
            "is not applied; apply the files of the source billing first (`WHIMBREL_SOURCE=billing`), or check the name"
        );
        assert_eq!(
            told("billing/@v1"),
            "is a tag, and the history keeps none; name the migration of billing that has the tag"
        );
    }
}
