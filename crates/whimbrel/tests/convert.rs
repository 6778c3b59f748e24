//! `Migrator::convert` on every engine.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::PathBuf;

use whimbrel::Migrator;
use whimbrel::driver::SessionOptions;
use whimbrel::error::ErrorKind;
use whimbrel::import::{Histories, layout_by_name};
use whimbrel::plan::{Goal, State};
use whimbrel::source::Directory;
use whimbrel::sql::split;
use whimbrel::takeover::EntryState;
use whimbrel_drivers::connector;

struct Project {
    folder: tempfile::TempDir,
    url: String,
    layout: &'static str,
}

impl Project {
    fn new(engine: &str, layout: &'static str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = database(engine, &folder.path().join("test.db"));
        let project = Self {
            folder,
            url,
            layout,
        };
        for (name, text) in files {
            let path = project.old().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        project
    }

    fn old(&self) -> PathBuf {
        self.folder.path().join("migrations")
    }

    fn new_folder(&self) -> PathBuf {
        self.folder.path().join("native")
    }

    fn before(&self) -> Migrator {
        migrator(&self.url, self.old(), self.layout)
    }

    fn after(&self) -> Migrator {
        migrator(&self.url, self.new_folder(), "native")
    }

    async fn sql(&self, text: &str) -> Vec<Vec<Option<String>>> {
        let connect = connector(&self.url, None, SessionOptions::default()).unwrap();
        let mut driver = connect.connect().await.unwrap();
        let mut rows = Vec::new();
        for statement in split(text, driver.dialect()).unwrap() {
            rows = driver.query(&text[statement.span]).await.unwrap();
        }
        driver.close().await.unwrap();
        rows
    }

    /// What is left of shadows on the server.
    async fn shadows(&self) -> usize {
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

fn migrator(url: &str, dir: PathBuf, layout: &str) -> Migrator {
    let directory = Directory::new(dir).layout(layout_by_name(layout).unwrap());
    let mut builder = Migrator::builder(url).source(directory);
    if url.starts_with("d1") {
        builder = builder.password(whimbrel_testkit::D1Server::TOKEN);
    }
    builder.build().unwrap()
}

fn database(engine: &str, file: &std::path::Path) -> String {
    match engine {
        "postgres" => whimbrel_testkit::postgres().database(),
        "mysql" => whimbrel_testkit::mariadb().database(),
        "d1" => whimbrel_testkit::d1().database(),
        _ => {
            std::fs::write(file, "").unwrap();
            format!("sqlite:{}", file.display())
        }
    }
}

fn block_on<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

const GOOSE: [(&str, &str); 3] = [
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
    let elsewhere = database(engine, &project.folder.path().join("other.db"));
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
    let report = project
        .before()
        .convert(&Histories::all(), &to)
        .await
        .unwrap();
    let history = report.history.unwrap();
    assert_eq!(
        (history.written, history.count(EntryState::Pending)),
        (1, 1)
    );
    assert_eq!(history.entries[0].version.as_str(), "20240101000000");
    assert_eq!(project.after().up().await.unwrap().steps.len(), 1);
    let goose = Histories::all().from("goose").unwrap();
    std::fs::remove_dir_all(&to).unwrap();
    let missing = project.before().convert(&goose, &to).await.unwrap_err();
    assert_eq!(
        missing.diagnostics()[0].code.as_deref(),
        Some("no-foreign-history")
    );
}

const LIQUIBASE: &str = "--liquibase formatted sql\n--changeset ada:1\nCREATE TABLE a (b int);\n--rollback DROP TABLE a;\n--changeset ada:2\nCREATE TABLE c (d int);\n--rollback DROP TABLE c;\n";

/// Changesets whose versions become numbers are found again by what they were.
async fn names_there_are_numbers_here(engine: &str) {
    let project = Project::new(engine, "liquibase", &[("a.sql", LIQUIBASE)]);
    let elsewhere = database(engine, &project.folder.path().join("other.db"));
    let there = Project {
        url: elsewhere,
        folder: tempfile::tempdir().unwrap(),
        layout: "native",
    };
    for one in [&project, &there] {
        one.sql("CREATE TABLE a (b int); CREATE TABLE databasechangelog (id varchar(255) NOT NULL, author varchar(255) NOT NULL, filename varchar(255) NOT NULL, dateexecuted timestamp NULL, orderexecuted int NOT NULL, exectype varchar(10) NOT NULL, md5sum varchar(35), deployment_id varchar(10)); INSERT INTO databasechangelog VALUES ('1', 'ada', 'db/a.sql', '2024-03-01 10:20:30', 1, 'EXECUTED', '9:e7a158573b833e3fcc354269198efdca', '1')").await;
    }
    let to = project.new_folder();
    let report = project
        .before()
        .convert(&Histories::all(), &to)
        .await
        .unwrap();
    let history = report.history.unwrap();
    assert_eq!(
        (history.written, history.count(EntryState::Pending)),
        (1, 1)
    );
    assert_eq!(history.entries[0].version.as_str(), "0001");
    assert_eq!(project.after().up().await.unwrap().steps.len(), 1);
    // Elsewhere the old tool's history is matched with the new files.
    let taken_over = migrator(&there.url, to, "native");
    assert_eq!(
        taken_over.import(&Histories::all()).await.unwrap().written,
        1
    );
    assert_eq!(taken_over.up().await.unwrap().steps.len(), 1);
    assert_eq!(taken_over.run(&Goal::UndoAll).await.unwrap().steps.len(), 2);
}

/// What is not the same each time is no proof, so nothing is kept.
async fn a_difference_keeps_nothing(engine: &str) {
    let random = match engine {
        "postgres" => {
            "INSERT INTO a SELECT g FROM generate_series(1, (random() * 1000000)::int) g;"
        }
        "mysql" => {
            "SET @n = FLOOR(RAND() * 100000);\nINSERT INTO a WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 1000 AND n < @n / 100) SELECT n * 100000 + @n FROM r;\nSET @s = CONCAT('CREATE TABLE r', @n, ' (id integer)');\nPREPARE s FROM @s;\nEXECUTE s;"
        }
        _ => {
            "INSERT INTO a WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT abs(random() % 100000)) SELECT n FROM r;"
        }
    };
    let text = format!("-- +goose Up\nCREATE TABLE a (id integer PRIMARY KEY);\n{random}\n");
    let project = Project::new(engine, "goose", &[("1_a.sql", &text)]);
    let to = project.new_folder();
    let error = project
        .before()
        .convert(&Histories::all(), &to)
        .await
        .unwrap_err();
    let diagnostic = &error.diagnostics()[0];
    assert_eq!(
        diagnostic.code.as_deref(),
        Some("schemas-differ"),
        "{diagnostic}"
    );
    assert!(!diagnostic.notes.is_empty());
    assert!(!to.exists());
    assert_eq!(project.shadows().await, 0);
}

async fn what_fails_on_an_empty_database(engine: &str) {
    let text = "-- +goose Up\nSELECT 1;\nINSERT INTO not_there VALUES (1);\n";
    let project = Project::new(engine, "goose", &[("1_a.sql", text)]);
    let to = project.new_folder();
    let error = project
        .before()
        .convert(&Histories::all(), &to)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let diagnostic = error.diagnostics()[0].clone();
    assert!(
        diagnostic.to_string().contains("1_a.sql:3:"),
        "{diagnostic}"
    );
    assert!(
        diagnostic
            .notes
            .iter()
            .any(|note| note.contains("empty database"))
    );
    assert!(!to.exists());
    assert_eq!(project.shadows().await, 0);
}

/// What the other tests count is there while it is used, and empty.
async fn a_shadow_comes_and_goes(engine: &str) {
    let project = Project::new(engine, "goose", &GOOSE);
    let connect = connector(&project.url, None, SessionOptions::default()).unwrap();
    let name = format!("whimbrel_shadow_{}_x", connect.database());
    let shadow = connect.shadow(&name).await.unwrap().unwrap();
    let mut driver = shadow.connect().connect().await.unwrap();
    driver.read_history().await.unwrap();
    driver.create_history().await.unwrap();
    // The history's own tables don't count.
    assert_eq!(
        driver
            .schema()
            .await
            .unwrap()
            .unwrap()
            .iter()
            .filter(|object| object.kind == "table")
            .count(),
        0
    );
    driver.query("CREATE TABLE a (id integer)").await.unwrap();
    driver.query("INSERT INTO a VALUES (1)").await.unwrap();
    let schema = driver.schema().await.unwrap().unwrap();
    let rows = schema.iter().find(|object| object.kind == "rows").unwrap();
    assert_eq!(rows.definition, "1");
    let before = schema.len();
    driver
        .query("ALTER TABLE a ADD COLUMN b integer")
        .await
        .unwrap();
    let after = driver.schema().await.unwrap().unwrap();
    assert!(schema != after && after.len() >= before);
    driver.close().await.unwrap();
    if engine != "sqlite" {
        assert_eq!(project.shadows().await, 1);
    }
    shadow.remove().await.unwrap();
    assert_eq!(project.shadows().await, 0);
}

/// Cancelled while a shadow is at work, it goes all the same.
async fn a_cancelled_conversion_leaves_nothing(engine: &str) {
    let wait = if engine == "postgres" {
        "SELECT pg_sleep(60);"
    } else {
        "SELECT SLEEP(60);"
    };
    let text = format!("-- +goose Up\nCREATE TABLE a (id integer);\n{wait}\n");
    let project = Project::new(engine, "goose", &[("1_a.sql", &text)]);
    let token = whimbrel::CancellationToken::new();
    let directory = Directory::new(project.old());
    let migrator = Migrator::builder(&project.url)
        .source(directory.layout(layout_by_name("goose").unwrap()))
        .cancel(token.clone())
        .build()
        .unwrap();
    let to = project.new_folder();
    let all = Histories::all();
    let cancel = async {
        while project.shadows().await == 0 {
            tokio::task::yield_now().await;
        }
        token.cancel();
    };
    let (result, ()) = tokio::join!(migrator.convert(&all, &to), cancel);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(project.shadows().await, 0);
    assert!(!to.exists());
}

#[test]
fn a_cancelled_conversion_leaves_nothing_on_servers() {
    for engine in ["postgres", "mysql"] {
        block_on(a_cancelled_conversion_leaves_nothing(engine));
    }
}

macro_rules! engines {
    ($($name:ident)*) => {$(
        mod $name {
            #[test]
            fn sqlite() {
                super::block_on(super::$name("sqlite"));
            }
            #[test]
            fn postgres() {
                super::block_on(super::$name("postgres"));
            }
            #[test]
            fn mysql() {
                super::block_on(super::$name("mysql"));
            }
        }
    )*};
}

engines! {
    versions_stay
    versions_change
    another_tools_history
    a_difference_keeps_nothing
    what_fails_on_an_empty_database
    a_shadow_comes_and_goes
    names_there_are_numbers_here
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

#[test]
fn what_a_shadow_cannot_hold_is_not_tried() {
    for (engine, sql, what) in [
        ("postgres", "CREATE ROLE app;", "CREATE ROLE"),
        (
            "postgres",
            "DO $$ BEGIN CREATE USER app; END $$;",
            "CREATE USER",
        ),
        (
            "postgres",
            "ALTER SYSTEM SET work_mem = '1MB';",
            "ALTER SYSTEM",
        ),
        (
            "mysql",
            "CREATE TABLE mysql.evil (id int);",
            "the database mysql",
        ),
        ("mysql", "GRANT SELECT ON *.* TO app;", "GRANT"),
        (
            "mysql",
            "SET @s = 'DROP DATABASE x'; PREPARE s FROM @s;",
            "DROP DATABASE",
        ),
        ("sqlite", "ATTACH DATABASE 'other.db' AS o;", "ATTACH"),
    ] {
        let text = format!("-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;\n{sql}\n");
        let project = Project::new(engine, "goose", &[("1_a.sql", &text)]);
        let to = project.new_folder();
        let error = block_on(project.before().convert(&Histories::all(), &to)).unwrap_err();
        let diagnostic = error.diagnostics()[0].clone();
        assert_eq!(
            diagnostic.code.as_deref(),
            Some("beyond-shadow"),
            "{diagnostic}"
        );
        assert!(diagnostic.message.starts_with(what), "{diagnostic}");
        assert!(
            diagnostic.to_string().contains("1_a.sql:4:"),
            "{diagnostic}"
        );
    }
}
