//! Native files made of other layouts' files.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod edges;

use std::collections::{BTreeMap, HashMap};

use common::Folder;
use whimbrel_core::convert::{Conversion, convert};
use whimbrel_core::driver::Capabilities;
use whimbrel_core::history::History;
use whimbrel_core::plan::{PlanInput, PlanOptions};
use whimbrel_core::source::{Directory, Source};
use whimbrel_import::{layout_by_name, layouts};
use whimbrel_sql::Dialect;

/// What a conversion is given besides the files.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) placeholders: Option<BTreeMap<String, String>>,
    pub(crate) options: Vec<(&'static str, &'static str)>,
    pub(crate) environment: BTreeMap<String, String>,
}

pub(crate) fn try_it(
    layout: &str,
    dialect: Dialect,
    files: &[(&str, &str)],
    given: &Given,
) -> Result<Conversion, Vec<String>> {
    let folder = Folder::new(files);
    let mut directory = Directory::new(folder.path())
        .known_layouts(layouts())
        .layout(layout_by_name(layout).unwrap())
        .environment(given.environment.clone())
        .placeholders(given.placeholders.clone().unwrap_or_default());
    for (key, value) in &given.options {
        directory = directory.layout_option(*key, *value);
    }
    let loaded = directory.load(dialect).unwrap();
    let options = PlanOptions {
        placeholders: given.placeholders.clone(),
        ..PlanOptions::default()
    };
    let result = convert(PlanInput {
        migrations: &loaded.migrations,
        hooks: &loaded.hooks,
        history: &History::default(),
        kept: &HashMap::new(),
        dialect,
        capabilities: Capabilities {
            transactional_ddl: dialect != Dialect::Mysql,
            cancel: true,
            enum_value_in_transaction: true,
            units_at_once: 1,
            batches_only: false,
            limits: None,
        },
        options: &options,
    });
    let root = format!("{}/", folder.path().display());
    result.map_err(|error| {
        let list = error.diagnostics();
        list.iter()
            .map(|one| one.to_string().replace(&root, ""))
            .collect()
    })
}

/// Each file's name, then its text without the mark's checksum.
pub(crate) fn made(layout: &str, dialect: Dialect, files: &[(&str, &str)]) -> String {
    let conversion = try_it(layout, dialect, files, &Given::default()).unwrap();
    shown(&conversion)
}

pub(crate) fn shown(conversion: &Conversion) -> String {
    let mut text = String::new();
    for (name, body) in &conversion.files {
        text.push_str(&format!("== {name}\n"));
        for line in body.lines() {
            match line.strip_prefix("-- Converted: ") {
                Some(rest) => text.push_str(&format!("-- Converted: * {}\n", &rest[65..])),
                None => text.push_str(&format!("{line}\n")),
            }
        }
    }
    text
}

pub(crate) fn refused(layout: &str, dialect: Dialect, files: &[(&str, &str)]) -> Vec<String> {
    try_it(layout, dialect, files, &Given::default()).unwrap_err()
}

pub(crate) const PG: Dialect = Dialect::Postgres;

#[test]
fn versions_that_native_names_can_hold_stay() {
    insta::assert_snapshot!(made("flyway", PG, &[
        ("V1__first.sql", "SELECT 1;\n"),
        ("V1_2__second-one.sql", "SELECT 2;\n"),
        ("V10__third.sql", "SELECT 3;\n"),
        ("U10__third.sql", "SELECT 4;\n"),
        ("R__view.sql", "SELECT 5;\n"),
    ]), @r##"
    == 1_first.sql
    SELECT 1;
    == 1.2_second-one.sql
    SELECT 2;
    == 10_third.up.sql
    SELECT 3;
    == 10_third.down.sql
    SELECT 4;
    == R__view.sql
    SELECT 5;
    "##);
    insta::assert_snapshot!(made("goose", PG, &[
        ("00001_users.sql", "-- +goose Up\nCREATE TABLE a ();\n-- +goose Down\nDROP TABLE a;\n"),
        ("00002_body.sql", "-- +goose Up\n-- +goose StatementBegin\nCREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END $$ LANGUAGE plpgsql\n-- +goose StatementEnd\n"),
        ("00003_alone.sql", "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY i ON a (b);\n-- +goose Down\nDROP INDEX CONCURRENTLY i;\n"),
    ]), @r##"
    == 00001_users.sql
    -- Converted: * 00001

    CREATE TABLE a ();

    -- Rollback
    -- DROP TABLE a;
    == 00002_body.sql
    -- Converted: * 00002

    CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END $$ LANGUAGE plpgsql
    ;
    == 00003_alone.sql
    -- Transaction: off
    -- Converted: * 00003

    CREATE INDEX CONCURRENTLY i ON a (b);

    -- Rollback
    -- DROP INDEX CONCURRENTLY i;
    "##);
}

#[test]
fn pairs_stay_pairs_to_the_byte() {
    let files = [
        ("000001_a.up.sql", "CREATE TABLE a (b int);"),
        ("000001_a.down.sql", "DROP TABLE a;\r\n"),
        ("000002_b.up.sql", "BEGIN;\nSELECT 1;\nCOMMIT;\nSELECT 2;\n"),
    ];
    let conversion = try_it("golang-migrate", PG, &files, &Given::default()).unwrap();
    let text = |name: &str| {
        let mut files = conversion.files.iter();
        files.find(|(file, _)| file == name).unwrap().1.as_str()
    };
    assert_eq!(text("000001_a.up.sql"), files[0].1);
    assert_eq!(text("000001_a.down.sql"), files[1].1);
    assert!(text("000002_b.up.sql").starts_with("-- Transaction: off\n-- Converted: "));
}

#[test]
fn versions_that_are_names_become_numbers() {
    insta::assert_snapshot!(made("prisma", PG, &[
        ("20240101000000_init/migration.sql", "CREATE TABLE \"A\" ();\n"),
        ("20240102000000_add-b/migration.sql", "CREATE TABLE \"B\" ();\n"),
        ("migration_lock.toml", "provider = \"postgresql\"\n"),
    ]), @r##"
    == 20240101000000_init.sql
    -- Converted: * 20240101000000_init

    CREATE TABLE "A" ();
    == 20240102000000_add-b.sql
    -- Converted: * 20240102000000_add-b

    CREATE TABLE "B" ();
    "##);
    insta::assert_snapshot!(made("sqitch", PG, &[
        ("sqitch.conf", "[core]\n\tengine = pg\n"),
        ("sqitch.plan", "%syntax-version=1.0.0\n%project=flipr\n\nschema 2024-03-01T10:20:30Z ada <a@b> # one\napp/users [schema] 2024-03-01T10:20:31Z ada <a@b> # two: the table\n@v1 2024-03-01T10:20:32Z ada <a@b> # tag\n"),
        ("deploy/schema.sql", "BEGIN;\nCREATE SCHEMA s;\nCOMMIT;\n"),
        ("revert/schema.sql", "BEGIN;\nDROP SCHEMA s;\nCOMMIT;\n"),
        ("deploy/app/users.sql", "-- Deploy flipr:users to pg\nBEGIN;\nCREATE TABLE s.u ();\nCOMMIT;\n"),
    ]), @r##"
    == 0001_schema.up.sql
    -- Description: one
    -- Created: 2024-03-01T10:20:30Z
    -- Converted: * schema

    BEGIN;
    CREATE SCHEMA s;
    COMMIT;
    == 0001_schema.down.sql
    BEGIN;
    DROP SCHEMA s;
    COMMIT;
    == 0002_app_users.sql
    -- Description: two: the table
    -- Created: 2024-03-01T10:20:31Z
    -- Depends: 0001
    -- Tags: v1
    -- Converted: * app/users
    -- Deploy flipr:users to pg
    BEGIN;
    CREATE TABLE s.u ();
    COMMIT;
    "##);
}

#[test]
fn parts_of_files_become_files() {
    insta::assert_snapshot!(made("liquibase", PG, &[
        ("a.sql", "--liquibase formatted sql\n--changeset ada:1\nCREATE TABLE a ();\n--rollback DROP TABLE a;\n--changeset ada:two words runInTransaction:false\nCREATE INDEX CONCURRENTLY i ON a (b);\n--rollback empty\n"),
    ]), @r##"
    == 0001.sql
    -- Allow: out-of-order
    -- Converted: * a.sql::ada:1

    CREATE TABLE a ();

    -- Rollback
    -- DROP TABLE a;
    == 0002_two.sql
    -- Transaction: off
    -- Allow: out-of-order
    -- Converted: * a.sql::ada:two

    CREATE INDEX CONCURRENTLY i ON a (b);

    -- Rollback
    "##);
    insta::assert_snapshot!(made("ts-strings", PG, &[
        ("001_create.ts", "export const up = `\n  CREATE TABLE a ();\n`;\nexport const down = 'DROP TABLE a;';\nexport const config = { timeout: 1500 };\n"),
    ]), @r##"
    == 001_create.sql
    -- Timeout: 1500ms
    -- Converted: * 001

      CREATE TABLE a ();

    -- Rollback
    -- DROP TABLE a;
    "##);
    insta::assert_snapshot!(made("dbmate", PG, &[
        ("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a ();\n\n-- migrate:down\nDROP TABLE a;\n"),
        ("20240102000000_b.sql", "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY i ON a (b);\n\n-- migrate:down\nDROP INDEX i;\nDROP TABLE IF EXISTS c;\n"),
    ]), @r##"
    == 20240101000000_a.sql
    -- Converted: * 20240101000000

    CREATE TABLE a ();

    -- Rollback
    -- DROP TABLE a;
    == 20240102000000_b.sql
    -- Converted: * 20240102000000

    CREATE INDEX CONCURRENTLY i ON a (b);

    -- Rollback
    -- DROP INDEX i;
    -- DROP TABLE IF EXISTS c;
    "##);
}

/// What docs/coming-from says of each tool.
#[test]
fn names_by_tool() {
    let sql = "CREATE TABLE a (b int);\n";
    for (layout, files, expected) in [
        (
            "refinery",
            vec![("V1__a.sql", sql), ("V2__b_c.sql", sql)],
            "1_a.sql 2_b_c.sql",
        ),
        (
            "diesel",
            vec![
                ("2024-01-01-000000_a/up.sql", sql),
                ("2024-01-01-000000_a/down.sql", "DROP TABLE a;\n"),
            ],
            "20240101000000_a.up.sql 20240101000000_a.down.sql",
        ),
        (
            "drizzle",
            vec![
                (
                    "meta/_journal.json",
                    r#"{"version":"7","dialect":"postgresql","entries":[{"idx":0,"version":"7","when":1,"tag":"0000_odd_name","breakpoints":true}]}"#,
                ),
                (
                    "0000_odd_name.sql",
                    "CREATE TABLE a ();--> statement-breakpoint\nCREATE TABLE b ();\n",
                ),
            ],
            "0000_odd_name.sql",
        ),
        (
            "node-pg-migrate",
            vec![(
                "1700000000000_a-b.sql",
                "-- Up Migration\nSELECT 1;\n-- Down Migration\nSELECT 2;\n",
            )],
            "1700000000000_a-b.sql",
        ),
        (
            "rails",
            vec![(
                "structure.sql",
                "CREATE TABLE a ();\nINSERT INTO schema_migrations (version) VALUES ('20240101000000');\n",
            )],
            "20240101000000_structure.sql",
        ),
        (
            "by-name",
            vec![
                ("0001.members.sql", sql),
                ("0001.members.rollback.sql", "DROP TABLE a;\n"),
                ("0002.loans.sql", "-- depends: 0001.members\nSELECT 1;\n"),
            ],
            "0001_members.up.sql 0001_members.down.sql 0002_loans.sql",
        ),
        (
            "by-name",
            vec![("v1.9/b.sql", sql), ("v1.10/a.sql", sql)],
            "0001_b.sql 0002_a.sql",
        ),
    ] {
        let conversion = try_it(layout, PG, &files, &Given::default()).unwrap();
        let names: Vec<_> = conversion
            .files
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names.join(" "), expected, "{layout}");
    }
}

#[test]
fn a_tools_own_transaction_is_spelt_out() {
    // The tool has a transaction open when the file begins, which the file ends.
    insta::assert_snapshot!(made("sqlx", Dialect::Sqlite, &[
        ("1_a.sql", "CREATE TABLE a (b);\nCOMMIT;\nPRAGMA foreign_keys = OFF;\nBEGIN;\nCREATE TABLE c (d);\n"),
    ]), @r##"
    == 1_a.sql
    -- Transaction: off
    -- Converted: * 1

    BEGIN;
    CREATE TABLE a (b);
    COMMIT;
    PRAGMA foreign_keys = OFF;
    BEGIN;
    CREATE TABLE c (d);
    COMMIT;
    "##);
    insta::assert_snapshot!(made("prisma", Dialect::Sqlite, &[
        ("20240101000000_r/migration.sql", "PRAGMA foreign_keys=OFF;\nCREATE TABLE \"n\" (a);\nDROP TABLE \"o\";\nALTER TABLE \"n\" RENAME TO \"o\";\nPRAGMA foreign_keys=ON;\n"),
    ]), @r##"
    == 20240101000000_r.sql
    -- Converted: * 20240101000000_r

    PRAGMA foreign_keys=OFF;
    CREATE TABLE "n" (a);
    DROP TABLE "o";
    ALTER TABLE "n" RENAME TO "o";
    PRAGMA foreign_keys=ON;
    "##);
    insta::assert_snapshot!(made("flyway", Dialect::Mysql, &[
        ("V1__a.sql", "CREATE TABLE a (b int);\nDELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; END//\nDELIMITER ;\nINSERT INTO a VALUES (1);\n"),
        ("U1__a.sql", "DELIMITER //\nDROP PROCEDURE p//\nDELIMITER ;\n"),
    ]), @r##"
    == 1_a.up.sql
    CREATE TABLE a (b int);
    DELIMITER //
    CREATE PROCEDURE p() BEGIN SELECT 1; END//
    DELIMITER ;
    INSERT INTO a VALUES (1);
    == 1_a.down.sql
    DELIMITER //
    DROP PROCEDURE p//
    DELIMITER ;
    "##);
}
