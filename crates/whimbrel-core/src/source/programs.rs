//! Migrations in code, which nothing here can run.

use super::layout::Listing;
use super::native::about_file;
use crate::diagnostic::Diagnostic;
use crate::error::Error;

/// Where nothing else is, numbered programs are migrations: they are no empty folder.
pub(super) fn refuse_programs(listing: &Listing) -> Result<(), Error> {
    const PROGRAMS: [&str; 9] = ["go", "java", "kt", "php", "py", "exs", "cs", "rb", "rs"];
    let numbered = |stem: &str| {
        let rest = stem.strip_prefix("Version").unwrap_or(stem);
        rest.starts_with(|c: char| c.is_ascii_digit())
    };
    let code = listing
        .others
        .iter()
        .find(|entry| PROGRAMS.contains(&entry.extension.as_str()) && numbered(&entry.stem));
    match code.filter(|_| listing.entries.is_empty()) {
        None => Ok(()),
        Some(entry) => {
            let message = "the migrations here are programs, which Whimbrel can't run";
            let error = about_file(Diagnostic::error("code-migration", message), &entry.path);
            Err(Error::refused(error.help(
                "write what they do in SQL; what the database has of it already, `whimbrel import` or `baseline` records",
            )))
        }
    }
}
