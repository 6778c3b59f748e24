//! What `down` says where it can't.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use std::path::Path;
use std::process::Output;

use binary::{succeeded, whimbrel};
use whimbrel_testkit::Files;

const URL: &[(&str, &str)] = &[("WHIMBREL_URL", "sqlite:a.db")];

/// All applied.
fn project(files: &[(&str, &str)]) -> Files {
    let folder = binary::project(files);
    succeeded(&whimbrel(folder.path(), &["up"], URL));
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join("migrations").join(name), text).unwrap();
}

fn down(folder: &Path) -> Output {
    whimbrel(folder, &["down", "--all", "-qy"], URL)
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn many_without_a_rollback_are_one_message() {
    let files: Vec<_> = (1..=8)
        .map(|number| {
            (
                format!("{number:03}_t{number}.sql"),
                format!("CREATE TABLE t{number} (i int);\n"),
            )
        })
        .collect();
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let folder = project(&files);
    let output = down(folder.path());
    assert_eq!(output.status.code(), Some(4));
    insta::assert_snapshot!(errors(&output), @r"
    error[irreversible]: 8 migrations can't be undone: they have no rollback
    --> migrations/008_t8.sql
     = note: 008_t8, 007_t7, 006_t6, 005_t5, 004_t4 and 3 more
     = help: add a `-- Rollback` section to the file, or undo only what came after them
    ");
    for number in 1..=7 {
        std::fs::remove_file(
            folder
                .path()
                .join(format!("migrations/{number:03}_t{number}.sql")),
        )
        .unwrap();
    }
    write(
        folder.path(),
        "008_t8.sql",
        "-- Irreversible: what it drops is gone\nCREATE TABLE t8 (i int);\n",
    );
    insta::assert_snapshot!(errors(&down(folder.path())), @r"
    error[irreversible]: 008_t8 can't be undone: what it drops is gone
    --> migrations/008_t8.sql
     = help: undo only what came after it
    error[irreversible]: 7 migrations can't be undone: they have no rollback
     |
     = note: 007_t7, 006_t6, 005_t5, 004_t4, 003_t3 and 2 more
     = note: their files are gone, and no rollbacks were kept when applied
     = help: get the files back from version control, and add the rollbacks
    ");
}

#[test]
fn a_pair_without_its_half() {
    let folder = project(&[("001_a.up.sql", "CREATE TABLE a (i int);\n")]);
    insta::assert_snapshot!(errors(&down(folder.path())), @r"
    error[irreversible]: 001_a can't be undone: it has no rollback
    --> migrations/001_a.up.sql
     = help: write the `.down` file beside the `.up` file, or undo only what came after it
    ");
}

#[test]
fn a_rollback_that_fails() {
    let folder = project(&[(
        "001_a.sql",
        "CREATE TABLE a (i int);\n-- Rollback\n-- DROP TABLE b;\n",
    )]);
    let output = down(folder.path());
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(errors(&output), @r"
    error[SQLITE_ERROR]: no such table: b
     --> migrations/001_a.sql:3:15
      |
    3 | -- DROP TABLE b;
      |               ^
      |
      = note: 001_a is still in the database, all of it
      = help: mend the rollback in the migration's file and run it again: while its up script is as it was applied, the file's rollback is used
    Nothing was undone.
    ");
    write(
        folder.path(),
        "001_a.sql",
        "CREATE TABLE a (i int);\n-- Rollback\n-- DROP TABLE a;\n",
    );
    succeeded(&down(folder.path()));
}

#[test]
fn a_rollback_that_leaves_something_behind() {
    let folder = project(&[(
        "001_a.sql",
        "CREATE TABLE a (i int);\n-- Rollback\n-- SELECT 1;\n",
    )]);
    succeeded(&down(folder.path()));
    let again = whimbrel(folder.path(), &["up", "-q"], URL);
    assert_eq!(again.status.code(), Some(1));
    insta::assert_snapshot!(errors(&again), @r"
    error[SQLITE_ERROR]: table a already exists
     --> migrations/001_a.sql:1:14
      |
    1 | CREATE TABLE a (i int);
      |              ^
      |
      = note: nothing of 001_a is in the database
      = help: an earlier `down` left it behind: drop it by hand, and mend that rollback
    Nothing was applied.
    ");
}

#[test]
fn a_table_whose_referrer_is_gone() {
    let up = "CREATE TABLE a (i INTEGER PRIMARY KEY);\nCREATE TABLE b (i INTEGER PRIMARY KEY);\nCREATE TABLE c (a REFERENCES a ON DELETE CASCADE, b REFERENCES b ON DELETE CASCADE);\n-- Rollback\nDROP TABLE b;\nDROP TABLE a;\n";
    let folder = project(&[("001_a.sql", up)]);
    let output = down(folder.path());
    insta::assert_snapshot!(errors(&output), @r"
    error[SQLITE_ERROR]: no such table: main.b
     --> migrations/001_a.sql:6:1
      |
    6 | DROP TABLE a;
      | ^^^^^^^^^^^^
      |
      = note: 001_a is still in the database, all of it
      = help: a table that is dropped is looked up in the tables that refer to it: `-- Foreign-Keys: off` in the file's opening comment leaves that out
    Nothing was undone.
    ");
    write(
        folder.path(),
        "001_a.sql",
        &format!("-- Foreign-Keys: off\n{up}"),
    );
    succeeded(&down(folder.path()));
}

/// Words in the place of a rollback ran as SQL.
#[test]
fn a_rollback_that_says_none_is_none() {
    let files = [
        (
            "001_a.sql",
            "CREATE TABLE a (i int);\n-- Rollback: DROP TABLE a;\n",
        ),
        (
            "002_b.sql",
            "CREATE TABLE b (i int);\n-- Rollback: not possible\n",
        ),
        (
            "003_c.sql",
            "CREATE TABLE c (i int);\n\n-- Rollback\n-- N/A\n",
        ),
    ];
    let folder = project(&files);
    let output = down(folder.path());
    assert_eq!(output.status.code(), Some(4));
    insta::assert_snapshot!(errors(&output), @r"
    error[irreversible]: 003_c can't be undone: its rollback is `N/A`
     --> migrations/003_c.sql:4:4
      |
    4 | -- N/A
      |    ^^^
      |
      = help: write SQL there, or undo only what came after it
    error[irreversible]: 002_b can't be undone: its rollback is `not possible`
     --> migrations/002_b.sql:2:14
      |
    2 | -- Rollback: not possible
      |              ^^^^^^^^^^^^
      |
      = help: write SQL there, or undo only what came after it
    ");
    let status = succeeded(&whimbrel(folder.path(), &["status", "--json"], URL));
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let rows = status["result"]["migrations"].as_array().unwrap();
    let reversible: Vec<_> = rows.iter().map(|row| row["reversible"].as_bool()).collect();
    assert_eq!(reversible, [Some(true), Some(false), Some(false)]);
    write(
        folder.path(),
        "004_d.sql",
        "CREATE TABLE d (i int);\n-- Rollback: -\n",
    );
    let required = [URL, &[("WHIMBREL_REQUIRE_ROLLBACK", "1")]].concat();
    let refused = whimbrel(folder.path(), &["up"], &required);
    assert_eq!(refused.status.code(), Some(4));
    assert!(errors(&refused).contains("004_d has no rollback"));
}
