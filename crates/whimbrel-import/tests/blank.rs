//! New files for other tools' folders.
#![allow(missing_docs)]

mod common;

use common::Folder;
use whimbrel_sql::Dialect::Postgres;

#[test]
fn new_files_have_the_names_of_their_tool() {
    let none = Folder::new(&[]);
    for layout in ["goose", "dbmate", "supabase", "wrangler", "sqlx"] {
        assert_eq!(none.blank(layout), ["20260102030405_add_b.sql"], "{layout}");
    }
    assert_eq!(
        none.blank("golang-migrate"),
        [
            "20260102030405_add_b.up.sql",
            "20260102030405_add_b.down.sql"
        ]
    );
    assert_eq!(
        none.blank("diesel"),
        [
            "2026-01-02-030405_add_b/up.sql",
            "2026-01-02-030405_add_b/down.sql"
        ]
    );
    assert_eq!(none.blank("prisma"), ["20260102030405_add_b/migration.sql"]);
    assert!(none.blank("drizzle").is_empty());
    assert!(none.blank("graphile-migrate").is_empty());
    let numbered = Folder::new(&[("V9__a.sql", ""), ("U10__b.sql", "")]);
    assert_eq!(numbered.blank("refinery"), ["V11__add_b.sql"]);
    for (last, expected) in [
        ("V7__a.sql", "V8__add_b.sql"),
        ("V007__a.sql", "V008__add_b.sql"),
        ("V1_2__a.sql", "V1_3__add_b.sql"),
        ("V1.9__a.sql", "V1.10__add_b.sql"),
        ("V20240101120000__a.sql", "V20260102030405__add_b.sql"),
    ] {
        let folder = Folder::new(&[(last, ""), ("U1__x.sql", ""), ("V0_1__first.sql", "")]);
        assert_eq!(folder.blank("flyway"), [expected]);
    }
    assert_eq!(none.blank("flyway"), ["V20260102030405__add_b.sql"]);
    let modules = Folder::new(&[("009_a.js", ""), ("README.md", ""), ("types.d.ts", "")]);
    assert_eq!(modules.blank("ts-strings"), ["010_add_b.js"]);
    assert_eq!(none.blank("ts-strings"), ["20260102030405_add_b.ts"]);
    let pairs = Folder::new(&[("1_a.up.sql", ""), ("1_a.down.sql", "")]);
    assert_eq!(pairs.blank("sqlx").len(), 2);
}

/// What a layout writes it reads again, with the new one last.
#[test]
fn new_files_are_read_again() {
    let first = [
        ("goose", "1_a.sql", "-- +goose Up\nSELECT 1;\n"),
        ("dbmate", "1_a.sql", "-- migrate:up\nSELECT 1;\n"),
        ("sqlx", "1_a.sql", "SELECT 1;\n"),
        ("golang-migrate", "1_a.up.sql", "SELECT 1;\n"),
        ("diesel", "2020-01-01-000000_a/up.sql", "SELECT 1;\n"),
        ("prisma", "20200101000000_a/migration.sql", "SELECT 1;\n"),
        ("refinery", "V1__a.sql", "SELECT 1;\n"),
        ("flyway", "V1__a.sql", "SELECT 1;\n"),
        ("ts-strings", "001_a.ts", "export const up = 'SELECT 1;';\n"),
        ("wrangler", "0001_a.sql", "SELECT 1;\n"),
        ("supabase", "20200101000000_a.sql", "SELECT 1;\n"),
        (
            "node-pg-migrate",
            "1500000000000_a.sql",
            "-- Up Migration\nSELECT 1;\n",
        ),
    ];
    for (layout, name, text) in first {
        let folder = Folder::new(&[(name, text)]);
        folder.write_blank(layout);
        let read = folder.migrations(layout, Postgres);
        assert_eq!(read.len(), 2, "{layout}");
        assert_eq!(read[1].name, "add_b", "{layout}");
    }
}
