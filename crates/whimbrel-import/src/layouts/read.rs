//! What the layouts share: reading files, and gathering what is wrong with them.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::checksum::Checksum;
use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::directive::Directives;
use whimbrel_core::migration::{Down, Kind, Migration, Reading, Transactions};
use whimbrel_core::source::{Entry, Listing, Loaded};
use whimbrel_core::text::{Script, SourceFile};
use whimbrel_core::version::Version;
use whimbrel_sql::Dialect;

/// What was said while files were read.
#[derive(Default)]
pub(super) struct Problems {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    lost: Vec<Diagnostic>,
}

impl Problems {
    pub(super) fn add(&mut self, diagnostic: Diagnostic) {
        if diagnostic.is_error() {
            self.errors.push(diagnostic);
        } else {
            self.warnings.push(diagnostic);
        }
    }

    /// Notes what a conversion to native files would lose.
    pub(super) fn lose(&mut self, diagnostic: Diagnostic) {
        self.lost.push(diagnostic);
    }

    /// Takes a result apart: what is wrong with one file does not keep the others from being read.
    pub(super) fn take<T>(&mut self, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Refused(list)) => {
                self.errors.extend(list);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The migrations, unless something is wrong.
    pub(super) fn finish(self, migrations: Vec<Migration>) -> Result<Loaded, Error> {
        if self.errors.is_empty() {
            Ok(Loaded {
                migrations,
                warnings: self.warnings,
                lost: self.lost,
                ..Loaded::default()
            })
        } else {
            Err(Error::Refused(self.errors))
        }
    }
}

/// The first bytes of a file, for layouts that know their files by a mark; empty if they can't be
/// read.
pub(super) fn opening(entry: &Entry) -> String {
    const LENGTH: u64 = 1024;
    if let Some(file) = entry.text.get() {
        return file.text().chars().take(1024).collect();
    }
    let mut bytes = Vec::new();
    let read = File::open(&entry.path).and_then(|file| file.take(LENGTH).read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    match read {
        Ok(_) => text.trim_start_matches('\u{feff}').to_owned(),
        Err(_) => String::new(),
    }
}

/// Points at a file as a whole, unread.
pub(super) fn about(diagnostic: Diagnostic, path: &Path) -> Diagnostic {
    let file = SourceFile::new(path.display().to_string(), String::new());
    diagnostic.at(&file, 0..0, "")
}

/// What becomes of foreign keys where the tool's driver or client for SQLite does not enforce them:
/// nothing checks them, unless the script says so.
pub(super) fn unenforced(dialect: Dialect, text: &str) -> Option<bool> {
    let says = || text.to_ascii_lowercase().contains("foreign_keys");
    (dialect == Dialect::Sqlite && !says()).then_some(false)
}

/// A versioned migration whose up script is a whole file; the layout changes what is different.
pub(super) fn whole_file(
    listing: &Listing,
    version: &str,
    name: &str,
    file: Arc<SourceFile>,
) -> Migration {
    Migration {
        source: Arc::clone(&listing.source),
        version: Version::new(version),
        name: name.to_owned(),
        kind: Kind::Versioned,
        directives: Directives::default().shared(),
        checksum: Checksum::of(file.text()),
        up: Script::whole(Arc::clone(&file)),
        file,
        down: Down::None,
        verify: None,
        transactions: Transactions::default(),
        down_transaction: None,
        reader: Reading::whole,
        substitute: None,
    }
}
