//! Whose files they are.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::Folder;
use whimbrel_sql::Dialect::Postgres;

#[test]
fn an_ambiguous_folder_lists_the_candidates() {
    let folder = Folder::new(&[
        ("1_a.sql", "-- +goose Up\nSELECT 1;\n"),
        ("2_b.sql", "-- migrate:up\nSELECT 2;\n"),
    ]);
    let error = folder.detected(Postgres);
    assert!(error.contains("could be of several layouts"), "{error}");
    for part in ["goose (", "dbmate (", "-- +goose", "-- migrate:up"] {
        assert!(error.contains(part), "{error}");
    }
    // Named, it is read in that layout, which says what is wrong with it.
    let errors = folder.errors("goose", Postgres);
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].starts_with("2_b.sql:"), "{errors:?}");
}

/// Each tool's mark is enough, and none is taken for another's.
#[test]
fn each_tools_files_are_found() {
    let sql = "SELECT 1;\n";
    for (files, expected) in [
        (vec![("1_a.sql", "-- +goose Up\nSELECT 1;\n")], "goose"),
        (vec![("1_a.sql", "-- migrate:up\nSELECT 1;\n")], "dbmate"),
        (
            vec![("1_a.sql", "-- +migrate Up\nSELECT 1;\n")],
            "sql-migrate",
        ),
        (vec![("1_a.sql", "-- no-transaction\nVACUUM;\n")], "sqlx"),
        (vec![("2024-01-01-000000_a/up.sql", sql)], "diesel"),
        (vec![("V1__a.sql", sql), ("lib.rs", "")], "refinery"),
        (vec![("V1_2__a.sql", sql), ("R__b.sql", sql)], "flyway"),
        (vec![("20240101000000_a b/migration.sql", sql)], "prisma"),
        (
            vec![
                (
                    "meta/_journal.json",
                    r#"{"version":"7","dialect":"postgresql","entries":[]}"#,
                ),
                ("0000_a.sql", sql),
            ],
            "drizzle",
        ),
        (
            vec![("1_a.sql", "-- Up Migration\nSELECT 1;\n")],
            "node-pg-migrate",
        ),
        (
            vec![(
                "000001.sql",
                "--! Previous: -\n--! Hash: sha1:a\n\nSELECT 1;\n",
            )],
            "graphile-migrate",
        ),
        (
            vec![(
                "a.sql",
                "--liquibase formatted sql\n--changeset a:1\nSELECT 1;\n",
            )],
            "liquibase",
        ),
        (
            vec![(
                "structure.sql",
                "INSERT INTO schema_migrations (version) VALUES ('1');\n",
            )],
            "rails",
        ),
        (
            vec![("pgpm.plan", "%project=a\n"), ("deploy/a.sql", sql)],
            "sqitch",
        ),
        (
            vec![("001_a.ts", "export const up = 'SELECT 1';\n")],
            "ts-strings",
        ),
        (vec![("001_a.sql", sql)], "native"),
        (vec![("1_a.up.sql", sql), ("1_a.down.sql", sql)], "native"),
        (
            vec![
                ("0002_a.sql", sql),
                ("0002_b.sql", sql),
                ("0002_c.sql", sql),
            ],
            "by-name",
        ),
    ] {
        let folder = Folder::new(&files);
        assert_eq!(folder.detected(Postgres), expected);
    }
}

/// Names that people give files.
#[test]
fn odd_names_are_read() {
    let sql = "SELECT 1;\n";
    for (layout, files, expected) in [
        (
            "prisma",
            vec![("20240101000000_leer zeichen ü/migration.sql", sql)],
            "20240101000000_leer zeichen ü leer zeichen ü: SELECT 1;",
        ),
        (
            "goose",
            vec![("00001_a.b c.sql", "--+goose up\nSELECT 1;\n")],
            "00001 a.b c: SELECT 1;",
        ),
        (
            "flyway",
            vec![("V1_2__a__b c.sql", sql)],
            "1.2 a__b c: SELECT 1;",
        ),
        (
            "diesel",
            vec![("00000000000000_diesel_initial_setup/up.sql", sql)],
            "00000000000000 diesel_initial_setup: SELECT 1;",
        ),
        (
            "drizzle",
            vec![
                (
                    "meta/_journal.json",
                    r#"{"version":"7","entries":[{"idx":0,"version":"6","when":1,"tag":"0000_a","breakpoints":true}]}"#,
                ),
                (
                    "0000_a.sql",
                    "SELECT 1\n--> statement-breakpoint\nSELECT 2;--> statement-breakpoint\n",
                ),
            ],
            "0000_a a: SELECT 1 ;",
        ),
    ] {
        let folder = Folder::new(&files);
        let read = folder.read(layout, Postgres);
        assert!(read[0].starts_with(expected), "{layout}: {read:?}");
    }
}

/// "Nothing to do" would be said of a database that lacks them all.
#[test]
fn a_layout_that_takes_no_file_is_refused() {
    let folder = Folder::new(&[("1-a.sql", "SELECT 1;\n")]);
    for layout in ["golang-migrate", "prisma", "diesel"] {
        let errors = folder.errors(layout, Postgres);
        assert!(
            errors[0].ends_with(&format!("is a migration of the layout {layout}")),
            "{errors:?}"
        );
    }
}
