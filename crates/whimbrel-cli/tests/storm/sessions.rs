//! What a file does to its session: its own statements keep it, the history never sees it, and a
//! run that is resumed has it again.

use whimbrel_testkit::PostgresServer;

use crate::crash::killed_over;
use crate::engine::{Engine, Project};

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
