//! The layout of graphile-migrate.
#![allow(missing_docs)]

mod common;

use common::Folder;
use whimbrel_sql::Dialect::Postgres;

const FIRST: &str = "--! Previous: -\n--! Hash: sha1:aa\n\nCREATE TABLE a (b int);\n";
const SECOND: &str = "--! Previous: sha1:aa\n--! Hash: sha1:bb\n--! Message: more\n--! AllowInvalidHash\n\n--! no-transaction\nCREATE INDEX CONCURRENTLY i ON a (b);\n";

#[test]
fn committed_files_are_read_in_their_chain() {
    let folder = Folder::new(&[
        ("committed/000002-more.sql", SECOND),
        ("committed/000001.sql", FIRST),
        ("current.sql", "-- Enter migration here\nSELECT 1;\n"),
        ("fixtures/f.sql", "SELECT 2;"),
    ]);
    assert_eq!(folder.detected(Postgres), "graphile-migrate");
    assert_eq!(
        folder.read("graphile-migrate", Postgres),
        [
            "000001 : CREATE TABLE a (b int);",
            "000002 more: CREATE INDEX CONCURRENTLY i ON a (b); [off]",
        ]
    );
    assert_eq!(
        folder.warnings("graphile-migrate", Postgres),
        [
            "current.sql:1:1: the current migration is not committed: it is passed over",
            "fixtures/f.sql:1:1: this is no committed migration: it is passed over",
        ]
    );
}

#[test]
fn a_broken_chain_is_refused() {
    let folder = Folder::new(&[("000002.sql", SECOND)]);
    assert_eq!(
        folder.errors("graphile-migrate", Postgres),
        ["000002.sql:1:1: this file does not follow the one before it (none)"]
    );
    let folder = Folder::new(&[("000001.sql", "SELECT 1;\n")]);
    assert_eq!(folder.errors("graphile-migrate", Postgres).len(), 2);
}

#[test]
fn placeholders_have_values_or_are_refused() {
    let text = format!("{FIRST}GRANT ALL ON a TO :DATABASE_OWNER; SELECT '12:HOME', a::TEXT;\n");
    let folder = Folder::new(&[("000001.sql", &text)]);
    assert_eq!(
        folder.substituted("graphile-migrate", &[("DATABASE_OWNER", "app")]),
        ["CREATE TABLE a (b int); GRANT ALL ON a TO app; SELECT '12:HOME', a::TEXT;"]
    );
    assert_eq!(
        folder.substituted("graphile-migrate", &[]),
        ["000001.sql:5:19: the placeholder :DATABASE_OWNER has no value"]
    );
    // Every project made from the tool's examples has this one.
    let text = format!("{FIRST}GRANT ALL ON a TO :DATABASE_VISITOR;\n");
    assert_eq!(
        Folder::new(&[("000001.sql", &text)]).substituted("graphile-migrate", &[]),
        ["000001.sql:5:19: the placeholder :DATABASE_VISITOR has no value"]
    );
}

/// What `graphile-migrate init` writes is JSON with comments.
#[test]
fn the_projects_own_placeholders_are_put_in() {
    let gmrc = "{\n  // ours\n  \"placeholders\": {\n    \":APP_USER\": \"app\",\n    \":SECRET\": \"!ENV\",\n  },\n  \"afterAllMigrations\": [\"grants.sql\"],\n}\n";
    let text = format!("{FIRST}SELECT ':APP_USER', ':SECRET', ':OTHER';\n");
    let folder = Folder::at(
        "migrations",
        &[("../.gmrc", gmrc), ("committed/000001.sql", &text)],
    );
    assert_eq!(
        folder.substituted("graphile-migrate", &[("SECRET", "s")]),
        ["CREATE TABLE a (b int); SELECT 'app', 's', ':OTHER';"]
    );
    assert_eq!(
        folder.substituted("graphile-migrate", &[]),
        ["committed/000001.sql:5:22: the placeholder :SECRET has no value"]
    );
    let warnings = folder.warnings("graphile-migrate", Postgres);
    assert!(
        warnings[0].ends_with(".gmrc:7:4: the actions of afterAllMigrations are not run"),
        "{warnings:?}"
    );
}
