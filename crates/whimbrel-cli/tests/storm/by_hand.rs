//! The text of a dry run, carried out by the server's own client, does what the run would have done.

use std::process::{Command, Stdio};

use crate::engine::{Engine, Project, mariadb, postgres};
use crate::fixtures;

/// The text goes to the client as a file would; the first error ends it.
fn by_hand(project: &Project<'_>, text: &str) {
    let mut client = match project.engine {
        Engine::Postgres(_) => {
            let mut client = Command::new("psql");
            client.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", &project.url]);
            client
        }
        Engine::MariaDb(_) => {
            let (place, database) = project.url.rsplit_once('/').unwrap();
            let port = place.rsplit(':').next().unwrap();
            let mut client = Command::new("mariadb");
            client.args(["--no-defaults", "--protocol=tcp", "-h", "127.0.0.1"]);
            client.args(["-u", "root", "-P", port, database]);
            client
        }
        _ => {
            let mut client = Command::new("sqlite3");
            client.arg("-bail").arg(project.path("test.db"));
            client
        }
    };
    let file = project.path("dry.sql");
    std::fs::write(&file, text).unwrap();
    client.stdin(std::fs::File::open(file).unwrap());
    let output = client.stdout(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

fn does_the_same(engine: Engine<'_>) {
    let files = fixtures::of(engine);
    let (run, hand) = (Project::new(engine, files), Project::new(engine, files));
    for arguments in [
        ["up", "--to", "002"].as_slice(),
        &["up"],
        &["down", "--all"],
    ] {
        run.succeed(arguments);
        let dry = hand.run(&[arguments, &["--dry-run", "-q"]].concat());
        assert_eq!(dry.code, Some(0), "{}", dry.said);
        by_hand(&hand, &dry.said);
        assert_eq!(hand.all(), run.all(), "{arguments:?}");
        hand.succeed(&["status"]);
    }
    let held = "SELECT count(*) FROM whimbrel_lock WHERE owner IS NOT NULL";
    assert!(hand.execute(held).contains('0'), "the lock was given back");
}

#[test]
fn on_postgres() {
    does_the_same(postgres());
}

#[test]
fn on_mariadb() {
    does_the_same(mariadb());
}

#[test]
fn on_sqlite() {
    does_the_same(Engine::Sqlite);
}

/// One transaction for all of it is shown as one.
#[test]
fn in_a_single_transaction() {
    let files = &[
        ("001_t.sql", "CREATE TABLE t (v integer);\n"),
        ("002_u.sql", "CREATE TABLE u (v integer);\n"),
    ];
    let project = Project::new(postgres(), files);
    project.succeed(&["init"]);
    let dry = project.succeed(&["up", "--single-transaction", "--dry-run", "-q"]);
    // One takes the lock, the other is the run.
    assert_eq!(dry.said.matches("COMMIT;").count(), 2, "{}", dry.said);
    by_hand(&project, &dry.said);
    project.succeed(&["status", "--check"]);
}
