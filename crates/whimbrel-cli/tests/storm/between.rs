//! MariaDB: the run is killed exactly between a schema change and the journal's word that it is done, or
//! exactly before it, for each kind of object. The catalog says which; the next run passes over the
//! statement, or runs it.

use whimbrel_testkit::MysqlServer;

use crate::engine::{Engine, Project};
use crate::fence::{start, until};
use crate::other::Other;

const BASE: (&str, &str) = (
    "001_base.sql",
    "CREATE TABLE p (id bigint PRIMARY KEY);\nCREATE TABLE t (v bigint NOT NULL, w bigint, KEY t_w (w)) ENGINE = InnoDB;\nINSERT INTO p VALUES (1), (100);\nINSERT INTO t VALUES (1, 1);\nCREATE TABLE old (id bigint, CONSTRAINT old_p FOREIGN KEY (id) REFERENCES p (id));\nCREATE VIEW seen AS SELECT v FROM t;\nCREATE PROCEDURE told() SELECT 1;\nCREATE TRIGGER heard BEFORE DELETE ON t FOR EACH ROW SET @heard = 1;\n",
);

/// Run a second time, each of them fails or has another end.
const CHANGES: [&str; 19] = [
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
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    Before,
    After,
}

fn file(change: &str) -> String {
    format!("UPDATE t SET v = v * 10;\n{change};\nUPDATE t SET v = v * 10;\n")
}

fn killed(engine: Engine<'_>, change: &str, when: Killed, expected: &str) {
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
    let next = project.succeed(&["up"]);
    assert_eq!(project.all(), expected, "{when:?} {change}: {}", next.said);
}

#[test]
fn mariadb() {
    let server = MysqlServer::private();
    let engine = Engine::MariaDb(&server);
    for change in CHANGES {
        let undisturbed = Project::new(engine, &[BASE, ("002_change.sql", &file(change))]);
        undisturbed.succeed(&["up"]);
        let expected = undisturbed.all();
        killed(engine, change, Killed::Before, &expected);
        killed(engine, change, Killed::After, &expected);
    }
}
