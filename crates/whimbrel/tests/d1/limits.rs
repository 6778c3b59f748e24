//! What D1 would refuse is found before anything is sent.

use whimbrel::source::Directory;
use whimbrel_testkit::{D1Server, Fate};

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

/// D1 has no transactions that a script controls, not even one around the whole file.
#[tokio::test]
async fn begin_and_commit_are_refused_before_anything_is_sent() {
    let project = Project::new(&[
        ("001_plain.sql", "CREATE TABLE t (a);\n"),
        (
            "002_framed.sql",
            "BEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT;\n",
        ),
        (
            "003_off.sql",
            "-- Transaction: off\nbegin immediate transaction;\nDELETE FROM t;\nEND;\n",
        ),
    ]);
    let line = project.line(|_| Fate::Pass);
    let error = project.builder_at(&line.url).build().unwrap();
    let error = error.up().await.unwrap_err();
    let told = "the database has no transactions that a script controls";
    assert_eq!(
        refusals(&error),
        [
            format!("1: BEGIN: {told}"),
            format!("3: COMMIT: {told}"),
            format!("2: BEGIN: {told}"),
            format!("4: COMMIT: {told}"),
        ]
    );
    let first = &error.diagnostics()[0];
    let help = first.help.as_deref().unwrap_or_default();
    assert!(help.contains("each migration is one batch"), "{help}");
    let requests = line.requests.lock().unwrap();
    assert!(!requests.iter().any(|body| body.contains("CREATE")));
}

/// wrangler takes the frame of an SQLite dump out before it sends a file, so its users' files may
/// have one.
#[tokio::test]
async fn in_wranglers_layout_a_dumps_frame_is_taken_out_as_wrangler_does() {
    let dump =
        "BEGIN TRANSACTION;\nCREATE TABLE t (a);\nINSERT INTO t VALUES ('COMMIT;');\nCOMMIT;\n";
    let project = Project::new(&[("0001_dump.sql", dump)]);
    let layout = whimbrel::import::layout_by_name("wrangler").unwrap();
    let wrangler = || {
        let files = Directory::new(project.folder.path()).layout(layout);
        let builder = whimbrel::Migrator::builder(&project.url).source(files);
        builder.password(D1Server::TOKEN).build().unwrap()
    };
    wrangler().up().await.unwrap();
    assert_eq!(project.rows("SELECT a FROM t"), "[{\"a\":\"COMMIT;\"}]");
    project.write("0002_other.sql", "BEGIN;\nDELETE FROM t;\nCOMMIT;\n");
    project.write("0003_two.sql", &dump.replace('t', "u").repeat(2));
    let refused = refusals(&wrangler().up().await.unwrap_err());
    let begins = refused.iter().filter(|one| one.contains("BEGIN"));
    assert_eq!((refused.len(), begins.count()), (6, 3), "{refused:?}");
}

#[tokio::test]
async fn triggers_and_comments_are_statements_as_written() {
    let text = "-- a comment; with a semicolon\nCREATE TABLE t (a);\nCREATE TRIGGER tr AFTER INSERT ON t\nBEGIN\n  UPDATE t SET a = a + 1;\n  INSERT INTO t SELECT 'x;y' WHERE 0;\nEND;\nINSERT INTO t VALUES (1);\n-- the end\n";
    let project = Project::new(&[("001_trigger.sql", text)]);
    project.migrator().up().await.unwrap();
    assert_eq!(project.rows("SELECT a FROM t"), "[{\"a\":2}]");
}
