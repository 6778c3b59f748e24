//! Other tools' histories, matched with converted files.

use whimbrel::import::Histories;
use whimbrel::plan::Goal;
use whimbrel_testkit::{Files, on_engines};

use super::{Project, database, migrator};

/// drizzle's rows have no names, and the journal that has them is not in the new folder.
async fn a_history_without_names(engine: &str) {
    let journal = r#"{"version":"7","entries":[{"idx":0,"version":"6","when":1704099600000,"tag":"0000_odd","breakpoints":true},{"idx":1,"version":"6","when":1704186000000,"tag":"0001_even","breakpoints":true}]}"#;
    let first = "CREATE TABLE a (id integer PRIMARY KEY);\n";
    let files = [
        ("meta/_journal.json", journal),
        ("0000_odd.sql", first),
        (
            "0001_even.sql",
            "CREATE TABLE b (id integer PRIMARY KEY);\n",
        ),
    ];
    let project = Project::new(engine, "drizzle", &files);
    let hash = whimbrel::checksum::Checksum::of(first);
    project
        .sql(&format!("{first}CREATE TABLE __drizzle_migrations (id integer PRIMARY KEY, hash varchar(64) NOT NULL, created_at bigint); INSERT INTO __drizzle_migrations VALUES (1, '{hash}', 1704099600000)"))
        .await;
    let to = project.new_folder();
    let report = project
        .before()
        .convert(&Histories::all(), &to)
        .await
        .unwrap();
    assert_eq!(report.history.unwrap().written, 1);
    assert_eq!(project.after().up().await.unwrap().steps.len(), 1);

    // What can't be taken over keeps the folder from being written.
    let other = Project::new(engine, "drizzle", &files);
    other
        .sql("CREATE TABLE __drizzle_migrations (id integer PRIMARY KEY, hash varchar(64) NOT NULL, created_at bigint); INSERT INTO __drizzle_migrations VALUES (1, 'abc', 5)")
        .await;
    let to = other.new_folder();
    let error = other
        .before()
        .convert(&Histories::all(), &to)
        .await
        .unwrap_err();
    assert_eq!(error.diagnostics()[0].code.as_deref(), Some("no-match"));
    assert!(!to.exists());
}

const LIQUIBASE: &str = "--liquibase formatted sql\n--changeset ada:1\nCREATE TABLE a (b int);\n--rollback DROP TABLE a;\n--changeset ada:2\nCREATE TABLE c (d int);\n--rollback DROP TABLE c;\n";

/// Changesets whose versions become numbers are found again by what they were.
async fn names_there_are_numbers_here(engine: &str) {
    let project = Project::new(engine, "liquibase", &[("a.sql", LIQUIBASE)]);
    let elsewhere = database(engine, &project.folder.at("other"));
    let there = Project {
        url: elsewhere,
        folder: Files::default(),
        layout: "native",
    };
    for one in [&project, &there] {
        one.sql("CREATE TABLE a (b int); CREATE TABLE databasechangelog (id varchar(255) NOT NULL, author varchar(255) NOT NULL, filename varchar(255) NOT NULL, dateexecuted timestamp NULL, orderexecuted int NOT NULL, exectype varchar(10) NOT NULL, md5sum varchar(35), deployment_id varchar(10)); INSERT INTO databasechangelog VALUES ('1', 'ada', 'db/a.sql', '2024-03-01 10:20:30', 1, 'EXECUTED', '9:e7a158573b833e3fcc354269198efdca', '1')").await;
    }
    let to = project.new_folder();
    project.goes_on_half_way(&to, "0001").await;
    // Elsewhere the old tool's history is matched with the new files.
    let taken_over = migrator(&there.url, to, "native");
    assert_eq!(
        taken_over.import(&Histories::all()).await.unwrap().written,
        1
    );
    assert_eq!(taken_over.up().await.unwrap().steps.len(), 1);
    assert_eq!(taken_over.run(&Goal::UndoAll).await.unwrap().steps.len(), 2);
}

/// What the other tool applied and what Whimbrel applied after it are shown as they came.
async fn records_are_renamed_in_their_order(engine: &str) {
    let names = ["1-a", "2-b", "3-c", "4-d"];
    let texts = names.map(|name| {
        let (_, table) = name.split_once('-').unwrap();
        format!(
            "-- +migrate Up\nCREATE TABLE {table} (i int);\n-- +migrate Down\nDROP TABLE {table};\n"
        )
    });
    let files = names.map(|name| format!("{name}.sql"));
    let files: Vec<_> = files
        .iter()
        .zip(&texts)
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let project = Project::new(engine, "sql-migrate", &files);
    project
        .sql("CREATE TABLE a (i int); CREATE TABLE b (i int); CREATE TABLE gorp_migrations (id varchar(255) NOT NULL PRIMARY KEY, applied_at timestamp NULL); INSERT INTO gorp_migrations VALUES ('1-a.sql', '2024-03-01 10:20:30'), ('2-b.sql', '2024-03-01 10:20:31')")
        .await;
    let before = project.before();
    before.import(&Histories::all()).await.unwrap();
    before.up().await.unwrap();
    let to = project.new_folder();
    let report = before.convert(&Histories::all(), &to).await.unwrap();
    let entries = report.history.unwrap().entries;
    let versions: Vec<_> = entries.iter().map(|entry| entry.version.as_str()).collect();
    assert_eq!(versions, ["1", "2", "3", "4"]);
}

on_engines! {
    [sqlite postgres mariadb]
    records_are_renamed_in_their_order
    names_there_are_numbers_here
    a_history_without_names
}
