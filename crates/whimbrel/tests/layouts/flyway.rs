//! Flyway: callbacks, undo files, baselines, its placeholders.

use whimbrel::plan::State;
use whimbrel_testkit::on_engines;

use super::Project;

const EVENTS: &str = "SELECT count(*) FROM events WHERE what = ";

async fn flyway_with_callbacks(engine: &'static str) {
    let insert = |what: &str| format!("INSERT INTO events VALUES ('{what}')");
    let project = Project::found(
        engine,
        &[
            (
                "V1__users.sql",
                "CREATE TABLE users (id integer PRIMARY KEY, name varchar(50));",
            ),
            (
                "V1_1__fill.sql",
                "INSERT INTO users VALUES (1, '${flyway:filename}')",
            ),
            ("U1.1__fill.sql", "DELETE FROM users;"),
            (
                "R__names.sql",
                "DROP VIEW IF EXISTS names;\nCREATE VIEW names AS SELECT name FROM users;",
            ),
            (
                "beforeMigrate.sql",
                "CREATE TABLE IF NOT EXISTS events (what varchar(20));",
            ),
            ("beforeEachMigrate.sql", &insert("before each")),
            ("afterEachMigrate.sql", &insert("after each")),
            ("afterMigrateApplied.sql", &insert("applied")),
            ("afterMigrate__end.sql", &insert("end")),
            ("beforeUndo.sql", &insert("undo")),
        ],
    );
    assert_eq!(project.up().await, ["1_users", "1.1_fill", "R__names"]);
    assert_eq!(project.value("SELECT name FROM names"), "V1_1__fill.sql");
    let count = |what: &str| project.value(&format!("{EVENTS}'{what}'"));
    assert_eq!(
        [
            count("before each"),
            count("after each"),
            count("applied"),
            count("end")
        ],
        ["3", "3", "1", "1"]
    );
    assert!(project.up().await.is_empty());
    assert_eq!(
        [count("before each"), count("applied"), count("end")],
        ["3", "1", "2"]
    );
    assert!(project.migrator().is_up_to_date().await.unwrap());
    assert_eq!(project.down(1).await, ["1.1_fill"]);
    assert_eq!(
        [count("undo"), project.value("SELECT count(*) FROM users")],
        ["1", "0"]
    );
    project.write(
        "afterEachMigrate.sql",
        "SELECT 1;\nINSERT INTO nowhere VALUES (1);",
    );
    let failure = project.failure().await;
    assert!(failure.starts_with("afterEachMigrate.sql:2:"), "{failure}");
    assert_eq!(project.value("SELECT count(*) FROM users"), "0");
}

async fn flyway_begins_with_a_baseline(engine: &'static str) {
    let files = [
        ("V1__a.sql", "CREATE TABLE a (id integer);"),
        ("V2__b.sql", "CREATE TABLE b (id integer);"),
        (
            "B2__both.sql",
            "CREATE TABLE a (id integer); CREATE TABLE b (id integer);",
        ),
        ("V3__c.sql", "CREATE TABLE c (id integer);"),
    ];
    let project = Project::found(engine, &files);
    assert_eq!(project.up().await, ["2_both", "3_c"]);
    let states: Vec<_> = project
        .states()
        .await
        .into_iter()
        .map(|(_, state)| state)
        .collect();
    assert_eq!(states, [State::Baseline, State::Applied, State::Baseline]);
    assert!(project.up().await.is_empty());
    let without = Project::found(engine, &files[..2]);
    without.up().await;
    without.write(files[2].0, files[2].1);
    without.write(files[3].0, files[3].1);
    assert_eq!(without.up().await, ["3_c"]);
}

async fn flyway_asks_the_server(engine: &'static str) {
    let project = Project::found(
        engine,
        &[(
            "V1__a.sql",
            "CREATE TABLE a (d varchar(99));\nINSERT INTO a VALUES ('${flyway:defaultSchema}');",
        )],
    );
    project.up().await;
    let schema = project.value("SELECT d FROM a");
    let expected = match engine {
        "postgres" => "public",
        "mariadb" => project.url.rsplit('/').next().unwrap(),
        _ => "main",
    };
    assert_eq!(schema, expected);
}

on_engines! {
    [sqlite postgres mariadb]
    flyway_with_callbacks
    flyway_begins_with_a_baseline
    flyway_asks_the_server
}
