//! MariaDB and MySQL: what no transaction takes back is there once, whether its run fails or dies.

use crate::engine::{Engine, Project, mariadb, mysql, told};
use crate::fence::{start, until};

const BASE: (&str, &str) = (
    "001_base.sql",
    "CREATE TABLE plain (i integer) ENGINE = MyISAM;\nCREATE TABLE t (i integer);\n",
);

/// Each puts one row into the table that it ends with.
const FILES: [(&str, &str); 8] = [
    ("", "plain"),
    ("CREATE TABLE n (i integer) ENGINE MEMORY;\n", "n"),
    ("CREATE TABLE n LIKE plain;\n", "n"),
    ("ALTER TABLE t ENGINE = MyISAM;\n", "t"),
    ("RENAME TABLE plain TO n;\n", "n"),
    ("ALTER TABLE plain RENAME TO n;\n", "n"),
    (
        "SET default_storage_engine = MyISAM;\nCREATE TABLE n (i integer);\n",
        "n",
    ),
    ("INSERT INTO t VALUES (1);\n", "plain"),
];

/// The server took the rest of its transaction back.
fn a_failure(engine: Engine<'_>) {
    for (before, table) in FILES {
        let text =
            format!("{before}INSERT INTO {table} VALUES (1);\nINSERT INTO nowhere VALUES (1);\n");
        let project = Project::new(engine, &[BASE, ("002_rows.sql", &text)]);
        let failed = project.run(&["up"]);
        assert_eq!(failed.code, Some(1), "{}", failed.said);
        let right = text.replace("nowhere", "t");
        std::fs::write(project.path("migrations/002_rows.sql"), right).unwrap();
        project.succeed(&["up"]);
        let rows = project.execute(&format!("SELECT count(*) FROM {table}"));
        let expected = if table == "t" { "2" } else { "1" };
        assert_eq!(rows, expected, "{text}");
        assert!(project.execute("SELECT count(*) FROM t") != "0", "{text}");
    }
}

#[test]
fn after_a_failure() {
    a_failure(mariadb());
    a_failure(mysql());
}

/// A statement that failed may have done a part of its work: nobody is told that there is nothing of it.
#[test]
fn a_part_of_a_statement() {
    for text in [
        "INSERT INTO plain VALUES (1), (2 + (SELECT 1 UNION SELECT 2));\n",
        "CALL fills();\n",
    ] {
        let project = Project::new(mariadb(), &[BASE, ("003_rows.sql", text)]);
        let routine = "DELIMITER //\nCREATE PROCEDURE fills() BEGIN INSERT INTO t VALUES (1); COMMIT; INSERT INTO nowhere VALUES (1); END//\n";
        std::fs::write(project.path("migrations/002_routine.sql"), routine).unwrap();
        let failed = project.run(&["up"]);
        assert_eq!(failed.code, Some(1), "{}", failed.said);
        assert!(!failed.said.contains("nothing of"), "{}", failed.said);
        assert!(
            failed.said.contains("the first of 1 statements"),
            "{}",
            failed.said
        );
    }
}

/// Only a person can see whether it is there.
#[test]
fn after_a_death() {
    const ASLEEP: &str = "SELECT id FROM information_schema.processlist WHERE db = database() AND state = 'User sleep'";
    let project = Project::new(mariadb(), &[BASE]);
    project.succeed(&["up"]);
    let text =
        "INSERT INTO t VALUES (1);\nINSERT INTO plain VALUES (1);\nINSERT INTO t VALUES (1);\n";
    std::fs::write(project.path("migrations/002_rows.sql"), text).unwrap();
    project.execute("CREATE TRIGGER hold BEFORE UPDATE ON whimbrel_log FOR EACH ROW SET @held = IF(NEW.statements_done = 2 AND OLD.statements_done = 1, SLEEP(60), 0)");
    let mut run = start(&project, &[]);
    until("the row is there", || !project.execute(ASLEEP).is_empty());
    let id = project.execute(ASLEEP);
    run.kill().unwrap();
    run.wait().unwrap();
    project.execute(&format!("KILL {id}"));
    until("its connection is gone", || {
        project.execute(ASLEEP).is_empty()
    });
    project.execute("DROP TRIGGER hold");
    let asked = project.run(&["up"]);
    assert!(asked.said.contains("unknown-end"), "{}", asked.said);
    assert!(asked.said.contains("002_rows.sql:2"), "{}", asked.said);
    project.shell(&told(&asked.said, "--done"));
    project.succeed(&["up"]);
    let rows = "SELECT concat((SELECT count(*) FROM plain), (SELECT count(*) FROM t))";
    assert_eq!(project.execute(rows), "12");
}
