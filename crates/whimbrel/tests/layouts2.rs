//! Other tools' folders applied and undone on real engines.
#![allow(missing_docs, clippy::unwrap_used)]

use whimbrel::Migrator;
use whimbrel::import::layouts;
use whimbrel::plan::{Goal, State};
use whimbrel::report::Report;
use whimbrel::source::Directory;

struct Project {
    folder: tempfile::TempDir,
    engine: &'static str,
    url: String,
}

impl Project {
    fn new(engine: &'static str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match engine {
            "postgres" => whimbrel_testkit::postgres().database(),
            "mysql" => whimbrel_testkit::mariadb().database(),
            _ => format!("sqlite:{}/test.db", folder.path().display()),
        };
        let project = Self {
            folder,
            engine,
            url,
        };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join("files").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn migrator(&self) -> Migrator {
        let directory = Directory::new(self.folder.path().join("files"));
        Migrator::builder(&self.url)
            .source(directory.known_layouts(layouts()))
            .build()
            .unwrap()
    }

    async fn up(&self) -> Vec<String> {
        labels(&self.migrator().up().await.unwrap_or_else(|e| panic!("{e}")))
    }

    async fn down(&self, steps: usize) -> Vec<String> {
        let goal = Goal::UndoSteps(steps);
        labels(
            &self
                .migrator()
                .run(&goal)
                .await
                .unwrap_or_else(|e| panic!("{e}")),
        )
    }

    /// The place and the text of what `up` fails with.
    async fn failure(&self) -> String {
        let error = self.migrator().up().await.unwrap_err();
        let whimbrel::Error::Failed(failure) = error else {
            panic!("{error}")
        };
        let root = format!("{}/files/", self.folder.path().display());
        failure.diagnostic.to_string().replace(&root, "")
    }

    async fn states(&self) -> Vec<(String, State)> {
        let status = self.migrator().status().await.unwrap();
        let rows = status.migrations.into_iter();
        rows.map(|row| (row.version.to_string(), row.state))
            .collect()
    }

    /// The one value that a query gives.
    fn value(&self, sql: &str) -> String {
        match self.engine {
            "postgres" => whimbrel_testkit::postgres().execute(&self.url, sql),
            "mysql" => whimbrel_testkit::mariadb().execute(&self.url, sql),
            _ => {
                let path = self.url.trim_start_matches("sqlite:");
                let connection = rusqlite::Connection::open(path).unwrap();
                let value = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
                match connection.query_row(sql, [], value).unwrap() {
                    rusqlite::types::Value::Integer(number) => number.to_string(),
                    rusqlite::types::Value::Text(text) => text,
                    other => format!("{other:?}"),
                }
            }
        }
    }
}

fn labels(report: &Report) -> Vec<String> {
    report.steps.iter().map(|step| step.label.clone()).collect()
}

const EVENTS: &str = "SELECT count(*) FROM events WHERE what = ";

async fn flyway_with_callbacks(engine: &'static str) {
    let insert = |what: &str| format!("INSERT INTO events VALUES ('{what}')");
    let project = Project::new(
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
    let project = Project::new(engine, &files);
    assert_eq!(project.up().await, ["2_both", "3_c"]);
    let states: Vec<_> = project
        .states()
        .await
        .into_iter()
        .map(|(_, state)| state)
        .collect();
    assert_eq!(states, [State::Baseline, State::Applied, State::Baseline]);
    assert!(project.up().await.is_empty());
    let without = Project::new(engine, &files[..2]);
    without.up().await;
    without.write(files[2].0, files[2].1);
    without.write(files[3].0, files[3].1);
    assert_eq!(without.up().await, ["3_c"]);
}

async fn flyway_asks_the_server(engine: &'static str) {
    let project = Project::new(
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
        "mysql" => project.url.rsplit('/').next().unwrap(),
        _ => "main",
    };
    assert_eq!(schema, expected);
}

const CHANGELOG: &str = "--liquibase formatted sql
--property name:table value:users
--changeset ann:users
CREATE TABLE ${table} (id integer PRIMARY KEY, name varchar(50));
--rollback DROP TABLE ${table};
--changeset ann:view runOnChange:true
CREATE TABLE IF NOT EXISTS copies (id integer);
--rollback DROP TABLE copies;
--changeset bob:fill
INSERT INTO copies VALUES (1);
--rollback DELETE FROM copies;
";

async fn liquibase_changesets(engine: &'static str) {
    let project = Project::new(engine, &[("log.sql", CHANGELOG)]);
    let labels = [
        "log.sql::ann:users",
        "log.sql::ann:view",
        "log.sql::bob:fill",
    ];
    assert_eq!(project.up().await, labels);
    // Another comment is no change; another statement is one, and what runs on change runs.
    project.write(
        "log.sql",
        &CHANGELOG.replace("INSERT INTO copies", "-- once\nINSERT INTO copies"),
    );
    assert!(project.up().await.is_empty());
    project.write(
        "log.sql",
        &CHANGELOG.replace("(id integer);", "(id bigint);"),
    );
    assert_eq!(project.up().await, ["log.sql::ann:view"]);
    // A changeset in an earlier file is not too late.
    project.write("first.sql", "--liquibase formatted sql\n--changeset a:1\nCREATE TABLE IF NOT EXISTS early (id integer);\n--rollback not required\n");
    assert_eq!(project.up().await, ["first.sql::a:1"]);
    project.write("log.sql", &CHANGELOG.replace("VALUES (1)", "VALUES (2)"));
    let refused = project.migrator().up().await.unwrap_err();
    assert_eq!(refused.kind(), whimbrel::error::ErrorKind::Refused);
    project.write("log.sql", CHANGELOG);
    let undone = project.migrator().run(&Goal::UndoAll).await.unwrap();
    assert_eq!(undone.steps.len(), 4);
    assert_eq!(project.up().await.len(), 4);
}

async fn liquibase_preconditions(engine: &'static str) {
    let changeset = |id: &str, outcome: &str, check: &str| {
        format!(
            "--changeset a:{id}\n--preconditions onFail:{outcome}\n--precondition-{check}\nINSERT INTO seen VALUES ('{id}');\n"
        )
    };
    let log = [
        "--liquibase formatted sql\n--changeset a:0\nCREATE TABLE seen (id varchar(20));\n"
            .to_owned(),
        changeset("holds", "HALT", "table-exists table:SEEN"),
        changeset("marked", "MARK_RAN", "view-exists view:seen"),
        changeset(
            "later",
            "CONTINUE",
            "sql-check expectedResult:1 SELECT count(*) FROM seen WHERE id = 'last'",
        ),
        changeset("warned", "WARN", "sql-check expectedResult:7 SELECT 6"),
    ]
    .concat();
    let project = Project::new(engine, &[("log.sql", &log)]);
    assert_eq!(
        project.up().await,
        [
            "log.sql::a:0",
            "log.sql::a:holds",
            "log.sql::a:marked",
            "log.sql::a:warned"
        ]
    );
    assert_eq!(project.value("SELECT max(id) FROM seen"), "warned");
    assert_eq!(project.value("SELECT count(*) FROM seen"), "2");
    assert_eq!(project.migrator().pending().await.unwrap().len(), 1);
    project.write(
        "log.sql",
        &(log.clone() + "--changeset a:last\nINSERT INTO seen VALUES ('last');\n"),
    );
    assert_eq!(project.up().await, ["log.sql::a:last"]);
    assert_eq!(project.up().await, ["log.sql::a:later"]);
    project.write(
        "log.sql",
        &(log
            + "--changeset a:last\nINSERT INTO seen VALUES ('last');\n"
            + &changeset("stops", "HALT", "sql-check expectedResult:0 SELECT 1")),
    );
    let failure = project.failure().await;
    assert_eq!(
        failure,
        "log.sql:24:1: the condition does not hold: expected 0, got 1"
    );
}

const PLAN: &str = "%syntax-version=1.0.0
%project=flipr

users 2014-01-01T10:00:00Z Ann <ann@example.org> # users
@v1 2014-01-02T10:00:00Z Ann <ann@example.org> # first
lists [users] 2014-01-03T10:00:00Z Ann <ann@example.org> # lists
";

async fn sqitch_changes_in_the_order_of_the_plan(engine: &'static str) {
    let project = Project::new(
        engine,
        &[
            ("sqitch.plan", PLAN),
            (
                "deploy/users.sql",
                "-- Deploy\nBEGIN;\nCREATE TABLE users (id integer PRIMARY KEY);\nCOMMIT;\n",
            ),
            ("revert/users.sql", "BEGIN;\nDROP TABLE users;\nCOMMIT;\n"),
            (
                "deploy/lists.sql",
                "BEGIN;\nCREATE TABLE lists (id integer);\nCOMMIT;\n",
            ),
            ("revert/lists.sql", "BEGIN;\nDROP TABLE lists;\nCOMMIT;\n"),
        ],
    );
    assert_eq!(project.up().await, ["users", "lists"]);
    let alone = project
        .migrator()
        .run(&Goal::Undo(vec!["users".to_owned()]))
        .await;
    assert!(alone.is_err(), "lists depends on it");
    assert_eq!(project.down(2).await, ["lists", "users"]);
    let to_tag = project
        .migrator()
        .run(&Goal::UpTo("@v1".to_owned()))
        .await
        .unwrap();
    assert_eq!(labels(&to_tag), ["users"]);
    project.up().await;
    let to_tag = project
        .migrator()
        .run(&Goal::DownTo("@v1".to_owned()))
        .await
        .unwrap();
    assert_eq!(labels(&to_tag), ["lists"]);
    project.up().await;
    // Reworked: what is deployed keeps its version, the new text is another one.
    project.write(
        "sqitch.plan",
        &format!("{PLAN}users [users@v1] 2014-02-01T10:00:00Z Ann <ann@example.org>\n"),
    );
    project.write(
        "deploy/users@v1.sql",
        "-- Deploy\nBEGIN;\nCREATE TABLE users (id integer PRIMARY KEY);\nCOMMIT;\n",
    );
    project.write("deploy/users.sql", "INSERT INTO users VALUES (1);\n");
    assert_eq!(project.up().await, ["users#2"]);
    assert_eq!(project.value("SELECT count(*) FROM users"), "1");
}

async fn rails_structure_begins_a_database(engine: &'static str) {
    let structure = "CREATE TABLE schema_migrations (version varchar(50) NOT NULL PRIMARY KEY);
CREATE TABLE users (id integer);
INSERT INTO schema_migrations (version) VALUES
('20240301120000'),
('20231101120000');
";
    let project = Project::new(engine, &[("structure.sql", structure)]);
    assert_eq!(project.up().await, ["20240301120000_structure"]);
    assert_eq!(
        project.value("SELECT max(version) FROM schema_migrations"),
        "20240301120000"
    );
    assert!(project.migrator().is_up_to_date().await.unwrap());
    project.write(
        "structure.sql",
        &structure.replace("VALUES\n", "VALUES\n('20240401120000'),\n"),
    );
    assert!(project.up().await.is_empty());
}

async fn strings_of_typescript(engine: &'static str) {
    let users = "export const up = `
  CREATE TABLE users (id integer PRIMARY KEY, name varchar(50) DEFAULT '\\${x}');
`;
export const down = 'DROP TABLE users;';
";
    let project = Project::new(
        engine,
        &[
            ("001_users.ts", users),
            (
                "002_bad.ts",
                "export const up = `\n  SELECT 1;\n  INSERT INTO users (id, nothing) VALUES (1, 2);\n`;\nexport const config = { transaction: false };\n",
            ),
        ],
    );
    let failure = project.failure().await;
    assert!(failure.starts_with("002_bad.ts:3:"), "{failure}");
    project.write("002_bad.ts", "export const up = 'SELECT 1;\\nINSERT INTO users (id) VALUES (1)';\nexport const down = \"DELETE FROM users\";\n");
    assert_eq!(project.up().await, ["002_bad"]);
    assert_eq!(project.value("SELECT name FROM users"), "${x}");
    assert_eq!(project.down(2).await, ["002_bad", "001_users"]);
}

macro_rules! engines {
    ($($test:ident)*) => {
        engines! { @ sqlite $($test)* }
        engines! { @ postgres $($test)* }
        engines! { @ mysql $($test)* }
    };
    (@ $engine:ident $($test:ident)*) => {
        mod $engine {
            $(
                #[test]
                fn $test() {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(super::$test(stringify!($engine)));
                }
            )*
        }
    };
}

engines! {
    flyway_with_callbacks
    flyway_begins_with_a_baseline
    flyway_asks_the_server
    liquibase_changesets
    liquibase_preconditions
    sqitch_changes_in_the_order_of_the_plan
    rails_structure_begins_a_database
    strings_of_typescript
}
