//! What PostgreSQL's versions differ in, on the oldest, Debian's and the newest.
#![allow(missing_docs, clippy::unwrap_used)]

use whimbrel::Migrator;
use whimbrel::error::ErrorKind;
use whimbrel::plan::Goal;
use whimbrel::report::DatabaseState;
use whimbrel::source::Directory;
use whimbrel_testkit::{Files, ask, database, on_engines};

struct Project {
    engine: &'static str,
    folder: Files,
    url: String,
}

impl Project {
    fn new(engine: &'static str, files: &[(&str, &str)]) -> Self {
        let folder = Files::new(files);
        Self {
            engine,
            url: database(engine, folder.path()),
            folder,
        }
    }

    fn write(&self, name: &str, text: &str) {
        self.folder.write(name, text);
    }

    fn migrator(&self) -> Migrator {
        Migrator::builder(&self.url)
            .source(Directory::new(self.folder.path()))
            .build()
            .unwrap()
    }

    fn ask(&self, sql: &str) -> String {
        ask(self.engine, &self.url, sql)
    }

    fn major(&self) -> u32 {
        let number: u32 = self.ask("SHOW server_version_num").parse().unwrap();
        number / 10_000
    }
}

async fn an_index_is_built_beside_its_users(engine: &'static str) {
    let project = Project::new(
        engine,
        &[
            (
                "001_t.sql",
                "CREATE TABLE t (a integer);\nINSERT INTO t SELECT generate_series(1, 100);\n-- Rollback: DROP TABLE t;\n",
            ),
            (
                "002_index.sql",
                "-- Transaction: off\nCREATE INDEX CONCURRENTLY t_a ON t (a);\n-- Rollback: DROP INDEX CONCURRENTLY t_a;\n",
            ),
        ],
    );
    assert_eq!(project.migrator().up().await.unwrap().steps.len(), 2);
    let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 't_a'::regclass";
    assert_eq!(project.ask(valid), "t");
    project.migrator().run(&Goal::UndoAll).await.unwrap();
    assert_eq!(
        project.ask("SELECT to_regclass('t') IS NULL AND to_regclass('t_a') IS NULL"),
        "t"
    );
}

/// A unique index that fails stays there, not valid; the next run builds it anew.
async fn an_index_that_fails_is_built_anew(engine: &'static str) {
    let project = Project::new(
        engine,
        &[
            (
                "001_t.sql",
                "CREATE TABLE t (a integer);\nINSERT INTO t VALUES (1), (1);\n",
            ),
            (
                "002_index.sql",
                "-- Transaction: off\nCREATE TABLE before (a integer);\nCREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a);\n",
            ),
        ],
    );
    let whimbrel::Error::Failed(failure) = project.migrator().up().await.unwrap_err() else {
        panic!()
    };
    assert_eq!(
        failure.state,
        DatabaseState::HalfDone {
            done: 1,
            statements: 2
        }
    );
    project.ask("DELETE FROM t");
    let report = project.migrator().up().await.unwrap();
    assert_eq!(report.steps[0].resumed_after, 1);
    let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 't_a'::regclass";
    assert_eq!(project.ask(valid), "t");
}

/// Before 12 an enum's value can't be added in a transaction at all.
async fn an_enum_s_value_needs_12_in_a_transaction(engine: &'static str) {
    let add = "CREATE TABLE more (a integer);\nALTER TYPE mood ADD VALUE 'glad';\n";
    let project = Project::new(
        engine,
        &[
            ("001_mood.sql", "CREATE TYPE mood AS ENUM ('sad');\n"),
            ("002_glad.sql", add),
        ],
    );
    let result = project.migrator().up().await;
    let values = "SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum";
    if project.major() >= 12 {
        assert_eq!(result.unwrap().steps.len(), 2);
    } else {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        let diagnostics = error.diagnostics();
        assert_eq!(diagnostics[0].label.as_ref().unwrap().place().line, 2);
        assert_eq!(project.ask("SELECT to_regtype('mood') IS NULL"), "t");
        project.write("002_glad.sql", &format!("-- Transaction: off\n{add}"));
        assert_eq!(project.migrator().up().await.unwrap().steps.len(), 2);
    }
    assert_eq!(project.ask(values), "sad,glad");
}

/// What newer versions have is theirs to refuse, at its place in the file.
async fn a_server_s_own_no_is_shown_in_the_file(engine: &'static str) {
    let project = Project::new(
        engine,
        &[(
            "001_t.sql",
            "CREATE TABLE t (a integer,\n  b integer GENERATED ALWAYS AS (a + nothing) STORED);\n",
        )],
    );
    let whimbrel::Error::Failed(failure) = project.migrator().up().await.unwrap_err() else {
        panic!()
    };
    assert_eq!(failure.state, DatabaseState::Clean);
    assert_eq!(failure.diagnostic.label.as_ref().unwrap().place().line, 2);
}

async fn the_versions_are_what_they_should_be(engine: &'static str) {
    let project = Project::new(engine, &[]);
    match engine {
        "postgres_oldest" => assert_eq!(project.major(), 10),
        "postgres_newest" => assert_eq!(project.major(), 18),
        _ => assert!((10..=18).contains(&project.major())),
    }
}

on_engines! {
    [postgres_oldest postgres postgres_newest]
    the_versions_are_what_they_should_be
    an_index_is_built_beside_its_users
    an_index_that_fails_is_built_anew
    an_enum_s_value_needs_12_in_a_transaction
    a_server_s_own_no_is_shown_in_the_file
}
