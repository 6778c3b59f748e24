//! Ctrl-C twice: the second ends the process at once, and nothing is lost by it.

use std::process::Child;
use std::time::{Duration, Instant};

use whimbrel_testkit::{MysqlServer, PostgresServer};

use crate::engine::{Engine, Project, Run, mariadb, postgres};
use crate::fence::{TABLE, at_work, end, signal, start, until};

/// Both parts take seconds in the server; the second is outside transactions or, on MariaDB, a
/// schema change.
fn long(engine: Engine<'_>) -> [(&'static str, &'static str); 2] {
    match engine {
        Engine::Postgres(_) => [
            (
                "002_long.sql",
                "UPDATE t SET v = v * 100 FROM (SELECT pg_sleep(2)) s;\n",
            ),
            (
                "003_long.sql",
                "-- Transaction: off\nCREATE TABLE twin AS SELECT v * 100 AS v FROM t, pg_sleep(2);\nVACUUM t;\nUPDATE t SET v = v + 1;\n",
            ),
        ],
        Engine::MariaDb(_) => [
            ("002_long.sql", "UPDATE t SET v = v * 100 + SLEEP(2);\n"),
            (
                "003_long.sql",
                "CREATE TABLE twin AS SELECT v * 100 + SLEEP(2) AS v FROM t;\nUPDATE t SET v = v + 1;\n",
            ),
        ],
        _ => [
            (
                "002_long.sql",
                "UPDATE t SET v = v * 100 + (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 3000000) SELECT min(n) - 1 FROM c);\n",
            ),
            (
                "003_long.sql",
                "-- Transaction: off\nCREATE TABLE twin AS SELECT v * 100 AS v, (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 3000000) SELECT min(n) FROM c) AS n FROM t;\nUPDATE t SET v = v + 1;\n",
            ),
        ],
    }
}

/// Waits until the long statement is at work; on SQLite, which nobody can ask, until the lock is
/// taken, which is just before.
fn until_at_work(project: &Project<'_>) {
    const HELD: &str = "SELECT count(*) FROM whimbrel_lock WHERE owner IS NOT NULL";
    if project.engine.is_sqlite() {
        until("the lock is taken", || {
            project.execute(HELD) == "Integer(1)\n"
        });
    } else {
        until("the statement runs", || at_work(project, "v * 100") == 1);
    }
}

/// Sends a signal and makes sure that the run ends right after it.
fn ends_at_once(run: Child, sign: &str) -> Run {
    signal(&run, sign);
    let sent = Instant::now();
    let run = end(run);
    assert!(sent.elapsed() < Duration::from_secs(1), "{}", run.said);
    assert_eq!(run.code, Some(130), "{}", run.said);
    run
}

/// Both signals within an instant, in each of the long statements.
fn twice(engine: Engine<'_>) {
    let [second, third] = long(engine);
    let files = [TABLE, second, third];
    let undisturbed = Project::new(engine, &files);
    undisturbed.succeed(&["up"]);
    for applied in [1, 2] {
        let project = Project::new(engine, &files[..applied]);
        project.succeed(&["up"]);
        for (name, text) in &files[applied..] {
            std::fs::write(project.path("migrations").join(name), text).unwrap();
        }
        let run = start(&project, &[]);
        until_at_work(&project);
        signal(&run, "-INT");
        ends_at_once(run, "-INT");
        let again = project.succeed(&["up"]);
        assert_eq!(project.all(), undisturbed.all(), "{}", again.said);
    }
}

/// The server does not hear the first signal's request to cancel, so the run waits for it; the
/// second signal does not.
fn unheard(engine: Engine<'_>, stand_still: impl Fn(), go_on: impl Fn()) {
    let files = [TABLE, long(engine)[0]];
    let undisturbed = Project::new(engine, &files);
    undisturbed.succeed(&["up"]);
    let project = Project::new(engine, &files[..1]);
    project.succeed(&["up"]);
    std::fs::write(project.path("migrations").join(files[1].0), files[1].1).unwrap();
    let mut run = start(&project, &[]);
    until_at_work(&project);
    stand_still();
    signal(&run, "-TERM");
    // There is nothing to wait for: that nothing happens is what is looked at.
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(run.try_wait().unwrap(), None, "it waits for the server");
    ends_at_once(run, "-INT");
    go_on();
    let again = project.succeed(&["up"]);
    assert_eq!(project.all(), undisturbed.all(), "{}", again.said);
}

#[test]
fn on_postgres() {
    twice(postgres());
}

#[test]
fn on_mariadb() {
    twice(mariadb());
}

#[test]
fn on_sqlite() {
    twice(Engine::Sqlite);
}

#[test]
fn unheard_on_postgres() {
    let server = PostgresServer::private();
    let engine = Engine::Postgres(&server);
    unheard(engine, || server.stand_still(), || server.go_on());
}

#[test]
fn unheard_on_mariadb() {
    let server = MysqlServer::private();
    let engine = Engine::MariaDb(&server);
    unheard(engine, || server.stand_still(), || server.go_on());
}
