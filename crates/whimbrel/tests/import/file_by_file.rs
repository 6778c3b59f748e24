//! Histories matched with the files of the tools' own layouts, and what is not known of them.

use whimbrel::import::Histories;
use whimbrel::plan::State;
use whimbrel::takeover::EntryState;

use super::{APPLIED, Project, block_on};

const ENGINES: [&str; 4] = ["sqlite", "postgres", "mysql", "d1"];

fn on_all<F: Future<Output = ()>>(test: impl Fn(&'static str) -> F) {
    for engine in ENGINES {
        block_on(test(engine));
    }
}

fn project(engine: &str, layout: &'static str, files: &[(&str, &str)]) -> Project {
    let mut project = Project::new(engine, files);
    project.layout = layout;
    project
}

fn in_string(sql: &str) -> String {
    format!("export const up = `{sql}`;\nexport const down = 'SELECT 1';\n")
}

/// The runner of seed 003: numbers with or without their zeros, names with or without their numbers,
/// and a batch 0 for what Docker's scripts had made.
#[test]
fn string_migrations_are_matched_one_by_one() {
    on_all(|engine| async move {
        for (first, second) in [
            ("('001', 'create_users'", "('003', 'third'"),
            ("('1', '001_create_users'", "('3', '003_third'"),
            (
                "('001_create_users', '001_create_users.ts'",
                "('003_third', '003_third.ts'",
            ),
        ] {
            let applied = in_string(APPLIED);
            let files = [
                ("001_create_users.ts", applied.as_str()),
                ("002_late.ts", &in_string("CREATE TABLE late (id integer);")),
                ("003_third.ts", &applied),
            ];
            let project = project(engine, "ts-strings", &files);
            project
                .sql(&format!("CREATE TABLE migrations (id VARCHAR(255) PRIMARY KEY, name VARCHAR(255) NOT NULL, executed_at TIMESTAMP NULL, batch INTEGER NOT NULL); INSERT INTO migrations VALUES {first}, '2024-03-01 10:20:30', 0), {second}, '2024-03-02 10:20:30', 1)"))
                .await;
            let report = project.migrator().import(&Histories::all()).await.unwrap();
            let entries: Vec<_> = report
                .entries
                .iter()
                .map(|entry| (entry.version.as_str(), entry.state, entry.batch))
                .collect();
            assert_eq!(
                entries,
                [
                    ("001", EntryState::New, Some(0)),
                    ("003", EntryState::New, Some(1)),
                    ("002", EntryState::Pending, None),
                ],
                "{engine} {first}"
            );
            let late = project.migrator_with(|options| options.plan.out_of_order = true);
            assert_eq!(late.up().await.unwrap().steps.len(), 1);
        }
    });
}

const STRUCTURE: &str = "CREATE TABLE a (id integer);\nCREATE TABLE schema_migrations (version varchar(255) NOT NULL PRIMARY KEY);\nINSERT INTO schema_migrations (version) VALUES\n('20240103000000'),\n('20240102000000'),\n('20240101000000');\n";

/// structure.sql lists its versions: the database must have each of them.
#[test]
fn rails_versions_are_compared_one_by_one() {
    on_all(|engine| async move {
        let project = project(engine, "rails", &[("structure.sql", STRUCTURE)]);
        project
            .sql("CREATE TABLE schema_migrations (version varchar(255) NOT NULL PRIMARY KEY); CREATE TABLE ar_internal_metadata (name varchar(255) NOT NULL PRIMARY KEY); INSERT INTO schema_migrations VALUES ('20240101000000'), ('20240103000000')")
            .await;
        let error = project
            .migrator()
            .import(&Histories::all())
            .await
            .unwrap_err();
        let problems = error.diagnostics();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].code.as_deref(), Some("not-there"));
        assert!(
            problems[0].message.starts_with("20240102000000 "),
            "{}",
            problems[0]
        );

        project
            .sql("INSERT INTO schema_migrations VALUES ('20240102000000'), ('20240105000000')")
            .await;
        let report = project.migrator().import(&Histories::all()).await.unwrap();
        let versions: Vec<_> = report.entries.iter().map(|e| e.version.as_str()).collect();
        assert_eq!(versions, ["20240103000000", "20240105000000"]);
        assert!(project.migrator().up().await.unwrap().steps.is_empty());
    });
}

/// What the tool does not keep is not known.
#[test]
fn what_nobody_knows_has_no_time() {
    on_all(|engine| async move {
        let project = project(
            engine,
            "by-name",
            &[
                ("1_a.up.sql", APPLIED),
                ("2_b.up.sql", "CREATE TABLE b (id integer);"),
            ],
        );
        project
            .sql("CREATE TABLE schema_migrations (version bigint not null primary key, dirty boolean not null); INSERT INTO schema_migrations VALUES (1, false)")
            .await;
        project.migrator().import(&Histories::all()).await.unwrap();
        project.migrator().up().await.unwrap();
        let rows = project.migrator().status().await.unwrap().migrations;
        assert_eq!(
            (rows[0].applied_at, rows[0].duration_ms),
            (None, None),
            "{engine}"
        );
        assert!(
            rows[1].applied_at.is_some() && rows[1].duration_ms.is_some(),
            "{engine}"
        );
    });
}

const TRACKING: &str = "-- Migration: the table of what ran\nCREATE TABLE schema_migrations (\n  id integer PRIMARY KEY,\n  migration_name varchar(255) NOT NULL,\n  executed_at varchar(30)\n);\nCREATE INDEX schema_migrations_name ON schema_migrations (migration_name);\n";

/// A file that makes another tool's table is recorded where the table is there, and run elsewhere.
#[test]
fn a_tools_own_table_is_made_once() {
    on_all(|engine| async move {
        let files = [
            ("000_migrations_table.sql", TRACKING),
            ("001_users.sql", "CREATE TABLE users (id integer);\n"),
        ];
        let fresh = project(engine, "native", &files);
        assert_eq!(fresh.migrator().up().await.unwrap().steps.len(), 2);
        assert!(
            fresh
                .sql("SELECT * FROM schema_migrations")
                .await
                .is_empty()
        );

        // There, but nothing was applied by that tool yet: nothing to take over.
        let there = project(engine, "native", &files);
        there.sql(TRACKING).await;
        let report = there.migrator().up().await.unwrap();
        assert_eq!(report.steps.len(), 2);
        assert_eq!(report.steps[0].statements, 0, "{engine}");
        let status = there.migrator().status().await.unwrap();
        assert!(
            status
                .migrations
                .iter()
                .all(|row| row.state == State::Applied)
        );

        // Of that name, but nobody's history.
        let own = project(
            engine,
            "native",
            &[(
                "1_a.sql",
                "CREATE TABLE schema_migrations (bird integer);\n",
            )],
        );
        own.sql("CREATE TABLE schema_migrations (bird integer)")
            .await;
        own.migrator().up().await.unwrap_err();
    });
}
