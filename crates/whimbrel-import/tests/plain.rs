//! The layouts of refinery, Supabase and wrangler: plain files that their names tell apart.
#![allow(missing_docs)]

mod common;

use common::Folder;
use whimbrel_core::migration::Transactions;
use whimbrel_sql::Dialect::{Postgres, Sqlite};

#[test]
fn refinery_sorts_by_number_and_lets_some_come_late() {
    let folder = Folder::new(&[
        ("V10__ten.sql", "SELECT 10;"),
        ("V9__nine.sql", "SELECT 9;"),
        ("inner/U2__late.sql", "-- refinery:noTransaction\nVACUUM;"),
        ("README.md", ""),
        ("notes.sql", ""),
    ]);
    assert_eq!(folder.detected(Postgres), "refinery");
    assert_eq!(
        folder.read("refinery", Postgres),
        [
            "2 late: VACUUM; [off]",
            "9 nine: SELECT 9;",
            "10 ten: SELECT 10;"
        ]
    );
    let late = folder.migrations("refinery", Postgres);
    assert!(late[0].directives.allows("out-of-order"));
    assert!(!late[1].directives.allows("out-of-order"));
    assert_eq!(folder.warnings("refinery", Postgres).len(), 1);
}

#[test]
fn refinery_shares_its_numbers_between_letters_and_refuses_code() {
    let folder = Folder::new(&[
        ("V1__a.sql", "SELECT 1;"),
        ("U1__b.sql", "SELECT 2;"),
        ("V2__c.rs", "pub fn migration() -> String { String::new() }"),
    ]);
    let errors = folder.errors("refinery", Postgres);
    assert_eq!(
        errors[0],
        "V2__c.rs:1:1: this is a migration of refinery in code, which Whimbrel can't run"
    );
    assert!(
        errors[1].contains("version 1 is in two files"),
        "{errors:?}"
    );
}

#[test]
fn refinery_is_told_by_rust_beside_its_files() {
    let beside = Folder::new(&[("V1__a.sql", "SELECT 1;"), ("mod.rs", "")]);
    assert_eq!(beside.detected(Postgres), "refinery");
    let code = Folder::new(&[("V1__a.rs", "")]);
    assert_eq!(
        code.detected(Postgres),
        "V1__a.rs:1:1: this is a migration of refinery in code, which Whimbrel can't run"
    );
}

#[test]
fn supabase_is_told_by_its_folder() {
    let folder = Folder::at(
        "supabase/migrations",
        &[
            ("20240102000000_b.sql", "SELECT 2;"),
            ("20240101000000_a-b.sql", "SELECT 1;"),
            ("seed.sql", "SELECT 0;"),
        ],
    );
    assert_eq!(folder.detected(Postgres), "supabase");
    assert_eq!(
        folder.read("supabase", Postgres),
        [
            "20240101000000 a-b: SELECT 1;",
            "20240102000000 b: SELECT 2;"
        ]
    );
    assert_eq!(
        folder.warnings("supabase", Postgres),
        ["seed.sql:1:1: the name is not of the form `20230101000000_name.sql`: it is passed over"]
    );
    let rule = folder.migrations("supabase", Postgres)[0].transactions;
    assert_eq!(rule, Transactions::Bare);
}

/// The CLI's first versions dumped a project's schema into such a file.
#[test]
fn supabases_old_dump_is_left_out() {
    let read = |files: &[(&str, &str)]| {
        let folder = Folder::at("supabase/migrations", files);
        let read = folder.read("supabase", Postgres);
        (read, folder.warnings("supabase", Postgres))
    };
    let (read_, warnings) = read(&[
        ("20211208235959_init.sql", "SELECT 1;"),
        ("20240101000000_b.sql", "SELECT 2;"),
    ]);
    assert_eq!(read_, ["20240101000000 b: SELECT 2;"]);
    assert_eq!(
        warnings,
        [
            "20211208235959_init.sql:1:1: the Supabase CLI leaves a first file `_init.sql` of before 2021-12-09 out: it is passed over"
        ]
    );
    for other in [".gitkeep", "20200101000000_a.sql", "0.txt"] {
        let (read, _) = read(&[
            (other, "SELECT 0;"),
            ("20210101000000_init.sql", "SELECT 1;"),
        ]);
        let last = read.last().unwrap();
        assert_eq!(last, "20210101000000 init: SELECT 1;", "{other}");
    }
    for name in ["20211209000000_init.sql", "20210101000000_initial.sql"] {
        let (read, warnings) = read(&[(name, "SELECT 1;")]);
        assert_eq!((read.len(), warnings.len()), (1, 0), "{name}");
    }
}

/// To the tool it is a comment, and to whoever wrote it the beginning of what undoes the file.
#[test]
fn a_heading_that_is_no_mark_is_warned_of() {
    let below = "SELECT 1;\n-- Down\nSELECT 2;\n";
    for (layout, name, before, after) in [
        ("goose", "1_a.sql", "-- +goose Up\n", ""),
        ("dbmate", "1_a.sql", "-- migrate:up\n", "-- migrate:down\n"),
        (
            "sql-migrate",
            "1_a.sql",
            "-- +migrate Up\n",
            "-- +migrate Down\nSELECT 3;\n-- +migrate Up\n",
        ),
        ("node-pg-migrate", "1_a.sql", "-- Up Migration\n", ""),
        ("golang-migrate", "1_a.up.sql", "-- users\n", ""),
        ("supabase", "1_a.sql", "-- users\n", ""),
    ] {
        let text = format!("{before}{below}{after}");
        let folder = Folder::new(&[(name, &text)]);
        assert_eq!(
            folder.warnings(layout, Postgres),
            [format!(
                "{name}:3:1: the statements below this line run with those above it: to the tool that these files are of, it is a comment"
            )],
            "{layout}"
        );
    }
    // node-pg-migrate runs the whole file where it has no mark for up.
    let whole = Folder::new(&[("1_a.sql", "SELECT 1;\n-- Down Migration\nSELECT 2;\n")]);
    assert_eq!(whole.warnings("node-pg-migrate", Postgres).len(), 1);
    // Marks are none, and what is not between statements is none.
    for (layout, text) in [
        (
            "node-pg-migrate",
            "-- Down Migration\nSELECT 2;\n-- Up Migration\nSELECT 1;\n",
        ),
        (
            "sql-migrate",
            "-- +migrate Up\nSELECT 1;\n-- +migrate Down\nSELECT 2;\n-- +migrate Up\nSELECT 1;\n",
        ),
        (
            "goose",
            "-- +goose Up\nSELECT 1;\n-- Down payments\nSELECT 2;\n-- +goose Down\nSELECT 3;\n",
        ),
        (
            "goose",
            "-- +goose Up\nCREATE TABLE a (\n-- Down\ni int);\n-- Down\n",
        ),
    ] {
        let folder = Folder::new(&[("1_a.sql", text)]);
        assert_eq!(folder.warnings(layout, Postgres).len(), 0, "{text}");
    }
}

#[test]
fn wrangler_is_told_by_its_configuration() {
    let folder = Folder::at(
        "migrations",
        &[
            ("10_ten.sql", "SELECT 10;"),
            ("9_nine.sql", "SELECT 9;"),
            ("../wrangler.toml", "[[d1_databases]]\nbinding = \"DB\"\n"),
        ],
    );
    assert_eq!(folder.detected(Sqlite), "wrangler");
    assert_eq!(
        folder.read("wrangler", Sqlite),
        ["9 nine: SELECT 9;", "10 ten: SELECT 10;"]
    );
    let with_rollback = "SELECT 1;\n-- Rollback\n-- SELECT 2;\n";
    let folder = Folder::at(
        "migrations",
        &[
            ("0001_a.sql", with_rollback),
            ("../wrangler.toml", "[[d1_databases]]\nbinding = \"DB\"\n"),
        ],
    );
    let migrations = folder.migrations("wrangler", Sqlite);
    assert!(migrations[0].is_reversible());
    let alone = Folder::at("migrations", &[("0001_a.sql", "SELECT 1;")]);
    assert_eq!(alone.detected(Sqlite), "native");
}

/// Its history has whole names, so it minds neither.
#[test]
fn wrangler_takes_numbers_that_repeat_or_lack() {
    for (names, expected) in [
        (
            ["10_c.sql", "2_b.sql", "2_a.sql"],
            [
                "2_a 2_a: SELECT 1;",
                "2_b 2_b: SELECT 1;",
                "10_c 10_c: SELECT 1;",
            ],
        ),
        (
            ["b.sql", "init.sql", "a.sql"],
            ["a a: SELECT 1;", "b b: SELECT 1;", "init init: SELECT 1;"],
        ),
    ] {
        let mut files = names.map(|name| (name, "SELECT 1;")).to_vec();
        files.push(("../wrangler.json", "{\"d1_databases\": []}"));
        let folder = Folder::at("migrations", &files);
        assert_eq!(folder.detected(Sqlite), "wrangler");
        assert_eq!(folder.read("wrangler", Sqlite), expected);
    }
}
