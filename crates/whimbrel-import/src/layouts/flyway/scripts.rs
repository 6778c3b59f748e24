//! Which files are scripts, and whether they are Flyway's.

use whimbrel_core::source::{Certainty, Entry, Listing, Recognised};

use super::name::{Name, Names};
use super::project::Project;

/// What scripts are called.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scripts {
    pub(super) names: Names,
    /// `.sql`
    pub(super) suffixes: Vec<String>,
}

impl Default for Scripts {
    fn default() -> Self {
        Self::of(&Project::default())
    }
}

impl Scripts {
    pub(super) fn of(project: &Project) -> Self {
        Self {
            names: project.names(),
            suffixes: project.suffixes(),
        }
    }

    /// All scripts: Flyway reads `V1__a.SQL` as well.
    pub(super) fn all<'l>(&self, listing: &'l Listing) -> impl Iterator<Item = &'l Entry> {
        let is_script = |entry: &&Entry| {
            let ends = |suffix: &String| {
                let extension = suffix.strip_prefix('.').unwrap_or(suffix);
                entry.extension.eq_ignore_ascii_case(extension)
            };
            self.suffixes.iter().any(ends)
        };
        listing
            .entries
            .iter()
            .chain(&listing.others)
            .filter(is_script)
    }

    pub(super) fn recognised(&self, listing: &Listing) -> Option<Recognised> {
        let mut versions: Vec<String> = Vec::new();
        let mut undone = Vec::new();
        let mut mark = None;
        let mut first = None;
        let mut has_baseline = false;
        for entry in self.all(listing) {
            let name = self.names.read(&entry.stem);
            match name {
                Name::Versioned { version, .. } => {
                    if version.contains('.') {
                        mark = Some(entry);
                    }
                    first = first.or(Some(entry));
                    versions.push(version);
                }
                Name::Undo { version } => undone.push(version),
                Name::Other => {}
                Name::Baseline { .. } => {
                    has_baseline = true;
                    mark = Some(entry);
                }
                _ => mark = Some(entry),
            }
        }
        let is_version = |version: &String| versions.contains(version);
        if versions.is_empty() && !has_baseline || !undone.iter().all(is_version) {
            return None;
        }
        // Elsewhere a folder's name would be the version.
        let in_folders = self.all(listing).any(|entry| !entry.folder.is_empty());
        let certain = mark.is_some() || !undone.is_empty() || in_folders;
        let found = first.or(mark)?;
        Some(Recognised::new(
            if certain {
                Certainty::Certain
            } else {
                Certainty::Likely
            },
            format!("names such as {}.{}", found.stem, found.extension),
        ))
    }
}
