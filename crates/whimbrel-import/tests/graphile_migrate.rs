//! The layout of graphile-migrate.
#![allow(missing_docs)]

mod common;

use common::Folder;
use whimbrel_core::hook::When;
use whimbrel_core::source::Source;
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
    let gmrc = "{\n  // ours\n  \"placeholders\": {\n    \":APP_USER\": \"app\",\n    \":SECRET\": \"!ENV\",\n  },\n}\n";
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
}

/// Scripts run around the migrations; what can't be run is no mere warning.
#[test]
fn the_projects_actions_are_hooks_or_refused() {
    let folder = Folder::at(
        "migrations",
        &[
            (
                "../.gmrc",
                "{\"beforeAllMigrations\": \"before.sql\", \"afterAllMigrations\": [{\"_\": \"sql\", \"file\": \"grants.sql\", \"shadow\": false}, {\"_\": \"sql\", \"file\": \"no.sql\", \"shadow\": true}]}",
            ),
            ("committed/000001.sql", FIRST),
            ("before.sql", "SELECT 1;"),
            ("grants.sql", "GRANT a TO :DATABASE_OWNER;"),
        ],
    );
    let load = |options: &[(&str, &str)]| {
        let mut directory = folder
            .of_layout("graphile-migrate")
            .placeholders([("DATABASE_OWNER".to_owned(), "o".to_owned())].into());
        for (name, value) in options {
            directory = directory.layout_option(*name, *value);
        }
        directory.load(Postgres).unwrap()
    };
    let loaded = load(&[]);
    let hooks: Vec<_> = loaded
        .hooks
        .iter()
        .map(|hook| (hook.when, hook.script.text()))
        .collect();
    assert_eq!(
        hooks,
        [
            (When::BeforeApplied, "SELECT 1;"),
            (When::AfterApplied, "GRANT a TO o;")
        ]
    );
    assert_eq!(loaded.warnings.len(), 0);
    assert!(load(&[("actions", "false")]).hooks.is_empty());
    let folder = Folder::at(
        "migrations",
        &[
            (
                "../.gmrc",
                "{\n\"afterAllMigrations\": [\"!grants.sql\", {\"_\": \"command\", \"command\": \"./dump\"}]}",
            ),
            ("committed/000001.sql", FIRST),
        ],
    );
    let errors = folder.errors("graphile-migrate", Postgres);
    assert!(errors[0].ends_with(".gmrc:2:2: afterAllMigrations: grants.sql runs as the root user of .gmrc, which Whimbrel does not know"), "{errors:?}");
    assert!(
        errors[1].ends_with(".gmrc:2:2: afterAllMigrations: Whimbrel runs no commands (`./dump`)"),
        "{errors:?}"
    );
}
