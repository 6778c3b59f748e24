//! Migrations that Whimbrel does not run: those in code, and scripts with another extension.

use whimbrel_sql::Dialect;

use super::engines::is_engines_own;
use super::layout::{Entry, Listing};
use super::native::{FileRole, about_file, split_role};
use crate::diagnostic::Diagnostic;
use crate::error::Error;

const PROGRAMS: [&str; 16] = [
    "go", "java", "kt", "php", "py", "exs", "cs", "rb", "rs", "sh", "js", "mjs", "cjs", "ts",
    "mts", "cts",
];

/// Those that are called like migrations.
fn numbered_programs(listing: &Listing) -> impl Iterator<Item = &Entry> {
    let numbered = |stem: &str| {
        let rest = stem.strip_prefix("Version").unwrap_or(stem);
        rest.starts_with(|c: char| c.is_ascii_digit())
    };
    // Tests and declarations of types stand beside what they are of.
    let is_aside = |stem: &str| {
        let ends = ["_test", ".test", ".spec", ".d"];
        ends.iter().any(|end| stem.ends_with(end))
    };
    let others = listing.others.iter();
    let others = others.filter(move |entry| !is_aside(&entry.stem));
    others.filter(move |entry| PROGRAMS.contains(&&*entry.extension) && numbered(&entry.stem))
}

/// Where nothing else is, numbered programs are migrations: they are no empty folder.
pub(super) fn refuse_programs(listing: &Listing) -> Result<(), Error> {
    let first = numbered_programs(listing).next();
    match first.filter(|_| listing.entries.is_empty()) {
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

/// Beside scripts they may be migrations as well, or only call the script of their name. They are
/// passed over, but not without a word.
pub(super) fn programs_beside(listing: &Listing) -> Option<Diagnostic> {
    let calls_script = |program: &Entry| {
        let mut scripts = listing.entries.iter();
        scripts.any(|script| script.stem.starts_with(&program.stem))
    };
    let programs: Vec<_> = numbered_programs(listing)
        .filter(|program| !listing.entries.is_empty() && !calls_script(program))
        .collect();
    let first = programs.first()?;
    let message = match programs.len() {
        1 => "a numbered program among these files is passed over".to_owned(),
        count => format!("{count} numbered programs among these files are passed over"),
    };
    let warning = about_file(Diagnostic::warning("code-migration", message), &first.path);
    let warning = match programs.as_slice() {
        [_] => warning,
        programs => {
            let named =
                |entry: &&Entry| format!("{}{}.{}", entry.folder, entry.stem, entry.extension);
            let some: Vec<_> = programs.iter().take(5).map(named).collect();
            let more = programs.len() - some.len();
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            warning.note(format!("{}{more}", some.join(", ")))
        }
    };
    Some(warning.help(
        "if it is a migration, write what it does in SQL, in a file of the same number, or in its place in the order nothing is done",
    ))
}

/// Numbered files that nobody reads here and that may be migrations: SQL by another extension, which
/// some tools run as well, and `.up` scripts of any. They are passed over, but not without a word.
pub(super) fn with_other_extensions(listing: &Listing, dialect: Dialect) -> Vec<Diagnostic> {
    const SQL: [&str; 5] = ["plsql", "psql", "ddl", "dml", "sql"];
    let may_be = |entry: &Entry| {
        let extension = entry.extension.trim().to_ascii_lowercase();
        let is_half = split_role(&entry.stem).1 != FileRole::Single;
        is_half && !PROGRAMS.contains(&&*extension)
            || is_engines_own(&extension, dialect)
            || SQL.contains(&extension.as_str())
    };
    let numbered = |stem: &str| {
        let rest = stem.trim_start_matches(['V', 'v']);
        rest.starts_with(|c: char| c.is_ascii_digit())
    };
    let others = listing.others.iter();
    others
        .filter(|entry| numbered(&entry.stem) && may_be(entry))
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
            "7_h.sql.postgres",
            "7_h.sql.sqlite",
            "8_i.up.txt",
            "9_j.down.fizz",
        ] {
            std::fs::write(root.path().join(name), "").unwrap();
        }
        let warnings = |directory: Directory| {
            let loaded = directory.load(Dialect::Postgres).unwrap();
            let warnings = loaded.warnings.iter().map(ToString::to_string);
            warnings.collect::<Vec<_>>().join("\n")
        };
        let said = warnings(Directory::new(root.path()));
        for name in [
            "2_b.up.psql",
            "3_c.sql ",
            "V4__d.ddl",
            "7_h.sql.postgres",
            "8_i.up.txt",
            "9_j.down.fizz",
        ] {
            assert!(said.contains(&format!("{name}:1:1: files with")), "{said}");
        }
        assert_eq!(said.lines().count(), 6, "{said}");
    }

    #[test]
    fn programs_among_scripts_are_told() {
        let root = tempfile::tempdir().unwrap();
        let add = |name: &str| std::fs::write(root.path().join(name), "").unwrap();
        let warnings = || {
            let loaded = Directory::new(root.path()).load(Dialect::Postgres).unwrap();
            let warnings = loaded.warnings.iter().map(ToString::to_string);
            warnings.collect::<Vec<_>>()
        };
        // The second calls its script, the others are no migrations.
        for name in [
            "1_a.sql",
            "2_b.up.sql",
            "2_b.js",
            "embed.go",
            "1_a_test.go",
            "__init__.py",
        ] {
            add(name);
        }
        assert_eq!(warnings(), [""; 0]);
        add("0003_c.py");
        add("0004_d.ts");
        let said = warnings();
        assert!(
            said[0].contains("0003_c.py:1:1: 2 numbered programs among these files"),
            "{said:?}"
        );
        assert_eq!(said.len(), 1);
    }
}
