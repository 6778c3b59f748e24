//! Migrations that are part of the program.

use std::path::PathBuf;
use std::sync::Arc;

use whimbrel_sql::Dialect;

use super::layout::{Entry, Layout, Listing, is_own};
use super::native::Native;
use super::set_apart::{as_warnings, set_apart};
use super::{DEFAULT_SOURCE, Loaded, Source};
use crate::error::Error;
use crate::text::SourceFile;

/// What tools keep beside their scripts: journals and settings.
const BESIDE: [&str; 3] = ["json", "toml", "plan"];

/// Native files by name and text, for example from `include_str!`.
#[derive(Clone)]
pub struct Embedded {
    name: Arc<str>,
    files: Vec<(String, Arc<SourceFile>)>,
    layout: &'static dyn Layout,
}

impl Embedded {
    /// Files as (name, text); the names are those of the native layout, with extension.
    pub fn new<N: Into<String>, T: Into<String>>(files: impl IntoIterator<Item = (N, T)>) -> Self {
        let files = files.into_iter().map(|(name, text)| {
            let name = name.into();
            let file = SourceFile::new(name.clone(), text);
            (name, file)
        });
        Self {
            name: DEFAULT_SOURCE.into(),
            files: files.collect(),
            layout: &Native,
        }
    }

    /// The namespace of its versions; `main` if not set.
    pub fn source(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// The layout of the files; native if not set.
    pub fn layout(mut self, layout: &'static dyn Layout) -> Self {
        self.layout = layout;
        self
    }
}

impl Source for Embedded {
    fn load(&self, dialect: Dialect) -> Result<Loaded, Error> {
        let entries = self.files.iter().map(|(name, file)| {
            let (folder, base) = name
                .rsplit_once('/')
                .map_or(("", name.as_str()), |(f, b)| (f, b));
            let (stem, extension) = base.rsplit_once('.').unwrap_or((base, ""));
            Entry {
                path: PathBuf::from(name),
                folder: if folder.is_empty() {
                    String::new()
                } else {
                    format!("{folder}/")
                },
                root: 0,
                stem: stem.to_owned(),
                extension: extension.to_owned().into(),
                text: Arc::clone(file).into(),
            }
        });
        let (entries, others) =
            entries.partition(|entry: &Entry| !BESIDE.contains(&&*entry.extension));
        let listing = Listing {
            source: Arc::clone(&self.name),
            entries,
            others,
            ..Listing::default()
        };
        let mut loaded = self.layout.load(&listing, dialect)?;
        if is_own(self.layout) {
            loaded
                .warnings
                .extend(as_warnings(set_apart(&listing, None)));
        }
        Ok(loaded)
    }

    fn describe(&self) -> String {
        "embedded migrations".to_owned()
    }
}
