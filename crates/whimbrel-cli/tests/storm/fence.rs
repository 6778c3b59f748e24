//! Several runs at once, late ones, stopped ones: nothing happens twice.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::engine::{Engine, Project, Run, in_parallel, mariadb, postgres};
use crate::fixtures;

pub(crate) const TABLE: (&str, &str) = (
    "001_t.sql",
    "CREATE TABLE t (v bigint);\nINSERT INTO t VALUES (1);\n",
);

/// Each takes two seconds in the server, and must happen once: in a transaction, and outside.
fn slow(engine: Engine<'_>) -> [&'static str; 2] {
    match engine {
        Engine::Postgres(_) => [
            "UPDATE t SET v = v * 100 FROM (SELECT pg_sleep(2)) s;\n",
            "-- Transaction: off\nCREATE FUNCTION late(i bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN i; END $$;\nUPDATE t SET v = v * 100;\nCREATE INDEX CONCURRENTLY t_v ON t (late(v * 100));\n",
        ],
        _ => [
            "UPDATE t SET v = v * 100 + SLEEP(2);\n",
            "UPDATE t SET v = v * 100;\nCREATE TABLE twin AS SELECT v * 100 + SLEEP(2) AS v FROM t;\nALTER TABLE t ADD COLUMN w integer;\n",
        ],
    }
}

pub(crate) fn start(project: &Project<'_>, variables: &[(&str, &str)]) -> Child {
    let mut command = project.command(&["up"], variables);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

pub(crate) fn end(child: Child) -> Run {
    Run::of(&child.wait_with_output().unwrap())
}

pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::yield_now();
    }
}

/// How many statements of a text the server works at now.
pub(crate) fn at_work(project: &Project<'_>, text: &str) -> usize {
    let sql = match project.engine {
        Engine::Postgres(_) => format!(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND datname = current_database() AND query LIKE '%{text}%' AND pid <> pg_backend_pid()"
        ),
        _ => format!(
            "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND info LIKE '%{text}%' AND id <> connection_id()"
        ),
    };
    project.execute(&sql).parse().unwrap()
}

/// The client dies with its unit on the way; the server goes on with it; the next run starts while
/// it does.
fn killed_with_its_unit_in_flight(engine: Engine<'_>) {
    for text in slow(engine) {
        killed_in_flight(engine, text);
    }
}

fn killed_in_flight(engine: Engine<'_>, text: &str) {
    let project = Project::new(engine, &[TABLE, ("002_slow.sql", text)]);
    let mut first = start(&project, &[]);
    until("the statement runs", || at_work(&project, "v * 100") == 1);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(at_work(&project, "v * 100"), 1, "the server goes on");
    project.succeed(&["up"]);
    assert_eq!(project.execute("SELECT v FROM t"), "100");
    assert_eq!(
        project.execute("SELECT count(*) FROM whimbrel_applied"),
        "2"
    );
}

/// A process that stands still past the end of its lease, between two units, while another run does
/// the work; then it goes on.
fn stopped_past_its_lease(engine: Engine<'_>) {
    let files = fixtures::of(engine);
    let undisturbed = Project::new(engine, files);
    let points = undisturbed.points(&["up"]);
    let expected = undisturbed.all();
    for point in [points / 3, points / 2, points * 2 / 3] {
        let project = Project::new(engine, files);
        let flag = project.path("reached");
        let wait = format!("{point}:wait:{}", flag.display());
        let variables = [
            ("WHIMBREL_FAILPOINT", wait.as_str()),
            ("WHIMBREL_LEASE", "1s"),
        ];
        let first = start(&project, &variables);
        until("the first run stands", || flag.exists());
        signal(&first, "-STOP");
        std::fs::remove_file(&flag).unwrap();
        let second = start(&project, &[("WHIMBREL_LEASE", "1s")]);
        // Inside a transaction it is waited for: then it is the first that ends.
        let second = if engine.is_sqlite() {
            std::thread::sleep(Duration::from_millis(1500));
            signal(&first, "-CONT");
            end(second)
        } else {
            let started = Instant::now();
            let mut second = second;
            while second.try_wait().unwrap().is_none() && started.elapsed().as_secs() < 5 {
                std::thread::sleep(Duration::from_millis(20));
            }
            signal(&first, "-CONT");
            end(second)
        };
        let first = end(first);
        assert_eq!(second.code, Some(0), "{}", second.said);
        assert_eq!(first.code, Some(0), "{}", first.said);
        assert_eq!(
            project.all(),
            expected,
            "at {point}: {}\n{}",
            first.said,
            second.said
        );
    }
}

/// The same where the statement is outside transactions: on PostgreSQL with the fence in its message,
/// on MariaDB in a message of its own, on a connection that the next run ends.
fn stopped_around_a_statement(engine: Engine<'_>, statement: &'static str) {
    let files = &[TABLE, ("002_alone.sql", statement)];
    let undisturbed = Project::new(engine, files);
    let points = undisturbed.points(&["up"]);
    let expected = &undisturbed.all();
    let ends: Vec<_> = std::thread::scope(|scope| {
        let at = |point: u64| scope.spawn(move || after_a_pause(engine, files, point, expected));
        let runs: Vec<_> = (points / 3..points).step_by(3).map(at).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(ends.iter().all(Option::is_none), "{ends:#?}");
}

#[test]
fn stopped_around_a_concurrent_index() {
    stopped_around_a_statement(postgres(), "CREATE INDEX CONCURRENTLY i ON t (v);\n");
}

#[test]
fn stopped_around_a_trigger() {
    stopped_around_a_statement(
        mariadb(),
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.v = NEW.v + 1; SET NEW.v = NEW.v * 2; END;\nINSERT INTO t VALUES (1);\n",
    );
}

/// What `up` says afterwards, if it is not that all is well.
fn after_a_pause(
    engine: Engine<'_>,
    files: &[(&str, &str)],
    point: u64,
    expected: &str,
) -> Option<String> {
    let project = Project::new(engine, files);
    let flag = project.path("reached");
    let wait = format!("{point}:wait:{}", flag.display());
    let lease = ("WHIMBREL_LEASE", "2s");
    let first = start(&project, &[("WHIMBREL_FAILPOINT", wait.as_str()), lease]);
    until("the first run stands", || flag.exists());
    signal(&first, "-STOP");
    std::fs::remove_file(&flag).unwrap();
    let mut second = start(&project, &[lease]);
    let started = Instant::now();
    while second.try_wait().unwrap().is_none() && started.elapsed().as_secs() < 8 {
        std::thread::sleep(Duration::from_millis(20));
    }
    signal(&first, "-CONT");
    let (second, first) = (end(second), end(first));
    let last = project.run(&["up"]);
    let well = last.code == Some(0) && first.code == Some(0) && second.code == Some(0);
    let well = well && project.all() == expected;
    (!well).then(|| format!("{point}: {}{}{}", first.said, second.said, last.said))
}

/// Wherever a run dies: once the server is through with what came of it, a statement that its journal
/// names was run. Nothing of a dead or stopped run can come after the next one has looked.
#[test]
fn a_statement_is_sent_with_its_journal_entry() {
    const INDEX: &str = "CREATE INDEX CONCURRENTLY i ON t (v);\n";
    const FILES: &[(&str, &str)] = &[TABLE, ("002_index.sql", INDEX)];
    let engine = postgres();
    let points = Project::new(engine, FILES).points(&["up"]);
    let under_way = AtomicBool::new(false);
    in_parallel(1..=points, |point| {
        match journal_of_the_killed(engine, FILES, point).as_str() {
            "1 t" => under_way.store(true, Ordering::Relaxed),
            end => assert_ne!(end, "1 f", "at {point}"),
        }
    });
    assert!(under_way.into_inner(), "none died while it was under way");
}

/// How many statements are open in the journal, and whether there is an index.
fn journal_of_the_killed(engine: Engine<'_>, files: &[(&str, &str)], point: u64) -> String {
    let project = Project::new(engine, files);
    let variable = ("WHIMBREL_FAILPOINT", point.to_string());
    end(start(&project, &[(variable.0, variable.1.as_str())]));
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    until("the server is through", || {
        project.execute(others).trim() == "0"
    });
    let log = "SELECT to_regclass('whimbrel_log') IS NOT NULL";
    if project.execute(log).trim() != "t" {
        return String::new();
    }
    let open = "SELECT (SELECT count(*) FROM whimbrel_log WHERE statement_running IS NOT NULL) || ' ' || (to_regclass('i') IS NOT NULL)::text::varchar(1)";
    let open = project.execute(open).trim().to_owned();
    assert_eq!(project.run(&["up"]).code, Some(0), "at {point}");
    open
}

/// Twenty cold starts: they race for the history's tables, then for the lock.
fn twenty_at_once(engine: Engine<'_>) {
    let files = fixtures::of(engine);
    let undisturbed = Project::new(engine, files);
    undisturbed.succeed(&["up"]);
    let project = Project::new(engine, files);
    let runs: Vec<_> = (0..20).map(|_| start(&project, &[])).collect();
    for run in runs {
        let run = end(run);
        assert_eq!(run.code, Some(0), "{}", run.said);
    }
    assert_eq!(project.all(), undisturbed.all());
}

/// The statement ends in the server as well, and the next run finds everything in order.
fn interrupted(engine: Engine<'_>, sign: &str) {
    let long = match engine {
        Engine::Postgres(_) => "UPDATE t SET v = v * 100 FROM (SELECT pg_sleep(60)) s;\n",
        Engine::MariaDb(_) => "UPDATE t SET v = v * 100 + SLEEP(60);\n",
        Engine::D1(_) | Engine::Sqlite | Engine::SqliteWal => {
            "UPDATE t SET v = v * 100 + (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c);\n"
        }
    };
    let project = Project::new(engine, &[TABLE, ("002_long.sql", long)]);
    let run = start(&project, &[]);
    match engine {
        Engine::Sqlite | Engine::SqliteWal => until("the first file is applied", || {
            project.path("test.db").exists()
                && project
                    .try_execute("SELECT count(*) FROM whimbrel_applied")
                    .as_deref()
                    == Some("Integer(1)\n")
        }),
        _ => until("the statement runs", || at_work(&project, "v * 100") == 1),
    }
    let started = Instant::now();
    signal(&run, sign);
    let run = end(run);
    assert!(started.elapsed() < Duration::from_secs(5), "{}", run.said);
    assert_eq!(run.code, Some(130), "{}", run.said);
    let status = project.succeed(&["status"]).said;
    assert!(!status.contains("locked by"), "{status}");
    let recorded = "SELECT state FROM whimbrel_log WHERE version = '002'";
    assert_eq!(project.execute(recorded).trim(), "failed");
    if !engine.is_sqlite() {
        assert_eq!(at_work(&project, "v * 100"), 0);
    }
    std::fs::write(
        project.path("migrations/002_long.sql"),
        "UPDATE t SET v = v * 100;\n",
    )
    .unwrap();
    project.succeed(&["up"]);
    assert!(project.execute("SELECT v FROM t").contains("100"));
}

macro_rules! on {
    ($($name:ident: $engine:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn twenty_at_once() {
                super::twenty_at_once($engine);
            }

            #[test]
            fn stopped_past_its_lease() {
                super::stopped_past_its_lease($engine);
            }

            #[test]
            fn interrupted() {
                super::interrupted($engine, "-INT");
                super::interrupted($engine, "-TERM");
            }
        }
    )*};
}

on! {
    on_postgres: postgres();
    on_mariadb: mariadb();
    on_sqlite: Engine::Sqlite;
    on_sqlite_wal: Engine::SqliteWal;
}

// What interrupting a run comes to on D1 stands in `held`.
mod on_d1 {
    use crate::engine::d1;

    #[test]
    fn twenty_at_once() {
        super::twenty_at_once(d1());
    }

    #[test]
    fn stopped_past_its_lease() {
        super::stopped_past_its_lease(d1());
    }
}

#[test]
fn postgres_in_flight() {
    killed_with_its_unit_in_flight(postgres());
}

#[test]
fn mariadb_in_flight() {
    killed_with_its_unit_in_flight(mariadb());
}

/// A service has no variable that says who it is: the system does.
#[test]
fn a_run_without_user_is_named_by_the_system() {
    let project = Project::new(Engine::Sqlite, &[TABLE]);
    let mut up = project.command(&["up"], &[]);
    up.env_remove("USER").env_remove("LOGNAME");
    assert!(up.status().unwrap().success());
    let me = Command::new("id").arg("-un").output().unwrap().stdout;
    let me = String::from_utf8(me).unwrap();
    assert_eq!(
        project.execute("SELECT applied_by FROM whimbrel_applied"),
        format!("{}@here\n", me.trim())
    );
}

/// One replica builds an index while an old transaction holds it up; the others wait outside the
/// server, so they don't hold it up in turn.
#[test]
fn replicas_wait_for_a_concurrent_index() {
    let server = whimbrel_testkit::PostgresServer::private();
    let engine = Engine::Postgres(&server);
    let index = ("002_index.sql", "CREATE INDEX CONCURRENTLY t_v ON t (v);\n");
    let project = Project::new(engine, &[TABLE]);
    project.succeed(&["up"]);
    std::fs::write(project.path("migrations").join(index.0), index.1).unwrap();
    let mut old = server.session(&project.url);
    old.send("BEGIN; UPDATE t SET v = v;");
    until("the transaction holds its lock", || {
        project.execute("SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND mode = 'RowExclusiveLock'") != "0"
    });
    let builder = start(&project, &[]);
    until("the index waits", || at_work(&project, "CONCURRENTLY") == 1);
    let others: Vec<_> = (0..3).map(|_| start(&project, &[])).collect();
    std::thread::sleep(Duration::from_secs(1));
    old.send("COMMIT;");
    for run in std::iter::once(builder).chain(others) {
        let run = end(run);
        assert_eq!(run.code, Some(0), "{}", run.said);
    }
    let valid =
        project.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_v'::regclass");
    assert_eq!(valid, "t");
}
