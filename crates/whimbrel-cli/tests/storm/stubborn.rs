//! Servers that do not end what they are asked to end: the first signal ends the run all the same, and
//! a time limit leaves nothing at work.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use whimbrel_testkit::{MysqlServer, PostgresServer};

use crate::engine::{Engine, Project, Run, postgres};
use crate::fence::{TABLE, at_work, end, signal, start, until};

/// Catches each request to cancel it and goes on.
const DEAF: &str = "UPDATE t SET v = v * 7;\nDO $deaf$ BEGIN LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $deaf$;\n";
const QUICK: &str = "UPDATE t SET v = v * 100;\n";

fn pending<'s>(engine: Engine<'s>, text: &str) -> Project<'s> {
    let project = Project::new(engine, &[TABLE]);
    project.succeed(&["up"]);
    rewrite(&project, text);
    project
}

fn rewrite(project: &Project<'_>, text: &str) {
    std::fs::write(project.path("migrations/002_long.sql"), text).unwrap();
}

fn ends_in_time(run: Child, sign: &str) -> Run {
    signal(&run, sign);
    let sent = Instant::now();
    let run = end(run);
    assert!(sent.elapsed() < Duration::from_secs(5), "{}", run.said);
    assert_eq!(run.code, Some(130), "{}", run.said);
    run
}

fn ends_well(project: &Project<'_>) {
    rewrite(project, QUICK);
    project.succeed(&["up"]);
    assert_eq!(project.execute("SELECT v FROM t"), "100");
    let applied = "SELECT count(*) FROM whimbrel_applied";
    assert_eq!(project.execute(applied), "2");
}

/// What can't be cancelled is ended with its connection.
#[test]
fn a_deaf_statement() {
    for header in ["", "-- Transaction: off\n"] {
        let project = pending(postgres(), &format!("{header}{DEAF}"));
        let run = start(&project, &[]);
        until("it is deaf", || at_work(&project, "deaf") == 1);
        ends_in_time(run, "-INT");
        assert_eq!(at_work(&project, "deaf"), 0);
        let status = project.succeed(&["status"]).said;
        assert!(!status.contains("locked by"), "{status}");
        if header.is_empty() {
            ends_well(&project);
        }
    }
}

#[test]
fn a_deaf_statement_past_its_time() {
    let project = pending(postgres(), DEAF);
    let run = project.run(&["up", "--timeout", "1s"]);
    assert_eq!(run.code, Some(1), "{}", run.said);
    let over = "the time limit of 1000 ms is over";
    assert!(run.said.contains(over), "{}", run.said);
    assert!(!run.said.contains("trying again"), "{}", run.said);
    assert_eq!(at_work(&project, "deaf"), 0);
    ends_well(&project);
}

/// A backend that stands still can be neither cancelled nor ended. It holds the fence, so it is safe
/// to leave it; the next run waits for it.
#[test]
fn a_backend_that_stands_still() {
    let project = pending(
        postgres(),
        "UPDATE t SET v = v * 7 FROM (SELECT pg_sleep(60)) s;\n",
    );
    let run = start(&project, &[]);
    until("the statement runs", || at_work(&project, "v * 7") == 1);
    let backend = project.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%v * 7%' AND pid <> pg_backend_pid()");
    let tell = |what: &str| {
        let sent = Command::new("kill").args([what, &backend]).status();
        assert!(sent.unwrap().success());
    };
    tell("-STOP");
    let run = ends_in_time(run, "-TERM");
    assert!(run.said.contains("could not be found out"), "{}", run.said);
    let other = project.run(&["up", "--lock-wait", "1s"]);
    assert_eq!(other.code, Some(6), "{}", other.said);
    tell("-CONT");
    ends_well(&project);
}

/// The whole server stands still: while a statement runs, and while it is connected to.
fn a_server_that_stands_still(engine: Engine<'_>, stand_still: impl Fn(), go_on: impl Fn()) {
    let slow = match engine {
        Engine::Postgres(_) => "UPDATE t SET v = v * 100 FROM (SELECT pg_sleep(5)) s;\n",
        _ => "UPDATE t SET v = v * 100 + SLEEP(5);\n",
    };
    let project = pending(engine, slow);
    let run = start(&project, &[]);
    until("the statement runs", || at_work(&project, "v * 100") == 1);
    stand_still();
    ends_in_time(run, "-INT");
    let run = start(&project, &[]);
    let status = format!("/proc/{}/status", run.id());
    until("signals are caught", || {
        let text = std::fs::read_to_string(&status).unwrap();
        let caught = text.split("SigCgt:").nth(1).unwrap();
        let mask = caught.split_whitespace().next().unwrap();
        // SIGINT and SIGTERM.
        u64::from_str_radix(mask, 16).unwrap() & 0x4002 == 0x4002
    });
    ends_in_time(run, "-TERM");
    go_on();
    // What nobody could end ends by itself, and counts.
    project.succeed(&["up"]);
    assert_eq!(project.execute("SELECT v FROM t"), "100");
}

#[test]
fn a_standing_postgres() {
    let server = PostgresServer::private();
    let engine = Engine::Postgres(&server);
    a_server_that_stands_still(engine, || server.stand_still(), || server.go_on());
}

#[test]
fn a_standing_mariadb() {
    let server = MysqlServer::private();
    let engine = Engine::MariaDb(&server);
    a_server_that_stands_still(engine, || server.stand_still(), || server.go_on());
}
