//! A migration and another session that wait for each other's rows: the server ends the migration's
//! transaction, and it is tried again.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use crate::engine::{Engine, Project, mariadb, postgres};
use crate::fence::{end, until};

const ROWS: (&str, &str) = (
    "001_rows.sql",
    "CREATE TABLE rows_of_two (id integer PRIMARY KEY, v bigint);\nINSERT INTO rows_of_two VALUES (1, 1), (2, 7);\nCREATE TABLE heavy (id integer);\n",
);
const UPDATES: (&str, &str) = (
    "002_updates.sql",
    "UPDATE rows_of_two SET v = v * 100 WHERE id = 1;\nUPDATE rows_of_two SET v = v * 100 WHERE id = 2;\n",
);

/// Another session, which does what it is told.
struct Other(Child);

impl Other {
    fn new(project: &Project<'_>) -> Self {
        let mut client = if matches!(project.engine, Engine::Postgres(_)) {
            let mut client = Command::new("psql");
            client.args(["-X", "-q", &project.url]);
            client
        } else {
            let (place, database) = project.url.rsplit_once('/').unwrap();
            let port = place.rsplit(':').next().unwrap();
            let mut client = Command::new("mariadb");
            client.args(["--no-defaults", "--protocol=tcp", "-h", "127.0.0.1"]);
            client.args(["-u", "root", "-P", port, database]);
            client
        };
        let client = client.stdin(Stdio::piped()).stdout(Stdio::null());
        Self(client.spawn().unwrap())
    }

    fn say(&mut self, sql: &str) {
        let input = self.0.stdin.as_mut().unwrap();
        writeln!(input, "{sql}").unwrap();
        input.flush().unwrap();
    }
}

fn deadlock(engine: Engine<'_>) {
    let project = Project::new(engine, &[ROWS]);
    project.succeed(&["up"]);
    let (name, text) = UPDATES;
    std::fs::write(project.path("migrations").join(name), text).unwrap();
    // PostgreSQL ends whoever waited first and looks; InnoDB whoever has done less.
    let (begin, waits) = if let Engine::Postgres(_) = engine {
        project.execute("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''3s''', current_database()); END $$");
        (
            "SET deadlock_timeout = '60s'; BEGIN;",
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
    } else {
        (
            "BEGIN; INSERT INTO heavy WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i FROM n;",
            "SELECT count(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE t.trx_state = 'LOCK WAIT' AND p.db = database()",
        )
    };
    let mut other = Other::new(&project);
    other.say(&format!(
        "{begin} UPDATE rows_of_two SET v = v + 1000 WHERE id = 2;"
    ));
    let held = match engine {
        Engine::Postgres(_) => {
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction' AND query LIKE '%1000 WHERE id = 2%'"
        }
        _ => {
            "SELECT count(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE t.trx_rows_modified > 900 AND p.db = database()"
        }
    };
    until("it has its row", || project.execute(held) == "1");
    let mut run = project.command(&["up", "--json"], &[]);
    let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    until("the migration waits", || project.execute(waits) == "1");
    other.say("UPDATE rows_of_two SET v = v + 1000 WHERE id = 1; COMMIT;");
    let run = end(run.unwrap());
    assert_eq!(run.code, Some(0), "{}", run.said);
    assert!(run.said.contains("\"retries\": 1"), "{}", run.said);
    drop(other.0.stdin.take());
    assert!(other.0.wait().unwrap().success(), "it was the other's");
    let sum = "SELECT sum(v) FROM rows_of_two";
    assert_eq!(project.execute(sum), "200800", "each of them once");
}

#[test]
fn on_postgres() {
    deadlock(postgres());
}

#[test]
fn on_mariadb() {
    deadlock(mariadb());
}
