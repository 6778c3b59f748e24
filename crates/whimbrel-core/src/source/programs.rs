//! Migrations that Whimbrel does not run: those in code, and scripts with another extension.

use super::layout::{Entry, Listing};
use super::native::{FileRole, about_file, split_role};
use crate::diagnostic::Diagnostic;
use crate::error::Error;

const PROGRAMS: [&str; 9] = ["go", "java", "kt", "php", "py", "exs", "cs", "rb", "rs"];

/// Where nothing else is, numbered programs are migrations: they are no empty folder.
pub(super) fn refuse_programs(listing: &Listing) -> Result<(), Error> {
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

/// Numbered files that nobody reads here and that may be migrations: SQL by another extension, which
/// some tools run as well, and `.up` scripts of any. With Whimbrel's own layouts programs too; the
/// others' have their own word on those. They are passed over, but not silently.
pub(super) fn with_other_extensions(listing: &Listing, own: bool) -> Vec<Diagnostic> {
    const SQL: [&str; 8] = [
        "psql", "pgsql", "plsql", "mysql", "sqlite", "ddl", "dml", "sql",
    ];
    const SCRIPTS: [&str; 7] = ["js", "cjs", "mjs", "ts", "cts", "mts", "sh"];
    let is = |list: &[&str], entry: &Entry| {
        let extension = entry.extension.trim().to_ascii_lowercase();
        list.contains(&extension.as_str())
    };
    let is_script = |entry: &Entry| is(&SCRIPTS, entry);
    let is_program = |entry: &Entry| own && (is_script(entry) || is(&PROGRAMS, entry));
    let is_half = |entry: &Entry| {
        let halves = split_role(&entry.stem).1 != FileRole::Single;
        halves && !is_script(entry) && !is(&PROGRAMS, entry)
    };
    let numbered = |stem: &str| {
        let rest = stem.trim_start_matches(['V', 'v']);
        rest.starts_with(|c: char| c.is_ascii_digit())
    };
    let told = |entry: &&Entry| {
        let helper = ["_test", ".test", ".d"]
            .iter()
            .any(|end| entry.stem.ends_with(end));
        let counts = is(&SQL, entry) || is_half(entry) || is_program(entry) && !helper;
        numbered(&entry.stem) && counts
    };
    let others = listing.others.iter().filter(told);
    let said = others.map(|entry| {
        let (message, help) = if is_program(entry) {
            (
                "this is a program, which Whimbrel can't run: it is passed over".to_owned(),
                "if it is a migration, write what it does in SQL",
            )
        } else {
            (
                format!("files with the extension `{}` are passed over", entry.extension),
                "if it is a migration, call it `.sql`, or add its extension to `extensions` in whimbrel.toml",
            )
        };
        about_file(Diagnostic::warning("stray-file", message), &entry.path).help(help)
    });
    said.collect()
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
            "7_g.up.txt",
            "8_h.down.fizz",
            "9_i.py",
            "10_j.ts",
            "11_k_test.go",
            "g.psql",
            "seed.js",
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
        for name in ["7_g.up.txt", "8_h.down.fizz"] {
            assert!(said.contains(&format!("{name}:1:1: files with")), "{said}");
        }
        for name in ["9_i.py", "10_j.ts"] {
            assert!(
                said.contains(&format!("{name}:1:1: this is a program")),
                "{said}"
            );
        }
        assert_eq!(said.lines().count(), 7, "{said}");
    }
}
