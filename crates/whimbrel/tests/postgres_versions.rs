//! What PostgreSQL's versions differ in, on the oldest, Debian's and the newest.
#![allow(missing_docs, clippy::unwrap_used)]

use whimbrel::Migrator;
use whimbrel::error::ErrorKind;
use whimbrel::plan::Goal;
use whimbrel::report::DatabaseState;
use whimbrel::source::Directory;
use whimbrel_testkit::{PostgresServer, postgres, postgres_newest, postgres_oldest};

struct Project {
    server: &'static PostgresServer,
    folder: tempfile::TempDir,
    url: String,
}

impl Project {
    fn new(server: &'static PostgresServer, files: &[(&str, &str)]) -> Self {
        let project = Self {
            server,
            folder: tempfile::tempdir().unwrap(),
            url: server.database(),
        };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn migrator(&self) -> Migrator {
        Migrator::builder(&self.url)
            .source(Directory::new(self.folder.path()))
            .build()
            .unwrap()
    }

    fn ask(&self, sql: &str) -> String {
        self.server.execute(&self.url, sql)
    }

    fn major(&self) -> u32 {
        let number: u32 = self.ask("SHOW server_version_num").parse().unwrap();
        number / 10_000
    }
}

async fn an_index_is_built_beside_its_users(server: &'static PostgresServer) {
    let project = Project::new(
        server,
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
async fn an_index_that_fails_is_built_anew(server: &'static PostgresServer) {
    let project = Project::new(
        server,
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
async fn an_enum_s_value_needs_12_in_a_transaction(server: &'static PostgresServer) {
    let add = "CREATE TABLE more (a integer);\nALTER TYPE mood ADD VALUE 'glad';\n";
    let project = Project::new(
        server,
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
async fn a_server_s_own_no_is_shown_in_the_file(server: &'static PostgresServer) {
    let project = Project::new(
        server,
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

async fn the_versions_are_what_they_should_be(server: &'static PostgresServer) {
    let project = Project::new(server, &[]);
    if server == postgres_oldest() {
        assert_eq!(project.major(), 10);
    }
    if server == postgres_newest() {
        assert_eq!(project.major(), 18);
    }
}

macro_rules! versions {
    ($($test:ident)*) => {
        versions! { @ postgres_oldest $($test)* }
        versions! { @ postgres $($test)* }
        versions! { @ postgres_newest $($test)* }
    };
    (@ $server:ident $($test:ident)*) => {
        mod $server {
            $(
                #[test]
                fn $test() {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(super::$test(super::$server()));
                }
            )*
        }
    };
}

versions! {
    the_versions_are_what_they_should_be
    an_index_is_built_beside_its_users
    an_index_that_fails_is_built_anew
    an_enum_s_value_needs_12_in_a_transaction
    a_server_s_own_no_is_shown_in_the_file
}
