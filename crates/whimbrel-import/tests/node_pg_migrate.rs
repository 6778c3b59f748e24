//! The layout of node-pg-migrate.
#![allow(missing_docs)]

mod common;

use common::Folder;
use whimbrel_sql::Dialect::Postgres;

#[test]
fn marks_or_pairs_give_the_parts() {
    let folder = Folder::new(&[
        (
            "1700000000002_b.sql",
            "---- up Migration ----\nSELECT 2;\n-- Down Migration\nSELECT -2;\n",
        ),
        (
            "1700000000001_a.sql",
            "-- Down Migration\nSELECT -1;\n-- Up Migration\nSELECT 1;\n",
        ),
        ("1700000000003_c.up.sql", "SELECT 3;"),
        ("1700000000003_c.down.sql", "SELECT -3;"),
        ("1700000000004_d.sql", "-- Up Migration\nSELECT 4;"),
        // The same moment as 1000000000000, spelt out.
        ("20010909014640000_early.sql", "SELECT 0;"),
    ]);
    assert_eq!(folder.detected(Postgres), "node-pg-migrate");
    assert_eq!(
        folder.read("node-pg-migrate", Postgres),
        [
            "20010909014640000_early early: SELECT 0;",
            "1700000000001_a a: SELECT 1; => SELECT -1;",
            "1700000000002_b b: SELECT 2; => SELECT -2;",
            "1700000000003_c c: SELECT 3; => SELECT -3;",
            "1700000000004_d d: SELECT 4;",
        ]
    );
}

#[test]
fn code_is_refused_by_name() {
    let code = "export const up = (pgm) => { pgm.createTable('a', { id: 'id' }); };\n";
    let folder = Folder::new(&[("1700000000001_a.js", code)]);
    assert_eq!(
        folder.detected(Postgres),
        "1700000000001_a.js:1:1: this is a migration of node-pg-migrate in code, which Whimbrel can't run"
    );
}

/// Marks came into use later, and mean nothing in pairs.
#[test]
fn one_marked_file_among_many_is_enough() {
    let plain = "SELECT 1;\n";
    let marked = "-- Up Migration\nSELECT 2;\n-- Down Migration\nSELECT 3;\n";
    let folder = Folder::new(&[
        ("1700000000001_a.sql", plain),
        ("1700000000002_b.sql", marked),
        ("1700000000003_c.sql", plain),
        ("1700000000004_d.sql", plain),
        ("1700000000005_e.sql", plain),
    ]);
    assert_eq!(folder.detected(Postgres), "node-pg-migrate");
    let folder = Folder::new(&[("1700000000001_a.up.sql", marked)]);
    assert_eq!(folder.detected(Postgres), "golang-migrate");
}

/// As words are sorted, not bytes: case and punctuation come last.
#[test]
fn names_of_one_time_are_sorted_as_words() {
    let names = ["1_Beta.sql", "1_alpha.sql", "1_a_c10.sql", "1_ac9.sql"];
    let folder = Folder::new(&names.map(|name| (name, "-- Up Migration\nSELECT 1;\n")));
    let read = folder.migrations("node-pg-migrate", Postgres);
    let versions: Vec<_> = read.iter().map(|m| m.version.as_str()).collect();
    assert_eq!(versions, ["1_ac9", "1_a_c10", "1_alpha", "1_Beta"]);
}
