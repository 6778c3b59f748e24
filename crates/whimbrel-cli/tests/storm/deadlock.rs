//! A migration and another session that wait for each other's rows: the server ends the migration's
//! transaction, and it is tried again.

use std::process::Stdio;
use std::time::Duration;

use crate::engine::{Engine, Project, mariadb, postgres};
use crate::fence::{end, until};
use crate::other::Other;

const ROWS: (&str, &str) = (
    "001_rows.sql",
    "CREATE TABLE rows_of_two (id integer PRIMARY KEY, v bigint);\nINSERT INTO rows_of_two VALUES (1, 1), (2, 7);\nCREATE TABLE heavy (id integer);\n",
);
const UPDATES: (&str, &str) = (
    "002_updates.sql",
    "UPDATE rows_of_two SET v = v * 100 WHERE id = 1;\nUPDATE rows_of_two SET v = v * 100 WHERE id = 2;\n",
);

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
    other.ask(&format!(
        "{begin} UPDATE rows_of_two SET v = v + 1000 WHERE id = 2; SELECT 'has its row';"
    ));
    let mut run = project.command(&["up", "--json"], &[]);
    let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    until("the migration waits", || {
        // InnoDB shows the same again to whoever asks within a tenth of a second.
        std::thread::sleep(Duration::from_millis(150));
        project.execute(waits) == "1"
    });
    other.say("UPDATE rows_of_two SET v = v + 1000 WHERE id = 1; COMMIT;");
    let run = end(run.unwrap());
    assert_eq!(run.code, Some(0), "{}", run.said);
    assert!(run.said.contains("\"retries\": 1"), "{}", run.said);
    other.end_well();
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
