//! What the system that D1's users come from has besides: its own form of a file, dependencies,
//! hooks, settings, retries, the history of failures.

use std::time::Duration;

use whimbrel::error::ErrorKind;
use whimbrel::history::HistoryTables;
use whimbrel::plan::Goal;
use whimbrel::source::Directory;
use whimbrel::{Error, Migrator};
use whimbrel_testkit::{D1Server, Fate};

use super::{Project, refusals};

const USERS: (&str, &str) = (
    "001_create_users.sql",
    "-- 001_create_users.sql\n-- Version: 001\n-- Description: Create users table with basic fields\n\nCREATE TABLE IF NOT EXISTS users (\n  id TEXT PRIMARY KEY,\n  email TEXT UNIQUE NOT NULL,\n  created_at INTEGER NOT NULL\n);\n\n-- Create indexes\nCREATE INDEX IF NOT EXISTS idx_users_created_at ON users (created_at);\n\n-- Rollback\n-- DROP TABLE IF EXISTS users;\n",
);

fn objects(project: &Project) -> String {
    project.rows(
        "SELECT name FROM sqlite_master WHERE name IN ('users', 'idx_users_created_at') ORDER BY 1",
    )
}

#[tokio::test]
async fn its_form_of_a_file_goes_up_and_down() {
    let project = Project::new(&[USERS]);
    project.migrator().up().await.unwrap();
    let both = r#"[{"name":"idx_users_created_at"},{"name":"users"}]"#;
    assert_eq!(objects(&project), both);
    let status = project.migrator().status().await.unwrap();
    let row = &status.migrations[0];
    assert_eq!(row.version.as_str(), "001");
    project.migrator().run(&Goal::UndoAll).await.unwrap();
    assert_eq!(objects(&project), "[]");
}

#[tokio::test]
async fn dependencies_decide_the_order_and_must_be_there() {
    let project = Project::new(&[
        ("001_a.sql", "-- Depends: 002\nINSERT INTO b VALUES (1);\n"),
        ("002_b.sql", "CREATE TABLE b (n integer);\n"),
    ]);
    let report = project.migrator().up().await.unwrap();
    let order: Vec<_> = report.steps.iter().map(|s| s.version.as_str()).collect();
    assert_eq!(order, ["002", "001"]);
    project.write("003_c.sql", "-- Depends: 009\nSELECT 1;\n");
    let error = project.migrator().up().await.unwrap_err();
    assert!(refusals(&error)[0].contains("009"), "{error}");
}

#[tokio::test]
async fn rollbacks_can_be_required() {
    let project = Project::new(&[USERS, ("002_no_way_back.sql", "DELETE FROM users;\n")]);
    let strict = project
        .builder()
        .options(|options| options.plan.require_rollback = true);
    let error = strict.build().unwrap().up().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("002"), "{error}");
    assert_eq!(objects(&project), "[]");
}

#[tokio::test]
async fn versions_that_are_undone_are_shown_first() {
    let project = Project::new(&[USERS]);
    project.migrator().up().await.unwrap();
    let these = Goal::Undo(vec!["001".to_owned()]);
    let (plan, sql) = project.migrator().dry_run(&these).await.unwrap();
    assert_eq!(plan.steps.len(), 1);
    assert!(sql.contains("DROP TABLE IF EXISTS users"), "{sql}");
    assert_ne!(objects(&project), "[]");
}

#[tokio::test]
async fn the_history_has_a_name_of_the_settings() {
    let project = Project::new(&[USERS]);
    let named = || {
        project
            .builder()
            .tables(HistoryTables::named("schema_steps"))
    };
    named().build().unwrap().up().await.unwrap();
    assert!(named().build().unwrap().is_up_to_date().await.unwrap());
    let rows = project.rows("SELECT version, name FROM schema_steps");
    assert_eq!(rows, r#"[{"version":"001","name":"create_users"}]"#);
    let usual = "SELECT count(*) AS n FROM sqlite_master WHERE name = 'whimbrel_applied'";
    assert_eq!(project.rows(usual), "[{\"n\":0}]");
}

/// Who did it, when and how long it took; what went wrong as well.
#[tokio::test]
async fn the_history_tells_of_successes_and_failures() {
    let project = Project::new(&[USERS, ("002_bad.sql", "INSERT INTO nowhere VALUES (1);\n")]);
    project.migrator().up().await.unwrap_err();
    let failed = "SELECT version, state, error FROM whimbrel_log WHERE state = 'failed'";
    assert_eq!(
        project.rows(failed),
        r#"[{"version":"002","state":"failed","error":"no such table: nowhere"}]"#
    );
    let status = project.migrator().status().await.unwrap();
    assert_eq!((status.totals.applied, status.totals.failed), (1, 1));
    let record = "SELECT applied_by LIKE '%@%' AS who, applied_at > '2026' AS at, length(checksum) AS n FROM whimbrel_applied";
    assert_eq!(project.rows(record), r#"[{"who":1,"at":1,"n":64}]"#);
}

#[tokio::test]
async fn retries_are_as_many_as_the_settings_say() {
    for retries in [0, 3] {
        let project = Project::new(&[USERS]);
        let line = project.line(|body| {
            if body.contains("CREATE TABLE IF NOT EXISTS users") {
                Fate::Refuse(500)
            } else {
                Fate::Pass
            }
        });
        let migrator = project.builder_at(&line.url).options(|options| {
            options.retries = retries;
            options.retry_delay = Duration::from_millis(20);
        });
        let error = migrator.build().unwrap().up().await.unwrap_err();
        assert!(matches!(error, Error::Failed(_)), "{error}");
        let requests = line.requests.lock().unwrap();
        let tries = requests
            .iter()
            .filter(|body| body.contains("CREATE TABLE IF NOT EXISTS users"));
        assert_eq!(tries.count(), usize::try_from(retries).unwrap() + 1);
    }
}

/// Hooks around the run and around each migration, in the files' own form.
#[tokio::test]
async fn hooks_run_around_migrations() {
    let project = Project::new(&[
        ("V1__t.sql", "CREATE TABLE t (n integer);\n"),
        ("V2__fill.sql", "INSERT INTO t VALUES (1);\n"),
        (
            "beforeMigrate.sql",
            "CREATE TABLE IF NOT EXISTS told (what text);\nINSERT INTO told VALUES ('before');\n",
        ),
        (
            "afterEachMigrate.sql",
            "INSERT INTO told VALUES ('each');\n",
        ),
        ("afterMigrate.sql", "INSERT INTO told VALUES ('after');\n"),
    ]);
    let layout = whimbrel::import::layout_by_name("flyway").unwrap();
    let files = Directory::new(project.folder.path()).layout(layout);
    let migrator = Migrator::builder(&project.url)
        .source(files)
        .password(D1Server::TOKEN);
    migrator.build().unwrap().up().await.unwrap();
    let told = project.rows("SELECT group_concat(what) AS all_of_it FROM told");
    assert_eq!(told, r#"[{"all_of_it":"before,each,each,after"}]"#);
}
