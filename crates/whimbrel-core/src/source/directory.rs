//! A folder of migration files.

use std::collections::BTreeMap;
use std::fs::FileType;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use whimbrel_sql::Dialect;

use super::engines::{is_other_engines, keep_own};
use super::layout::{Entry, Layout, Listing, NATIVE_LAYOUTS, detect};
use super::native::about_file;
use super::{DEFAULT_SOURCE, LayoutFound, Loaded, Source};
use crate::diagnostic::Diagnostic;
use crate::error::Error;

/// One or more folders that together are one source.
pub struct Directory {
    name: Arc<str>,
    roots: Vec<PathBuf>,
    extensions: Vec<String>,
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
            extensions: vec!["sql".to_owned()],
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
            .map(|item| item.into().trim_start_matches('.').to_owned())
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
                self.add(root.clone(), &name, "", index, &mut listing);
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
        let folders = list.iter().filter(|(_, kind)| !kind.is_file());
        let folders: Vec<&str> = folders.map(|(name, _)| name.as_str()).collect();
        for (name, kind) in &list {
            let (path, mut kind) = (folder.join(name), *kind);
            if kind.is_symlink() {
                kind = behind_link(&path)?;
                if kind.is_dir() && leads_back(&path, folder) {
                    continue;
                }
            }
            if kind.is_dir() {
                if !is_other_engines(name, &folders, dialect) {
                    let inner = format!("{relative}{name}/");
                    self.walk(&path, &inner, root, dialect, out)?;
                }
            } else {
                self.add(path, name, relative, root, out);
            }
        }
        Ok(())
    }

    fn check_options(&self, layout: &dyn Layout) -> Result<(), Error> {
        let known = layout.options();
        let mut names = self.options.keys();
        match names.find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(Error::Settings(format!(
                "the layout {} has no option `{name}`; it has {}",
                layout.name(),
                if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                }
            ))),
        }
    }

    /// Puts a file on the list.
    fn add(&self, path: PathBuf, name: &str, folder: &str, root: usize, out: &mut Listing) {
        let wanted = self.extension(name);
        let (stem, extension) = match wanted {
            Some(extension) => (&name[..name.len() - extension.len() - 1], extension),
            None => name.rsplit_once('.').unwrap_or((name, "")),
        };
        let entry = Entry {
            folder: folder.to_owned(),
            root,
            stem: stem.to_owned(),
            extension: extension.to_owned(),
            text: OnceLock::new(),
            path,
        };
        if wanted.is_some() {
            out.entries.push(entry);
        } else {
            out.others.push(entry);
        }
    }

    /// Which of the extensions asked for a file has.
    fn extension(&self, name: &str) -> Option<&str> {
        let has = |extension: &&String| {
            let start = name.len().saturating_sub(extension.len());
            name.get(start..)
                .is_some_and(|end| end.eq_ignore_ascii_case(extension))
                && name[..start]
                    .strip_suffix('.')
                    .is_some_and(|stem| !stem.is_empty())
        };
        self.extensions.iter().find(has).map(String::as_str)
    }
}

/// The kind of what a symbolic link leads to.
fn behind_link(path: &Path) -> Result<FileType, Error> {
    std::fs::metadata(path)
        .map(|data| data.file_type())
        .map_err(|error| {
            let message = match std::fs::read_link(path) {
                Ok(to) => format!("this link leads to {}: {error}", to.display()),
                Err(_) => format!("this link can't be followed: {error}"),
            };
            let broken = Diagnostic::error("broken-link", message)
                .help("put the file there, or remove the link");
            Error::refused(about_file(broken, path))
        })
}

/// True for a link in a folder to that folder or one around it: its files are listed already, and
/// the link would be in them again.
fn leads_back(link: &Path, folder: &Path) -> bool {
    let full = (link.canonicalize(), folder.canonicalize());
    matches!(full, (Ok(link), Ok(folder)) if folder.starts_with(&link))
}

/// Names that are no UTF-8 can't be versions; what may be a migration must not be passed over.
fn refuse_unreadable(
    folder: &Path,
    names: &[(String, FileType)],
    wanted: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let may_be = names
        .iter()
        .filter(|(name, kind)| !is_hidden(name) && (kind.is_dir() || wanted(name)));
    let errors: Vec<_> = may_be
        .map(|(name, _)| {
            let error = Diagnostic::error("name-not-utf8", "the file's name is not UTF-8");
            about_file(error, &folder.join(name)).help("rename it, in UTF-8")
        })
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Refused(errors))
    }
}

/// Names with what they are of.
type Named = Vec<(String, FileType)>;

/// What is in a folder, by name, and apart from it what has a name that is no UTF-8. Ten thousand
/// names that start alike are compared by their first bytes as one number, which is several times
/// quicker than by the strings.
fn sorted(folder: &Path) -> std::io::Result<(Named, Named)> {
    let start = |name: &str| {
        let mut bytes = [0; 16];
        let length = name.len().min(16);
        bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
        u128::from_be_bytes(bytes)
    };
    let (mut list, mut unreadable) = (Vec::new(), Vec::new());
    for item in std::fs::read_dir(folder)? {
        let item = item?;
        match item.file_name().into_string() {
            Ok(name) if is_hidden(&name) => {}
            Ok(name) => list.push((start(&name), name, item.file_type()?)),
            Err(name) => unreadable.push((name.to_string_lossy().into_owned(), item.file_type()?)),
        }
    }
    list.sort_unstable_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let list = list.into_iter().map(|(_, name, kind)| (name, kind));
    Ok((list.collect(), unreadable))
}

/// Editors' and systems' own files.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name.starts_with('#') || name.ends_with('~')
}

/// A file may be named in the place of a folder, if it is one that some layout reads.
fn refuse_other_file(listing: &Listing) -> Result<(), Error> {
    let other = |entry: &&Entry| listing.roots.contains(&entry.path);
    match listing.others.iter().find(other) {
        None => Ok(()),
        Some(entry) => Err(Error::refused(
            Diagnostic::error(
                "not-a-folder",
                format!(
                    "{} is a file, and not one with migrations",
                    entry.path.display()
                ),
            )
            .help("`--dir`, or `dir` in whimbrel.toml, names the folder with the migrations"),
        )),
    }
}

impl Source for Directory {
    fn load(&self, dialect: Dialect) -> Result<Loaded, Error> {
        let listing = self.list(dialect)?;
        if let Some(layout) = self.layout {
            self.check_options(layout)?;
            return layout.load(&listing, dialect);
        }
        let (layout, reason) = detect(&self.known, &listing, &self.describe())?;
        self.check_options(layout)?;
        if NATIVE_LAYOUTS.iter().any(|own| own.name() == layout.name()) {
            refuse_other_file(&listing)?;
        }
        let mut loaded = layout.load(&listing, dialect)?;
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
        // A folder may be about oracles.
        assert_eq!(folders(&["oracle", "users"]), ["oracle/", "users/"]);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_passed_over_for_its_name_alone() {
        use std::os::unix::ffi::OsStrExt;
        let root = tempfile::tempdir().unwrap();
        let add = |name: &[u8]| {
            let path = root.path().join(std::ffi::OsStr::from_bytes(name));
            std::fs::write(path, "").unwrap();
        };
        let list = || {
            let listing = Directory::new(root.path()).list(Dialect::Postgres);
            listing.map(|listing| listing.entries.len())
        };
        add(b"1_a.sql");
        add(b"caf\xe9.txt");
        add(b".caf\xe9.sql");
        assert_eq!(list().unwrap(), 1);
        add(b"2_caf\xe9.sql");
        let error = list().unwrap_err().to_string();
        assert!(
            error.ends_with("2_caf\u{fffd}.sql:1:1: the file's name is not UTF-8"),
            "{error}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_circles() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let list = || Directory::new(root.path()).list(Dialect::Postgres);
        std::fs::create_dir(root.path().join("v1")).unwrap();
        std::fs::write(root.path().join("v1/1_a.sql"), "").unwrap();
        symlink(".", root.path().join("here")).unwrap();
        symlink("..", root.path().join("v1/up")).unwrap();
        symlink("1_a.sql", root.path().join("v1/2_b.sql")).unwrap();
        assert_eq!(list().unwrap().entries.len(), 2);
        symlink("gone.sql", root.path().join("3_c.sql")).unwrap();
        let error = list().unwrap_err().to_string();
        assert!(
            error.contains("3_c.sql:1:1: this link leads to gone.sql: "),
            "{error}"
        );
    }
}
