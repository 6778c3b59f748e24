//! sqlx, diesel and refinery.

use whimbrel::report::DatabaseState;
use whimbrel::{Error, Migrator};

use super::{PARENT, POSTGRES_TABLES, Project, SQLITE_TABLES};

const REBUILD: &str = "COMMIT TRANSACTION;\nPRAGMA foreign_keys = OFF;\nBEGIN TRANSACTION;\nCREATE TABLE n (id integer PRIMARY KEY, x int);\nINSERT INTO n (id) SELECT id FROM p;\nDROP TABLE p;\nALTER TABLE n RENAME TO p;\nCOMMIT TRANSACTION;\nPRAGMA foreign_keys = ON;\nBEGIN TRANSACTION;\nINSERT INTO p (id) VALUES (7);\n";

#[tokio::test]
async fn sqlx_rebuilds_a_table_between_its_transactions() {
    let project = Project::of(
        "sqlx",
        "sqlite",
        &[
            ("1_p.up.sql", PARENT),
            ("1_p.down.sql", "DROP TABLE c;\nDROP TABLE p;\n"),
            ("2_rebuild.up.sql", REBUILD),
            ("2_rebuild.down.sql", "ALTER TABLE p DROP COLUMN x;\n"),
        ],
    );
    assert_eq!(project.up().await.len(), 2);
    assert_eq!(project.value("SELECT count(*) FROM c"), "1");
    assert_eq!(project.value("SELECT group_concat(id) FROM p"), "1,7");
    assert_eq!(project.undo_all().await.len(), 2);
    assert_eq!(project.value(SQLITE_TABLES), "");
}

#[tokio::test]
async fn a_file_that_commits_is_gone_on_with() {
    let text = |last: &str| {
        format!(
            "CREATE TABLE a (b int);\nCOMMIT;\nCREATE TABLE b (b int);\nBEGIN;\nINSERT INTO a VALUES (1);\nCREATE TABLE {last} (b int);\n"
        )
    };
    let project = Project::of("sqlx", "postgres", &[("1_a.sql", &text("a"))]);
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
    assert_eq!(project.up().await.len(), 1);
    assert_eq!(project.value(POSTGRES_TABLES), "a,b,c");
    assert_eq!(project.value("SELECT count(*) FROM a"), "1");
}

#[tokio::test]
async fn diesel() {
    let project = Project::of(
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
    assert_eq!(project.up().await.len(), 2);
    assert_eq!(project.value(POSTGRES_TABLES), "a,i");
    assert_eq!(project.undo_all().await.len(), 2);
    assert_eq!(project.value(POSTGRES_TABLES), "");
}

#[tokio::test]
async fn a_library_finds_layouts_too() {
    let project = Project::of(
        "diesel",
        "sqlite",
        &[("2023-01-01-000000_a/up.sql", "CREATE TABLE a (b int);")],
    );
    let found = Migrator::builder(&project.url).directory(project.path());
    let report = found.build().unwrap().up().await.unwrap();
    assert_eq!(report.steps[0].label, "20230101000000_a");
}

#[tokio::test]
async fn refinery_lets_some_come_late() {
    let project = Project::of(
        "refinery",
        "postgres",
        &[
            ("V1__a.sql", "CREATE TABLE a (b int);"),
            ("V10__b.sql", "CREATE TABLE b (b int);"),
        ],
    );
    assert_eq!(project.up().await.len(), 2);
    project.write("U5__c.sql", "CREATE TABLE c (b int);");
    assert_eq!(project.up().await.len(), 1);
    project.write("V6__d.sql", "CREATE TABLE d (b int);");
    assert!(matches!(
        project.migrator().up().await,
        Err(Error::Refused(_))
    ));
    assert_eq!(project.value(POSTGRES_TABLES), "a,b,c");
}
