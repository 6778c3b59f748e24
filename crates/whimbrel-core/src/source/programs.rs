//! Migrations that Whimbrel does not run: those in code, and scripts with another extension.

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
        .find(|entry| PROGRAMS.contains(&&*entry.extension) && numbered(&entry.stem));
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

/// Numbered scripts that are SQL by another extension, which some tools run as well: they are passed
/// over, but not without a word.
pub(super) fn with_other_extensions(listing: &Listing) -> Vec<Diagnostic> {
    const SQL: [&str; 8] = [
        "psql", "pgsql", "plsql", "mysql", "sqlite", "ddl", "dml", "sql",
    ];
    let is_sql = |extension: &str| {
        let extension = extension.trim().to_ascii_lowercase();
        SQL.contains(&extension.as_str())
    };
    let numbered = |stem: &str| {
        stem.trim_start_matches(['V', 'v'])
            .starts_with(|c: char| c.is_ascii_digit())
    };
    let others = listing.others.iter();
    others
        .filter(|entry| numbered(&entry.stem) && is_sql(&entry.extension))
        .map(|entry| {
            let message = format!(
                "files with the extension `{}` are passed over",
                entry.extension
            );
            about_file(Diagnostic::warning("stray-file", message), &entry.path).help(
                "if it is a migration, call it `.sql`, or add its extension to `extensions` in whimbrel.toml",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use whimbrel_sql::Dialect;

    use crate::source::{Directory, Source};

    #[test]
    fn scripts_with_other_extensions_are_told() {
        let root = tempfile::tempdir().unwrap();
        for name in [
            "1_a.sql",
            "2_b.up.psql",
            "3_c.sql ",
            "V4__d.ddl",
            "5_e.md",
            "6_f.sql.bak",
            "g.psql",
        ] {
            std::fs::write(root.path().join(name), "").unwrap();
        }
        let warnings = |directory: Directory| {
            let loaded = directory.load(Dialect::Postgres).unwrap();
            let warnings = loaded.warnings.iter().map(ToString::to_string);
            warnings.collect::<Vec<_>>().join("\n")
        };
        let said = warnings(Directory::new(root.path()));
        for name in ["2_b.up.psql", "3_c.sql ", "V4__d.ddl"] {
            assert!(said.contains(&format!("{name}:1:1: files with")), "{said}");
        }
        assert_eq!(said.lines().count(), 3, "{said}");
    }
}
