//! Where migrations come from.

mod by_name;
mod directory;
mod embedded;
mod engines;
mod header;
mod layout;
mod marks;
mod native;
mod programs;
mod roles;
mod rollback;
mod sections;
mod set_apart;
mod undo;
mod walk;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use whimbrel_sql::Dialect;

pub use self::by_name::{ByName, is_dated};
pub use self::directory::Directory;
pub use self::embedded::Embedded;
pub use self::layout::{
    Blank, Certainty, Entry, Layout, Listing, NATIVE_LAYOUTS, Recognised, detect,
};
pub use self::native::{FileName, FileRole, Native};
pub use self::sections::remark;
pub use self::set_apart::set_apart;
pub use self::undo::undo_in_up;

use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::hook::Hook;
use crate::migration::{Migration, Reading};
use crate::text::SourceFile;

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
    /// What a conversion to native files would lose: errors where that matters, else warnings.
    pub lost: Vec<Diagnostic>,
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

/// Reads a native file's parts: its directives, what `up` runs, its rollback.
pub fn read_native(file: &Arc<SourceFile>, dialect: Dialect) -> Reading {
    sections::read(file, dialect)
}

/// Reads a file as UTF-8.
///
/// # Errors
/// It cannot be read, or it is no text: then the diagnostic names the line.
pub fn read_file(path: &Path) -> Result<Arc<SourceFile>, Error> {
    let name = path.to_string_lossy().into_owned();
    let bytes = bytes_of(path).map_err(|source| Error::File {
        path: name.clone(),
        source,
    })?;
    match String::from_utf8(bytes) {
        Ok(text) => {
            let file = SourceFile::new(name, text);
            match unfit(&file) {
                Some(diagnostic) => Err(Error::refused(diagnostic)),
                None => Ok(file),
            }
        }
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

/// What no engine reads as it was meant. SQLite ends the text at a NUL byte, PostgreSQL has no way to be
/// sent one, and UTF-16 without its mark is full of them. In a file of old Macs, whose lines end with
/// carriage returns alone, everything behind a comment's start is a comment.
fn unfit(file: &Arc<SourceFile>) -> Option<Diagnostic> {
    let text = file.text();
    if let Some(at) = text.find('\0') {
        let help = if at < 2 {
            "this looks like UTF-16: save the file as UTF-8"
        } else {
            "take it out; what a column is to hold can be written as a number or in hexadecimal"
        };
        let refusal = Diagnostic::error("nul-byte", "there is a NUL byte in the file");
        return Some(refusal.at(file, at..at + 1, "").help(help));
    }
    let first = text.find('\r')?;
    if text.contains('\n') || !(text.contains("--") || text.contains('#')) {
        return None;
    }
    let refusal = Diagnostic::error(
        "line-ends",
        "the lines of this file end with carriage returns alone, so its first comment never ends",
    );
    let help = "save the file with line ends of Unix or Windows (LF, CRLF)";
    Some(refusal.at(file, first..first + 1, "").help(help))
}

/// Asks for no file's size before it is read: most are small, and there may be ten thousand.
fn bytes_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut start = [0; 4096];
    let mut bytes = Vec::new();
    loop {
        let count = file.read(&mut start)?;
        bytes.extend_from_slice(&start[..count]);
        if count == 0 {
            return Ok(bytes);
        }
        if bytes.len() >= start.len() {
            file.read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
    }
}

/// Does something with each of many files, with as many threads as there are cores: ten thousand
/// small files take most of their time in the system's calls. Keeps the order.
pub fn in_parallel<'a, T: Sync, R: Send>(
    items: &'a [T],
    work: impl Fn(&'a T) -> R + Sync,
) -> Vec<R> {
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(8);
    let share = items.len().div_ceil(threads).max(64);
    // Each writes to its own part of one list: lists of their own would have to be put together.
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    std::thread::scope(|scope| {
        let work = &work;
        let parts = items.chunks(share).zip(results.chunks_mut(share));
        let workers: Vec<_> = parts
            .map(|(items, results)| {
                scope.spawn(move || {
                    for (item, result) in items.iter().zip(results) {
                        *result = Some(work(item));
                    }
                })
            })
            .collect();
        for worker in workers {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    // All are there; said so, it stays where it is.
    results.into_iter().map_while(|result| result).collect()
}
