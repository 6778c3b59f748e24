//! Where migrations come from.

mod by_name;
mod directory;
mod embedded;
mod layout;
mod native;
mod sections;

use std::path::Path;
use std::sync::Arc;

use whimbrel_sql::Dialect;

pub use self::by_name::ByName;
pub use self::directory::Directory;
pub use self::embedded::Embedded;
pub use self::layout::{Certainty, Entry, Layout, Listing, NATIVE_LAYOUTS, Recognised, detect};
pub use self::native::{FileName, FileRole, Native};

use crate::diagnostic::Diagnostic;
use crate::directive::Directives;
use crate::error::Error;
use crate::hook::Hook;
use crate::migration::Migration;
use crate::text::{Script, SourceFile};

/// The namespace of migrations that do not name another.
pub const DEFAULT_SOURCE: &str = "main";

/// Gives migrations.
pub trait Source: Send + Sync {
    /// Reads all its migrations, in their order, for a dialect.
    ///
    /// # Errors
    /// Files cannot be read, or [`Error::Refused`] with everything that is wrong with them.
    fn load(&self, dialect: Dialect) -> Result<Loaded, Error>;

    /// What people may call it: usually the folder.
    fn describe(&self) -> String;
}

/// What a source gave.
#[derive(Debug, Default)]
pub struct Loaded {
    /// In order: versioned ones as the layout orders them, then repeatable ones.
    pub migrations: Vec<Migration>,
    /// Scripts that run around them.
    pub hooks: Vec<Hook>,
    /// Warnings.
    pub warnings: Vec<Diagnostic>,
    /// How the files were understood, where that was found out and not told.
    pub layout: Option<LayoutFound>,
}

/// A layout that was detected.
#[derive(Clone, Debug)]
pub struct LayoutFound {
    /// Name of the layout.
    pub name: &'static str,
    /// Why.
    pub reason: String,
}

/// Reads a file as UTF-8.
///
/// # Errors
/// It cannot be read, or it is not UTF-8: then the diagnostic names the line.
pub fn read_file(path: &Path) -> Result<Arc<SourceFile>, Error> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| Error::File {
        path: name.clone(),
        source,
    })?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(SourceFile::new(name, text)),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            let wrong = bytes.get(valid).copied().unwrap_or_default();
            let file = SourceFile::new(name, String::from_utf8_lossy(&bytes).into_owned());
            let shift = usize::from(bytes.starts_with(b"\xef\xbb\xbf")) * 3;
            let at = valid.saturating_sub(shift);
            let mut diagnostic = Diagnostic::error(
                "not-utf8",
                format!("the file is not UTF-8: byte 0x{wrong:02X} starts no character"),
            )
            .at(&file, at..at + '\u{fffd}'.len_utf8(), "");
            diagnostic.help = Some(
                if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
                    "this looks like UTF-16: save the file as UTF-8".to_owned()
                } else {
                    "save the file as UTF-8".to_owned()
                },
            );
            Err(Error::refused(diagnostic))
        }
    }
}

/// The directives and the up script of a native file's text, as applied once and kept.
pub(crate) fn up_of(file: &Arc<SourceFile>, dialect: Dialect) -> (Directives, Script) {
    let parts = sections::read(file, dialect);
    (parts.directives, parts.up)
}
