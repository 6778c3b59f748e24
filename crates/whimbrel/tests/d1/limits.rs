//! What D1 would refuse is found before anything is sent.

use super::{Project, refusals};

#[tokio::test]
async fn long_statements_are_named_by_their_line() {
    let text = format!(
        "CREATE TABLE t (a text);\n\nINSERT INTO t VALUES ('{}');\n",
        "x".repeat(100_000)
    );
    let project = Project::new(&[("001_long.sql", &text)]);
    let error = project.migrator().up().await.unwrap_err();
    assert_eq!(
        refusals(&error),
        ["3: this statement is 100025 bytes long; the database takes 100000 at most"]
    );
    assert_eq!(project.states().await, ["001 Pending"]);
}

#[tokio::test]
async fn a_long_file_of_short_statements_is_fine() {
    let row = format!("INSERT INTO t VALUES ('{}');\n", "x".repeat(90_000));
    let text = format!("CREATE TABLE t (a text);\n{}", row.repeat(6));
    let project = Project::new(&[("001_long.sql", &text)]);
    project.migrator().up().await.unwrap();
    let length = project.rows("SELECT length(text) AS n FROM whimbrel_scripts");
    assert_eq!(length, format!("[{{\"n\":{}}}]", text.len()));
}

#[tokio::test]
async fn what_d1_does_not_let_pass_is_refused_with_its_line() {
    let text = "SAVEPOINT a;\nVACUUM;\nATTACH 'x' AS y;\nPRAGMA journal_mode = wal;\nCREATE TEMP TABLE z (a);\nPRAGMA foreign_key_check;\n";
    let project = Project::new(&[("001_files.sql", text)]);
    let error = project.migrator().up().await.unwrap_err();
    assert_eq!(
        refusals(&error),
        [
            "1: SAVEPOINT: the database has no transactions that a script controls",
            "2: the database does not let VACUUM pass",
            "3: the database does not let ATTACH pass",
            "4: the database does not let this PRAGMA pass",
            "5: the database does not let CREATE TEMP pass",
        ]
    );
}

#[tokio::test]
async fn a_transaction_around_the_file_is_the_units_own() {
    let text = "BEGIN;\nCREATE TABLE t (a);\nINSERT INTO t VALUES (1);\nCOMMIT;\n";
    let project = Project::new(&[("001_framed.sql", text)]);
    project.migrator().up().await.unwrap();
    project.write(
        "002_inner.sql",
        "CREATE TABLE u (a);\nBEGIN;\nDROP TABLE u;\n",
    );
    let error = project.migrator().up().await.unwrap_err();
    assert_eq!(
        refusals(&error),
        ["2: the file controls transactions itself, but runs inside one"]
    );
}

#[tokio::test]
async fn triggers_and_comments_are_statements_as_written() {
    let text = "-- a comment; with a semicolon\nCREATE TABLE t (a);\nCREATE TRIGGER tr AFTER INSERT ON t\nBEGIN\n  UPDATE t SET a = a + 1;\n  INSERT INTO t SELECT 'x;y' WHERE 0;\nEND;\nINSERT INTO t VALUES (1);\n-- the end\n";
    let project = Project::new(&[("001_trigger.sql", text)]);
    project.migrator().up().await.unwrap();
    assert_eq!(project.rows("SELECT a FROM t"), "[{\"a\":2}]");
}
