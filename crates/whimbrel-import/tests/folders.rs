//! The layouts of diesel, Prisma and drizzle-kit: a folder for each migration, or a journal.
#![allow(missing_docs)]

mod common;

use common::Folder;
use whimbrel_core::migration::Transactions;
use whimbrel_sql::Dialect::{Mysql, Postgres, Sqlite};

#[test]
fn diesel_takes_the_digits_of_a_folder() {
    let folder = Folder::new(&[
        ("2023-10-01-120000_b/up.sql", "SELECT 2;"),
        ("2023-10-01-120000_b/down.sql", "-- nothing\n"),
        (
            "2023-10-01-120000_b/metadata.toml",
            "run_in_transaction = false\n",
        ),
        ("00000000000000_diesel_initial_setup/up.sql", "SELECT 0;"),
        ("2023-09-30-120000_a/up.sql", "SELECT 1;"),
        ("2023-09-30-120000_a/down.sql", "SELECT -1;"),
        (
            "2023-09-30-120000_a/metadata.toml",
            "run_in_transaction = true\n",
        ),
    ]);
    assert_eq!(folder.detected(Postgres), "diesel");
    assert_eq!(
        folder.read("diesel", Postgres),
        [
            "00000000000000 diesel_initial_setup: SELECT 0;",
            "20230930120000 a: SELECT 1; => SELECT -1;",
            "20231001120000 b: SELECT 2; =>  [off]",
        ]
    );
}

#[test]
fn diesel_says_what_it_cannot_read() {
    let folder = Folder::new(&[
        ("2023-01-01-000000_a/down.sql", "SELECT 1;"),
        ("2023-01-02-000000_b/up.sql", "SELECT 1;"),
        (
            "2023-01-02-000000_b/metadata.toml",
            "run_in_transaction = maybe\n",
        ),
        ("2023-01-03-000000_c/README.md", "SELECT 1;"),
        ("_name/up.sql", "SELECT 1;"),
        ("notes.md", "words"),
    ]);
    assert_eq!(
        folder.errors("diesel", Postgres),
        [
            "2023-01-01-000000_a/down.sql:1:1: there is no `up.sql` beside this file",
            "2023-01-02-000000_b/metadata.toml:1:1: this is not TOML",
            "2023-01-03-000000_c/README.md:1:1: there is no `up.sql` beside this file",
            "_name/up.sql:1:1: the folder's name has no version",
        ]
    );
}

#[test]
fn diesel_takes_any_name_for_a_version() {
    let folder = Folder::new(&[
        ("v2_b/up.sql", "SELECT 2;"),
        ("v10_c/up.sql", "SELECT 10;"),
        ("initial/up.sql", "SELECT 1;"),
        ("initial/metadata.toml", "author = \"ada\"\n"),
    ]);
    // A metadata.toml that does not say so is one without a transaction there.
    assert_eq!(
        folder.read("diesel", Postgres),
        [
            "initial : SELECT 1; [off]",
            "v10 c: SELECT 10;",
            "v2 b: SELECT 2;"
        ]
    );
}

#[test]
fn prisma_takes_folders_as_texts() {
    let folder = Folder::new(&[
        (
            "20230101000000_init/migration.sql",
            "CREATE TABLE a (b int);",
        ),
        ("20230102000000_more/migration.sql", "SELECT 2;"),
        ("20230102000000_more/down.sql", "SELECT -2;"),
        ("migration_lock.toml", "provider = \"postgresql\"\n"),
    ]);
    assert_eq!(folder.detected(Postgres), "prisma");
    assert_eq!(
        folder.read("prisma", Postgres),
        [
            "20230101000000_init init: CREATE TABLE a (b int);",
            "20230102000000_more more: SELECT 2; => SELECT -2;",
        ]
    );
    let migrations = folder.migrations("prisma", Postgres);
    assert_eq!(migrations[0].label(), "20230101000000_init");
    assert_eq!(migrations[0].transactions, Transactions::Bare);
    assert_eq!(
        folder.errors("prisma", Mysql),
        [
            "migration_lock.toml:1:1: these migrations are for postgresql, the database is another one"
        ]
    );
}

#[test]
fn prismas_lock_file_says_one_engine() {
    let wrong = |lock: &str| {
        let folder = Folder::new(&[
            ("20230101000000_a/migration.sql", "SELECT 1;"),
            ("migration_lock.toml", lock),
        ]);
        folder.errors("prisma", Postgres)
    };
    let ours = "provider = \"postgresql\"\n";
    let conflict = format!("# locked\n<<<<<<< HEAD\n{ours}=======\n{ours}>>>>>>> other\n");
    assert_eq!(
        wrong(&conflict),
        ["migration_lock.toml:2:9: the lock file is not TOML"]
    );
    assert_eq!(
        wrong("# locked\n"),
        ["migration_lock.toml:1:1: the lock file names no provider, which Prisma refuses as well"]
    );
}

#[test]
fn prismas_folders_have_their_files() {
    let folder = Folder::new(&[
        ("20230101000000_a/migration.sql", "SELECT 1;"),
        ("20230102000000_b/README.md", "words"),
        ("20230103000000_c/down.sql", "SELECT 3;"),
        ("docs/README.md", "words"),
    ]);
    assert_eq!(
        folder.errors("prisma", Sqlite),
        [
            "20230103000000_c/down.sql:1:1: there is no `migration.sql` beside this file",
            "20230102000000_b/README.md:1:1: there is no `migration.sql` beside this file",
        ]
    );
}

#[test]
fn prisma_is_found_without_its_lock_file() {
    let folder = Folder::new(&[("01_init/migration.sql", "SELECT 1;")]);
    assert_eq!(folder.detected(Sqlite), "prisma");
}

const JOURNAL: &str = r#"{"version":"7","dialect":"sqlite","entries":[
  {"idx":0,"version":"6","when":1,"tag":"0001_later","breakpoints":true},
  {"idx":1,"version":"6","when":2,"tag":"0000_first","breakpoints":true}
]}"#;

#[test]
fn drizzle_runs_what_the_journal_lists() {
    let folder = Folder::new(&[
        (
            "0000_first.sql",
            "CREATE TABLE `a` (`b` int)\n--> statement-breakpoint\nSELECT 1;--> statement-breakpoint\nSELECT 2;\n",
        ),
        ("0001_later.sql", "SELECT 3;"),
        ("0002_draft.sql", "SELECT 4;"),
        ("meta/_journal.json", JOURNAL),
        ("meta/0000_snapshot.json", "{}"),
    ]);
    assert_eq!(folder.detected(Sqlite), "drizzle");
    assert_eq!(
        folder.errors("drizzle", Mysql),
        ["meta/_journal.json:1:1: these migrations are for sqlite, the database is another one"]
    );
    assert_eq!(
        folder.read("drizzle", Sqlite),
        [
            "0001_later later: SELECT 3;",
            "0000_first first: CREATE TABLE `a` (`b` int) ; SELECT 1; ; SELECT 2;",
        ]
    );
    assert_eq!(
        folder.warnings("drizzle", Sqlite),
        ["0002_draft.sql:1:1: the journal does not list this file: it is passed over"]
    );
}

#[test]
fn drizzle_says_what_the_journal_lacks() {
    let folder = Folder::new(&[
        ("0001_later.sql", "SELECT 3;"),
        ("meta/_journal.json", JOURNAL),
    ]);
    assert_eq!(
        folder.errors("drizzle", Sqlite),
        ["meta/_journal.json:1:1: the journal lists 0000_first, but there is no 0000_first.sql"]
    );
    let broken = Folder::new(&[("meta/_journal.json", "{\n \"entries\": [\n")]);
    assert!(broken.errors("drizzle", Sqlite)[0].contains("the journal can't be read"));
}

#[test]
fn drizzle_without_a_journal_has_folders() {
    let folder = Folder::new(&[
        ("20250102000000_b/migration.sql", "SELECT 2;"),
        ("20250102000000_b/snapshot.json", "{}"),
        ("20250101000000_a/migration.sql", "SELECT 1;"),
        ("20250101000000_a/snapshot.json", "{}"),
    ]);
    assert_eq!(folder.detected(Sqlite), "drizzle");
    assert_eq!(
        folder.read("drizzle", Sqlite),
        [
            "20250101000000_a a: SELECT 1;",
            "20250102000000_b b: SELECT 2;"
        ]
    );
}

/// Those of two databases would all run in one.
#[test]
fn several_histories_are_not_one() {
    for (layout, files) in [
        ("prisma", ["a/1_x/migration.sql", "b/2_y/migration.sql"]),
        ("diesel", ["a/1_x/up.sql", "b/2_y/up.sql"]),
        ("drizzle", ["a/meta/_journal.json", "b/meta/_journal.json"]),
    ] {
        let text = match layout {
            "drizzle" => "{\"entries\": []}",
            _ => "SELECT 1;",
        };
        let folder = Folder::new(&files.map(|file| (file, text)));
        let errors = folder.errors(layout, Sqlite);
        assert!(
            errors[0].ends_with("there are several histories here: a/, b/"),
            "{errors:?}"
        );
    }
}
