//! golang-migrate, goose and dbmate.

use whimbrel::Error;
use whimbrel::plan::{Goal, State};

use super::{POSTGRES_TABLES, Project};

#[tokio::test]
async fn golang_migrate() {
    let project = Project::of(
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
    assert_eq!(project.up().await.len(), 3);
    assert_eq!(project.value(POSTGRES_TABLES), "a,c,i");
    assert_eq!(project.value("SELECT count(*) FROM c"), "1");
    assert_eq!(project.undo_all().await.len(), 3);
    assert_eq!(project.value(POSTGRES_TABLES), "");
}

#[tokio::test]
async fn goose_without_a_transaction() {
    let enumeration = "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE TYPE mood AS ENUM ('sad');\nALTER TYPE mood ADD VALUE 'glad';\nCREATE TABLE a (b mood DEFAULT 'glad');\nCREATE INDEX CONCURRENTLY i ON a (b);\n-- +goose Down\nDROP INDEX CONCURRENTLY i;\nDROP TABLE a;\nDROP TYPE mood;\n";
    let project = Project::of("goose", "postgres", &[("1_a.sql", enumeration)]);
    assert_eq!(project.up().await.len(), 1);
    assert_eq!(project.value(POSTGRES_TABLES), "a,i");
    assert_eq!(project.undo_all().await.len(), 1);
    assert_eq!(project.value(POSTGRES_TABLES), "");
}

#[tokio::test]
async fn goose_with_a_procedure() {
    let text = "-- +goose Up\nCREATE TABLE a (b int);\n-- +goose StatementBegin\nCREATE PROCEDURE fill() BEGIN INSERT INTO a VALUES (1); INSERT INTO a VALUES (2); END\n-- +goose StatementEnd\nCALL fill();\n-- +goose Down\nDROP PROCEDURE fill;\nDROP TABLE a;\n";
    let project = Project::of("goose", "mariadb", &[("1_a.sql", text)]);
    assert_eq!(project.up().await.len(), 1);
    assert_eq!(project.value("SELECT count(*) FROM a"), "2");
    assert_eq!(project.undo_all().await.len(), 1);
    assert_eq!(project.up().await.len(), 1);
}

#[tokio::test]
async fn goose_on_sqlite_does_not_enforce_references() {
    let text = "-- +goose Up\nCREATE TABLE p (id integer PRIMARY KEY);\nCREATE TABLE c (p integer REFERENCES p ON DELETE CASCADE);\nINSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1);\n-- +goose Down\nDROP TABLE p;\nDROP TABLE c;\n";
    let rebuild = "-- +goose Up\nCREATE TABLE n (id integer PRIMARY KEY, x int);\nINSERT INTO n (id) SELECT id FROM p;\nDROP TABLE p;\nALTER TABLE n RENAME TO p;\n";
    let project = Project::of(
        "goose",
        "sqlite",
        &[("1_a.sql", text), ("2_rebuild.sql", rebuild)],
    );
    assert_eq!(project.up().await.len(), 2);
    assert_eq!(project.value("SELECT count(*) FROM c"), "1");
    let Err(Error::Refused(problems)) = project.migrator().run(&Goal::UndoAll).await else {
        panic!("the second one has no down part");
    };
    assert_eq!(problems[0].code.as_deref(), Some("irreversible"));
}

#[tokio::test]
async fn what_changed_is_seen_as_its_layout_reads_it() {
    let text = "-- +goose Up\nCREATE TABLE a (b int);\n-- +goose Down\nDROP TABLE a;\n";
    let project = Project::of("goose", "sqlite", &[("1_a.sql", text)]);
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

#[tokio::test]
async fn dbmate() {
    let project = Project::of(
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
    assert_eq!(project.up().await.len(), 3);
    assert_eq!(project.value(POSTGRES_TABLES), "a,i,j,k");
    // Without its file the kept one says how it runs.
    std::fs::remove_file(project.path().join("2_i.sql")).unwrap();
    assert_eq!(project.undo_all().await.len(), 3);
    assert_eq!(project.value(POSTGRES_TABLES), "");
}
