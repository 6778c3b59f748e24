//! What a file does to its session: its own statements keep it, the history never sees it, and a
//! run that is resumed has it again.

use whimbrel_testkit::PostgresServer;

use crate::crash::killed_over;
use crate::engine::{Engine, Project, mariadb, postgres};

/// A role that may do nothing with the history.
const PLAIN: &str = "CREATE ROLE plain; CREATE ROLE other;";

const SCHEMA: (&str, &str) = (
    "001_schema.sql",
    "CREATE SCHEMA work AUTHORIZATION plain;\nCREATE SCHEMA public_too;\n-- Rollback\nDROP SCHEMA public_too;\nDROP SCHEMA work;\n",
);

/// Changes who it is between statements that run in transactions, and one that can't.
const ROLES: (&str, &str) = (
    "002_roles.sql",
    "-- Transaction: off
CREATE TABLE mine (i integer);
SET ROLE plain;
CREATE TABLE work.theirs (i integer);
SET search_path = work;
CREATE TABLE third (i integer);
VACUUM work.theirs;
CREATE INDEX CONCURRENTLY third_i ON third (i);
RESET ROLE;
CREATE TABLE public_too.back (i integer);
SET SESSION AUTHORIZATION plain;
CREATE TABLE fourth (i integer);
CREATE INDEX CONCURRENTLY fourth_i ON fourth (i);
RESET SESSION AUTHORIZATION;
CREATE TABLE public_too.last (i integer);
-- Rollback
DROP TABLE public_too.last;
SET SESSION AUTHORIZATION plain;
DROP TABLE work.fourth;
RESET SESSION AUTHORIZATION;
DROP TABLE public_too.back;
SET ROLE plain;
DROP INDEX CONCURRENTLY work.third_i;
DROP TABLE work.third;
DROP TABLE work.theirs;
RESET ROLE;
DROP TABLE mine;
",
);

/// One transaction that ends as somebody else.
const ONE: (&str, &str) = (
    "003_one.sql",
    "SET ROLE plain;\nCREATE TABLE work.fifth (i integer);\n-- Rollback\nSET ROLE plain;\nDROP TABLE work.fifth;\n",
);

#[test]
fn roles_of_a_file_outside_transactions() {
    let server = PostgresServer::private();
    server.execute(&server.database(), PLAIN);
    let engine = Engine::Postgres(&server);
    let files = [SCHEMA, ROLES, ONE];
    let project = Project::new(engine, &files);
    project.succeed(&["up"]);
    let owners = "SELECT string_agg(relname || ' ' || relowner::regrole, ', ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND relname NOT LIKE 'whimbrel%' AND relnamespace::regnamespace::text IN ('work', 'public', 'public_too')";
    assert_eq!(
        project.execute(owners),
        "back postgres, fifth plain, fourth plain, last postgres, mine postgres, theirs plain, third plain"
    );
    let up = killed_over(&files, engine, &[], &["up"], 20);
    let down = killed_over(&files, engine, &[&["up"]], &["down", "--all"], 20);
    println!("PostgreSQL: roles: killed at {up} points of up and {down} of down");
}

/// Who a run is told to be does its work, and the history stays with who it is.
#[test]
fn a_role_for_every_migration() {
    let server = PostgresServer::private();
    server.execute(&server.database(), PLAIN);
    let files = [
        SCHEMA,
        (
            "002_t.sql",
            "CREATE TABLE work.t (i integer);\n-- Rollback: DROP TABLE work.t;\n",
        ),
        (
            "003_off.sql",
            "-- Transaction: off\nCREATE TABLE work.u (i integer);\nVACUUM work.u;\nCREATE TABLE work.v (i integer);\n-- Rollback: DROP TABLE work.u, work.v;\n",
        ),
    ];
    let project = Project::new(Engine::Postgres(&server), &files);
    project.succeed(&["up", "--to", "001"]);
    let role = ["--session-sql", "SET ROLE plain"];
    project.succeed(&["up", role[0], role[1]]);
    let owners = "SELECT string_agg(DISTINCT relowner::regrole::text, ',') FROM pg_class WHERE relname IN ('t', 'u', 'v')";
    assert_eq!(project.execute(owners), "plain");
    project.succeed(&["down", "--steps", "2", role[0], role[1]]);
}

/// A file that leaves its session otherwise than it found it, and one whose end depends on that.
const ON_MARIADB: [(&str, &str); 4] = [
    (
        "001_tables.sql",
        "CREATE TABLE parents (id integer PRIMARY KEY) ENGINE = InnoDB;\nCREATE TABLE words (w varchar(3), n integer);\nINSERT INTO parents VALUES (1);\n",
    ),
    (
        "002_leaves.sql",
        "SET sql_mode = 'ANSI_QUOTES,NO_AUTO_VALUE_ON_ZERO';\nSET foreign_key_checks = 0;\nSET @n = 7;\nSET NAMES latin1;\nSET time_zone = '+05:00';\nCREATE TEMPORARY TABLE words (other text);\nCREATE TABLE left_over (i integer);\n",
    ),
    (
        "003_depends.sql",
        "CREATE TABLE moment (t timestamp NULL);\nINSERT INTO words VALUES (\"abc\", coalesce(@n, 1));\nINSERT INTO moment SELECT from_unixtime(3600);\nCREATE TABLE child (parent integer NOT NULL REFERENCES parents (id)) ENGINE = InnoDB;\nINSERT INTO child SELECT id FROM parents;\nCREATE TABLE modes AS SELECT @@sql_mode AS mode, @@foreign_key_checks AS checks, @@character_set_client AS letters, @@time_zone AS zone;\n",
    ),
    ("004_more.sql", "UPDATE words SET n = n * 100;\n"),
];

const ON_SQLITE: [(&str, &str); 3] = [
    (
        "001_leaves.sql",
        "-- Transaction: off\nCREATE TABLE words (w text);\nCREATE TABLE parents (id integer PRIMARY KEY);\nCREATE TABLE child (parent integer REFERENCES parents (id) ON DELETE CASCADE);\nINSERT INTO parents VALUES (1), (2);\nINSERT INTO child VALUES (1), (2);\nPRAGMA case_sensitive_like = on;\nPRAGMA recursive_triggers = on;\nPRAGMA foreign_keys = off;\nCREATE TEMP TABLE words (other text);\n",
    ),
    (
        "002_depends.sql",
        "INSERT INTO words (w) VALUES ('abc');\nDELETE FROM parents WHERE id = 2;\nCREATE TABLE modes AS SELECT 'A' LIKE 'a' AS likes, (SELECT count(*) FROM child) AS children;\n",
    ),
    ("003_more.sql", "UPDATE words SET w = w || w;\n"),
];

const ON_POSTGRES: [(&str, &str); 3] = [
    (
        "001_leaves.sql",
        "CREATE SCHEMA inside;\nCREATE TABLE words (w text);\nCREATE TEMP TABLE words (other text);\nSET search_path = inside;\nSET TimeZone = '+5';\nSET DateStyle = 'German';\nPREPARE x AS SELECT 1;\nSELECT pg_advisory_lock(7);\nSET SESSION AUTHORIZATION pg_monitor;\n",
    ),
    (
        "002_depends.sql",
        "INSERT INTO words (w) VALUES ('abc');\nCREATE TABLE modes AS SELECT current_user::text AS who, current_setting('search_path') AS path, current_setting('DateStyle') AS dates, current_setting('TimeZone') AS zone, (SELECT count(*) FROM pg_prepared_statements) AS prepared, (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS locks;\n",
    ),
    ("003_more.sql", "UPDATE words SET w = w || w;\n"),
];

/// A run of all at once, and runs of one file each over new connections, end alike; and so do those
/// that are killed anywhere.
fn resumed_at_any(engine: Engine<'_>, files: &[(&str, &str)], step: usize) {
    let once = Project::new(engine, files);
    once.succeed(&["up"]);
    let singly = Project::new(engine, files);
    for _ in files {
        singly.succeed(&["up", "--steps", "1"]);
    }
    assert_eq!(once.all(), singly.all());
    killed_over(files, engine, &[], &["up"], step);
}

#[test]
fn what_a_file_leaves_on_postgres() {
    resumed_at_any(postgres(), &ON_POSTGRES, 10);
}

#[test]
fn what_a_file_leaves_on_mariadb() {
    resumed_at_any(mariadb(), &ON_MARIADB, 10);
}

/// The history is written while the file's own character set is in force.
#[test]
fn names_in_another_character_set_on_mariadb() {
    let text = "SET NAMES latin1;\nCREATE TABLE a (i integer);\n";
    let files = [
        ("001_caf\u{e9}.sql", text),
        ("002_b\u{e9}.sql", "SET NAMES sjis;\n"),
    ];
    let project = Project::new(mariadb(), &files);
    project.succeed(&["up"]);
    let names =
        project.execute("SELECT hex(group_concat(name ORDER BY name)) FROM whimbrel_applied");
    assert_eq!(names, "62C3A92C636166C3A9");
}

#[test]
fn what_a_file_leaves_on_sqlite() {
    resumed_at_any(Engine::Sqlite, &ON_SQLITE, 10);
}

/// What was wrong before is not held against a file that rebuilds a table without enforcement; what
/// it makes wrong is.
#[test]
fn only_new_violations_fail_a_rebuild() {
    let before = (
        "001_old.sql",
        "-- Foreign-Keys: off\nCREATE TABLE p (id integer PRIMARY KEY);\nCREATE TABLE c (p integer REFERENCES p (id));\nINSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1);\n",
    );
    let rebuild = "PRAGMA foreign_keys = off;\nCREATE TABLE n (id integer PRIMARY KEY, name text);\nINSERT INTO n (id) SELECT id FROM p;\nDROP TABLE p;\nALTER TABLE n RENAME TO p;\n";
    let project = Project::new(Engine::Sqlite, &[before]);
    project.succeed(&["up"]);
    let other = rusqlite::Connection::open(project.path("test.db")).unwrap();
    let broken = "PRAGMA foreign_keys = off; INSERT INTO c VALUES (99);";
    other.execute_batch(broken).unwrap();
    std::fs::write(project.path("migrations/002_rebuild.sql"), rebuild).unwrap();
    project.succeed(&["up"]);
    let worse = "-- Foreign-Keys: off\nINSERT INTO c VALUES (100);\n";
    std::fs::write(project.path("migrations/003_worse.sql"), worse).unwrap();
    let run = project.run(&["up"]);
    assert_eq!(run.code, Some(1), "{}", run.said);
    assert!(run.said.contains("foreign_key_check"), "{}", run.said);
    let children = "SELECT p FROM c ORDER BY p";
    assert_eq!(project.execute(children), "Integer(1)\nInteger(99)\n");
}
