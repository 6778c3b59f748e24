//! The layout of sql-migrate.
#![allow(missing_docs)]

mod common;

use common::Folder;
use whimbrel_sql::Dialect::{Postgres, Sqlite};

#[test]
fn each_part_may_come_more_than_once() {
    let folder = Folder::new(&[
        (
            "10-b.sql",
            "not SQL\n-- +migrate Up\nSELECT 1;\n-- +migrate Down\nSELECT -1;\n-- +migrate Up\nSELECT 2;\n",
        ),
        (
            "9_a.sql",
            "-- +migrate Up notransaction\n-- +migrate StatementBegin\nSELECT\n-- a comment\n3\n-- +migrate StatementEnd\n-- +migrate Down\nSELECT -3;\n",
        ),
        ("extra.sql", "-- +migrate Up\nSELECT 4;\n"),
        ("old/1_x.sql", "-- +migrate Up\nSELECT 5;\n"),
    ]);
    assert_eq!(folder.detected(Postgres), "sql-migrate");
    assert_eq!(
        folder.read("sql-migrate", Postgres),
        [
            "9_a a: SELECT 3 ; => SELECT -3; [off] [down on]",
            "10-b b: SELECT 1; SELECT 2; => SELECT -1;",
            "extra extra: SELECT 4;",
        ]
    );
    let migrations = folder.migrations("sql-migrate", Sqlite);
    assert_eq!(migrations[0].down_transaction, Some(true));
    assert_eq!(migrations[1].directives.foreign_keys, Some(false));
    assert_eq!(
        folder.warnings("sql-migrate", Postgres),
        [
            "old/1_x.sql:1:1: the tool does not look into folders, here old/: it is passed over",
            "10-b.sql:1:1: what is before the first `-- +migrate` line is not run",
        ]
    );
}

/// By the file's whole name, in which `-` comes before `.`; wrangler does the same.
#[test]
fn names_are_in_the_tools_order() {
    let names = ["1_a.sql", "1_a-b.sql", "c.sql", "c-d.sql"];
    for (layout, text) in [
        ("sql-migrate", "-- +migrate Up\nSELECT 1;\n"),
        ("wrangler", "SELECT 1;\n"),
    ] {
        let folder = Folder::new(&names.map(|name| (name, text)));
        let read = folder.migrations(layout, Sqlite);
        let versions: Vec<_> = read.iter().map(|m| m.version.as_str()).collect();
        assert_eq!(versions, ["1_a-b", "1_a", "c-d", "c"], "{layout}");
    }
}

#[test]
fn what_the_tool_refuses_is_refused() {
    let folder = Folder::new(&[
        ("1_a.sql", "SELECT 1;\n"),
        (
            "2_b.sql",
            "-- +migrate Up\n-- +migrate StatementBegin\nSELECT 1;\n",
        ),
        ("3_c.sql", "-- +migrate Sideways\n-- +migrate Up\n"),
    ]);
    assert_eq!(
        folder.errors("sql-migrate", Postgres),
        [
            "1_a.sql:1:1: the file has neither `-- +migrate Up` nor `-- +migrate Down`",
            "2_b.sql:2:1: this StatementBegin has no StatementEnd",
            "3_c.sql:1:1: sql-migrate does not know this command",
        ]
    );
}

#[test]
fn a_mark_that_the_tool_passes_over_does_not_let_the_down_part_run() {
    for mark in [
        "-- +migrate down",
        "--+migrate Down",
        "--  +migrate Down",
        " -- +migrate Down",
        "--- +migrate Down",
        "-- +migrate:Down",
        "-- +MIGRATE Down",
        "-- + migrate Down",
    ] {
        let text = format!("-- +migrate Up\nCREATE TABLE a (b int);\n{mark}\nDROP TABLE a;\n");
        let folder = Folder::new(&[("1_a.sql", &text)]);
        let expected = "1_a.sql:3:1: sql-migrate does not know this command";
        assert_eq!(folder.errors("sql-migrate", Postgres), [expected], "{mark}");
    }
}
