//! What is MySQL's and MariaDB's own: several statements in one message.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use whimbrel::Migrator;
use whimbrel::error::{Error, ErrorKind};
use whimbrel::event::{Event, Listener};
use whimbrel::report::{DatabaseState, Failure};
use whimbrel::source::Directory;
use whimbrel_testkit::{Files, MysqlServer, Server, on_engines, server};

/// What was told, line by line.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Listener for Heard {
    fn event(&self, event: &Event<'_>) {
        let line = match event {
            Event::StatementDone {
                statement, rows, ..
            } => format!("done {statement}: {rows:?}"),
            Event::Notice { place, notice, .. } => {
                format!("{place} {} {}", notice.severity, notice.message)
            }
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

struct Project<'s> {
    server: &'s dyn Server,
    folder: Files,
    url: String,
    heard: Arc<Heard>,
}

impl Project<'static> {
    fn on(engine: &str, text: &str) -> Self {
        Self::new(server(engine), text)
    }
}

impl<'s> Project<'s> {
    fn new(server: &'s dyn Server, text: &str) -> Self {
        Self {
            server,
            folder: Files::new(&[("001_first.sql", text)]),
            url: server.database(),
            heard: Arc::default(),
        }
    }

    fn write(&self, name: &str, text: &str) {
        self.folder.write(name, text);
    }

    fn migrator(&self) -> Migrator {
        Migrator::builder(&self.url)
            .source(Directory::new(self.folder.path()))
            .listener(Arc::<Heard>::clone(&self.heard))
            .build()
            .unwrap()
    }

    async fn fails(&self) -> Failure {
        match self.migrator().up().await.unwrap_err() {
            Error::Failed(failure) => *failure,
            error => panic!("{error}"),
        }
    }

    fn ask(&self, sql: &str) -> String {
        self.server.execute(&self.url, sql)
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.0.lock().unwrap())
    }
}

const T: &str = "CREATE TABLE t (i integer PRIMARY KEY, s varchar(40));\n";

async fn each_statement_is_told_of_with_its_warnings(engine: &str) {
    let project = Project::on(
        engine,
        &format!(
            "{T}INSERT INTO t VALUES (1, 'a'), (2, 'b');\nDROP TABLE IF EXISTS u;\nUPDATE t SET i = i + 10;\n"
        ),
    );
    project.migrator().up().await.unwrap();
    let heard = project.heard();
    assert_eq!(heard[0], "done 1: Some(0)");
    assert_eq!(heard[1], "done 2: Some(2)");
    assert!(
        heard[2].contains("/001_first.sql:3 NOTE Unknown table"),
        "{heard:?}"
    );
    assert_eq!(heard[3..], ["done 3: Some(0)", "done 4: Some(2)"]);
}

async fn an_error_shows_its_own_statement_alone(engine: &str) {
    // In the middle of a message, on a statement's second line; and at a statement's end.
    for (bad, line, near) in [
        ("UPDATE t\n  SETT i = 3", 4, "'i = 3'"),
        ("UPDATE t SET", 3, "''"),
        ("UPDATE t SETT i = 3 -- why; not", 3, "'i = 3'"),
        ("UPDATE t SETT i = 3 # why", 3, "'i = 3'"),
    ] {
        let text = format!("{T}INSERT INTO t VALUES (1, 'a');\n{bad}\n;\nDELETE FROM t;\n");
        let project = Project::on(engine, &text);
        let failure = project.fails().await;
        let told = failure.diagnostic.to_string();
        assert!(told.contains(&format!("near {near} at line")), "{told}");
        assert!(!told.contains("WARNINGS"), "{told}");
        let place = failure.diagnostic.label.as_ref().unwrap().place();
        assert_eq!(place.line, line, "{told}");
        let half = DatabaseState::HalfDone {
            done: 1,
            statements: 4,
        };
        assert_eq!(failure.state, half);
        assert_eq!(project.heard(), ["done 1: Some(0)", "done 2: Some(1)"]);
        assert_eq!(project.ask("SELECT count(*) FROM t"), "0");
    }
}

async fn a_schema_change_that_fails_stops_what_follows(engine: &str) {
    let text = format!("{T}CREATE INDEX x ON t (nothing);\nCREATE TABLE u (i integer);\n");
    let project = Project::on(engine, &text);
    let failure = project.fails().await;
    assert_eq!(failure.diagnostic.label.unwrap().place().line, 2);
    assert_eq!(project.ask("SHOW TABLES LIKE 'u'"), "");
    project.write("001_first.sql", &text.replace("nothing", "s"));
    let report = project.migrator().up().await.unwrap();
    assert_eq!(report.steps[0].resumed_after, 1);
}

/// Questions of Whimbrel's own in between would change the answer.
async fn a_statement_may_ask_about_the_one_before(engine: &str) {
    let text = format!(
        "{T}INSERT INTO t VALUES (1, 'a'), (2, 'b');\nUPDATE t SET s = 'c' WHERE i = 2;\nINSERT INTO t SELECT 10 + row_count(), 'rows';\n"
    );
    let project = Project::on(engine, &text);
    project.migrator().up().await.unwrap();
    assert_eq!(project.ask("SELECT i FROM t WHERE s = 'rows'"), "11");
}

/// The server sees other ends than Whimbrel does; nothing of it is kept.
async fn what_the_server_splits_is_taken_back(engine: &str) {
    let text = "SET sql_mode = 'NO_BACKSLASH_ESCAPES';\nINSERT INTO t VALUES (7, '\\'); DELETE FROM t WHERE i = 1; -- ');\n";
    let project = Project::on(engine, T);
    project.write("002_rows.sql", "INSERT INTO t VALUES (1, 'a');\n");
    project.write("003_split.sql", text);
    let failure = project.fails().await;
    assert_eq!(failure.diagnostic.label.as_ref().unwrap().place().line, 2);
    let told = failure.diagnostic.to_string();
    assert!(told.contains("several statements"), "{told}");
    assert_eq!(failure.state, DatabaseState::Clean);
    assert_eq!(project.ask("SELECT i FROM t"), "1");
}

/// A reset puts the session back to the server's own character set.
async fn text_is_text_after_a_reset(engine: &str) {
    let project = Project::on(engine, T);
    project.write(
        "002_session.sql",
        "SET NAMES latin1;\nSET @left = 1;\nINSERT INTO t VALUES (1, 'x');\n",
    );
    project.write(
        "003_text.sql",
        "INSERT INTO t SELECT 2, concat('\u{e9}\u{1f426}', ifnull(@left, 'new'));\n",
    );
    project.migrator().up().await.unwrap();
    let found = project.ask("SELECT hex(s) FROM t WHERE i = 2");
    assert_eq!(found, "C3A9F09F90A66E6577");
}

/// Data changes of several migrations share a message; each is committed with its record.
async fn small_migrations_are_sent_together(engine: &str) {
    let project = Project::on(engine, T);
    for number in 2..=60 {
        let text = format!("INSERT INTO t VALUES ({number}, 'x');\n");
        project.write(&format!("{number:03}_row.sql"), &text);
    }
    project.write("050_row.sql", "INSERT INTO nowhere VALUES (1);\n");
    let failure = project.fails().await;
    assert_eq!(failure.version.as_str(), "050");
    assert_eq!(failure.done.len(), 49);
    assert_eq!(project.ask("SELECT count(*) FROM t"), "48");
    let applied = "SELECT count(*) FROM whimbrel_applied";
    assert_eq!(project.ask(applied), "49");
    project.write("050_row.sql", "INSERT INTO t VALUES (50, 'x');\n");
    assert_eq!(project.migrator().up().await.unwrap().steps.len(), 11);
}

async fn a_long_script_is_cut_into_messages(engine: &str) {
    let rows = (0..20_000).map(|i| format!("INSERT INTO t VALUES ({i}, 'some text');\n"));
    let project = Project::on(engine, &format!("{T}{}", rows.collect::<String>()));
    project.migrator().up().await.unwrap();
    assert_eq!(project.ask("SELECT count(*) FROM t"), "20000");
    assert_eq!(project.heard().len(), 20_001);
}

#[tokio::test]
async fn a_statement_that_no_packet_holds_is_refused_before_anything_runs() {
    let server = MysqlServer::private();
    let text = format!(
        "{T}INSERT INTO t VALUES (1, left('{}', 9));\n",
        "x".repeat(1 << 20)
    );
    let project = Project::new(&server, &text);
    project.ask("SET GLOBAL max_allowed_packet = 1048576");
    let error = project.migrator().up().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let told = error.diagnostics()[0].to_string();
    assert!(told.contains("1048574 at most"), "{told}");
    assert_eq!(project.ask("SHOW TABLES LIKE 't'"), "");
    // The longest that is let through is one that the server takes.
    let head = "INSERT INTO t VALUES (1, left('";
    let most = 1_048_574 - head.len() - "', 9))".len();
    project.write(
        "001_first.sql",
        &format!("{T}{head}{}', 9));\n", "x".repeat(most)),
    );
    project.migrator().up().await.unwrap();
}

/// MySQL takes what ends a statement in a message for a part of a body.
async fn bodies_are_kept_as_they_were_written(engine: &str) {
    let project = Project::on(
        engine,
        &format!(
            "{T}CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET NEW.i = 1;\n\
             CREATE FUNCTION f() RETURNS integer DETERMINISTIC RETURN 1;\n\
             CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t;\n"
        ),
    );
    project.migrator().up().await.unwrap();
    for (sql, body) in [
        (
            "SELECT action_statement FROM information_schema.triggers WHERE trigger_schema = database()",
            "SET NEW.i = 1",
        ),
        (
            "SELECT routine_definition FROM information_schema.routines WHERE routine_schema = database()",
            "RETURN 1",
        ),
        (
            "SELECT event_definition FROM information_schema.events WHERE event_schema = database()",
            "DELETE FROM t",
        ),
    ] {
        assert_eq!(project.ask(sql), body);
    }
}

on_engines! {
    [mariadb mariadb_newest mysql]
    each_statement_is_told_of_with_its_warnings
    an_error_shows_its_own_statement_alone
    a_schema_change_that_fails_stops_what_follows
    a_statement_may_ask_about_the_one_before
    what_the_server_splits_is_taken_back
    text_is_text_after_a_reset
    small_migrations_are_sent_together
    a_long_script_is_cut_into_messages
    bodies_are_kept_as_they_were_written
}
