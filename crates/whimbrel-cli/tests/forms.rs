//! The forms of files that the systems had which Whimbrel replaces.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use std::path::Path;

use binary::{project, succeeded, told, whimbrel};

fn run(folder: &Path, arguments: &[&str], more: &[(&str, &str)]) -> std::process::Output {
    let variables = [&[("WHIMBREL_URL", "sqlite:a.db")], more].concat();
    whimbrel(folder, arguments, &variables)
}

/// The labels in the order in which they were applied.
fn applied(said: &str) -> Vec<&str> {
    let labels = said
        .lines()
        .filter_map(|line| line.strip_prefix("applied "));
    labels.map(|rest| rest.split(' ').next().unwrap()).collect()
}

fn tables(folder: &Path) -> i64 {
    let connection = rusqlite::Connection::open(folder.join("a.db")).unwrap();
    let sql = "SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'whimbrel%' AND name NOT LIKE 'sqlite%'";
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn up_and_down(files: &[(&str, &str)], order: &[&str]) {
    let folder = project(files);
    let up = succeeded(&run(folder.path(), &["up"], &[]));
    assert_eq!(applied(&up), order, "{up}");
    assert!(tables(folder.path()) > 0);
    succeeded(&run(folder.path(), &["down", "--all"], &[]));
    assert_eq!(tables(folder.path()), 0);
}

#[test]
fn headers_and_rollbacks_of_every_form() {
    up_and_down(
        &[
            (
                "000_migrations_table.sql",
                "-- Migration: Tracking table\n-- Created: 2024-12-04\n-- Rollback: DROP TABLE tracked;\nCREATE TABLE IF NOT EXISTS tracked (i int);\n",
            ),
            (
                "001_create_users.sql",
                "-- 001_create_users.sql\n-- Version: 001\n-- Description: Create users table with basic fields\n\nCREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY);\n-- Create indexes\nCREATE INDEX IF NOT EXISTS idx_users ON users (id);\n\n-- Rollback\n-- DROP TABLE IF EXISTS users;\n",
            ),
            (
                "002_posts.sql",
                "CREATE TABLE posts (id int);\n-- Rollback\nDROP TABLE posts;\n",
            ),
            ("003_tags.up.sql", "CREATE TABLE tags (id int);\n"),
            ("003_tags.down.sql", "DROP TABLE tags;\n"),
            (
                "R__seen.sql",
                "DROP VIEW IF EXISTS seen;\nCREATE VIEW seen AS SELECT id FROM users;\n-- Rollback\n-- DROP VIEW seen;\n",
            ),
        ],
        &[
            "000_migrations_table",
            "001_create_users",
            "002_posts",
            "003_tags",
            "R__seen",
        ],
    );
}

#[test]
fn timestamps_and_dates_with_numbers() {
    let table =
        |name: &str| format!("CREATE TABLE {name} (i int);\n-- Rollback\n-- DROP TABLE {name};\n");
    let (a, b, c, d) = (table("a"), table("b"), table("c"), table("d"));
    up_and_down(
        &[
            ("20241201120000_initial_schema.sql", &a),
            ("20241202093000_add_users.sql", &b),
        ],
        &["20241201120000_initial_schema", "20241202093000_add_users"],
    );
    up_and_down(
        &[
            ("20231201_10_c.sql", &c),
            ("20231201_9_b.sql", &b),
            ("20231130_001_a.sql", &a),
            ("20231202_001_d.sql", &d),
        ],
        &[
            "20231130_001_a",
            "20231201_9_b",
            "20231201_10_c",
            "20231202_001_d",
        ],
    );
}

#[test]
fn numbers_compare_as_numbers() {
    up_and_down(
        &[
            (
                "9_a.sql",
                "CREATE TABLE a (i int);\n-- Rollback\n-- DROP TABLE a;\n",
            ),
            (
                "10_b.sql",
                "ALTER TABLE a ADD COLUMN j int;\n-- Rollback\n-- ALTER TABLE a DROP COLUMN j;\n",
            ),
            (
                "0011_c.sql",
                "ALTER TABLE a DROP COLUMN j;\n-- Rollback\n-- ALTER TABLE a ADD COLUMN j int;\n",
            ),
        ],
        &["9_a", "10_b", "0011_c"],
    );
}

#[test]
fn what_editors_and_systems_leave_is_passed_over() {
    up_and_down(
        &[
            (
                "001_a.sql",
                "\u{feff}-- Description: by an editor of Windows\r\nCREATE TABLE a (\r\n  i int\r\n);\r\n\r\n-- Rollback\r\n-- DROP TABLE a;\r\n",
            ),
            (".DS_Store", "\u{0}\u{0}\u{0}\u{1}Bud1"),
            ("001_a.sql~", "CREATE TABLE wrong (i int);"),
            ("#001_a.sql#", "CREATE TABLE wrong (i int);"),
            (".001_a.sql.swp", "b0VIM"),
            ("README.md", "# These are migrations"),
        ],
        &["001_a"],
    );
}

#[test]
fn folders_are_sorted_together_or_one_by_one() {
    let files = [
        ("billing/002_b.sql", "CREATE TABLE b (i int);\n"),
        ("users/001_a.sql", "CREATE TABLE a (i int);\n"),
        ("users/003_c.sql", "CREATE TABLE c (i int);\n"),
    ];
    let folder = project(&files);
    let up = succeeded(&run(folder.path(), &["up"], &[]));
    assert_eq!(applied(&up), ["001_a", "002_b", "003_c"]);
    let folder = project(&files);
    let separately = [("WHIMBREL_SORT_DIRS_SEPARATELY", "true")];
    let up = succeeded(&run(folder.path(), &["up"], &separately));
    assert_eq!(applied(&up), ["002_b", "001_a", "003_c"]);
}

#[test]
fn extensions_are_a_setting() {
    let folder = project(&[
        ("001_a.sql", "CREATE TABLE a (i int);\n"),
        ("002_b.ddl", "CREATE TABLE b (i int);\n"),
    ]);
    let settings = folder.path().join("whimbrel.toml");
    std::fs::write(&settings, "extensions = [\"sql\", \"ddl\"]\n").unwrap();
    let up = succeeded(&run(folder.path(), &["up"], &[]));
    assert_eq!(applied(&up), ["001_a", "002_b"]);
    std::fs::write(&settings, "extensions = \"ddl\"\n").unwrap();
    let new = succeeded(&run(folder.path(), &["new", "more"], &[]));
    assert!(new.contains("003_more.ddl"), "{new}");
}

#[test]
fn a_header_that_says_another_version_is_refused() {
    let folder = project(&[("001_a.sql", "-- Version: 002\nCREATE TABLE a (i int);\n")]);
    let output = run(folder.path(), &["up"], &[]);
    assert_eq!(output.status.code(), Some(4));
    assert!(
        told(&output).contains("migrations/001_a.sql:1:"),
        "{}",
        told(&output)
    );
}

#[test]
fn a_rollback_may_be_required() {
    let folder = project(&[("001_a.sql", "CREATE TABLE a (i int);\n")]);
    let required = [("WHIMBREL_REQUIRE_ROLLBACK", "true")];
    let output = run(folder.path(), &["up"], &required);
    assert_eq!(output.status.code(), Some(4));
    assert!(
        told(&output).contains("error[no-rollback]: 001_a"),
        "{}",
        told(&output)
    );
    let text = "-- Irreversible: it only begins\nCREATE TABLE a (i int);\n";
    std::fs::write(folder.path().join("migrations/001_a.sql"), text).unwrap();
    succeeded(&run(folder.path(), &["up"], &required));
}
