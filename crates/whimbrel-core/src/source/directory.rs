//! A folder of migration files.

mod checks;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use whimbrel_sql::Dialect;

use self::checks::{check_options, refuse_other_file, refuse_strays_alone};
use super::engines::{is_other_engines, keep_own, refuse_others_alone, two_of_one};
use super::layout::{Entry, Layout, Listing, NATIVE_LAYOUTS, detect, is_own};
use super::native::about_file;
use super::programs::with_other_extensions;
use super::set_apart::{as_warnings, is_foreign, set_apart};
use super::walk::{Named, behind_link, leads_back, refuse_unreadable, sorted};
use super::{DEFAULT_SOURCE, LayoutFound, Loaded, Source};
use crate::diagnostic::Diagnostic;
use crate::error::Error;

/// What nearly every file has; kept once, not for each.
const SQL: Cow<'static, str> = Cow::Borrowed("sql");

/// One or more folders that together are one source.
pub struct Directory {
    name: Arc<str>,
    roots: Vec<PathBuf>,
    extensions: Vec<Cow<'static, str>>,
    sort_dirs_separately: bool,
    environment: Arc<BTreeMap<String, String>>,
    placeholders: Arc<BTreeMap<String, String>>,
    layout: Option<&'static dyn Layout>,
    options: BTreeMap<String, String>,
    known: Vec<&'static dyn Layout>,
}

impl Directory {
    /// A folder, read in the layout that it is found to have.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            name: DEFAULT_SOURCE.into(),
            roots: vec![root.into()],
            extensions: vec![SQL],
            sort_dirs_separately: false,
            environment: Arc::default(),
            placeholders: Arc::default(),
            layout: None,
            options: BTreeMap::new(),
            known: NATIVE_LAYOUTS.to_vec(),
        }
    }

    /// Adds a folder.
    pub fn and(mut self, root: impl Into<PathBuf>) -> Self {
        self.roots.push(root.into());
        self
    }

    /// The namespace of its versions; `main` if not set.
    pub fn source(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// File extensions that hold migrations, without the dot; `sql` if not set.
    pub fn extensions<I: IntoIterator<Item = S>, S: Into<String>>(mut self, list: I) -> Self {
        self.extensions = list
            .into_iter()
            .map(|item| match item.into().trim_start_matches('.') {
                "sql" => SQL,
                other => Cow::Owned(other.to_owned()),
            })
            .collect();
        self
    }

    /// Takes each folder's files by themselves, folder after folder, instead of sorting the files
    /// of all folders together by version.
    pub fn sort_dirs_separately(mut self, yes: bool) -> Self {
        self.sort_dirs_separately = yes;
        self
    }

    /// The environment, for files that refer to it as their tool lets them; empty if not set, for a
    /// library does not read it by itself.
    pub fn environment(mut self, values: BTreeMap<String, String>) -> Self {
        self.environment = Arc::new(values);
        self
    }

    /// Values for the placeholders that other tools have; empty if not set. Whimbrel's own are a
    /// setting of the run.
    pub fn placeholders(mut self, values: BTreeMap<String, String>) -> Self {
        self.placeholders = Arc::new(values);
        self
    }

    /// Reads the files in this layout instead of finding out.
    pub fn layout(mut self, layout: &'static dyn Layout) -> Self {
        self.layout = Some(layout);
        self
    }

    /// Sets an option of the layout: see [`Layout::options`].
    pub fn layout_option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    /// The layouts to choose from; Whimbrel's own if not set.
    pub fn known_layouts(mut self, layouts: Vec<&'static dyn Layout>) -> Self {
        self.known = layouts;
        self
    }

    /// Lists the files without reading them.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn list(&self, dialect: Dialect) -> Result<Listing, Error> {
        let mut listing = Listing {
            source: Arc::clone(&self.name),
            roots: self.roots.clone(),
            entries: Vec::new(),
            others: Vec::new(),
            sort_dirs_separately: self.sort_dirs_separately,
            options: self.options.clone(),
            environment: Arc::clone(&self.environment),
            placeholders: Arc::clone(&self.placeholders),
        };
        if let Some(root) = self.roots.iter().find(|root| !root.exists()) {
            let message = format!("there is no folder {}", root.display());
            return Err(Error::refused(
                Diagnostic::error("no-folder", message).help(
                    "`whimbrel init` makes one; `--dir` or `dir` in whimbrel.toml names another",
                ),
            ));
        }
        for (index, root) in self.roots.iter().enumerate() {
            if root.is_file() {
                let name = root.file_name().unwrap_or_default().to_string_lossy();
                self.add(root.clone(), name.into_owned(), "", index, &mut listing);
            } else {
                self.walk(root, "", index, dialect, &mut listing)?;
            }
        }
        for list in [&mut listing.entries, &mut listing.others] {
            list.sort_by(|a, b| (a.root, &a.folder, &a.stem).cmp(&(b.root, &b.folder, &b.stem)));
        }
        keep_own(&mut listing, dialect);
        Ok(listing)
    }

    fn walk(
        &self,
        folder: &Path,
        relative: &str,
        root: usize,
        dialect: Dialect,
        out: &mut Listing,
    ) -> Result<(), Error> {
        let failed = |source| Error::File {
            path: folder.display().to_string(),
            source,
        };
        let (list, unreadable) = sorted(folder).map_err(failed)?;
        let wanted = |name: &str| self.extension(name).is_some();
        refuse_unreadable(folder, &unreadable, wanted)?;
        let folders = list.iter().filter(|item| !item.kind.is_file());
        let folders: Vec<String> = folders.map(|item| item.name.clone()).collect();
        if let Some((one, two)) = two_of_one(&folders, dialect) {
            let message = format!("the folders {one} and {two} are both for this engine");
            let error = Diagnostic::error("two-engines", message)
                .help("name one of them: `--dir`, or `dir` in whimbrel.toml");
            return Err(Error::refused(about_file(error, folder)));
        }
        out.entries.reserve(list.len());
        for Named { name, mut kind, .. } in list {
            let path = folder.join(&name);
            if kind.is_symlink() {
                kind = behind_link(&path)?;
                if kind.is_dir() && leads_back(&path, folder) {
                    continue;
                }
            }
            if kind.is_dir() {
                if !is_other_engines(&name, &folders, dialect) && !is_foreign(&name, &path) {
                    let inner = format!("{relative}{name}/");
                    self.walk(&path, &inner, root, dialect, out)?;
                }
            } else {
                self.add(path, name, relative, root, out);
            }
        }
        Ok(())
    }

    /// Puts a file on the list.
    fn add(&self, path: PathBuf, name: String, folder: &str, root: usize, out: &mut Listing) {
        let wanted = self.extension(&name);
        let is_wanted = wanted.is_some();
        let extension = match wanted {
            Some(extension) => extension.clone(),
            None => Cow::Owned(name.rsplit_once('.').map_or("", |(_, end)| end).to_owned()),
        };
        let mut stem = name;
        if is_wanted || stem.contains('.') {
            stem.truncate(stem.len() - extension.len() - 1);
        }
        let entry = Entry {
            folder: folder.to_owned(),
            root,
            stem,
            extension,
            text: OnceLock::new(),
            path,
        };
        if is_wanted {
            out.entries.push(entry);
        } else {
            out.others.push(entry);
        }
    }

    /// Which of the extensions asked for a file has.
    fn extension(&self, name: &str) -> Option<&Cow<'static, str>> {
        let has = |extension: &&Cow<'static, str>| {
            let start = name.len().saturating_sub(extension.len());
            name.get(start..)
                .is_some_and(|end| end.eq_ignore_ascii_case(extension))
                && name[..start]
                    .strip_suffix('.')
                    .is_some_and(|stem| !stem.is_empty())
        };
        self.extensions.iter().find(has)
    }
}

impl Source for Directory {
    fn load(&self, dialect: Dialect) -> Result<Loaded, Error> {
        let listing = self.list(dialect)?;
        refuse_others_alone(&listing, dialect)?;
        if let Some(layout) = self.layout {
            check_options(&self.options, layout)?;
            let mut loaded = layout.load(&listing, dialect)?;
            refuse_strays_alone(&self.describe(), layout, &listing, &loaded)?;
            loaded
                .warnings
                .extend(with_other_extensions(&listing, dialect));
            if is_own(layout) {
                loaded
                    .warnings
                    .extend(as_warnings(set_apart(&listing, None)));
            }
            return Ok(loaded);
        }
        let (layout, reason) = detect(&self.known, &listing, &self.describe())?;
        check_options(&self.options, layout)?;
        let mut apart = Vec::new();
        if is_own(layout) {
            refuse_other_file(&listing)?;
            apart = set_apart(&listing, Some(layout.name()));
            if apart.iter().any(Diagnostic::is_error) {
                return Err(Error::Refused(apart));
            }
        }
        let mut loaded = layout.load(&listing, dialect)?;
        loaded.warnings.extend(apart);
        loaded
            .warnings
            .extend(with_other_extensions(&listing, dialect));
        loaded.layout = Some(LayoutFound {
            name: layout.name(),
            reason,
        });
        Ok(loaded)
    }

    fn describe(&self) -> String {
        let roots: Vec<_> = self
            .roots
            .iter()
            .map(|root| root.display().to_string())
            .collect();
        roots.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_folders_of_one_engine_are_not_both_read() {
        let root = tempfile::tempdir().unwrap();
        for name in ["mysql", "mariadb"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
            std::fs::write(root.path().join(name).join("1_a.sql"), "").unwrap();
        }
        let list = |dialect| Directory::new(root.path()).list(dialect);
        assert_eq!(list(Dialect::Postgres).unwrap().entries.len(), 0);
        let error = list(Dialect::Mysql).unwrap_err().to_string();
        assert!(
            error.contains("the folders mariadb and mysql are both for this engine"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_for_other_engines_alone_is_not_empty() {
        let root = tempfile::tempdir().unwrap();
        let load = |dialect| Directory::new(root.path()).load(dialect);
        assert!(load(Dialect::Sqlite).is_ok());
        for name in ["mysql", "postgresql", "h2"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
            std::fs::write(root.path().join(name).join("1_a.sql"), "").unwrap();
        }
        let error = load(Dialect::Sqlite).unwrap_err().to_string();
        assert!(
            error.contains("for other engines: h2/, mysql/, postgresql/"),
            "{error}"
        );
        assert_eq!(load(Dialect::Mysql).unwrap().migrations.len(), 1);
        std::fs::create_dir(root.path().join("sqlite")).unwrap();
        assert!(load(Dialect::Sqlite).is_ok());
    }

    fn folders(names: &[&str]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::create_dir(root.path().join(name)).unwrap();
            std::fs::write(root.path().join(name).join("1_a.sql"), "").unwrap();
        }
        let listing = Directory::new(root.path()).list(Dialect::Postgres).unwrap();
        listing
            .entries
            .into_iter()
            .map(|entry| entry.folder)
            .collect()
    }

    #[test]
    fn other_engines_folders_are_left_out() {
        assert_eq!(folders(&["mysql", "postgresql", "h2"]), ["postgresql/"]);
        assert_eq!(
            folders(&["common", "postgres", "Oracle"]),
            ["common/", "postgres/"]
        );
        assert_eq!(folders(&["pgsql", "sqlite-migrations", "tidb"]), ["pgsql/"]);
        assert_eq!(
            folders(&["migrations_postgres", "migrations_mysql"]),
            ["migrations_postgres/"]
        );
        // SQLite may have nothing but what is common, PostgreSQL here.
        assert_eq!(folders(&["common", "db2", "mysql"]), ["common/"]);
        assert_eq!(folders(&["common", "db2", "h2"]), ["common/"]);
        // A folder may be about oracles.
        assert_eq!(folders(&["oracle", "users"]), ["oracle/", "users/"]);
    }
}
