//! A changelog in XML, YAML or JSON: what it includes and its own changesets, in its order.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::source::{Entry, Listing, read_file};
use whimbrel_core::text::SourceFile;
use whimbrel_sql::Dialect;

use super::super::read::{Problems, about};
use super::attributes::is_for;
use super::includes::{Chosen, Include, Item, Property, include, items};
use super::node::Node;
use super::paths::{self, extension, files, find, plain, resolved};
use super::values::expand;

/// What was found, in order.
#[derive(Default)]
pub(super) struct Included {
    pub(super) parts: Vec<Part>,
    /// Paths of the files that have a place in it.
    pub(super) used: HashSet<PathBuf>,
}

/// A part of a changelog.
pub(super) enum Part {
    /// A file of SQL.
    File(Entry, Around),
    Changeset(Own),
    Preconditions(Own),
    Property(Property),
}

/// A changeset in XML, YAML or JSON, or what stands beside one.
pub(super) struct Own {
    pub(super) node: Node,
    pub(super) file: Arc<SourceFile>,
    pub(super) around: Around,
}

/// What holds for all that is in a file.
#[derive(Clone, Default)]
pub(super) struct Around {
    /// What Liquibase calls the file.
    pub(super) path: String,
    /// Where it is.
    pub(super) place: PathBuf,
    pub(super) chosen: Vec<Chosen>,
}

/// Follows the one changelog that no other includes.
pub(super) fn follow(
    listing: &Listing,
    changelogs: &[&Entry],
    dialect: Dialect,
    problems: &mut Problems,
) -> Result<Included, Error> {
    let mut walk = Walk {
        listing,
        dialect,
        seen: HashSet::new(),
        logical_path: None,
        chosen: Vec::new(),
        values: BTreeMap::new(),
        found: Included::default(),
        problems,
    };
    let mut inner = HashSet::new();
    for entry in changelogs {
        inner.extend(walk.named_by(entry)?);
    }
    let is_first = |entry: &&&Entry| !inner.contains(&resolved(&entry.path));
    let first: Vec<_> = changelogs.iter().filter(is_first).collect();
    match first.as_slice() {
        [only] => walk.changelog(&resolved(&only.path), &super::path_of(only))?,
        several => {
            let several = if several.is_empty() {
                changelogs.iter().collect()
            } else {
                several.to_vec()
            };
            let names: Vec<_> = several
                .iter()
                .map(|one| one.path.display().to_string())
                .collect();
            let message = format!(
                "which changelog comes first can't be told: {}",
                names.join(", ")
            );
            let problem = Diagnostic::error("liquibase-changelog", message);
            walk.problems.add(problem.help("name that file by `--dir`"));
        }
    }
    Ok(walk.found)
}

struct Walk<'a> {
    listing: &'a Listing,
    dialect: Dialect,
    seen: HashSet<PathBuf>,
    /// Of the changelog that is read, or of one that includes it.
    logical_path: Option<String>,
    chosen: Vec<Chosen>,
    /// Those of the changelogs so far, for paths.
    values: BTreeMap<String, String>,
    found: Included,
    problems: &'a mut Problems,
}

impl Walk<'_> {
    /// The files that a changelog includes itself; what is wrong with it is said later.
    fn named_by(&self, entry: &Entry) -> Result<Vec<PathBuf>, Error> {
        let file = resolved(&entry.path);
        let text = entry.read()?;
        let root = Node::read(text.text(), &entry.extension).ok().flatten();
        let mut paths = Vec::new();
        let mut values = BTreeMap::new();
        for item in root.map_or_else(Vec::new, |root| items(root, &entry.extension)) {
            let include = match item {
                Item::Property(property) => {
                    values.entry(property.name).or_insert(property.value);
                    None
                }
                Item::Include(include) => Some(include),
                // It is refused, but not as another beginning.
                Item::Other(node) if node.name.starts_with("include") => include(&node),
                _ => None,
            };
            if let Some(mut include) = include {
                include.path = self.expanded(&include.path, &values);
                if let Some(path) = find(&file, &include.path, include.relative) {
                    paths.extend(files(&path, &include)?);
                }
            }
        }
        Ok(paths)
    }

    fn expanded(&self, text: &str, values: &BTreeMap<String, String>) -> String {
        expand(text, |key| {
            let given = self.listing.placeholders.get(key);
            given.or_else(|| values.get(key)).cloned()
        })
    }

    fn changelog(&mut self, path: &Path, name: &str) -> Result<(), Error> {
        let extension = extension(path);
        let shown = self.shown(path);
        let read = read_file(path)?;
        let file = SourceFile::new(shown.display().to_string(), read.text());
        let root = match Node::read(file.text(), &extension) {
            Ok(Some(root)) => root,
            Ok(None) => {
                let message = "this file has no databaseChangeLog";
                let problem = Diagnostic::error("liquibase-changelog", message);
                self.problems.add(about(problem, &shown));
                return Ok(());
            }
            Err((span, message)) => {
                let message = format!("this changelog can't be read: {message}");
                let problem = Diagnostic::error("liquibase-changelog", message);
                self.problems.add(problem.at(&file, span, ""));
                return Ok(());
            }
        };
        self.found.used.insert(shown);
        let (outer, depth) = (self.logical_path.clone(), self.chosen.len());
        if let Some(path) = root.get("logicalFilePath") {
            self.logical_path = Some(logical(path));
        }
        self.chosen.push(Chosen::of(&root));
        let around = self.around(name, path);
        let own = |node| Own {
            node,
            file: Arc::clone(&file),
            around: around.clone(),
        };
        let mut refused = HashSet::new();
        for item in items(root, &extension) {
            match item {
                Item::Include(include) => self.include(path, &file, include)?,
                Item::Property(property) => self.property(property),
                Item::Changeset(node) => self.found.parts.push(Part::Changeset(own(node))),
                Item::Preconditions(node) => self.found.parts.push(Part::Preconditions(own(node))),
                Item::Other(node) => {
                    if refused.insert(node.name.clone()) {
                        let problem = not_sql(&shown_name(path), &extension, &node.name);
                        self.problems.add(problem.at(&file, node.at, ""));
                    }
                }
            }
        }
        self.logical_path = outer;
        self.chosen.truncate(depth);
        Ok(())
    }

    fn around(&self, name: &str, place: &Path) -> Around {
        Around {
            path: self.logical_path.clone().unwrap_or_else(|| name.to_owned()),
            place: place.to_owned(),
            chosen: self.chosen.clone(),
        }
    }

    fn property(&mut self, property: Property) {
        let dbms = property.dbms.as_deref();
        if !dbms.is_none_or(|list| is_for(list, self.dialect)) {
            return;
        }
        let value = self.expanded(&property.value, &self.values);
        let known = self.values.entry(property.name.clone());
        known.or_insert_with(|| value.clone());
        self.found
            .parts
            .push(Part::Property(Property { value, ..property }));
    }

    fn include(
        &mut self,
        changelog: &Path,
        from: &Arc<SourceFile>,
        mut include: Include,
    ) -> Result<(), Error> {
        include.path = self.expanded(&include.path, &self.values);
        let found = match find(changelog, &include.path, include.relative) {
            Some(path) => files(&path, &include)?,
            None => Vec::new(),
        };
        let unclear = paths::problem(changelog, &include.path, include.relative);
        let missing = found.is_empty().then(|| {
            let message = format!("there is nothing in {} to include", include.path);
            Diagnostic::error("liquibase-include", message)
        });
        if let Some(problem) = unclear.or(missing)
            && !(found.is_empty() && include.may_be_missing)
        {
            self.problems.add(problem.at(from, include.at.clone(), ""));
        }
        let outer = self.logical_path.clone();
        if let Some(path) = &include.logical_path {
            self.logical_path = Some(logical(path));
        }
        self.chosen.push(include.chosen.clone());
        for file in found {
            if !self.seen.insert(file.clone()) {
                continue;
            }
            let extension = extension(&file);
            let (name, entry) = self.entry(&file, &include);
            match extension.as_str() {
                "xml" | "yaml" | "yml" | "json" => self.changelog(&file, &name)?,
                "sql" => {
                    let around = self.around(&name, &file);
                    self.found.used.insert(entry.path.clone());
                    self.found.parts.push(Part::File(entry, around));
                }
                // In a folder, Liquibase takes what it can read.
                _ if include.is_folder => {}
                other => {
                    let problem = not_sql(&shown_name(changelog), other, "an include of it");
                    self.problems.add(problem.at(from, include.at.clone(), ""));
                }
            }
        }
        self.chosen.pop();
        self.logical_path = outer;
        Ok(())
    }

    /// A file, and its path from the folder that is read; from elsewhere, as the changelog has it.
    fn entry(&self, file: &Path, include: &Include) -> (String, Entry) {
        let shown = self.shown(file);
        let mut listed = self.listing.entries.iter().chain(&self.listing.others);
        if let Some(entry) = listed.find(|entry| entry.path == shown) {
            return (super::path_of(entry), entry.clone());
        }
        let name = |part: Option<&std::ffi::OsStr>| {
            part.map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default()
        };
        let mut roots = self.listing.roots.iter();
        let below = roots.find_map(|root| file.strip_prefix(resolved(root)).ok());
        let below = below.filter(|rest| !rest.as_os_str().is_empty());
        let (folder, file_name) = (plain(&include.path), name(file.file_name()));
        let path = match below {
            Some(rest) => rest.to_string_lossy().replace('\\', "/"),
            None if include.is_folder => {
                format!("{}/{file_name}", folder.trim_end_matches('/'))
            }
            None => folder,
        };
        let entry = Entry {
            path: shown,
            folder: String::new(),
            root: 0,
            stem: name(file.file_stem()),
            extension: extension(file).into(),
            text: OnceLock::new(),
        };
        (path, entry)
    }

    fn shown(&self, file: &Path) -> PathBuf {
        shown(self.listing, file)
    }
}

/// The path as people know it, below the folder that they named.
pub(super) fn shown(listing: &Listing, file: &Path) -> PathBuf {
    let below = |root: &PathBuf| {
        let rest = file.strip_prefix(resolved(root)).ok()?;
        Some(if rest.as_os_str().is_empty() {
            root.clone()
        } else {
            root.join(rest)
        })
    };
    listing
        .roots
        .iter()
        .find_map(below)
        .unwrap_or_else(|| file.to_owned())
}

fn shown_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Without the first slash, as Liquibase keeps it.
fn logical(path: &str) -> String {
    let path = path.trim().replace('\\', "/");
    path.strip_prefix('/').unwrap_or(&path).to_owned()
}

fn not_sql(name: &str, extension: &str, what: &str) -> Diagnostic {
    let message = format!(
        "{name} is a changelog of Liquibase in {} with {what}, which Whimbrel does not read",
        extension.to_ascii_uppercase()
    );
    Diagnostic::error("liquibase-changelog", message).help(
        "changesets of SQL are read, and changelogs that include such files; or give their folder, which is read in the order of its names, or the files themselves by `--dir`",
    )
}
