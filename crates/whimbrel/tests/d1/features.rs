//! Every feature of the system that D1's users come from.

use whimbrel::Error;
use whimbrel::error::ErrorKind;
use whimbrel::plan::Goal;
use whimbrel_testkit::Fate;

use super::Project;

const FILES: [(&str, &str); 3] = [
    (
        "001_users.sql",
        "-- Version: 001\n-- Description: Create users\nCREATE TABLE users (id TEXT PRIMARY KEY, email TEXT UNIQUE NOT NULL);\nCREATE INDEX idx_users_email ON users (email);\n-- Rollback\n-- DROP TABLE IF EXISTS users;\n",
    ),
    (
        "002_profile.sql",
        "ALTER TABLE users ADD COLUMN profile TEXT;\n-- Rollback: ALTER TABLE users DROP COLUMN profile;\n",
    ),
    (
        "003_posts.sql",
        "CREATE TABLE posts (id INTEGER PRIMARY KEY);\n-- Rollback: DROP TABLE posts;\n",
    ),
];

#[tokio::test]
async fn versions_are_tracked() {
    let project = Project::new(&FILES);
    project.migrator().up().await.unwrap();
    let status = project.migrator().status().await.unwrap();
    assert_eq!((status.totals.applied, status.totals.pending), (3, 0));
    let log = "SELECT version, action, state FROM whimbrel_log WHERE version = '002' ORDER BY run";
    project.migrator().run(&Goal::UndoSteps(2)).await.unwrap();
    assert_eq!(
        project.rows(log),
        r#"[{"version":"002","action":"up","state":"done"},{"version":"002","action":"down","state":"done"}]"#
    );
}

#[tokio::test]
async fn down_goes_by_steps_and_by_versions() {
    let project = Project::new(&FILES);
    project.migrator().up().await.unwrap();
    let (plan, sql) = project
        .migrator()
        .dry_run(&Goal::UndoSteps(1))
        .await
        .unwrap();
    assert_eq!(plan.steps[0].version.as_str(), "003");
    assert!(sql.contains("DROP TABLE posts") && sql.contains("DELETE FROM"));
    assert_eq!(project.states().await[2], "003 Applied");
    project.migrator().run(&Goal::UndoSteps(1)).await.unwrap();
    assert_eq!(project.states().await[2], "003 RolledBack");
    let these = Goal::Undo(vec!["001".to_owned(), "002".to_owned()]);
    let report = project.migrator().run(&these).await.unwrap();
    let undone: Vec<_> = report.steps.iter().map(|s| s.version.as_str()).collect();
    assert_eq!(undone, ["002", "001"]);
    let left = "SELECT name FROM sqlite_master WHERE name IN ('users', 'posts')";
    assert_eq!(project.rows(left), "[]");
}

#[tokio::test]
async fn a_dry_run_shows_the_batch_and_changes_nothing() {
    let project = Project::new(&FILES);
    let (_, sql) = project.migrator().dry_run(&Goal::Latest).await.unwrap();
    for part in [
        "-- One batch",
        "CREATE TABLE users",
        "INSERT INTO \"whimbrel_applied\"",
        "(checksum, text) VALUES (?, ?)",
    ] {
        assert!(sql.contains(part), "{part}: {sql}");
    }
    let tables = "SELECT count(*) AS n FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'";
    assert_eq!(project.rows(tables), "[{\"n\":0}]");
}

#[tokio::test]
async fn checksums_are_checked_and_force_passes_over_them() {
    let project = Project::new(&FILES);
    project.migrator().up().await.unwrap();
    project.write("003_posts.sql", "CREATE TABLE posts (id TEXT);\n");
    project.write("004_more.sql", "CREATE TABLE more (id INTEGER);\n");
    let error = project.migrator().up().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let forced = project
        .builder()
        .options(|options| options.plan.force = true);
    let report = forced.build().unwrap().up().await.unwrap();
    assert_eq!(report.steps.len(), 1);
}

#[tokio::test]
async fn a_run_can_be_one_batch() {
    let project = Project::new(&FILES);
    project.write("004_bad.sql", "INSERT INTO nowhere VALUES (1);\n");
    let together = |options: &mut whimbrel::runner::RunOptions| {
        options.plan.single_transaction = true;
    };
    let all = || project.builder().options(together).build().unwrap();
    let Error::Failed(failure) = all().up().await.unwrap_err() else {
        panic!()
    };
    assert_eq!(failure.version.as_str(), "004");
    assert_eq!(failure.diagnostic.message, "no such table: nowhere");
    assert_eq!(project.states().await[0], "001 Pending");
    project.write("004_bad.sql", "INSERT INTO posts VALUES (1);\n");
    assert_eq!(all().up().await.unwrap().steps.len(), 4);
}

#[tokio::test]
async fn the_first_error_stops_or_is_passed_over() {
    let project = Project::new(&FILES);
    project.write(
        "002_profile.sql",
        "ALTER TABLE users ADD COLUMN a TEXT;\nINSERT INTO users (nothing) VALUES (1);\n",
    );
    let Error::Failed(failure) = project.migrator().up().await.unwrap_err() else {
        panic!()
    };
    let place = failure.diagnostic.label.as_ref().unwrap().place();
    assert_eq!(place.line, 2, "{}", failure.diagnostic);
    assert_eq!(
        project.states().await,
        ["001 Applied", "002 Failed", "003 Pending"]
    );
    let on = project
        .builder()
        .options(|options| options.continue_on_error = true);
    let report = on.build().unwrap().up().await.unwrap();
    assert_eq!((report.steps.len(), report.failures.len()), (1, 1));
    assert_eq!(
        project.states().await,
        ["001 Applied", "003 Applied", "002 Failed"]
    );
}

#[tokio::test]
async fn an_error_has_its_column() {
    let text = "CREATE TABLE t (a);\n\nSELECT a\n  FROM t, ORDER BY 1;\n";
    let project = Project::new(&[("001_syntax.sql", text)]);
    let Error::Failed(failure) = project.migrator().up().await.unwrap_err() else {
        panic!()
    };
    let place = failure.diagnostic.label.as_ref().unwrap().place();
    assert_eq!(
        (place.line, place.column),
        (4, 11),
        "{}",
        failure.diagnostic
    );
}

#[tokio::test]
async fn many_migrations_share_requests() {
    let project = Project::new(&[]);
    for number in 1..=60 {
        let text = format!("CREATE TABLE t{number} (id INTEGER);\n");
        project.write(&format!("{number:03}_t.sql"), &text);
    }
    let line = project.line(|_| Fate::Pass);
    let migrator = project.builder_at(&line.url).build().unwrap();
    assert_eq!(migrator.up().await.unwrap().steps.len(), 60);
    // The history, other tools' tables, its own tables, the lock, two times the migrations, the
    // lock's return.
    assert_eq!(line.requests.lock().unwrap().len(), 7);
    migrator.up().await.unwrap();
    assert_eq!(line.requests.lock().unwrap().len(), 8);
}
