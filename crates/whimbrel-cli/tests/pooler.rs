//! The real binary through PgBouncer, with TLS and one connection to the server.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use whimbrel_testkit::{Authority, PoolMode, Pooler, postgres};

struct Project {
    folder: tempfile::TempDir,
    /// Past the pooler.
    direct: String,
    url: String,
    _pooler: Pooler,
    _authority: Authority,
}

/// What differs in how it is run: together, by itself, from data, again and again, with a body,
/// and what leaves something behind in the session.
const MIXED: [(&str, &str); 7] = [
    (
        "001_users.sql",
        "CREATE TABLE users (id integer PRIMARY KEY, name text);\n-- Rollback: DROP TABLE users;\n",
    ),
    (
        "002_data.sql",
        "COPY users (id, name) FROM stdin;\n1\tada\n2\tgrace\n\\.\n-- Rollback: DELETE FROM users;\n",
    ),
    (
        "003_index.sql",
        "-- Transaction: off\nCREATE INDEX CONCURRENTLY users_name ON users (name);\nANALYZE users;\n-- Rollback: DROP INDEX CONCURRENTLY users_name;\n",
    ),
    (
        "004_path.sql",
        "CREATE SCHEMA apart;\nSET LOCAL search_path = apart;\nCREATE TABLE inside (id integer);\n-- Rollback: DROP SCHEMA apart CASCADE;\n",
    ),
    (
        "005_outside.sql",
        "CREATE TABLE outside (id integer);\n-- Rollback: DROP TABLE public.outside;\n",
    ),
    (
        "006_touch.sql",
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := upper(NEW.name); RETURN NEW; END; $$;\nCREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE PROCEDURE touch();\nUPDATE users SET name = name;\n-- Rollback\n-- DROP TRIGGER touch ON users;\n-- DROP FUNCTION touch();\n",
    ),
    (
        "R__names.sql",
        "CREATE OR REPLACE VIEW names AS SELECT name FROM users;\n-- Rollback: DROP VIEW names;\n",
    ),
];

impl Project {
    fn new(mode: PoolMode, files: &[(&str, &str)]) -> Self {
        let authority = Authority::new();
        let pooler = Pooler::start(postgres(), mode, 1, &authority.sign("localhost"));
        let direct = postgres().database();
        let root = authority.certificate().display();
        let settings = format!("sslmode=verify-full&sslrootcert={root}");
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
            url: format!("{}?{settings}", pooler.url(&direct)),
            direct,
            _pooler: pooler,
            _authority: authority,
        };
        std::fs::create_dir(project.migrations()).unwrap();
        for (name, text) in files {
            std::fs::write(project.migrations().join(name), text).unwrap();
        }
        project
    }

    fn migrations(&self) -> PathBuf {
        self.folder.path().join("migrations")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whimbrel"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs([("USER", "ada"), ("HOSTNAME", "here"), ("TERM", "dumb")])
            .env("DATABASE_URL", &self.url)
            .env("WHIMBREL_PASSWORD", Pooler::PASSWORD)
            .env("WHIMBREL_LEASE", "1s")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        succeeded(self.command(arguments).output().unwrap())
    }

    /// Asks the server, past the pooler.
    fn ask(&self, sql: &str) -> String {
        postgres().execute(&self.direct, sql)
    }

    fn wait_until(&self, sql: &str) {
        let started = Instant::now();
        while self.ask(sql) != "t" {
            assert!(started.elapsed() < Duration::from_secs(60), "{sql}");
        }
    }
}

fn succeeded(output: Output) -> String {
    let told = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(!told.contains(Pooler::PASSWORD), "{told}");
    told
}

fn a_mixed_folder_goes_up_and_down(mode: PoolMode) {
    let project = Project::new(mode, &MIXED);
    assert!(project.run(&["up"]).contains("Applied 7 migrations"));
    assert_eq!(
        project.ask("SELECT string_agg(name, ',' ORDER BY id) FROM users"),
        "ADA,GRACE"
    );
    let places = "SELECT to_regclass('apart.inside') IS NOT NULL AND to_regclass('public.outside') IS NOT NULL AND to_regclass('public.names') IS NOT NULL";
    assert_eq!(project.ask(places), "t");
    let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'users_name'::regclass";
    assert_eq!(project.ask(valid), "t");
    assert!(project.run(&["status"]).contains("7 applied, 0 pending"));
    assert!(project.run(&["up"]).contains("nothing to apply"));
    assert!(
        project
            .run(&["down", "--all", "--yes"])
            .contains("Undid 7 migrations")
    );
    let left = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname IN ('public', 'apart') AND relname NOT LIKE 'whimbrel%'";
    assert_eq!(project.ask(left), "0");
    assert!(project.run(&["up"]).contains("Applied 7 migrations"));
}

#[test]
fn a_mixed_folder_goes_up_and_down_in_transaction_mode() {
    a_mixed_folder_goes_up_and_down(PoolMode::Transaction);
}

#[test]
fn a_mixed_folder_goes_up_and_down_in_session_mode() {
    a_mixed_folder_goes_up_and_down(PoolMode::Session);
}

const COUNTER: (&str, &str) = (
    "001_counter.sql",
    "CREATE TABLE counter (n integer);\nINSERT INTO counter VALUES (0);\n",
);
const RAISE: &str = "UPDATE counter SET n = n + 1;\n";

fn four_at_once_all_end_well(mode: PoolMode) {
    let raise = format!("{RAISE}SELECT pg_sleep(0.3);\n");
    let project = Project::new(
        mode,
        &[
            COUNTER,
            ("002_raise.sql", &raise),
            (
                "003_index.sql",
                "-- Transaction: off\nCREATE INDEX CONCURRENTLY counter_n ON counter (n);\n",
            ),
            ("004_raise.sql", RAISE),
        ],
    );
    let runs: Vec<_> = (0..4)
        .map(|_| project.command(&["up"]).spawn().unwrap())
        .collect();
    let told: Vec<_> = runs
        .into_iter()
        .map(|run| succeeded(run.wait_with_output().unwrap()))
        .collect();
    assert_eq!(project.ask("SELECT n FROM counter"), "2");
    let applied = told
        .iter()
        .map(|told| told.matches("applied 00").count())
        .sum::<usize>();
    assert_eq!(applied, 4, "{told:?}");
}

#[test]
fn four_at_once_all_end_well_in_transaction_mode() {
    four_at_once_all_end_well(PoolMode::Transaction);
}

#[test]
fn four_at_once_all_end_well_in_session_mode() {
    four_at_once_all_end_well(PoolMode::Session);
}

fn a_killed_run_is_followed_by_one_that_ends_well(mode: PoolMode) {
    let slow = format!("{RAISE}SELECT pg_sleep(1);\n");
    let project = Project::new(mode, &[COUNTER, ("002_raise.sql", &slow)]);
    let mut first = project.command(&["up"]).spawn().unwrap();
    let sleeping = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    project.wait_until(sleeping);
    first.kill().unwrap();
    first.wait().unwrap();
    project.run(&["up", "--lock-wait", "60s"]);
    assert_eq!(project.ask("SELECT n FROM counter"), "1");
    assert!(project.run(&["status"]).contains("2 applied, 0 pending"));
}

#[test]
fn a_killed_run_is_followed_by_one_that_ends_well_in_transaction_mode() {
    a_killed_run_is_followed_by_one_that_ends_well(PoolMode::Transaction);
}

#[test]
fn a_killed_run_is_followed_by_one_that_ends_well_in_session_mode() {
    a_killed_run_is_followed_by_one_that_ends_well(PoolMode::Session);
}

/// The server goes on with an index that nobody waits for any more.
#[test]
fn a_run_killed_at_an_index_is_resumed() {
    let project = Project::new(
        PoolMode::Transaction,
        &[
            COUNTER,
            (
                "002_index.sql",
                "-- Transaction: off\nUPDATE counter SET n = n + 1;\nCREATE INDEX CONCURRENTLY counter_n ON counter (n);\n",
            ),
        ],
    );
    project.run(&["up", "--to", "001"]);
    // The build waits for this transaction, and goes on when it ends.
    let mut other = postgres().session(&project.direct);
    other.send("BEGIN; UPDATE counter SET n = n;");
    let open = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'";
    project.wait_until(open);
    other.send("COMMIT; BEGIN; LOCK TABLE counter IN ROW EXCLUSIVE MODE;");
    let locked = "SELECT count(*) > 0 FROM pg_locks WHERE relation = to_regclass('counter') AND mode = 'RowExclusiveLock' AND granted";
    project.wait_until(locked);
    let mut first = project.command(&["up"]).spawn().unwrap();
    let building = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE INDEX%' AND wait_event_type = 'Lock'";
    project.wait_until(building);
    first.kill().unwrap();
    first.wait().unwrap();
    drop(other);
    let told = project.run(&["up", "--lock-wait", "60s"]);
    assert!(told.contains("002_index"), "{told}");
    assert_eq!(project.ask("SELECT n FROM counter"), "1");
    let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'counter_n'::regclass";
    assert_eq!(project.ask(valid), "t");
}

#[test]
fn errors_come_through_with_their_place() {
    let project = Project::new(
        PoolMode::Transaction,
        &[(
            "001_bad.sql",
            "CREATE TABLE t (a integer);\nINSERT INTO\n  nowhere VALUES (1);\n",
        )],
    );
    let output = project.command(&["up"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("001_bad.sql:3:3"), "{told}");
    let wrong = project
        .command(&["up"])
        .env("WHIMBREL_PASSWORD", "wrong")
        .output();
    let output = wrong.unwrap();
    assert_eq!(output.status.code(), Some(5));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("password") && !told.contains("wrong"),
        "{told}"
    );
}
