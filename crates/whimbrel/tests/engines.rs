//! The main job through the library, on every engine.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;

use whimbrel::error::ErrorKind;
use whimbrel::plan::{Goal, State};
use whimbrel::report::DatabaseState;
use whimbrel::source::Directory;
use whimbrel::{Migrator, MigratorBuilder};
use whimbrel_testkit::{Files, on_engines};

struct Project {
    folder: Files,
    url: String,
}

impl Project {
    fn new(engine: &str, files: &[(&str, &str)]) -> Self {
        let folder = Files::new(files);
        let url = whimbrel_testkit::database(engine, folder.path());
        Self { folder, url }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        self.folder.write(name, text);
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder.at(name)).unwrap();
    }

    fn builder(&self) -> MigratorBuilder {
        let builder = Migrator::builder(&self.url).source(Directory::new(self.path()));
        if self.url.starts_with("d1") {
            builder.password(whimbrel_testkit::D1Server::TOKEN)
        } else {
            builder
        }
    }

    fn migrator(&self) -> Migrator {
        self.builder().build().unwrap()
    }

    async fn states(&self) -> Vec<(String, State)> {
        let status = self.migrator().status().await.unwrap();
        status
            .migrations
            .into_iter()
            .map(|row| (row.version.to_string(), row.state))
            .collect()
    }
}

const USERS: (&str, &str) = (
    "001_users.sql",
    "CREATE TABLE users (id integer PRIMARY KEY, name varchar(50));\n-- Rollback\n-- DROP TABLE users;\n",
);
const POSTS: (&str, &str) = (
    "002_posts.sql",
    "CREATE TABLE posts (id integer PRIMARY KEY);\nINSERT INTO posts VALUES (1);\n-- Rollback: DROP TABLE posts;\n",
);

async fn up_status_down(engine: &str) {
    let project = Project::new(engine, &[USERS, POSTS]);
    assert_eq!(
        project.states().await,
        [
            ("001".to_owned(), State::Pending),
            ("002".to_owned(), State::Pending)
        ]
    );
    let report = project.migrator().up().await.unwrap();
    assert_eq!((report.steps.len(), report.batch), (2, Some(1)));
    assert!(project.migrator().is_up_to_date().await.unwrap());
    assert!(project.migrator().up().await.unwrap().steps.is_empty());
    let undone = project.migrator().run(&Goal::UndoSteps(1)).await.unwrap();
    assert_eq!(undone.steps[0].version.as_str(), "002");
    assert_eq!(project.states().await[1].1, State::RolledBack);
    project.migrator().up().await.unwrap();
    project.migrator().run(&Goal::UndoAll).await.unwrap();
    assert_eq!(project.migrator().pending().await.unwrap().len(), 2);
}

async fn a_failure_leaves_no_doubt(engine: &str) {
    let bad = (
        "002_bad.sql",
        "INSERT INTO users VALUES (1, 'x');\nINSERT INTO users VALUES (2, 'y', 3);\n",
    );
    let project = Project::new(engine, &[USERS, bad]);
    let error = project.migrator().up().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    let whimbrel::Error::Failed(failure) = error else {
        panic!()
    };
    assert_eq!(failure.state, DatabaseState::Clean);
    assert_eq!(failure.done.len(), 1);
    let label = failure.diagnostic.label.as_ref().unwrap();
    assert_eq!(label.place().line, 2, "{}", failure.diagnostic);
    assert_eq!(project.states().await[1].1, State::Failed);
    project.write("002_bad.sql", "INSERT INTO users VALUES (1, 'x');\n");
    assert_eq!(project.migrator().up().await.unwrap().steps.len(), 1);
}

async fn a_schema_change_that_fails_half_way_is_resumed(engine: &str) {
    let text = "CREATE TABLE a (id integer);\nCREATE TABLE a (id integer);\nCREATE TABLE b (id integer);\n";
    let project = Project::new(engine, &[("001_two.sql", text)]);
    let whimbrel::Error::Failed(failure) = project.migrator().up().await.unwrap_err() else {
        panic!()
    };
    let half = DatabaseState::HalfDone {
        done: 1,
        statements: 3,
    };
    let resumes = engine == "mysql" || engine.starts_with("mariadb");
    let expected = if resumes { half } else { DatabaseState::Clean };
    assert_eq!(failure.state, expected);
    project.write(
        "001_two.sql",
        "CREATE TABLE a (id integer);\nCREATE TABLE b (id integer);\n",
    );
    let report = project.migrator().up().await.unwrap();
    assert_eq!(report.steps[0].resumed_after, usize::from(resumes));
    assert!(project.migrator().is_up_to_date().await.unwrap());
}

async fn a_modified_file_is_refused(engine: &str) {
    let project = Project::new(engine, &[USERS]);
    project.migrator().up().await.unwrap();
    project.write(
        USERS.0,
        &format!("-- a word\n{}\n", USERS.1.replace('\n', "\r\n")),
    );
    assert!(project.migrator().up().await.unwrap().steps.is_empty());
    project.write(USERS.0, "CREATE TABLE users (id integer);\n");
    assert_eq!(project.states().await[0].1, State::Modified);
    assert_eq!(
        project.migrator().up().await.unwrap_err().kind(),
        ErrorKind::Refused
    );
    // Its rollback is the one that was kept.
    project.migrator().down().await.unwrap();
    assert_eq!(project.states().await[0].1, State::RolledBack);
}

async fn down_works_without_the_file(engine: &str) {
    let project = Project::new(engine, &[USERS, POSTS]);
    project.migrator().up().await.unwrap();
    project.remove(POSTS.0);
    assert!(
        project
            .states()
            .await
            .contains(&("002".to_owned(), State::Missing))
    );
    let report = project.migrator().run(&Goal::UndoSteps(1)).await.unwrap();
    assert_eq!(report.steps[0].version.as_str(), "002");
    project.write(POSTS.0, POSTS.1);
    project.migrator().up().await.unwrap();
}

async fn late_migrations_are_refused_or_allowed(engine: &str) {
    let project = Project::new(engine, &[POSTS]);
    project.migrator().up().await.unwrap();
    project.write(USERS.0, USERS.1);
    assert_eq!(project.states().await[1].1, State::OutOfOrder);
    assert_eq!(
        project.migrator().up().await.unwrap_err().kind(),
        ErrorKind::Refused
    );
    project.write(USERS.0, &format!("-- Allow: out-of-order\n{}", USERS.1));
    assert_eq!(project.migrator().up().await.unwrap().steps.len(), 1);
}

/// A file that got another version, by its name or by a layout, is not applied a second time.
async fn a_renamed_file_is_refused(engine: &str) {
    let project = Project::new(engine, &[USERS, POSTS]);
    project.migrator().up().await.unwrap();
    project.remove(POSTS.0);
    project.write("003_articles.sql", POSTS.1);
    let whimbrel::Error::Refused(list) = project.migrator().up().await.unwrap_err() else {
        panic!()
    };
    assert_eq!(list[0].message, "003_articles is applied already, as 002");
    project.remove("003_articles.sql");
    project.write(POSTS.0, POSTS.1);
    assert!(project.migrator().up().await.unwrap().steps.is_empty());
}

async fn a_repeatable_runs_again_when_it_changes(engine: &str) {
    let view = |column: &str| {
        format!(
            "DROP VIEW IF EXISTS names;\nCREATE VIEW names AS SELECT {column} FROM users;\n-- Rollback: DROP VIEW names;\n"
        )
    };
    let project = Project::new(engine, &[USERS, ("R__names.sql", &view("name"))]);
    assert_eq!(project.migrator().up().await.unwrap().steps.len(), 2);
    assert!(project.migrator().up().await.unwrap().steps.is_empty());
    project.write("R__names.sql", &view("id"));
    let report = project.migrator().up().await.unwrap();
    assert_eq!(report.steps[0].label, "R__names");
    project.migrator().run(&Goal::UndoAll).await.unwrap();
}

async fn many_at_once_apply_each_once(engine: &str) {
    let project = Project::new(engine, &[USERS, POSTS]);
    let migrators: Vec<_> = (0..6).map(|_| project.migrator()).collect();
    let mut set = tokio::task::JoinSet::new();
    for migrator in migrators {
        set.spawn(async move { migrator.up().await.map(|report| report.steps.len()) });
    }
    let mut applied = 0;
    while let Some(result) = set.join_next().await {
        applied += result.unwrap().unwrap();
    }
    assert_eq!(applied, 2);
}

async fn dry_runs_change_nothing(engine: &str) {
    let project = Project::new(engine, &[USERS]);
    let (plan, sql) = project.migrator().dry_run(&Goal::Latest).await.unwrap();
    assert_eq!(plan.steps.len(), 1);
    assert!(
        sql.contains("CREATE TABLE users")
            && sql.contains("whimbrel_applied")
            && (sql.contains("COMMIT") || engine == "d1"),
        "{sql}"
    );
    if engine == "sqlite" {
        assert!(!Path::new(project.url.trim_start_matches("sqlite:")).exists());
    }
    assert_eq!(project.states().await[0].1, State::Pending);
}

async fn a_baseline_is_where_up_goes_on(engine: &str) {
    let tags = ("003_tags.sql", "CREATE TABLE tags (id integer);\n");
    let project = Project::new(engine, &[USERS, POSTS, tags]);
    // Somebody made this database without Whimbrel: `up` fails and says what to do.
    let init = Project {
        folder: Files::new(&[("001_all.sql", USERS.1)]),
        url: project.url.clone(),
    };
    let other = whimbrel::history::HistoryTables::named("other_applied");
    let other = init.builder().tables(other).build().unwrap();
    other.up().await.unwrap();
    let failed = project.migrator().up().await.unwrap_err();
    let help = failed.diagnostics()[0].help.clone().unwrap();
    assert!(help.contains("whimbrel baseline"), "{help}");

    let planned = project.migrator().plan_baseline("1").await.unwrap();
    assert_eq!(planned.written, 0);
    assert!(planned.sql.unwrap().contains("'baseline'"));
    assert!(project.migrator().baseline("7").await.is_err());
    let written = project.migrator().baseline("001").await.unwrap();
    assert_eq!(written.written, 1);
    let again = project.migrator().baseline("users").await.unwrap();
    assert_eq!(again.written, 0);
    assert_eq!(project.migrator().up().await.unwrap().steps.len(), 2);
    assert_eq!(project.states().await[0].1, State::Baseline);
    assert_eq!(project.migrator().baseline("001").await.unwrap().written, 0);
    project.remove(tags.0);
    project.write("004_late.sql", "SELECT 1;\n");
    let refused = project.migrator().baseline("004").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    // What a baseline says is there is not Whimbrel's to undo.
    project
        .migrator()
        .run(&Goal::UndoSteps(9))
        .await
        .unwrap_err();
    project
        .migrator()
        .run(&Goal::Undo(vec!["002".into()]))
        .await
        .unwrap();
    assert_eq!(project.states().await[0].1, State::Baseline);
}

/// What is not one transaction is recorded in its last one, which alone may be over in no time.
async fn a_journalled_migration_took_as_long_as_all_of_it(engine: &str) {
    let text = if engine.starts_with("postgres") {
        "-- Transaction: off\nSELECT pg_sleep(0.3);\nCREATE INDEX CONCURRENTLY i ON users (name);\n"
    } else {
        "CREATE TABLE slow AS SELECT SLEEP(0.3) AS s;\nALTER TABLE slow ADD COLUMN n integer;\n"
    };
    let project = Project::new(engine, &[USERS, ("002_slow.sql", text)]);
    project.migrator().up().await.unwrap();
    let status = project.migrator().status().await.unwrap();
    let took = status.migrations[1].duration_ms.unwrap();
    assert!(took >= 300, "{took} ms");
}

on_engines! {
    [postgres postgres_oldest postgres_newest mariadb mysql]
    a_journalled_migration_took_as_long_as_all_of_it
}

on_engines! {
    [sqlite postgres postgres_oldest postgres_newest mariadb mariadb_newest mysql d1]
    up_status_down
    a_failure_leaves_no_doubt
    a_schema_change_that_fails_half_way_is_resumed
    a_modified_file_is_refused
    down_works_without_the_file
    late_migrations_are_refused_or_allowed
    a_renamed_file_is_refused
    a_repeatable_runs_again_when_it_changes
    many_at_once_apply_each_once
    dry_runs_change_nothing
    a_baseline_is_where_up_goes_on
}
