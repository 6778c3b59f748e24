//! What native files can't say, and what only looks like it.

use std::collections::BTreeMap;

use super::{Given, PG, made, refused, shown, try_it};

#[test]
fn comments_that_were_nobodys_directives_stay_comments() {
    insta::assert_snapshot!(made("flyway", PG, &[
        ("V1__a.sql", "-- Transaction: off\n-- Depends: 9\nSELECT 1;\n-- Rollback\nSELECT 2;\n"),
    ]), @r##"
    == 1_a.sql
    -- Converted: * 1
    -- was: Transaction: off
    -- was: Depends: 9
    SELECT 1;
    -- was: Rollback
    SELECT 2;
    "##);
}

#[test]
fn what_native_files_cannot_say_is_refused_with_its_place() {
    let goose = "-- +goose Up\n-- +goose ENVSUB ON\nSELECT '$HOME';\n-- +goose ENVSUB OFF\n";
    let given = Given {
        environment: BTreeMap::from([("HOME".to_owned(), "/root".to_owned())]),
        ..Given::default()
    };
    let list = try_it("goose", PG, &[("1_a.sql", goose)], &given).unwrap_err();
    insta::assert_snapshot!(list.join("\n"), @r##"
    1_a.sql:3:9: its tool puts a value in here, which native files would not
    "##);
    let list = refused(
        "flyway",
        PG,
        &[
            ("V1__a.sql", "SELECT 1;\nSELECT '${flyway:filename}';\n"),
            ("afterMigrate.sql", "SELECT 1;\n"),
            ("R__always.sql", "-- ${flyway:timestamp}\nSELECT 1;\n"),
        ],
    );
    insta::assert_snapshot!(list.join("\n"), @r##"
    afterMigrate.sql:1:1: native files have no callbacks such as afterMigrate
    V1__a.sql:2:9: its tool puts a value in here, which native files would not
    R__always.sql:1:1: R__always: it runs with every `up`, changed or not; native files have no word for that
    R__always.sql:1:4: its tool puts a value in here, which native files would not
    "##);
    let list = refused(
        "liquibase",
        PG,
        &[(
            "a.sql",
            "--liquibase formatted sql\n--changeset ada:1\n--preconditions onFail:MARK_RAN\n--precondition-sql-check expectedResult:0 SELECT count(*) FROM x\nSELECT 1;\n--changeset ada:2 runOnChange:true\nSELECT 2;\n--changeset ada:3 runAlways:true\nSELECT 3;\n--changeset ada:4 context:prod\nSELECT 4;\n",
        )],
    );
    insta::assert_snapshot!(list.join("\n"), @r##"
    a.sql:4:1: native files have no preconditions
    a.sql:7:1: a.sql::ada:2: it runs again in its place among the others when it changes; native repeatable files run after all others
    a.sql:9:1: a.sql::ada:3: it runs with every `up`, changed or not; native files have no word for that
    "##);
    for (layout, name) in [
        ("native", "001_a.sql"),
        ("supabase", "20240101000000_a.sql"),
        ("wrangler", "0001_a.sql"),
    ] {
        let list = refused(layout, PG, &[(name, "SELECT 1;\n")]);
        assert_eq!(list, ["these files are native already"], "{layout}");
    }
}

/// A rollback that no transaction takes could not run there either.
#[test]
fn a_rollback_that_cannot_run_is_kept_as_it_is() {
    let files = [
        ("2024-01-01-000000_a/up.sql", "DROP INDEX i;\n"),
        (
            "2024-01-01-000000_a/down.sql",
            "SELECT 1;\nCREATE INDEX CONCURRENTLY i ON a (b);\n",
        ),
    ];
    let conversion = try_it("diesel", PG, &files, &Given::default()).unwrap();
    assert_eq!(conversion.files[1].1, files[1].1);
}

#[test]
fn placeholders_of_the_settings_stay() {
    let files = [("V1__a.sql", "CREATE TABLE ${prefix}a ();\n")];
    let given = Given {
        placeholders: Some(BTreeMap::from([("prefix".to_owned(), "x_".to_owned())])),
        ..Given::default()
    };
    let conversion = try_it("flyway", PG, &files, &given).unwrap();
    insta::assert_snapshot!(shown(&conversion), @r##"
    == 1_a.sql
    CREATE TABLE ${prefix}a ();
    "##);
}
