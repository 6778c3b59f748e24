//! The layout `liquibase`: changesets of SQL, in files of formatted SQL and in changelogs in XML, YAML and JSON.

mod attributes;
mod changes;
pub(crate) mod checksum;
mod delimiter;
mod filter;
mod includes;
mod load;
mod master;
mod node;
mod parse;
mod paths;
mod precondition;
mod values;

use std::collections::HashSet;
use std::path::PathBuf;

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::source::{Certainty, Entry, Layout, Listing, Loaded, Recognised};
use whimbrel_sql::Dialect;

use self::load::Load;
use self::master::{Around, Included, Part};
use super::files::head;
use super::read::{Problems, about, opening};

/// Liquibase's formatted SQL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Liquibase;

/// So many files are opened to find out.
const LOOK_AT: usize = 8;

impl Layout for Liquibase {
    fn name(&self) -> &'static str {
        "liquibase"
    }

    fn options(&self) -> &'static [&'static str] {
        &filter::OPTIONS
    }

    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let entries = listing.entries.iter().take(LOOK_AT);
        if let Some(entry) = entries
            .into_iter()
            .find(|entry| is_formatted(&opening(entry)))
        {
            let reason = format!("the header of {}", file_name(entry));
            return Some(Recognised::new(Certainty::Certain, reason));
        }
        let mut others = listing.others.iter();
        let found = others.find(|entry| is_changelog(entry))?;
        let reason = format!("the changelog {}", file_name(found));
        Some(Recognised::new(Certainty::Certain, reason))
    }

    fn without_blank(&self) -> &'static str {
        "a changeset has an author and stands in a changelog; write `--changeset AUTHOR:ID` at the end of one, or begin a new file with `--liquibase formatted sql`"
    }

    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let mut changelogs: Vec<_> = listing.others.iter().collect();
        changelogs.retain(|entry| is_changelog(entry));
        let included = if changelogs.is_empty() {
            all_files(listing)
        } else {
            master::follow(listing, &changelogs, dialect, &mut problems)?
        };
        let mut load = Load::new(listing, dialect, problems);
        load.used = included.used;
        for part in included.parts {
            load.part(part)?;
        }
        if !changelogs.is_empty() {
            left_out(listing, &load.used, &mut load.problems);
        }
        load.finish()
    }
}

/// The files of the folder, as includeAll sorts them: as text, without regard to numbers.
fn all_files(listing: &Listing) -> Included {
    let mut entries: Vec<_> = listing.entries.iter().collect();
    entries.sort_by_cached_key(|entry| (entry.root, path_of(entry)));
    let part = |entry: &Entry| {
        let around = Around {
            path: path_of(entry),
            ..Around::default()
        };
        Part::File(entry.clone(), around)
    };
    Included {
        parts: entries.into_iter().map(part).collect(),
        ..Included::default()
    }
}

/// Says which files no changelog includes.
fn left_out(listing: &Listing, used: &HashSet<PathBuf>, problems: &mut Problems) {
    for entry in &listing.entries {
        if !used.contains(&entry.path) {
            let message = "no changelog includes this file: it is passed over";
            problems.add(about(
                Diagnostic::warning("stray-file", message),
                &entry.path,
            ));
        }
    }
}

fn is_formatted(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty());
    first.is_some_and(parse::is_header)
}

fn is_changelog(entry: &Entry) -> bool {
    matches!(&*entry.extension, "xml" | "yaml" | "yml" | "json")
        && head(entry).is_some_and(|text| text.contains("databaseChangeLog"))
}

fn file_name(entry: &Entry) -> String {
    format!("{}.{}", entry.stem, entry.extension)
}

fn path_of(entry: &Entry) -> String {
    format!("{}{}", entry.folder, file_name(entry))
}
