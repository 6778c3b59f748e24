//! Layouts: how a folder's files are read as migrations.

use std::path::PathBuf;
use std::sync::Arc;

use whimbrel_sql::Dialect;

use super::{ByName, Loaded, Native};
use crate::error::Error;
use crate::text::SourceFile;

/// A folder's files, before they are read.
#[derive(Debug, Default)]
pub struct Listing {
    /// Namespace of its migrations.
    pub source: Arc<str>,
    /// The files with one of the extensions asked for, sorted by path.
    pub entries: Vec<Entry>,
    /// Sort each folder by itself, in the order of the folders' names, not all files together.
    pub sort_dirs_separately: bool,
}

/// One file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// The folders between the source's root and the file, with `/` between and after them; empty
    /// at the root.
    pub folder: String,
    /// Place of its root among the roots asked for.
    pub root: usize,
    /// The file's name without its extension.
    pub stem: String,
    /// Its text, for files that are part of the program; others are read from `path`.
    pub text: Option<Arc<SourceFile>>,
}

impl Entry {
    /// The file's text.
    ///
    /// # Errors
    /// It cannot be read or is not UTF-8.
    pub fn read(&self) -> Result<Arc<SourceFile>, Error> {
        match &self.text {
            Some(file) => Ok(Arc::clone(file)),
            None => super::read_file(&self.path),
        }
    }
}

/// Knows the files of one tool.
pub trait Layout: Send + Sync {
    /// Its name in settings.
    fn name(&self) -> &'static str;

    /// Why a folder is of this layout, if it is. Looks at names alone.
    fn recognise(&self, listing: &Listing) -> Option<String>;

    /// Reads the files.
    ///
    /// # Errors
    /// Files that cannot be read, or everything that is wrong with them.
    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error>;
}

/// All layouts, in the order in which a folder is tried with them.
pub fn layouts() -> [&'static dyn Layout; 2] {
    [&ByName, &Native]
}

/// A layout by its name in settings.
///
/// # Errors
/// There is none of that name; the message lists those that there are.
pub fn layout_by_name(name: &str) -> Result<&'static dyn Layout, Error> {
    layouts()
        .into_iter()
        .find(|layout| layout.name() == name)
        .ok_or_else(|| {
            let known: Vec<_> = layouts().iter().map(|layout| layout.name()).collect();
            Error::Settings(format!(
                "there is no layout `{name}`; the layouts are: {}",
                known.join(", ")
            ))
        })
}
