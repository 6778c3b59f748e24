//! `Migrator::convert` on every engine.
#![allow(missing_docs, clippy::unwrap_used)]

mod histories;
mod shadows;

use std::path::{Path, PathBuf};

use whimbrel::Migrator;
use whimbrel::driver::SessionOptions;
use whimbrel::error::ErrorKind;
use whimbrel::import::{Histories, layout_by_name};
use whimbrel::plan::{Goal, State};
use whimbrel::source::Directory;
use whimbrel::sql::split;
use whimbrel::takeover::EntryState;
use whimbrel_drivers::connector;
use whimbrel_testkit::{Files, block_on, on_engines};

pub(crate) struct Project {
    pub(crate) folder: Files,
    pub(crate) url: String,
    pub(crate) layout: &'static str,
}

impl Project {
    pub(crate) fn new(engine: &str, layout: &'static str, files: &[(&str, &str)]) -> Self {
        let folder = Files::default();
        let url = database(engine, folder.path());
        let project = Self {
            folder,
            url,
            layout,
        };
        for (name, text) in files {
            project.folder.write(&format!("migrations/{name}"), text);
        }
        project
    }

    pub(crate) fn old(&self) -> PathBuf {
        self.folder.at("migrations")
    }

    pub(crate) fn new_folder(&self) -> PathBuf {
        self.folder.at("native")
    }

    /// Converts where the old tool has applied the first of two migrations, then applies the other.
    pub(crate) async fn goes_on_half_way(&self, to: &Path, version: &str) {
        let report = self.before().convert(&Histories::all(), to).await.unwrap();
        let history = report.history.unwrap();
        assert_eq!(
            (history.written, history.count(EntryState::Pending)),
            (1, 1)
        );
        assert_eq!(history.entries[0].version.as_str(), version);
        assert_eq!(self.after().up().await.unwrap().steps.len(), 1);
    }

    pub(crate) fn before(&self) -> Migrator {
        migrator(&self.url, self.old(), self.layout)
    }

    pub(crate) fn after(&self) -> Migrator {
        migrator(&self.url, self.new_folder(), "native")
    }

    pub(crate) async fn sql(&self, text: &str) -> Vec<Vec<Option<String>>> {
        let connect = connector(&self.url, None, SessionOptions::default()).unwrap();
        let mut driver = connect.connect().await.unwrap();
        let mut rows = Vec::new();
        for statement in split(text, driver.dialect()).unwrap() {
            rows = driver.query(&text[statement.span()]).await.unwrap();
        }
        driver.close().await.unwrap();
        rows
    }

    /// What is left of shadows on the server.
    pub(crate) async fn shadows(&self) -> usize {
        let list = match self.url.split(':').next().unwrap() {
            "postgres" => self.sql("SELECT datname FROM pg_database").await,
            "mysql" => self.sql("SHOW DATABASES").await,
            _ => return 0,
        };
        let names = list.into_iter().flatten().flatten();
        let database = self.url.rsplit('/').next().unwrap();
        let database = database.split('?').next().unwrap();
        let own = &database[database.len().saturating_sub(16)..];
        names
            .filter(|name| name.starts_with("whimbrel_shadow_") && name.contains(own))
            .count()
    }
}

pub(crate) fn migrator(url: &str, dir: PathBuf, layout: &str) -> Migrator {
    let directory = Directory::new(dir).layout(layout_by_name(layout).unwrap());
    let mut builder = Migrator::builder(url).source(directory);
    if url.starts_with("d1") {
        builder = builder.password(whimbrel_testkit::D1Server::TOKEN);
    }
    builder.build().unwrap()
}

/// SQLite's file is there, so that statements can go into it.
pub(crate) fn database(engine: &str, folder: &Path) -> String {
    if engine == "sqlite" {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("test.db"), "").unwrap();
    }
    whimbrel_testkit::database(engine, folder)
}

pub(crate) const GOOSE: [(&str, &str); 3] = [
    (
        "00001_users.sql",
        "-- +goose Up\nCREATE TABLE users (id integer PRIMARY KEY, name varchar(20) NOT NULL);\nINSERT INTO users VALUES (1, 'ada'), (2, 'eve');\n-- +goose Down\nDROP TABLE users;\n",
    ),
    (
        "00002_posts.sql",
        "-- +goose Up\nCREATE TABLE posts (id integer PRIMARY KEY, by_user integer REFERENCES users (id));\nCREATE INDEX posts_by ON posts (by_user);\n-- +goose Down\nDROP TABLE posts;\n",
    ),
    (
        "00003_view.sql",
        "-- +goose Up\nCREATE VIEW names AS SELECT name FROM users;\n-- +goose Down\nDROP VIEW names;\n",
    ),
];

/// Half is applied under the old layout; the rest follows from the new files.
async fn versions_stay(engine: &str) {
    let project = Project::new(engine, "goose", &GOOSE);
    let steps = project.before().run(&Goal::NextSteps(2)).await.unwrap();
    assert_eq!(steps.steps.len(), 2);
    let to = project.new_folder();
    let all = Histories::all();

    let planned = project.before().plan_convert(&all, &to).await.unwrap();
    assert!(!planned.written && !to.exists());
    let report = project.before().convert(&all, &to).await.unwrap();
    assert_eq!(
        (report.files, report.proof.applied, report.proof.undone),
        (3, 3, 3)
    );
    assert_eq!(report.proof.rows, 2);
    assert_eq!(report.proof.objects["view"], 1);
    assert!(
        report.history.is_none(),
        "versions and checksums are still good"
    );
    assert_eq!(project.shadows().await, 0);

    let rows = project.after().status().await.unwrap().migrations;
    let states: Vec<_> = rows.iter().map(|row| row.state).collect();
    assert_eq!(states, [State::Applied, State::Applied, State::Pending]);
    assert_eq!(project.after().up().await.unwrap().steps.len(), 1);
    let undone = project.after().run(&Goal::UndoAll).await.unwrap();
    assert_eq!(undone.steps.len(), 3);
    assert_eq!(project.after().up().await.unwrap().steps.len(), 3);

    // Again: everything is there.
    let again = project.before().convert(&all, &to).await.unwrap();
    assert!(again.written);
    std::fs::write(to.join("00009_new.sql"), "SELECT 1;\n").unwrap();
    let refused = project.before().convert(&all, &to).await.unwrap_err();
    assert_eq!(
        refused.diagnostics()[0].code.as_deref(),
        Some("folder-not-empty")
    );
}

const SQITCH: [(&str, &str); 6] = [
    (
        "sqitch.plan",
        "%syntax-version=1.0.0\n%project=flipr\n\nschema 2024-03-01T10:20:30Z ada <a@b> # one\nusers [schema] 2024-03-01T10:20:31Z ada <a@b> # two\nposts [users] 2024-03-01T10:20:32Z ada <a@b> # three\n",
    ),
    (
        "deploy/schema.sql",
        "CREATE TABLE a (id integer PRIMARY KEY);\n",
    ),
    (
        "deploy/users.sql",
        "CREATE TABLE users (id integer PRIMARY KEY);\n",
    ),
    ("revert/users.sql", "DROP TABLE users;\n"),
    (
        "deploy/posts.sql",
        "CREATE TABLE posts (id integer PRIMARY KEY);\n",
    ),
    ("revert/posts.sql", "DROP TABLE posts;\n"),
];

/// Versions become numbers, and the records follow: here at once, elsewhere by `import`.
async fn versions_change(engine: &str) {
    let project = Project::new(engine, "sqitch", &SQITCH);
    let elsewhere = database(engine, &project.folder.at("other"));
    let there = migrator(&elsewhere, project.old(), "sqitch");
    for migrator in [&project.before(), &there] {
        migrator.run(&Goal::NextSteps(1)).await.unwrap();
        migrator.run(&Goal::NextSteps(1)).await.unwrap();
    }
    let before = project.before().status().await.unwrap();
    let all = Histories::all();
    let to = project.new_folder();
    let report = project.before().convert(&all, &to).await.unwrap();
    let moves: Vec<_> = report
        .migrations
        .iter()
        .map(|one| (one.former.as_str(), one.version.as_str()))
        .collect();
    assert_eq!(
        moves,
        [("schema", "0001"), ("users", "0002"), ("posts", "0003")]
    );
    // The first can't be undone.
    assert_eq!(report.proof.undone, 2);
    assert!(report.proof.not_undone.unwrap().contains("schema"));
    assert_eq!(report.history.unwrap().count(EntryState::Renamed), 2);

    let after = project.after().status().await.unwrap();
    for (old, new) in before.migrations.iter().zip(&after.migrations).take(2) {
        assert_eq!(
            (old.state, old.batch, old.applied_at),
            (new.state, new.batch, new.applied_at)
        );
        assert_eq!(
            (old.duration_ms, &old.applied_by),
            (new.duration_ms, &new.applied_by)
        );
    }
    assert_eq!(project.after().up().await.unwrap().steps.len(), 1);
    assert_eq!(
        project
            .after()
            .run(&Goal::UndoSteps(2))
            .await
            .unwrap()
            .steps
            .len(),
        2
    );

    let there = migrator(&elsewhere, to, "native");
    let refused = there.up().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert_eq!(refused.diagnostics()[0].code.as_deref(), Some("renamed"));
    assert_eq!(there.plan_import(&all).await.unwrap().written, 0);
    assert_eq!(there.import(&all).await.unwrap().written, 2);
    assert_eq!(there.up().await.unwrap().steps.len(), 1);
    assert_eq!(there.status().await.unwrap().totals.applied, 3);
}

const PRISMA: [(&str, &str); 2] = [
    (
        "20240101000000_init/migration.sql",
        "CREATE TABLE a (id integer PRIMARY KEY);\n",
    ),
    (
        "20240102000000_more/migration.sql",
        "CREATE TABLE b (id integer PRIMARY KEY);\n",
    ),
];

/// Another tool's history is taken over for the new files in the same step, and on other databases
/// by `import`.
async fn another_tools_history(engine: &str) {
    let project = Project::new(engine, "prisma", &PRISMA);
    project
        .sql("CREATE TABLE a (id integer PRIMARY KEY); CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY NOT NULL, checksum varchar(64) NOT NULL, finished_at timestamp NULL, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamp NULL, started_at timestamp NULL, applied_steps_count integer NOT NULL DEFAULT 0); INSERT INTO _prisma_migrations VALUES ('1', 'something else', '2024-03-01 10:20:31', '20240101000000_init', NULL, NULL, '2024-03-01 10:20:30', 1)")
        .await;
    let to = project.new_folder();
    project.goes_on_half_way(&to, "20240101000000").await;
    let goose = Histories::all().from("goose").unwrap();
    std::fs::remove_dir_all(&to).unwrap();
    let missing = project.before().convert(&goose, &to).await.unwrap_err();
    assert_eq!(
        missing.diagnostics()[0].code.as_deref(),
        Some("no-foreign-history")
    );
}

on_engines! {
    [sqlite postgres mariadb]
    versions_stay
    versions_change
    another_tools_history
}

/// Half under the old versions, the rest under the new ones.
#[test]
fn on_d1_the_shadow_is_a_file() {
    block_on(async {
        let project = Project::new("d1", "prisma", &PRISMA);
        project.before().run(&Goal::NextSteps(1)).await.unwrap();
        let to = project.new_folder();
        let report = project
            .before()
            .convert(&Histories::all(), &to)
            .await
            .unwrap();
        assert_eq!((report.proof.objects["table"], report.proof.undone), (2, 0));
        assert_eq!(report.history.unwrap().count(EntryState::Renamed), 1);
        assert_eq!(project.after().up().await.unwrap().steps.len(), 1);
        assert_eq!(project.after().status().await.unwrap().totals.applied, 2);
    });
}

#[test]
fn contexts_are_refused_and_verify_scripts_are_told_of() {
    let text = "--liquibase formatted sql\n--changeset ada:1\nSELECT 1;\n--changeset ada:2 context:prod\nSELECT 2;\n";
    let project = Project::new("sqlite", "liquibase", &[("a.sql", text)]);
    let to = project.new_folder();
    let error = block_on(project.before().convert(&Histories::all(), &to)).unwrap_err();
    let shown = error.diagnostics()[0].to_string();
    assert!(
        shown.contains("a.sql:4:") && shown.contains("contexts and labels"),
        "{shown}"
    );
    assert!(!to.exists());
}
