//! Waiting: for the lock, for other sessions' locks, for what passes by itself; and limits on it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::engine::{Engine, Project, Run, mariadb, postgres};
use crate::fence::{TABLE, at_work, end, start, until};

/// A session that holds a lock on a table until it is killed.
struct Blocker(Child);

impl Blocker {
    fn new(project: &Project<'_>) -> Self {
        Self::of(project, "t")
    }

    fn of(project: &Project<'_>, table: &str) -> Self {
        let is_postgres = matches!(project.engine, Engine::Postgres(_));
        let mut client = Command::new(if is_postgres { "psql" } else { "mariadb" });
        if is_postgres {
            client.args(["-X", "-q", &project.url, "-c"]);
        } else {
            let (place, database) = project.url.rsplit_once('/').unwrap();
            let port = place.rsplit(':').next().unwrap();
            client.args(["--no-defaults", "--protocol=tcp", "-h", "127.0.0.1"]);
            client.args(["-u", "root", "-P", port, database, "-e"]);
        }
        let sleep = if is_postgres {
            "pg_sleep(600)"
        } else {
            "SLEEP(600)"
        };
        client.arg(format!("BEGIN; UPDATE {table} SET v = v; SELECT {sleep};"));
        let child = client.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let blocker = Self(child.unwrap());
        until("the lock is held", || at_work(project, "leep(600)") == 1);
        blocker
    }

    /// Ends it, and waits until the server has noticed.
    fn end(mut self, project: &Project<'_>) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        let end = match project.engine {
            Engine::Postgres(_) => {
                "SELECT 'SELECT pg_terminate_backend(' || pid || ')' FROM pg_stat_activity WHERE query LIKE '%leep(600)%' AND pid <> pg_backend_pid() AND datname = current_database()"
            }
            _ => {
                "SELECT CONCAT('KILL ', id) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(600)%' AND db = database()"
            }
        };
        project.execute(&project.execute(end));
        until("it is gone", || at_work(project, "leep(600)") == 0);
    }
}

fn pending<'s>(engine: Engine<'s>, file: (&str, &str)) -> Project<'s> {
    let project = Project::new(engine, &[TABLE]);
    project.succeed(&["up"]);
    std::fs::write(project.path("migrations").join(file.0), file.1).unwrap();
    project
}

const COLUMN: (&str, &str) = ("002_w.sql", "ALTER TABLE t ADD COLUMN w integer;\n");

/// A lock timeout names who is in the way: session, age, query.
fn blockers(engine: Engine<'_>) {
    let project = pending(engine, COLUMN);
    let blocker = Blocker::new(&project);
    let few = [("WHIMBREL_RETRIES", "1"), ("WHIMBREL_LOCK_TIMEOUT", "1s")];
    let run = project.run_with(&["up"], &few);
    assert_eq!(run.code, Some(1), "{}", run.said);
    assert!(run.said.contains("trying again"), "{}", run.said);
    assert!(run.said.contains("(try 2 of 2)"), "{}", run.said);
    // With the retry, and with the error at the end.
    let error = run.said.find("error[").unwrap();
    let (retry, error) = run.said.split_at(error);
    assert!(retry.contains("held up by"), "{retry}");
    assert!(error.contains("held up by"), "{error}");
    assert!(run.said.contains(" s, "), "{}", run.said);
    assert!(
        run.said.to_lowercase().contains("sleep(600)"),
        "{}",
        run.said
    );
    assert!(run.said.contains("002_w.sql:1"), "{}", run.said);
    blocker.end(&project);
    project.succeed(&["up"]);
}

/// Names count in whatever schema.
#[test]
fn a_blocker_in_a_schema_of_its_own() {
    let files = &[
        (
            "001_t.sql",
            "CREATE SCHEMA app;\nCREATE TABLE app.\"T\" (v bigint);\n",
        ),
        ("002_w.sql", "ALTER TABLE app.\"T\" ADD COLUMN w integer;\n"),
    ];
    let project = Project::new(postgres(), files);
    project.succeed(&["up", "--to", "001"]);
    let blocker = Blocker::of(&project, "app.\"T\"");
    let few = [
        ("WHIMBREL_RETRIES", "0"),
        ("WHIMBREL_LOCK_TIMEOUT", "100ms"),
    ];
    let run = project.run_with(&["up"], &few);
    assert_eq!(run.said.matches("held up by").count(), 1, "{}", run.said);
    blocker.end(&project);
}

/// Long before its lock timeout, a statement that waits says for whom.
fn says_whom_it_waits_for(engine: Engine<'_>, files: &[(&str, &str)]) {
    let project = Project::new(engine, files);
    project.succeed(&["up", "--to", "002"]);
    let blocker = Blocker::new(&project);
    let mut run = start(&project, &[("WHIMBREL_LOCK_TIMEOUT", "60s")]);
    let said = BufReader::new(run.stderr.take().unwrap()).lines();
    let mut waiting = said
        .map(Result::unwrap)
        .filter(|line| line.contains("held up by"));
    let line = waiting.next().expect("a line about the session in the way");
    let line = line.to_lowercase();
    assert!(
        line.contains("waiting: ") && line.contains("sleep(600)"),
        "{line}"
    );
    blocker.end(&project);
    assert_eq!(run.wait().unwrap().code(), Some(0));
}

/// A concurrent index waits for every transaction that began before it, whatever that one works at.
#[test]
fn a_concurrent_index_says_whom_it_waits_for() {
    let files = &[
        TABLE,
        ("002_u.sql", "CREATE TABLE u (v bigint);\n"),
        ("003_i.sql", "CREATE INDEX CONCURRENTLY i ON u (v);\n"),
    ];
    says_whom_it_waits_for(postgres(), files);
}

#[test]
fn mariadb_says_whom_it_waits_for() {
    let files = &[
        TABLE,
        ("002_u.sql", "CREATE TABLE u (v bigint);\n"),
        ("003_w.sql", "ALTER TABLE t ADD COLUMN w integer;\n"),
    ];
    says_whom_it_waits_for(mariadb(), files);
}

/// Once who was in the way is gone, a retry succeeds; the report counts them.
fn retries(engine: Engine<'_>) {
    let project = pending(engine, COLUMN);
    let blocker = Blocker::new(&project);
    let limits = [("WHIMBREL_RETRIES", "20"), ("WHIMBREL_LOCK_TIMEOUT", "1s")];
    let mut run = project.command(&["up", "--json"], &limits);
    let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    until("it waits", || at_work(&project, "ADD COLUMN") == 1);
    until("it has given up once", || {
        at_work(&project, "ADD COLUMN") == 0
    });
    blocker.end(&project);
    let run = end(run.unwrap());
    assert_eq!(run.code, Some(0), "{}", run.said);
    assert!(run.said.contains("\"retries\":"), "{}", run.said);
    assert!(!run.said.contains("\"retries\": 0"), "{}", run.said);
}

/// Fails twice as two that collide do, and then does not.
#[test]
fn a_serialization_failure_passes() {
    let text = "DO $$ BEGIN IF nextval('tries') < 3 THEN RAISE 'collided' USING ERRCODE = '40001'; END IF; END $$;\nUPDATE t SET v = v * 100;\n";
    let project = pending(postgres(), ("002_collide.sql", text));
    project.execute("CREATE SEQUENCE tries");
    let run = project.succeed(&["up", "--json"]);
    assert!(run.said.contains("\"retries\": 2"), "{}", run.said);
    assert_eq!(project.execute("SELECT v FROM t"), "100");
}

/// The same on MariaDB, by a trigger that counts in a table without transactions.
#[test]
fn a_deadlock_passes() {
    let text = "CREATE TABLE tries (i integer) ENGINE = MyISAM;\nCREATE TRIGGER collide BEFORE UPDATE ON t FOR EACH ROW IF (SELECT count(*) FROM tries) < 2 THEN INSERT INTO tries VALUES (1); SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'collided'; END IF;\nUPDATE t SET v = v * 100;\nDROP TRIGGER collide;\n";
    let project = pending(mariadb(), ("002_collide.sql", text));
    let run = project.succeed(&["up", "--json"]);
    assert!(run.said.contains("\"retries\": 2"), "{}", run.said);
    assert_eq!(project.execute("SELECT v FROM t"), "100");
}

/// A concurrent index build has to outlast older transactions: the short limit is not its.
#[test]
fn a_concurrent_index_may_wait_longer() {
    let index = "CREATE INDEX CONCURRENTLY t_v ON t (v);\n";
    let project = pending(postgres(), ("002_index.sql", index));
    let blocker = Blocker::new(&project);
    let limits = [
        ("WHIMBREL_RETRIES", "0"),
        ("WHIMBREL_LOCK_TIMEOUT", "100ms"),
    ];
    let mut run = start(&project, &limits);
    until("it waits", || at_work(&project, "CONCURRENTLY") == 1);
    // Ten times the limit.
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(run.try_wait().unwrap(), None);
    blocker.end(&project);
    let run = end(run);
    assert_eq!(run.code, Some(0), "{}", run.said);
}

/// Another program writes to the file: it is waited for.
#[test]
fn a_busy_file_is_waited_for() {
    for engine in [Engine::Sqlite, Engine::SqliteWal] {
        let project = pending(engine, COLUMN);
        let other = rusqlite::Connection::open(project.path("test.db")).unwrap();
        other
            .execute_batch("BEGIN IMMEDIATE; UPDATE t SET v = v;")
            .unwrap();
        let mut run = start(&project, &[("WHIMBREL_LOCK_TIMEOUT", "100ms")]);
        std::thread::sleep(std::time::Duration::from_millis(500));
        assert_eq!(run.try_wait().unwrap(), None);
        other.execute_batch("COMMIT").unwrap();
        let run = end(run);
        assert_eq!(run.code, Some(0), "{}", run.said);
    }
}

/// What does not pass by itself is not tried again.
#[test]
fn a_wrong_statement_is_tried_once() {
    for engine in [postgres(), mariadb(), Engine::Sqlite] {
        let project = pending(engine, ("002_no.sql", "INSERT INTO nowhere VALUES (1);\n"));
        let run = project.run(&["up"]);
        assert_eq!(run.code, Some(1), "{}", run.said);
        assert!(!run.said.contains("again in"), "{}", run.said);
    }
}

/// A time limit ends the statement in the server as well; by a flag, by the file's own header.
fn limited(engine: Engine<'_>) {
    let long = match engine {
        Engine::Postgres(_) => "UPDATE t SET v = v * 100 FROM (SELECT pg_sleep(60)) s;\n",
        Engine::MariaDb(_) => "CREATE TABLE slow AS SELECT v * 100 + SLEEP(60) AS v FROM t;\n",
        _ => {
            "UPDATE t SET v = v * 100 + (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c);\n"
        }
    };
    let by_header = format!("-- Timeout: 1s\n{long}");
    let ways: [(&str, &[&str]); 2] = [(long, &["up", "--timeout", "1s"]), (&by_header, &["up"])];
    for (text, arguments) in ways {
        let project = pending(engine, ("002_long.sql", text));
        let run = project.run(arguments);
        assert_eq!(run.code, Some(1), "{}", run.said);
        assert!(
            run.said.contains("the time limit of 1000 ms is over"),
            "{}",
            run.said
        );
        if !engine.is_sqlite() {
            assert_eq!(at_work(&project, "v * 100"), 0);
        }
        let quick = "UPDATE t SET v = v * 100;\n";
        std::fs::write(project.path("migrations/002_long.sql"), quick).unwrap();
        project.succeed(&["up"]);
        assert!(project.execute("SELECT v FROM t").contains("100"));
    }
}

/// The wait for the lock has an end, and who holds it is named, while it lasts and then.
fn lock_wait(engine: Engine<'_>) {
    let files = crate::fixtures::of(engine);
    let points = Project::new(engine, files).points(&["up"]);
    let project = Project::new(engine, files);
    let flag = project.path("reached");
    let wait = format!("{}:wait:{}", points * 2 / 3, flag.display());
    let first = start(&project, &[("WHIMBREL_FAILPOINT", &wait), ("USER", "bob")]);
    until("the first stands", || flag.exists());
    let second: Run = project.run(&["up", "--lock-wait", "1s"]);
    assert_eq!(second.code, Some(6), "{}", second.said);
    let holder = format!("bob@here, pid {}, since 20", first.id());
    assert_eq!(second.said.matches(&holder).count(), 2, "{}", second.said);
    for arguments in [["down", "--all"], ["down", "--steps=1"]] {
        let other = [&arguments[..], &["--lock-wait", "0s"]].concat();
        let other = project.run(&other);
        assert_eq!(other.code, Some(6), "{}", other.said);
        assert!(other.said.contains(&holder), "{}", other.said);
    }
    std::fs::remove_file(&flag).unwrap();
    assert_eq!(end(first).code, Some(0));
}

/// A migration that fails gives the lock back: the next run does not wait.
fn a_failure_keeps_no_lock(engine: Engine<'_>) {
    let project = pending(engine, ("002_no.sql", "INSERT INTO nowhere VALUES (1);\n"));
    assert_eq!(project.run(&["up"]).code, Some(1));
    let status = project.succeed(&["status"]);
    assert!(!status.said.contains("locked by"), "{}", status.said);
    let again = project.run(&["up", "--lock-wait", "0s"]);
    assert_eq!(again.code, Some(1), "{}", again.said);
}

#[test]
fn on_postgres() {
    blockers(postgres());
    retries(postgres());
    limited(postgres());
    lock_wait(postgres());
    a_failure_keeps_no_lock(postgres());
}

#[test]
fn on_mariadb() {
    blockers(mariadb());
    retries(mariadb());
    limited(mariadb());
    lock_wait(mariadb());
    a_failure_keeps_no_lock(mariadb());
}

#[test]
fn on_sqlite() {
    limited(Engine::Sqlite);
    lock_wait(Engine::Sqlite);
    a_failure_keeps_no_lock(Engine::Sqlite);
}
