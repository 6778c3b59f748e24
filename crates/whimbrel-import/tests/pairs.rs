//! The layouts of golang-migrate and sqlx, which share native names.
#![allow(missing_docs)]

mod common;

use common::Folder;
use whimbrel_core::migration::Transactions;
use whimbrel_sql::Dialect::{Postgres, Sqlite};

#[test]
fn golang_migrate_takes_pairs_by_number() {
    let folder = Folder::new(&[
        ("10_ten.up.sql", "SELECT 10;"),
        ("9_nine.up.sql", "SELECT 9;"),
        ("9_other_name.down.sql", "SELECT -9;"),
        ("8_gone.down.sql", "SELECT -8;"),
        ("schema.sql", "SELECT 0;"),
    ]);
    assert_eq!(
        folder.read("golang-migrate", Postgres),
        ["9 nine: SELECT 9; => SELECT -9;", "10 ten: SELECT 10;"]
    );
    assert_eq!(
        folder.warnings("golang-migrate", Postgres),
        [
            "schema.sql:1:1: the name is not of the form `000001_name.up.sql`: it is passed over",
            "8_gone.down.sql:1:1: this down script has no up script: it is passed over"
        ]
    );
    let rule = |dialect| folder.migrations("golang-migrate", dialect)[0].clone();
    assert_eq!(rule(Postgres).transactions, Transactions::Bare);
    assert_eq!(rule(Sqlite).transactions, Transactions::Wrapped);
    assert_eq!(rule(Sqlite).directives.foreign_keys, Some(false));
    assert_eq!(rule(Postgres).directives.foreign_keys, None);
}

#[test]
fn golang_migrate_has_no_number_twice() {
    let folder = Folder::new(&[("1_a.up.sql", "SELECT 1;"), ("01_b.up.sql", "SELECT 2;")]);
    assert_eq!(folder.errors("golang-migrate", Postgres).len(), 1);
}

#[test]
fn pairs_without_a_mark_stay_native() {
    let folder = Folder::new(&[
        ("000001_a.up.sql", "SELECT 1;"),
        ("000001_a.down.sql", "SELECT 2;"),
    ]);
    assert_eq!(folder.detected(Postgres), "native");
}

/// What native files can't have, and what that tool passes over, tells it.
#[test]
fn pairs_that_whimbrel_would_refuse_are_golang_migrates() {
    let (up, down) = (("01_a.up.sql", "SELECT 1;"), ("01_a.down.sql", "SELECT 2;"));
    for other in [
        ("testdata/fixtures/1_a.up.sql", "SELECT 3;"),
        ("schema.sql", "SELECT 3;"),
        ("02_gone.down.sql", "SELECT 3;"),
        ("02_b.up.sql", "SELECT 3;\n-- Rollback\nSELECT 4;\n"),
        ("02_b.up.sql", "SELECT 3;\n-- Down\nSELECT 4;\n"),
    ] {
        let folder = Folder::new(&[up, down, other]);
        assert_eq!(folder.detected(Postgres), "golang-migrate", "{other:?}");
    }
    for other in [
        ("more/02_b.up.sql", "SELECT 3;"),
        ("02_b.up.sql", "-- Up Migration for b\nSELECT 3;\n"),
        ("02_b.sql", "SELECT 3;\n-- Rollback\nSELECT 4;\n"),
        (
            "02_b.up.sql",
            "-- Version: 1.0.0\n-- roll it back by hand\nSELECT 3;\n",
        ),
    ] {
        let folder = Folder::new(&[up, down, other]);
        assert_eq!(folder.detected(Postgres), "native", "{other:?}");
    }
    // Whoever writes this means it.
    let slip = ("02_b.up.sql", "-- Timeout: soon\nSELECT 3; -- down\n");
    let said = Folder::new(&[up, down, slip]).detected(Postgres);
    assert!(said.contains("the directive Timeout can't have"), "{said}");
}

#[test]
fn sqlx_reads_both_of_its_forms() {
    let folder = Folder::new(&[
        ("20230101000000_simple.sql", "SELECT 1;"),
        (
            "20230102000000_both.up.sql",
            "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON a (b);",
        ),
        ("20230102000000_both.down.sql", "DROP INDEX i;"),
        ("20230103000000_down.up.sql", "SELECT 3;"),
        (
            "20230103000000_down.down.sql",
            "-- no-transaction\nSELECT -3;",
        ),
        ("20230104000000_end.sql", "-- no-transaction\nVACUUM;"),
        ("seed.sql", "SELECT 0;"),
    ]);
    assert_eq!(folder.detected(Postgres), "sqlx");
    assert_eq!(
        folder.read("sqlx", Postgres),
        [
            "20230101000000 simple: SELECT 1;",
            "20230102000000 both: CREATE INDEX CONCURRENTLY i ON a (b); => DROP INDEX i; [off] [down on]",
            "20230103000000 down: SELECT 3; => SELECT -3; [down off]",
            "20230104000000 end: VACUUM; [off]",
        ]
    );
    assert_eq!(folder.warnings("sqlx", Postgres).len(), 1);
}

#[test]
fn pairs_that_manage_transactions_are_their_tools() {
    let of = |text| Folder::new(&[("1_a.up.sql", text), ("1_a.down.sql", "SELECT 1;")]);
    let begins = of("BEGIN;\nSELECT 1;\nCOMMIT;\nVACUUM;\n");
    assert_eq!(begins.detected(Postgres), "golang-migrate");
    let commits = of("COMMIT;\nPRAGMA foreign_keys = OFF;\nBEGIN;\nSELECT 1;\n");
    assert_eq!(commits.detected(Sqlite), "sqlx");
    assert_eq!(
        of("BEGIN;\nSELECT 1;\nCOMMIT;\n").detected(Sqlite),
        "native"
    );
}

#[test]
fn folders_inside_are_passed_over_unless_there_is_nothing_else() {
    let seeds = ("seeds/1_b.up.sql", "SELECT 2;");
    let folder = Folder::new(&[("1_a.up.sql", "SELECT 1;"), seeds]);
    for layout in ["golang-migrate", "sqlx"] {
        assert_eq!(folder.read(layout, Postgres), ["1 a: SELECT 1;"]);
        assert_eq!(
            folder.warnings(layout, Postgres),
            [
                "seeds/1_b.up.sql:1:1: the tool does not look into folders, here seeds/: it is passed over"
            ]
        );
        assert_eq!(
            Folder::new(&[seeds]).read(layout, Postgres),
            ["1 b: SELECT 2;"]
        );
    }
}

/// A mistyped number loses no up script. Where the name is nowhere else, one may be lost.
#[test]
fn a_down_script_of_another_number_is_told() {
    let files = [
        ("1_a.down.sql", "SELECT 1;"),
        ("2_a.up.sql", "SELECT 1;"),
        ("3_b.up.sql", "SELECT 1;"),
        ("3_b.down.sql", "SELECT 1;"),
    ];
    let folder = Folder::new(&files);
    assert_eq!(folder.migrations("native", Postgres).len(), 2);
    assert_eq!(
        folder.warnings("native", Postgres),
        ["1_a.down.sql:1:1: the down script has no up script of its number, and is passed over"]
    );
    let lost = Folder::new(&[files[2], files[3], ("2_b.down.sql", "SELECT 1;")]);
    assert_eq!(
        lost.errors("native", Postgres),
        ["2_b.down.sql:1:1: the down script has no up script"]
    );
}
