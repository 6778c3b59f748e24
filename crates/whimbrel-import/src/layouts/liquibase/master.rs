//! A changelog that only includes others: its SQL files in its order.

use std::collections::{BTreeMap, HashSet};
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use whimbrel_core::Error;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::source::{Entry, Listing, read_file};
use whimbrel_sql::Dialect;

use super::super::read::{Problems, about};
use super::attributes::is_for;
use super::includes::{Include, Item, items};

/// What was found.
#[derive(Default)]
pub(super) struct Included {
    /// The files, and what Liquibase calls them.
    pub(super) files: Vec<(String, Entry)>,
    /// Those with a context or labels.
    pub(super) conditional: usize,
    pub(super) values: BTreeMap<String, String>,
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
        found: Included::default(),
        problems,
    };
    let mut inner = HashSet::new();
    for entry in changelogs {
        inner.extend(Walk::named_by(entry)?);
    }
    let is_first = |entry: &&&Entry| !inner.contains(&resolved(&entry.path));
    let first: Vec<_> = changelogs.iter().filter(is_first).collect();
    match first.as_slice() {
        [only] => walk.changelog(&resolved(&only.path))?,
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
    found: Included,
    problems: &'a mut Problems,
}

impl Walk<'_> {
    /// The files that a changelog includes itself; what is wrong with it is said later.
    fn named_by(entry: &Entry) -> Result<Vec<PathBuf>, Error> {
        let file = resolved(&entry.path);
        let list = items(entry.read()?.text(), &entry.extension).unwrap_or_default();
        let mut paths = Vec::new();
        for item in list {
            if let Item::Include(include) = item
                && let Some(path) = find(&file, &include)
            {
                paths.extend(files(&path, &include)?);
            }
        }
        Ok(paths)
    }

    fn changelog(&mut self, path: &Path) -> Result<(), Error> {
        let extension = extension(path);
        let list = match items(read_file(path)?.text(), &extension) {
            Ok(list) => list,
            Err(message) => {
                let message = format!("this changelog can't be read: {message}");
                let problem = Diagnostic::error("liquibase-changelog", message);
                self.problems.add(about(problem, &self.shown(path)));
                return Ok(());
            }
        };
        let mut refused = HashSet::new();
        let outer = self.logical_path.clone();
        for item in list {
            match item {
                Item::LogicalPath(path) => self.logical_path = Some(path),
                Item::Include(include) => self.include(path, &include)?,
                Item::Property(name, value, dbms) => {
                    if dbms.is_none_or(|list| is_for(&list, self.dialect)) {
                        self.found.values.entry(name).or_insert(value);
                    }
                }
                Item::Other(what) => {
                    if refused.insert(what.clone()) {
                        let problem = not_sql(&self.shown(path), &extension, &what);
                        self.problems.add(problem);
                    }
                }
            }
        }
        self.logical_path = outer;
        Ok(())
    }

    fn include(&mut self, changelog: &Path, include: &Include) -> Result<(), Error> {
        let Some(path) = find(changelog, include) else {
            if !include.may_be_missing {
                let message = format!(
                    "the changelog includes {}, which is not there",
                    include.path
                );
                let problem = Diagnostic::error("liquibase-include", message);
                let problem = about(problem, &self.shown(changelog));
                self.problems.add(
                    problem
                        .help("it is looked for in the changelog's folder and in those above it"),
                );
            }
            return Ok(());
        };
        for file in files(&path, include)? {
            if !self.seen.insert(file.clone()) {
                continue;
            }
            match extension(&file).as_str() {
                "xml" | "yaml" | "yml" | "json" => self.changelog(&file)?,
                "sql" => {
                    self.found.conditional += usize::from(include.is_conditional);
                    let (path, entry) = self.entry(&file, include);
                    let path = self.logical_path.clone().unwrap_or(path);
                    self.found.files.push((path, entry));
                }
                // In a folder, Liquibase takes what it can read.
                _ if include.is_folder => {}
                other => {
                    let problem = not_sql(&self.shown(changelog), other, "an include of it");
                    self.problems.add(problem);
                }
            }
        }
        Ok(())
    }

    /// A file, and its path from the folder that is read; from elsewhere, as the changelog has it.
    fn entry(&self, file: &Path, include: &Include) -> (String, Entry) {
        let shown = self.shown(file);
        let listed = self
            .listing
            .entries
            .iter()
            .find(|entry| entry.path == shown);
        if let Some(entry) = listed {
            return (super::path_of(entry), entry.clone());
        }
        let name = |part: Option<&std::ffi::OsStr>| {
            part.map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default()
        };
        let (folder, file_name) = (plain(&include.path), name(file.file_name()));
        let path = if include.is_folder {
            format!("{}/{file_name}", folder.trim_end_matches('/'))
        } else {
            folder
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

    /// The path as people know it, below the folder that they named.
    fn shown(&self, file: &Path) -> PathBuf {
        let below = |root: &PathBuf| {
            let rest = file.strip_prefix(resolved(root)).ok()?;
            Some(if rest.as_os_str().is_empty() {
                root.clone()
            } else {
                root.join(rest)
            })
        };
        self.listing
            .roots
            .iter()
            .find_map(below)
            .unwrap_or_else(|| file.to_owned())
    }
}

fn not_sql(path: &Path, extension: &str, what: &str) -> Diagnostic {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let message = format!(
        "{name} is a changelog of Liquibase in {} with {what}, which Whimbrel does not read",
        extension.to_ascii_uppercase()
    );
    about(Diagnostic::error("liquibase-changelog", message), path).help(
        "changesets in formatted SQL are read, and changelogs that only include such files; or give their folder, which is read in the order of its names, or the files themselves by `--dir`",
    )
}

/// Where an include leads to.
fn find(changelog: &Path, include: &Include) -> Option<PathBuf> {
    let folder = changelog.parent()?;
    let path = plain(&include.path);
    if include.relative {
        let path = clean(&folder.join(path));
        return path.exists().then_some(path);
    }
    let mut above = folder.ancestors().map(|place| place.join(&path));
    above.find(|path| path.exists())
}

/// Without what says where in the program's resources it is.
fn plain(path: &str) -> String {
    let path = path.replace('\\', "/");
    let path = path
        .trim_start_matches("classpath*:")
        .trim_start_matches("classpath:");
    path.trim_start_matches("./")
        .trim_start_matches('/')
        .to_owned()
}

/// The file itself, or what is in the folder, in the order of the paths as texts.
fn files(path: &Path, include: &Include) -> Result<Vec<PathBuf>, Error> {
    if !include.is_folder {
        return Ok(vec![resolved(path)]);
    }
    let mut list = Vec::new();
    gather(path, &mut list).map_err(|source| Error::File {
        path: path.display().to_string(),
        source,
    })?;
    list.retain(|file| file.to_string_lossy().ends_with(&include.ending));
    list.sort_by_cached_key(|file| file.to_string_lossy().into_owned());
    Ok(list.iter().map(|file| resolved(file)).collect())
}

fn gather(folder: &Path, out: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for item in std::fs::read_dir(folder)? {
        let path = item?.path();
        let hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.');
        if path.file_name().is_some_and(hidden) {
            continue;
        }
        if path.is_dir() {
            gather(&path, out)?;
        } else {
            out.push(path);
        }
    }
    Ok(())
}

fn extension(path: &Path) -> String {
    let extension = path.extension().unwrap_or_default();
    extension.to_string_lossy().to_ascii_lowercase()
}

fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Takes `..` out of a path.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}
