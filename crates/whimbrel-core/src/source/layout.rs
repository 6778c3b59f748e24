//! Layouts: how a folder's files are read as migrations.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use whimbrel_sql::Dialect;

use super::{ByName, Loaded, Native};
use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::text::SourceFile;

/// A folder's files, before they are read.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Namespace of its migrations.
    pub source: Arc<str>,
    /// The folders that were asked for.
    pub roots: Vec<PathBuf>,
    /// The files with one of the extensions asked for, sorted by path.
    pub entries: Vec<Entry>,
    /// All other files, sorted by path: what a tool keeps beside its scripts, and what is not SQL.
    pub others: Vec<Entry>,
    /// Sort each folder by itself, in the order of the folders' names, not all files together.
    pub sort_dirs_separately: bool,
    /// What the tool is told besides its files, by [`Layout::options`].
    pub options: BTreeMap<String, String>,
    /// The environment, for tools whose files refer to it.
    pub environment: Arc<BTreeMap<String, String>>,
    /// Values that are given for placeholders, for tools that have some of their own.
    pub placeholders: Arc<BTreeMap<String, String>>,
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
    /// The extension, without the dot; empty if the name has none.
    pub extension: Cow<'static, str>,
    /// Its text: there from the start for files that are part of the program; others are read from
    /// `path`, once.
    pub text: OnceLock<Arc<SourceFile>>,
}

impl Entry {
    /// The file's text.
    ///
    /// # Errors
    /// It cannot be read or is not UTF-8.
    pub fn read(&self) -> Result<Arc<SourceFile>, Error> {
        if let Some(file) = self.text.get() {
            return Ok(Arc::clone(file));
        }
        let file = super::read_file(&self.path)?;
        Ok(Arc::clone(self.text.get_or_init(|| file)))
    }
}

/// How sure a layout is that a folder is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// It would do if no other layout knows better.
    Fallback,
    /// Its names, which other layouts may share.
    Likely,
    /// A mark that only its tool makes.
    Certain,
}

/// A folder that a layout takes for its own.
#[derive(Clone, Debug)]
pub struct Recognised {
    /// How sure it is.
    pub certainty: Certainty,
    /// Why, for people.
    pub reason: String,
}

impl Recognised {
    /// Puts both together.
    pub fn new(certainty: Certainty, reason: impl Into<String>) -> Self {
        Self {
            certainty,
            reason: reason.into(),
        }
    }
}

/// Knows the files of one tool.
pub trait Layout: Send + Sync {
    /// Its name in settings.
    fn name(&self) -> &'static str;

    /// The names of the options that its tool has and that change what is read.
    fn options(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a folder is of this layout, and why. Looks at names first, and opens files only where
    /// names can't tell.
    fn recognise(&self, listing: &Listing) -> Option<Recognised>;

    /// Reads the files.
    ///
    /// # Errors
    /// Files that cannot be read, or everything that is wrong with them.
    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error>;

    /// The files of a new migration, by path in the folder and text. The version is the next number
    /// or the time in fourteen digits, as the folder counts. None if it takes more than that: then
    /// its own tool has to make it.
    fn blank(&self, listing: &Listing, version: &str, name: &str) -> Option<Vec<Blank>> {
        let _ = (listing, version, name);
        None
    }

    /// Where [`Layout::blank`] gives nothing: why, and how a new migration comes about.
    fn without_blank(&self) -> &'static str {
        "its files take more than a name: make it with that tool"
    }
}

/// A file to be written: its path in the folder, its text.
pub type Blank = (String, String);

/// The layouts that core knows: Whimbrel's own.
pub const NATIVE_LAYOUTS: [&dyn Layout; 2] = [&Native, &ByName];

/// True for one of Whimbrel's own, whose files nobody else's rules say anything about.
pub(super) fn is_own(layout: &dyn Layout) -> bool {
    NATIVE_LAYOUTS.iter().any(|own| own.name() == layout.name())
}

/// The layout that is surest of a folder.
///
/// # Errors
/// No layout takes it, or two are equally sure: the message lists them.
pub fn detect(
    layouts: &[&'static dyn Layout],
    listing: &Listing,
    folder: &str,
) -> Result<(&'static dyn Layout, String), Error> {
    let mut found: Vec<_> = layouts
        .iter()
        .filter_map(|layout| Some((*layout, layout.recognise(listing)?)))
        .collect();
    let Some(best) = found.iter().map(|(_, found)| found.certainty).max() else {
        let message = format!("the files in {folder} are in no layout that Whimbrel knows");
        return Err(Error::refused(
            Diagnostic::error("no-layout", message).help(super::native::NAMING_HELP),
        ));
    };
    found.retain(|(_, found)| found.certainty == best);
    if let [_, _, ..] = found.as_slice() {
        let reasons = found
            .iter()
            .map(|(layout, found)| format!("{} ({})", layout.name(), found.reason));
        let message = format!(
            "the files in {folder} could be of several layouts: {}",
            reasons.collect::<Vec<_>>().join("; ")
        );
        return Err(Error::refused(
            Diagnostic::error("ambiguous-layout", message)
                .help("choose one with `--layout NAME`, or `layout` in whimbrel.toml"),
        ));
    }
    let (layout, recognised) = found.swap_remove(0);
    Ok((layout, recognised.reason))
}
