//! The layout of goose.
#![allow(missing_docs)]

mod common;

use common::Folder;
use whimbrel_sql::Dialect::{Mysql, Postgres};

const USERS: &str =
    "-- words\n-- +goose Up\nCREATE TABLE users (id int);\n\n-- +goose Down\nDROP TABLE users;\n";

/// goose looks for names that end in `.sql` exactly, and so do others.
#[test]
fn files_called_otherwise_are_passed_over() {
    for (layout, mark) in [
        ("goose", "-- +goose Up\n"),
        ("dbmate", "-- migrate:up\n"),
        ("sql-migrate", "-- +migrate Up\n"),
        ("sqlx", ""),
        ("supabase", ""),
        ("wrangler", ""),
    ] {
        let text = format!("{mark}SELECT 1;\n");
        let folder = Folder::new(&[("1_a.SQL", &text), ("2_b.sql", &text)]);
        assert_eq!(folder.read(layout, Postgres).len(), 1, "{layout}");
        assert_eq!(
            folder.warnings(layout, Postgres),
            ["1_a.SQL:1:1: the tool is exact about `.sql`: it is passed over"],
            "{layout}"
        );
    }
    let folder = Folder::new(&[("1_a.up.SQL", "SELECT 1;\n")]);
    assert_eq!(folder.read("golang-migrate", Postgres).len(), 1);
}

#[test]
fn numbers_give_the_order_and_lines_the_parts() {
    let body = "-- +goose Up\n-- +goose StatementBegin\nCREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END $$ LANGUAGE plpgsql\n-- +goose StatementEnd\nSELECT f();\n";
    let folder = Folder::new(&[
        ("00002_function.sql", body),
        ("00001_users.sql", USERS),
        ("100_hundred.sql", "-- +goose Up\nSELECT 100;"),
        (
            "20_index.sql",
            "-- +goose NO TRANSACTION\n-- +goose up\nCREATE INDEX CONCURRENTLY i ON users (id);\n-- +goose down\nDROP INDEX i;",
        ),
        ("embed.go", "package migrations"),
    ]);
    assert_eq!(folder.detected(Postgres), "goose");
    assert_eq!(
        folder.read("goose", Postgres),
        [
            "00001 users: CREATE TABLE users (id int); => DROP TABLE users;",
            "00002 function: CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END $$ LANGUAGE plpgsql ; SELECT f();",
            "20 index: CREATE INDEX CONCURRENTLY i ON users (id); => DROP INDEX i; [off]",
            "100 hundred: SELECT 100;",
        ]
    );
}

#[test]
fn dashes_and_spaces_are_read_as_goose_reads_them() {
    for (up, down) in [
        ("--+goose Up", "--+goose Down"),
        ("-- +gooseUp", "---- +gooseDOWN"),
        ("--   +goose   Up", "-- +goose Down--"),
    ] {
        let text = format!("{up}\nSELECT 1;\n{down}\nSELECT 2;\n");
        let folder = Folder::new(&[("1_a.sql", &text)]);
        assert_eq!(
            folder.read("goose", Postgres),
            ["1 a: SELECT 1; => SELECT 2;"]
        );
    }
}

#[test]
fn a_part_that_is_open_is_the_whole_rest_of_a_procedure() {
    let text = "-- +goose Up\r\n-- +goose StatementBegin\r\nCREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END;\r\n-- +goose StatementEnd\r\nCALL p();\r\n-- +goose Down\r\n";
    let folder = Folder::new(&[("1_p.sql", text)]);
    let migrations = folder.migrations("goose", Mysql);
    let statements = whimbrel_sql::split(migrations[0].up.text(), Mysql).expect("statements");
    assert_eq!(statements.len(), 2);
    // Messages still point at the file.
    let at = migrations[0].up.text().find("CALL").expect("the call");
    assert_eq!(migrations[0].up.place(at).line, 5);
}

#[test]
fn code_is_refused_by_name() {
    let code = "package m\nfunc init() { goose.AddMigrationContext(up, down) }\n";
    let folder = Folder::new(&[("00001_users.sql", USERS), ("00002_fill.go", code)]);
    let message =
        "00002_fill.go:1:1: this is a migration of goose in code, which Whimbrel can't run";
    assert_eq!(folder.errors("goose", Postgres), [message]);
    let alone = Folder::new(&[("00002_fill.go", code), ("00002_fill_test.go", code)]);
    assert_eq!(alone.detected(Postgres), message);
}

#[test]
fn annotations_that_goose_refuses_are_refused() {
    let table = [
        (
            "-- +goose Up\n -- +goose Down\n",
            "1_a.sql:2:1: goose does not know this annotation",
        ),
        (
            "-- +goose Up\nSELECT 1;\n--- +goose Down\nSELECT 2;\n",
            "1_a.sql:3:1: goose does not know this annotation",
        ),
        (
            "-- +goose Up\nSELECT 1;\n-- see +goose Down\nSELECT 2;\n",
            "1_a.sql:3:1: goose does not know this annotation",
        ),
        (
            "-- +goose Up\nSELECT 1;\n-- + goose Down\nSELECT 2;\n",
            "1_a.sql:3:1: goose does not know this annotation",
        ),
        (
            "-- +goose Up\nSELECT 1;\n-- +Goose Down\nSELECT 2;\n",
            "1_a.sql:3:1: goose does not know this annotation",
        ),
        (
            "-- +goose Upp\n",
            "1_a.sql:1:1: goose does not know this annotation",
        ),
        (
            "SELECT 1;\n-- +goose Up\n",
            "1_a.sql:1:1: there is SQL before the `-- +goose Up` line",
        ),
        (
            "-- +goose Down\nSELECT 1;\n",
            "1_a.sql:1:1: a `-- +goose Up` line must come first",
        ),
        (
            "-- +goose Up\n-- +goose Up\n",
            "1_a.sql:2:1: this part is in the file twice",
        ),
        (
            "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n",
            "1_a.sql:2:1: this StatementBegin has no StatementEnd",
        ),
        (
            "-- +goose Up\n-- +goose StatementEnd\n",
            "1_a.sql:2:1: there is no StatementBegin before this",
        ),
        (
            "SELECT 1;\n",
            "1_a.sql:1:1: there is SQL before the `-- +goose Up` line",
        ),
    ];
    for (text, expected) in table {
        let folder = Folder::new(&[("1_a.sql", text)]);
        assert_eq!(folder.errors("goose", Postgres)[0], expected, "{text}");
    }
    let unnamed = Folder::new(&[("1_a.sql", USERS), ("seed.sql", USERS)]);
    assert_eq!(
        unnamed.errors("goose", Postgres),
        ["seed.sql:1:1: the name is not of the form `00001_name.sql`"]
    );
    let twice = Folder::new(&[("1_a.sql", USERS), ("01_b.sql", USERS)]);
    assert!(twice.errors("goose", Postgres)[0].contains("is in two files"));
}

#[test]
fn variables_come_from_the_environment_where_they_are_switched_on() {
    let text = "-- +goose envsub on\n-- +goose Up\nCREATE TABLE ${PREFIX}a (b text DEFAULT '$$');\n-- +goose ENVSUB OFF\nSELECT '${PREFIX}';\n-- +goose ENVSUB ON\nSELECT '$PREFIX', '${NONE:-d}', '${EMPTY-d}', '${EMPTY:-d}', '$1', '${NONE}';\n";
    let folder = Folder::new(&[("1_a.sql", text)]);
    assert_eq!(
        folder.substituted("goose", &[("PREFIX", "app_"), ("EMPTY", "")]),
        [
            "CREATE TABLE app_a (b text DEFAULT '$'); SELECT '${PREFIX}'; SELECT 'app_', 'd', '', 'd', '$1', '';"
        ]
    );
    let needed = "-- +goose Up\n-- +goose ENVSUB ON\nSELECT '${SECRET?}';\n";
    let folder = Folder::new(&[("1_a.sql", needed)]);
    assert_eq!(
        folder.substituted("goose", &[]),
        ["1_a.sql:3:9: the variable SECRET is not set, and this file needs it"]
    );
}

#[test]
fn what_goose_alone_takes_for_comments_does_not_reach_mysql() {
    let text = "-- +goose Up\n--------\n-- one\n--------\nSELECT 1; -- first\n--one\n  --two\n-- +goose StatementBegin\n------\nSELECT 5\n--3;\n-- +goose StatementEnd\n--------\nSELECT 4\n--2;\n-- +goose Down\n---- it's\nSELECT 2;\n";
    let folder = Folder::new(&[("1_a.sql", text)]);
    let migrations = folder.migrations("goose", Mysql);
    assert_eq!(
        migrations[0].up.text(),
        "-- one\nSELECT 1; -- first\nSELECT 5\n--3;\n;\nSELECT 4\n--2;\n"
    );
    let other = folder.migrations("goose", Postgres);
    assert!(other[0].up.text().contains("--one\n"));
}
