//! MariaDB: the run is killed exactly between a schema change and the journal's word that it is done, or
//! exactly before it, for each kind of object. The catalog says which; the next run passes over the
//! statement, or runs it.

use whimbrel_testkit::MysqlServer;

use crate::engine::{Engine, Project, Run, told};
use crate::fence::{start, until};
use crate::other::Other;

const BASE: (&str, &str) = (
    "001_base.sql",
    "CREATE TABLE p (id bigint PRIMARY KEY);\nCREATE TABLE t (v bigint NOT NULL, w bigint, KEY t_w (w)) ENGINE = InnoDB;\nINSERT INTO p VALUES (1), (100);\nINSERT INTO t VALUES (1, 1);\nCREATE TABLE old (id bigint, CONSTRAINT old_p FOREIGN KEY (id) REFERENCES p (id));\nCREATE VIEW seen AS SELECT v FROM t;\nCREATE PROCEDURE told() SELECT 1;\nCREATE TRIGGER heard BEFORE DELETE ON t FOR EACH ROW SET @heard = 1;\nCREATE TABLE pair (a bigint, b bigint);\nINSERT INTO pair VALUES (1, 2);\nCREATE TABLE twin LIKE pair;\nCREATE TABLE parts (a bigint, b bigint) PARTITION BY RANGE (a) (PARTITION few VALUES LESS THAN (10), PARTITION many VALUES LESS THAN MAXVALUE);\nINSERT INTO parts VALUES (3, 4);\nCREATE SEQUENCE numbers;\n",
);

/// Run a second time, each of them fails or has another end.
const CHANGES: [&str; 26] = [
    "CREATE TABLE n (i integer)",
    "CREATE TABLE n AS SELECT v FROM t",
    "DROP TABLE old",
    "RENAME TABLE old TO older",
    "ALTER TABLE t ADD COLUMN x integer",
    "ALTER TABLE t DROP COLUMN w",
    "ALTER TABLE t CHANGE w y varchar(20) COMMENT 'why'",
    "CREATE INDEX t_v ON t (v)",
    "ALTER TABLE t DROP INDEX t_w",
    "ALTER TABLE t ADD PRIMARY KEY (v)",
    "ALTER TABLE t ADD CONSTRAINT t_u UNIQUE (v)",
    "ALTER TABLE t ADD CONSTRAINT t_p FOREIGN KEY (w) REFERENCES p (id)",
    "ALTER TABLE old DROP FOREIGN KEY old_p",
    "ALTER TABLE t ADD CONSTRAINT t_c CHECK (w > 0)",
    "CREATE VIEW view_of_t AS SELECT v FROM t",
    "DROP VIEW seen",
    "CREATE FUNCTION twice(i integer) RETURNS integer DETERMINISTIC RETURN i * 2",
    "DROP PROCEDURE told",
    "CREATE TRIGGER keep BEFORE INSERT ON t FOR EACH ROW SET NEW.v = NEW.v + 1",
    // What a sum over the columns does not show.
    "ALTER TABLE pair RENAME COLUMN a TO b, RENAME COLUMN b TO a",
    "SET STATEMENT lock_wait_timeout = 30 FOR ALTER TABLE t ADD COLUMN x integer",
    "CREATE OR REPLACE TABLE n (i integer)",
    "CREATE SEQUENCE n",
    "DROP SEQUENCE numbers",
    "DROP TABLES old, pair",
    "ALTER TABLE parts DROP PARTITION few",
];

/// They leave the same catalog, so a person is asked.
const HIDDEN: [&str; 6] = [
    "RENAME TABLE pair TO other, twin TO pair, other TO twin",
    "ALTER TABLE parts EXCHANGE PARTITION few WITH TABLE pair",
    "ALTER TABLE parts TRUNCATE PARTITION few",
    "CREATE OR REPLACE TABLE pair (a bigint, b bigint)",
    "ALTER SEQUENCE numbers RESTART 50",
    "ALTER TABLE pair DROP COLUMN b, ADD COLUMN b bigint",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    Before,
    After,
}

fn file(change: &str) -> String {
    format!("UPDATE t SET v = v * 10;\n{change};\nUPDATE t SET v = v * 10;\n")
}

fn killed<'s>(engine: Engine<'s>, change: &str, when: Killed) -> (Project<'s>, Run) {
    killed_and(engine, change, when, |_| {})
}

/// Gives what the next run says, before which something else happens.
fn killed_and<'s>(
    engine: Engine<'s>,
    change: &str,
    when: Killed,
    then: impl FnOnce(&Project<'_>),
) -> (Project<'s>, Run) {
    const WAITS: &str = "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND state LIKE 'Waiting for backup lock%'";
    const HELD: &str = "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'INNODB_ROW_LOCK_CURRENT_WAITS'";
    let project = Project::new(engine, &[BASE]);
    project.succeed(&["up"]);
    std::fs::write(project.path("migrations/002_change.sql"), file(change)).unwrap();

    // Schema changes wait, and nothing else does.
    let mut backup = Other::new(&project);
    backup.ask("BACKUP STAGE START; BACKUP STAGE BLOCK_DDL; SELECT 'blocked';");
    let mut run = start(&project, &[("WHIMBREL_LOCK_TIMEOUT", "60s")]);
    until("the change waits", || project.execute(WAITS) == "1");
    let id = project.execute(&WAITS.replace("count(*)", "id"));
    let mut fence = Other::new(&project);
    if when == Killed::After {
        fence.ask("BEGIN; SELECT token FROM whimbrel_lock FOR UPDATE;");
        backup.say("BACKUP STAGE END;");
        until("the journal waits", || project.execute(HELD) == "1");
    }
    run.kill().unwrap();
    run.wait().unwrap();
    project.execute(&format!("KILL {id}"));
    let there = format!("SELECT count(*) FROM information_schema.processlist WHERE id = {id}");
    until("its connection is gone", || project.execute(&there) == "0");
    backup.end_well();
    fence.end_well();

    let journal = "SELECT concat(statements_done, ' ', statement_running) FROM whimbrel_log WHERE state = 'started'";
    assert_eq!(project.execute(journal), "1 1", "{change}");
    then(&project);
    let next = project.run(&["up"]);
    (project, next)
}

#[test]
fn mariadb() {
    let server = MysqlServer::private();
    let engine = Engine::MariaDb(&server);
    for change in CHANGES {
        let undisturbed = Project::new(engine, &[BASE, ("002_change.sql", &file(change))]);
        undisturbed.succeed(&["up"]);
        let expected = undisturbed.all();
        for when in [Killed::Before, Killed::After] {
            let (project, next) = killed(engine, change, when);
            assert_eq!(next.code, Some(0), "{when:?} {change}: {}", next.said);
            assert_eq!(project.all(), expected, "{when:?} {change}: {}", next.said);
        }
    }
}

#[test]
fn what_the_catalog_hides_on_mariadb() {
    let server = MysqlServer::private();
    let engine = Engine::MariaDb(&server);
    for change in HIDDEN {
        let undisturbed = Project::new(engine, &[BASE, ("002_change.sql", &file(change))]);
        undisturbed.succeed(&["up"]);
        let expected = undisturbed.all();
        for (when, flag) in [(Killed::Before, "--again"), (Killed::After, "--done")] {
            let (project, asked) = killed(engine, change, when);
            assert!(
                asked.said.contains("unknown-end"),
                "{change}: {}",
                asked.said
            );
            project.shell(&told(&asked.said, flag));
            project.succeed(&["up"]);
            assert_eq!(project.all(), expected, "{when:?} {change}");
        }
    }
}

/// What others did to the table meanwhile is not taken for the statement's own work.
#[test]
fn others_change_the_table_on_mariadb() {
    let server = MysqlServer::private();
    for (change, is_there) in [
        (
            "CREATE INDEX mine ON t (v)",
            "SELECT count(*) FROM information_schema.statistics WHERE table_schema = database() AND index_name = 'mine'",
        ),
        (
            "ALTER TABLE t ADD COLUMN mine integer",
            "SELECT count(*) FROM information_schema.columns WHERE table_schema = database() AND column_name = 'mine'",
        ),
        (
            "ALTER TABLE t ADD CONSTRAINT mine FOREIGN KEY (w) REFERENCES p (id)",
            "SELECT count(*) FROM information_schema.referential_constraints WHERE constraint_schema = database() AND constraint_name = 'mine'",
        ),
        (
            "CREATE TRIGGER mine BEFORE INSERT ON t FOR EACH ROW SET NEW.v = 1",
            "SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = database() AND trigger_name = 'mine'",
        ),
    ] {
        let other =
            |project: &Project<'_>| drop(project.execute("CREATE INDEX theirs ON t (w, v)"));
        let engine = Engine::MariaDb(&server);
        let (project, next) = killed_and(engine, change, Killed::Before, other);
        assert_eq!(next.code, Some(0), "{}", next.said);
        assert_eq!(project.execute(is_there), "1", "{}", next.said);
    }
}

/// A server that died may have dropped one table of two.
#[test]
fn a_half_done_drop_on_mariadb() {
    let server = MysqlServer::private();
    let (project, next) = killed_and(
        Engine::MariaDb(&server),
        "DROP TABLE old, pair",
        Killed::Before,
        |project| drop(project.execute("DROP TABLE old")),
    );
    assert!(next.said.contains("unknown-end"), "{}", next.said);
    project.execute("SELECT a FROM pair");
}
