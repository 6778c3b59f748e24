//! Other tools' files, applied and undone on the engines.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::PathBuf;

use whimbrel::plan::{Goal, State};
use whimbrel::report::DatabaseState;
use whimbrel::source::Directory;
use whimbrel::{Error, Migrator};

struct Project {
    folder: tempfile::TempDir,
    layout: &'static str,
    url: String,
}

impl Project {
    fn new(layout: &'static str, engine: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match engine {
            "postgres" => whimbrel_testkit::postgres().database(),
            "mysql" => whimbrel_testkit::mariadb().database(),
            _ => format!("sqlite:{}/test.db", folder.path().display()),
        };
        let project = Self {
            folder,
            layout,
            url,
        };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("migrations")
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn migrator(&self) -> Migrator {
        let layout = whimbrel::import::layout_by_name(self.layout).unwrap();
        Migrator::builder(&self.url)
            .source(Directory::new(self.path()).layout(layout))
            .build()
            .unwrap()
    }

    async fn up(&self) -> usize {
        self.migrator().up().await.unwrap().steps.len()
    }

    async fn undo_all(&self) -> usize {
        let report = self.migrator().run(&Goal::UndoAll).await.unwrap();
        report.steps.len()
    }

    async fn state(&self, version: &str) -> State {
        let status = self.migrator().status().await.unwrap();
        let row = status.migrations.into_iter();
        row.into_iter()
            .find(|row| row.version.as_str() == version)
            .unwrap()
            .state
    }

    /// The one value of a query.
    fn value(&self, sql: &str) -> String {
        if self.url.starts_with("postgres") {
            whimbrel_testkit::postgres().execute(&self.url, sql)
        } else if self.url.starts_with("mysql") {
            whimbrel_testkit::mariadb().execute(&self.url, sql)
        } else {
            let path = self.url.trim_start_matches("sqlite:");
            let connection = rusqlite::Connection::open(path).unwrap();
            let value: rusqlite::types::Value =
                connection.query_row(sql, [], |row| row.get(0)).unwrap();
            match value {
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Text(text) => text,
                other => format!("{other:?}"),
            }
        }
    }
}

/// Tables and indexes of the migrations alone.
const SQLITE_TABLES: &str = "SELECT coalesce(group_concat(name), '') FROM (SELECT name FROM sqlite_master WHERE name NOT LIKE 'whimbrel%' AND name NOT LIKE 'sqlite%' ORDER BY name)";
const POSTGRES_TABLES: &str = "SELECT coalesce(string_agg(relname, ',' ORDER BY relname), '') FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'whimbrel%'";

/// The programs that such files were written for send each statement by itself.
#[tokio::test]
async fn by_name_runs_files_that_no_transaction_takes_as_a_whole() {
    let project = Project::new(
        "by-name",
        "postgres",
        &[
            ("v1.9/tables.sql", "CREATE TABLE a (b int);"),
            (
                "v1.10/mixed.sql",
                "ALTER TABLE a ADD c int;\nCREATE INDEX CONCURRENTLY i ON a (c);\nALTER TABLE a DROP b;",
            ),
        ],
    );
    assert_eq!(project.up().await, 2);
    assert_eq!(project.value(POSTGRES_TABLES), "a,i");
}

#[tokio::test]
async fn golang_migrate() {
    let project = Project::new(
        "golang-migrate",
        "postgres",
        &[
            (
                "1_a.up.sql",
                "CREATE TABLE a (b int);\nINSERT INTO a VALUES (1);",
            ),
            ("1_a.down.sql", "DROP TABLE a;"),
            ("2_i.up.sql", "CREATE INDEX CONCURRENTLY i ON a (b);"),
            ("2_i.down.sql", "DROP INDEX CONCURRENTLY i;"),
            (
                "3_c.up.sql",
                "BEGIN;\nCREATE TABLE c (d int);\nCOMMIT;\nINSERT INTO c VALUES (1);\nCOMMIT;\n",
            ),
            ("3_c.down.sql", "DROP TABLE IF EXISTS c;"),
        ],
    );
    assert_eq!(project.up().await, 3);
    assert_eq!(project.value(POSTGRES_TABLES), "a,c,i");
    assert_eq!(project.value("SELECT count(*) FROM c"), "1");
    assert_eq!(project.undo_all().await, 3);
    assert_eq!(project.value(POSTGRES_TABLES), "");
}

#[tokio::test]
async fn goose_without_a_transaction() {
    let enumeration = "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TYPE mood AS ENUM ('sad');\nALTER TYPE mood ADD VALUE 'glad';\nCREATE TABLE a (b mood DEFAULT 'glad');\nCREATE INDEX CONCURRENTLY i ON a (b);\n-- +goose Down\nDROP INDEX CONCURRENTLY i;\nDROP TABLE a;\nDROP TYPE mood;\n";
    let project = Project::new("goose", "postgres", &[("1_a.sql", enumeration)]);
    assert_eq!(project.up().await, 1);
    assert_eq!(project.value(POSTGRES_TABLES), "a,i");
    assert_eq!(project.undo_all().await, 1);
    assert_eq!(project.value(POSTGRES_TABLES), "");
}

#[tokio::test]
async fn goose_with_a_procedure() {
    let text = "-- +goose Up\nCREATE TABLE a (b int);\n-- +goose StatementBegin\nCREATE PROCEDURE fill() BEGIN INSERT INTO a VALUES (1); INSERT INTO a VALUES (2); END\n-- +goose StatementEnd\nCALL fill();\n-- +goose Down\nDROP PROCEDURE fill;\nDROP TABLE a;\n";
    let project = Project::new("goose", "mysql", &[("1_a.sql", text)]);
    assert_eq!(project.up().await, 1);
    assert_eq!(project.value("SELECT count(*) FROM a"), "2");
    assert_eq!(project.undo_all().await, 1);
    assert_eq!(project.up().await, 1);
}

#[tokio::test]
async fn goose_on_sqlite_does_not_enforce_references() {
    let text = "-- +goose Up\nCREATE TABLE p (id integer PRIMARY KEY);\nCREATE TABLE c (p integer REFERENCES p ON DELETE CASCADE);\nINSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1);\n-- +goose Down\nDROP TABLE p;\nDROP TABLE c;\n";
    let rebuild = "-- +goose Up\nCREATE TABLE n (id integer PRIMARY KEY, x int);\nINSERT INTO n (id) SELECT id FROM p;\nDROP TABLE p;\nALTER TABLE n RENAME TO p;\n";
    let project = Project::new(
        "goose",
        "sqlite",
        &[("1_a.sql", text), ("2_rebuild.sql", rebuild)],
    );
    assert_eq!(project.up().await, 2);
    assert_eq!(project.value("SELECT count(*) FROM c"), "1");
    let Err(Error::Refused(problems)) = project.migrator().run(&Goal::UndoAll).await else {
        panic!("the second one has no down part");
    };
    assert_eq!(problems[0].code.as_deref(), Some("irreversible"));
}

#[tokio::test]
async fn dbmate() {
    let project = Project::new(
        "dbmate",
        "postgres",
        &[
            (
                "1_a.sql",
                "-- migrate:up\nCREATE TABLE a (b int);\n-- migrate:down\nDROP TABLE a;\n",
            ),
            (
                "2_i.sql",
                "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY i ON a (b);\nCREATE INDEX CONCURRENTLY j ON a (b);\n-- migrate:down transaction:false\nDROP INDEX CONCURRENTLY i;\nDROP INDEX j;\n",
            ),
            (
                "3_k.sql",
                "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY k ON a (b);\n-- migrate:down\nDROP INDEX CONCURRENTLY k;\n",
            ),
        ],
    );
    assert_eq!(project.up().await, 3);
    assert_eq!(project.value(POSTGRES_TABLES), "a,i,j,k");
    // Without its file the kept one says how it runs.
    std::fs::remove_file(project.path().join("2_i.sql")).unwrap();
    assert_eq!(project.undo_all().await, 3);
    assert_eq!(project.value(POSTGRES_TABLES), "");
}

const REBUILD: &str = "COMMIT TRANSACTION;\nPRAGMA foreign_keys = OFF;\nBEGIN TRANSACTION;\nCREATE TABLE n (id integer PRIMARY KEY, x int);\nINSERT INTO n (id) SELECT id FROM p;\nDROP TABLE p;\nALTER TABLE n RENAME TO p;\nCOMMIT TRANSACTION;\nPRAGMA foreign_keys = ON;\nBEGIN TRANSACTION;\nINSERT INTO p (id) VALUES (7);\n";
const PARENT: &str = "CREATE TABLE p (id integer PRIMARY KEY);\nCREATE TABLE c (p integer REFERENCES p ON DELETE CASCADE);\nINSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1);\n";

#[tokio::test]
async fn sqlx_rebuilds_a_table_between_its_transactions() {
    let project = Project::new(
        "sqlx",
        "sqlite",
        &[
            ("1_p.up.sql", PARENT),
            ("1_p.down.sql", "DROP TABLE c;\nDROP TABLE p;\n"),
            ("2_rebuild.up.sql", REBUILD),
            ("2_rebuild.down.sql", "ALTER TABLE p DROP COLUMN x;\n"),
        ],
    );
    assert_eq!(project.up().await, 2);
    assert_eq!(project.value("SELECT count(*) FROM c"), "1");
    assert_eq!(project.value("SELECT group_concat(id) FROM p"), "1,7");
    assert_eq!(project.undo_all().await, 2);
    assert_eq!(project.value(SQLITE_TABLES), "");
}

#[tokio::test]
async fn diesel() {
    let project = Project::new(
        "diesel",
        "postgres",
        &[
            ("2023-01-01-000000_a/up.sql", "CREATE TABLE a (b int);"),
            ("2023-01-01-000000_a/down.sql", "DROP TABLE a;"),
            (
                "2023-01-02-000000_i/up.sql",
                "CREATE INDEX CONCURRENTLY i ON a (b);\nALTER TABLE a ADD c int;",
            ),
            (
                "2023-01-02-000000_i/down.sql",
                "DROP INDEX CONCURRENTLY i;\nALTER TABLE a DROP c;",
            ),
            (
                "2023-01-02-000000_i/metadata.toml",
                "run_in_transaction = false\n",
            ),
        ],
    );
    assert_eq!(project.up().await, 2);
    assert_eq!(project.value(POSTGRES_TABLES), "a,i");
    assert_eq!(project.undo_all().await, 2);
    assert_eq!(project.value(POSTGRES_TABLES), "");
}

#[tokio::test]
async fn refinery_lets_some_come_late() {
    let project = Project::new(
        "refinery",
        "postgres",
        &[
            ("V1__a.sql", "CREATE TABLE a (b int);"),
            ("V10__b.sql", "CREATE TABLE b (b int);"),
        ],
    );
    assert_eq!(project.up().await, 2);
    project.write("U5__c.sql", "CREATE TABLE c (b int);");
    assert_eq!(project.up().await, 1);
    project.write("V6__d.sql", "CREATE TABLE d (b int);");
    assert!(matches!(
        project.migrator().up().await,
        Err(Error::Refused(_))
    ));
    assert_eq!(project.value(POSTGRES_TABLES), "a,b,c");
}

#[tokio::test]
async fn prisma_switches_enforcement_in_the_middle() {
    let rebuild = "CREATE TABLE other (a int);\nPRAGMA defer_foreign_keys=ON;\nPRAGMA foreign_keys=OFF;\nCREATE TABLE new_p (id integer PRIMARY KEY, x int);\nINSERT INTO new_p (id) SELECT id FROM p;\nDROP TABLE p;\nALTER TABLE new_p RENAME TO p;\nPRAGMA foreign_keys=ON;\nPRAGMA defer_foreign_keys=OFF;\n";
    let project = Project::new(
        "prisma",
        "sqlite",
        &[
            ("20230101000000_p/migration.sql", PARENT),
            ("20230102000000_rebuild/migration.sql", rebuild),
            ("migration_lock.toml", "provider = \"sqlite\"\n"),
        ],
    );
    assert_eq!(project.up().await, 2);
    assert_eq!(project.value("SELECT count(*) FROM c"), "1");
    assert_eq!(project.value(SQLITE_TABLES), "c,other,p");
}

#[tokio::test]
async fn drizzle_ends_statements_at_breakpoints() {
    let project = Project::new(
        "drizzle",
        "mysql",
        &[
            (
                "0000_a.sql",
                "CREATE TABLE a (b int)\n--> statement-breakpoint\nINSERT INTO a VALUES (1)\n--> statement-breakpoint\nINSERT INTO a VALUES (2);",
            ),
            (
                "meta/_journal.json",
                "{\"entries\": [{\"idx\": 0, \"tag\": \"0000_a\"}]}",
            ),
        ],
    );
    assert_eq!(project.up().await, 1);
    assert_eq!(project.value("SELECT sum(b) FROM a"), "3");
}

#[tokio::test]
async fn drizzle_loses_no_children() {
    let rebuild = "CREATE TABLE other (a int);--> statement-breakpoint\nPRAGMA foreign_keys=OFF;--> statement-breakpoint\nCREATE TABLE `__new_p` (id integer PRIMARY KEY, x int);--> statement-breakpoint\nINSERT INTO `__new_p` (id) SELECT id FROM p;--> statement-breakpoint\nDROP TABLE p;--> statement-breakpoint\nALTER TABLE `__new_p` RENAME TO p;--> statement-breakpoint\nPRAGMA foreign_keys=ON;";
    let project = Project::new(
        "drizzle",
        "sqlite",
        &[
            ("0000_p.sql", PARENT),
            ("0001_rebuild.sql", rebuild),
            (
                "meta/_journal.json",
                "{\"entries\": [{\"tag\": \"0000_p\"}, {\"tag\": \"0001_rebuild\"}]}",
            ),
        ],
    );
    assert_eq!(project.up().await, 2);
    assert_eq!(project.value("SELECT count(*) FROM c"), "1");
}

#[tokio::test]
async fn a_library_finds_layouts_too() {
    let project = Project::new(
        "diesel",
        "sqlite",
        &[("2023-01-01-000000_a/up.sql", "CREATE TABLE a (b int);")],
    );
    let found = Migrator::builder(&project.url).directory(project.path());
    let report = found.build().unwrap().up().await.unwrap();
    assert_eq!(report.steps[0].label, "20230101000000_a");
}

#[tokio::test]
async fn supabase_and_wrangler() {
    let project = Project::new(
        "supabase",
        "postgres",
        &[(
            "20240101000000_a.sql",
            "CREATE TABLE a (b int);\nALTER TABLE a ENABLE ROW LEVEL SECURITY;\n",
        )],
    );
    assert_eq!(project.up().await, 1);
    assert_eq!(project.value(POSTGRES_TABLES), "a");
    let trigger = "CREATE TABLE a (b int);\nCREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = 2; END;\nINSERT INTO a VALUES (1);\n";
    let project = Project::new("wrangler", "sqlite", &[("0001_a.sql", trigger)]);
    assert_eq!(project.up().await, 1);
    assert_eq!(project.value("SELECT b FROM a"), "2");
    assert_eq!(project.state("0001").await, State::Applied);
}

#[tokio::test]
async fn node_pg_migrate_and_graphile_migrate() {
    let project = Project::new(
        "node-pg-migrate",
        "postgres",
        &[(
            "1700000000000_a.sql",
            "-- Up Migration\nCREATE TABLE a (b int);\n-- Down Migration\nDROP TABLE a;\n",
        )],
    );
    assert_eq!(project.up().await, 1);
    assert_eq!(project.undo_all().await, 1);
    assert_eq!(project.value(POSTGRES_TABLES), "");
    let project = Project::new(
        "graphile-migrate",
        "postgres",
        &[
            (
                "committed/000001.sql",
                "--! Previous: -\n--! Hash: sha1:aa\n\nCREATE TABLE a (b int);\n",
            ),
            (
                "committed/000002.sql",
                "--! Previous: sha1:aa\n--! Hash: sha1:bb\n\n--! no-transaction\nCREATE INDEX CONCURRENTLY i ON a (b);\n",
            ),
        ],
    );
    assert_eq!(project.up().await, 2);
    assert_eq!(project.value(POSTGRES_TABLES), "a,i");
}

#[tokio::test]
async fn a_file_that_commits_is_gone_on_with() {
    let text = |last: &str| {
        format!(
            "CREATE TABLE a (b int);\nCOMMIT;\nCREATE TABLE b (b int);\nBEGIN;\nINSERT INTO a VALUES (1);\nCREATE TABLE {last} (b int);\n"
        )
    };
    let project = Project::new("sqlx", "postgres", &[("1_a.sql", &text("a"))]);
    let Err(Error::Failed(failure)) = project.migrator().up().await else {
        panic!("the table is there already");
    };
    let half = DatabaseState::HalfDone {
        done: 2,
        statements: 4,
    };
    assert_eq!(failure.state, half);
    assert_eq!(failure.diagnostic.label.as_ref().unwrap().place().line, 6);
    project.write("1_a.sql", &text("c"));
    assert_eq!(project.up().await, 1);
    assert_eq!(project.value(POSTGRES_TABLES), "a,b,c");
    assert_eq!(project.value("SELECT count(*) FROM a"), "1");
}

#[tokio::test]
async fn what_changed_is_seen_as_its_layout_reads_it() {
    let text = "-- +goose Up\nCREATE TABLE a (b int);\n-- +goose Down\nDROP TABLE a;\n";
    let project = Project::new("goose", "sqlite", &[("1_a.sql", text)]);
    project.up().await;
    project.write(
        "1_a.sql",
        &text.replace("DROP TABLE a", "DROP TABLE IF EXISTS a"),
    );
    assert_eq!(project.state("1").await, State::Applied);
    project.write("1_a.sql", &format!("-- +goose NO TRANSACTION\n{text}"));
    assert_eq!(project.state("1").await, State::Modified);
    project.write("1_a.sql", &text.replace("b int", "b int, c int"));
    assert_eq!(project.state("1").await, State::Modified);
}
