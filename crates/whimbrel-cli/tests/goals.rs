//! What `up`, `down`, `redo` and `reset` choose.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use std::process::Output;

use binary::{succeeded, told, whimbrel};
use whimbrel_testkit::Files;

struct Project(Files);

impl Project {
    /// Six migrations, none applied.
    fn new() -> Self {
        let project = Self(Files::default());
        for n in 1..=6 {
            let text = format!("CREATE TABLE t{n} (i int);\n-- Rollback\n-- DROP TABLE t{n};\n");
            project.write(&format!("00{n}_t{n}.sql"), &text);
        }
        project
    }

    fn write(&self, name: &str, text: &str) {
        self.0.write(&format!("migrations/{name}"), text);
    }

    fn run(&self, arguments: &[&str]) -> Output {
        whimbrel(self.0.path(), arguments, &[("WHIMBREL_URL", "sqlite:a.db")])
    }

    fn well(&self, arguments: &[&str]) -> String {
        succeeded(&self.run(arguments))
    }

    /// The tables that are there, by their numbers.
    fn tables(&self) -> String {
        let file = self.0.path().join("a.db");
        let connection = rusqlite::Connection::open(file).unwrap();
        let sql = "SELECT substr(name, 2) FROM sqlite_master WHERE name GLOB 't[0-9]' ORDER BY 1";
        let mut rows = connection.prepare(sql).unwrap();
        let names = rows.query_map([], |row| row.get::<_, String>(0)).unwrap();
        names.map(Result::unwrap).collect()
    }

    /// The batch of each applied migration.
    fn batches(&self) -> Vec<i64> {
        let status: serde_json::Value =
            serde_json::from_str(&self.well(&["status", "--json"])).unwrap();
        let rows = status["result"]["migrations"].as_array().unwrap();
        rows.iter()
            .filter_map(|row| row["batch"].as_i64())
            .collect()
    }
}

#[test]
fn up_goes_as_far_as_it_is_told() {
    let project = Project::new();
    project.well(&["up", "--to", "2"]);
    assert_eq!(project.tables(), "12");
    project.well(&["up", "--before", "004"]);
    assert_eq!(project.tables(), "123");
    project.well(&["up", "--steps", "1"]);
    assert_eq!(project.tables(), "1234");
    // By its version, and by its whole name.
    project.well(&["up", "5", "006_t6"]);
    assert_eq!(project.tables(), "123456");
    assert_eq!(project.batches(), [1, 1, 2, 3, 4, 4]);
}

#[test]
fn what_is_late_is_refused_or_forced_or_allowed() {
    let project = Project::new();
    project.well(&["up", "1", "3"]);
    let refused = project.run(&["up"]);
    assert_eq!(refused.status.code(), Some(4));
    assert!(
        told(&refused).contains("error[out-of-order]: 002_t2"),
        "{}",
        told(&refused)
    );
    assert_eq!(project.tables(), "13");
    let forced = project.well(&["up", "--force", "--to", "2"]);
    assert!(forced.contains("warning[out-of-order]: 002_t2"), "{forced}");
    assert_eq!(project.tables(), "123");
    project.write(
        "0025_late.sql",
        "-- Allow: out-of-order\nCREATE TABLE t9 (i int);\n",
    );
    project.well(&["up", "0025"]);
    assert_eq!(project.tables(), "1239");
    let allowed = whimbrel(
        project.0.path(),
        &["up"],
        &[
            ("WHIMBREL_URL", "sqlite:b.db"),
            ("WHIMBREL_OUT_OF_ORDER", "true"),
        ],
    );
    succeeded(&allowed);
}

#[test]
fn down_undoes_what_is_asked_for_and_no_more() {
    let project = Project::new();
    project.well(&["up", "--to", "3"]);
    project.well(&["up"]);
    let shown = project.well(&["down", "--dry-run"]);
    assert!(
        shown.contains("DROP TABLE t6;") && !shown.contains("DROP TABLE t3;"),
        "{shown}"
    );
    assert_eq!(project.tables(), "123456");
    let down = project.well(&["down"]);
    let list = "Undoing, in this order:\n  006_t6\n  005_t5\n  004_t4\n";
    assert!(down.contains(list), "{down}");
    assert_eq!(project.tables(), "123");
    project.well(&["up"]);
    project.well(&["down", "--steps", "2"]);
    assert_eq!(project.tables(), "1234");
    project.well(&["down", "002"]);
    assert_eq!(project.tables(), "134");
    project.well(&["down", "--to", "1"]);
    assert_eq!(project.tables(), "1");
    project.well(&["up"]);
    project.well(&["down", "--all"]);
    assert_eq!(project.tables(), "");
    assert!(project.well(&["down"]).contains("Nothing to undo."));
}

#[test]
fn redo_is_down_and_up_of_the_last() {
    let project = Project::new();
    project.well(&["up", "--to", "3"]);
    project.write(
        "003_t3.sql",
        "CREATE TABLE t3 (i int);\nCREATE TABLE t8 (i int);\n-- Rollback\n-- DROP TABLE t8;\n-- DROP TABLE t3;\n",
    );
    let redo = project.well(&["redo"]);
    assert!(
        redo.contains("undone  003_t3") && redo.contains("applied 003_t3"),
        "{redo}"
    );
    assert_eq!(project.tables(), "1238");
    let shown = project.well(&["redo", "--dry-run"]);
    let (undone, applied) = (shown.find("DROP TABLE t8;"), shown.find("CREATE TABLE t8"));
    assert!(undone.is_some() && undone < applied, "{shown}");
    assert_eq!(project.tables(), "1238");
}

#[test]
fn redo_undoes_nothing_that_it_could_not_apply_again() {
    let project = Project::new();
    project.well(&["up", "--to", "3"]);
    let file = project.0.path().join("migrations/003_t3.sql");
    std::fs::remove_file(&file).unwrap();
    for arguments in [&["redo"][..], &["redo", "--dry-run"]] {
        let gone = project.run(arguments);
        assert_eq!(gone.status.code(), Some(4), "{}", told(&gone));
        assert!(
            told(&gone)
                .contains("003_t3 has no file, so it can't be applied again; nothing was undone"),
            "{}",
            told(&gone)
        );
    }
    project.write(
        "003_t3.sql",
        "BEGIN;\nCREATE TABLE t3 (i int);\nCOMMIT;\nCREATE TABLE t9 (i int);\n",
    );
    let mixed = project.run(&["redo"]);
    assert!(!mixed.status.success(), "{}", told(&mixed));
    assert_eq!(project.tables(), "123");
    let status = project.well(&["status"]);
    assert!(status.contains("3 applied"), "{status}");
}

#[test]
fn a_redo_that_fails_says_how_far_it_came() {
    let project = Project::new();
    project.well(&["up", "--to", "2"]);
    project.write(
        "002_t2.sql",
        "CREATE TABLE t2 (i int);\nCREATE TABLE t1 (i int);\n",
    );
    for arguments in [&["redo"][..], &["redo", "--continue-on-error"]] {
        let failed = project.run(arguments);
        assert_eq!(failed.status.code(), Some(1), "{}", told(&failed));
        assert!(
            told(&failed).contains("table t1 already exists"),
            "{}",
            told(&failed)
        );
        assert_eq!(project.tables(), "1");
        project.write(
            "002_t2.sql",
            "CREATE TABLE t2 (i int);\n-- Rollback\n-- DROP TABLE t2;\n",
        );
        project.well(&["up", "--to", "2"]);
        project.write(
            "002_t2.sql",
            "CREATE TABLE t2 (i int);\nCREATE TABLE t1 (i int);\n",
        );
    }
}

/// Undoing and applying again are attempts of their own in the log, also where they are journalled.
#[test]
fn a_redo_keeps_its_attempts_apart() {
    let project = Project::new();
    project.write(
        "007_t7.sql",
        "-- Transaction: off\nCREATE TABLE t7 (i int);\n-- Rollback\n-- DROP TABLE t7;\n",
    );
    project.well(&["up"]);
    for _ in 0..2 {
        project.well(&["redo"]);
    }
    assert_eq!(project.tables(), "1234567");
    let file = rusqlite::Connection::open(project.0.path().join("a.db")).unwrap();
    let attempts = "SELECT group_concat(action, ' ') FROM (SELECT action FROM whimbrel_log WHERE version = '007' ORDER BY run, number)";
    let attempts: String = file.query_row(attempts, [], |row| row.get(0)).unwrap();
    assert_eq!(attempts, "up down up down up");
}

#[test]
fn reset_asks_and_undoes_everything_that_was_made() {
    let project = Project::new();
    project.well(&["up"]);
    let connection = rusqlite::Connection::open(project.0.path().join("a.db")).unwrap();
    connection.execute_batch("CREATE TABLE t7 (i int)").unwrap();
    let asked = project.run(&["reset"]);
    assert_eq!(asked.status.code(), Some(2));
    assert!(
        told(&asked).contains("there is no terminal: say --yes"),
        "{}",
        told(&asked)
    );
    let protected = |arguments: &[&str]| {
        let variables = [("WHIMBREL_URL", "sqlite:a.db"), ("WHIMBREL_PROTECTED", "1")];
        whimbrel(project.0.path(), arguments, &variables)
    };
    for everything in [
        &["reset", "--yes"][..],
        &["down", "--all", "--yes"],
        &["down", "--all", "--dry-run"],
        &["down", "--steps", "7"],
        // All that there is was one batch.
        &["down"],
    ] {
        let refused = protected(everything);
        assert_eq!(refused.status.code(), Some(2));
        assert!(
            told(&refused).contains("is marked `protected`"),
            "{}",
            told(&refused)
        );
    }
    assert_eq!(project.tables(), "1234567");
    succeeded(&protected(&["down", "--steps", "1"]));
    project.well(&["up"]);
    succeeded(&protected(&["down"]));
    project.well(&["up"]);
    project.well(&["reset", "--yes"]);
    // What Whimbrel did not make stays.
    assert_eq!(project.tables(), "7");
}

#[test]
fn what_depends_on_a_failed_one_is_skipped() {
    let project = Project::new();
    project.write("002_t2.sql", "SELECT nope;\n");
    project.write("003_t3.sql", "-- Depends: 002\nCREATE TABLE t3 (i int);\n");
    project.write("004_t4.sql", "-- Depends: 003\nCREATE TABLE t4 (i int);\n");
    let run = project.run(&["up", "--continue-on-error"]);
    assert_eq!(run.status.code(), Some(1));
    assert_eq!(project.tables(), "156");
    assert!(
        told(&run).contains("1 migration failed, 2 skipped."),
        "{}",
        told(&run)
    );
}

/// What a run tried and failed at, and what it passed over with it, is not late for what that run applied.
#[test]
fn what_a_run_failed_at_is_tried_again() {
    let project = Project::new();
    project.write("002_t2.sql", "SELECT nope;\n");
    project.write("003_t3.sql", "-- Depends: 002\nCREATE TABLE t3 (i int);\n");
    project.write("004_t4.sql", "-- Depends: 003\nCREATE TABLE t4 (i int);\n");
    for expected in [
        "1 migration failed, 2 skipped.",
        "1 migration failed, 2 skipped.",
    ] {
        let run = project.run(&["up", "--continue-on-error"]);
        assert!(told(&run).contains(expected), "{}", told(&run));
        assert_eq!(project.tables(), "156");
        let status = project.well(&["status"]);
        assert!(!status.contains("out of order"), "{status}");
    }
    let both = project.run(&["up", "--continue-on-error", "--single-transaction"]);
    assert_eq!(both.status.code(), Some(2));
    // Others are late as ever; so is this one for what another run applied without it.
    project.write("001.5_late.sql", "CREATE TABLE t9 (i int);\n");
    let late = told(&project.run(&["plan"]));
    assert!(late.contains("001.5_late is pending, but 006"), "{late}");
    std::fs::remove_file(project.0.path().join("migrations/001.5_late.sql")).unwrap();
    project.write(
        "007_t7.sql",
        "CREATE TABLE t7 (i int);\n-- Rollback: DROP TABLE t7;\n",
    );
    project.well(&["up", "007"]);
    let late = told(&project.run(&["up"]));
    assert!(late.contains("002_t2 is pending, but 007"), "{late}");
    project.well(&["down", "007", "--force"]);
    project.write("002_t2.sql", "CREATE TABLE t2 (i int);\n");
    project.well(&["up"]);
    assert_eq!(project.tables(), "1234567");
}

#[test]
fn what_a_file_depends_on_may_be_named_as_its_file_is() {
    let project = Project::new();
    let text = "CREATE TABLE t1 (i int);\n-- Rollback: DROP TABLE t1;\n";
    project.write(
        "001_t1.sql",
        &format!("-- Depends: 003_t3, 002_t2.sql\n{text}"),
    );
    project.well(&["up", "--steps", "2"]);
    assert_eq!(project.tables(), "23");
    project.well(&["up", "001", "--force"]);
    let down = project.run(&["down", "002", "003"]);
    assert!(
        told(&down).contains("001_t1 depends on it"),
        "{}",
        told(&down)
    );
    project.write("004_t4.sql", "-- Depends: 009_none\nSELECT 1;\n");
    let missing = told(&project.run(&["up"]));
    assert!(
        missing.contains("004_t4 depends on 009_none, which is neither"),
        "{missing}"
    );
}

#[test]
fn irreversible_may_be_yes_or_no() {
    let project = Project::new();
    let text = "CREATE TABLE t7 (i int);\n-- Rollback: DROP TABLE t7;\n";
    project.write("007_t7.sql", &format!("-- Irreversible: no\n{text}"));
    project.well(&["up"]);
    project.well(&["redo"]);
    project.write("007_t7.sql", &format!("-- Irreversible: yes\n{text}"));
    let refused = told(&project.run(&["redo"]));
    assert!(
        refused.contains("can't be undone: its file calls itself irreversible"),
        "{refused}"
    );
}

#[test]
fn what_is_half_done_is_no_baseline() {
    let project = Project::new();
    let text = "-- Transaction: off\nCREATE TABLE t1 (i int);\nSELECT nope;\n";
    project.write("001_t1.sql", text);
    assert_eq!(project.run(&["up"]).status.code(), Some(1));
    let refused = told(&project.run(&["baseline", "2"]));
    assert!(
        refused.contains("error[half-done]") && refused.contains("repair 001 --restart"),
        "{refused}"
    );
    project.well(&["repair", "001", "--restart"]);
    project.well(&["baseline", "2"]);
}
