//! The layout of dbmate.
#![allow(missing_docs)]

mod common;

use common::Folder;
use whimbrel_sql::Dialect::Postgres;

#[test]
fn marks_give_the_parts_and_names_the_order() {
    let folder = Folder::new(&[
        (
            "20240102000000_index.sql",
            "-- migrate:up transaction:false\r\nCREATE INDEX CONCURRENTLY i ON a (b);\r\n-- migrate:down\r\nDROP INDEX i;\r\n",
        ),
        (
            "20240101000000_a.sql",
            "-- a table\n-- migrate:up\nCREATE TABLE a (b int);\n\n-- migrate:down\nDROP TABLE a;\n",
        ),
        (
            "20240103000000_c.sql",
            "--migrate:up\nSELECT 1;\n-- migrate:down transaction:false\nSELECT 2;\n",
        ),
        ("notes.sql", "-- nothing\n"),
    ]);
    assert_eq!(folder.detected(Postgres), "dbmate");
    assert_eq!(
        folder.read("dbmate", Postgres),
        [
            "20240101000000 a: CREATE TABLE a (b int); => DROP TABLE a;",
            "20240102000000 index: CREATE INDEX CONCURRENTLY i ON a (b); => DROP INDEX i; [off] [down on]",
            "20240103000000 c: SELECT 1; => SELECT 2; [down off]",
        ]
    );
    assert_eq!(
        folder.warnings("dbmate", Postgres),
        ["notes.sql:1:1: the name does not begin with a number: it is passed over"]
    );
}

#[test]
fn names_are_sorted_as_texts() {
    let text = "-- migrate:up\nSELECT 1;\n-- migrate:down\n";
    let folder = Folder::new(&[("9_nine.sql", text), ("10_ten.sql", text)]);
    let versions: Vec<_> = folder
        .migrations("dbmate", Postgres)
        .iter()
        .map(|m| m.version.to_string())
        .collect();
    assert_eq!(versions, ["10", "9"]);
}

#[test]
fn what_dbmate_refuses_is_refused() {
    let table = [
        (
            " -- migrate:up\nSELECT 1;\n",
            "1_a.sql:1:1: dbmate does not read this line as a mark",
        ),
        (
            "-- migrate:down\nSELECT 1;\n",
            "1_a.sql:1:1: the file has no `-- migrate:up` line",
        ),
        (
            "-- migrate:up\n-- migrate:down\n-- migrate:up\n",
            "1_a.sql:3:1: this part is in the file twice",
        ),
        (
            "SELECT 1;\n-- migrate:up\n",
            "1_a.sql:1:1: there is SQL before the `-- migrate:up` line",
        ),
        (
            "-- migrate:down\n-- migrate:up\n",
            "1_a.sql:1:1: `-- migrate:up` must come before this",
        ),
        (
            "SELECT 1;\n",
            "1_a.sql:1:1: the file has no `-- migrate:up` line",
        ),
    ];
    for (text, expected) in table {
        let folder = Folder::new(&[("1_a.sql", text)]);
        assert_eq!(folder.errors("dbmate", Postgres)[0], expected, "{text}");
    }
}

#[test]
fn a_mark_that_is_written_wrongly_does_not_let_the_down_part_run() {
    for mark in [
        " -- migrate:down",
        "-- migrate:Down",
        "--- migrate:down",
        "-- migrate: down",
        "-- Migrate : Down",
        "-- migrate:down;",
        "-- migrate:downgrade",
        "-- migrate down",
    ] {
        let text = format!("-- migrate:up\nCREATE TABLE a (b int);\n{mark}\nDROP TABLE a;\n");
        let folder = Folder::new(&[("1_a.sql", &text)]);
        let expected = "1_a.sql:3:1: dbmate does not read this line as a mark";
        assert_eq!(folder.errors("dbmate", Postgres), [expected], "{mark}");
    }
    let prose = "-- migrate:up\n-- migrate up to a million rows\n-- migrated: down there\nSELECT 1;\n-- migrate:down foo\n";
    let folder = Folder::new(&[("1_a.sql", prose)]);
    assert!(folder.read("dbmate", Postgres)[0].contains("SELECT 1;"));
}
