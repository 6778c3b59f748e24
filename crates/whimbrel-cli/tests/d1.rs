//! The real binary on Cloudflare D1's local engine.
#![allow(missing_docs, clippy::unwrap_used)]

use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use whimbrel_testkit::{D1Server, Fate, d1};

struct Project {
    folder: tempfile::TempDir,
    url: String,
}

/// An UPDATE that shows how often it happened, in a migration that takes the engine a while.
const RAISE: &str = "UPDATE counter SET n = n + 1;\nCREATE TABLE slow AS WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3000000) SELECT max(x) AS m FROM c;\n";

impl Project {
    fn new() -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
            url: d1().database(),
        };
        let id = project.url.rsplit('/').next().unwrap();
        project.write("wrangler.jsonc", &format!("{{\n  // the local engine's\n  \"d1_databases\": [{{ \"binding\": \"DB\", \"database_id\": \"{id}\", \"migrations_dir\": \"sql\" }}],\n}}\n"));
        std::fs::create_dir(project.folder.path().join("sql")).unwrap();
        project
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.folder.path().join(path), text).unwrap();
    }

    fn command(&self, url: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whimbrel"));
        command
            .args(arguments)
            .args(["--url", url])
            .current_dir(self.folder.path())
            .env_clear()
            .envs([("USER", "ada"), ("HOSTNAME", "here"), ("TERM", "dumb")])
            .env("CLOUDFLARE_API_TOKEN", D1Server::TOKEN)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(&self.url, arguments).output().unwrap()
    }

    fn counter(&self) -> String {
        let answer = d1().execute(&self.url, "SELECT n FROM counter");
        let start = answer.find("\"n\":").unwrap();
        answer[start..]
            .chars()
            .filter(char::is_ascii_digit)
            .collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn succeeded(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A migration applied, and a second one pending that counts.
fn counting() -> Project {
    let project = Project::new();
    project.write(
        "sql/001_counter.sql",
        "CREATE TABLE counter (n integer);\nINSERT INTO counter VALUES (0);\n",
    );
    succeeded(&project.run(&["up"]));
    project.write("sql/002_raise.sql", RAISE);
    project
}

#[test]
fn the_token_and_the_folder_come_from_wranglers_places() {
    let project = Project::new();
    project.write(
        "sql/001_t.sql",
        "CREATE TABLE t (a integer);\n-- Rollback: DROP TABLE t;\n",
    );
    let up = project.run(&["up"]);
    succeeded(&up);
    let told = text(&up.stdout) + &text(&up.stderr);
    assert!(told.contains("applied 001_t"), "{told}");
    let status = text(&project.run(&["status"]).stdout);
    assert!(
        status.contains(&format!("{}: 1 in all, 1 applied", project.url)),
        "{status}"
    );
    let down = project.run(&["down", "--yes"]);
    succeeded(&down);
}

/// The commands of a day, in their order.
#[test]
fn every_command_works() {
    let project = Project::new();
    for (name, table) in [("001_a", "a"), ("002_b", "b"), ("003_c", "c")] {
        let text = format!("CREATE TABLE {table} (n integer);\n-- Rollback: DROP TABLE {table};\n");
        project.write(&format!("sql/{name}.sql"), &text);
    }
    let told = |arguments: &[&str]| {
        let output = project.run(arguments);
        succeeded(&output);
        text(&output.stdout) + &text(&output.stderr)
    };
    assert_eq!(project.run(&["status", "--check"]).status.code(), Some(3));
    assert!(told(&["plan"]).contains("003_c"));
    assert!(told(&["up", "--dry-run"]).contains("-- One batch"));
    assert!(told(&["up", "--steps", "1"]).contains("Applied 1 migration"));
    assert!(told(&["up", "--single-transaction"]).contains("Applied 2 migrations"));
    assert!(told(&["status", "--check"]).contains("3 applied"));
    assert!(told(&["down", "--steps", "1", "--dry-run"]).contains("DROP TABLE c"));
    assert!(told(&["down", "001", "003", "--yes"]).contains("Undid 2 migrations"));
    assert!(told(&["up", "--force"]).contains("Applied 2 migrations"));
    assert!(told(&["redo", "--yes"]).contains("undone"));
    let json = told(&["status", "--json"]);
    assert!(
        json.contains("\"applied\":3") || json.contains("\"applied\": 3"),
        "{json}"
    );
    assert!(told(&["reset", "--yes"]).contains("Undid 3 migrations"));
    assert!(told(&["unlock", "--yes"]).contains("free"));
    let left = "SELECT count(*) AS n FROM sqlite_master WHERE name IN ('a', 'b', 'c')";
    assert_eq!(d1().rows(&project.url, left), "[{\"n\":0}]");
}

#[test]
fn a_project_of_wranglers_is_told_its_databases() {
    let project = Project::new();
    let output = Command::new(env!("CARGO_BIN_EXE_whimbrel"))
        .arg("status")
        .current_dir(project.folder.path())
        .env_clear()
        .output()
        .unwrap();
    let told = text(&output.stderr);
    assert!(
        told.contains("wrangler's file knows D1 databases (DB)"),
        "{told}"
    );
    let output = project.command("d1-local:.", &["status"]).output().unwrap();
    let told = text(&output.stderr);
    assert!(told.contains("database in .wrangler/state"), "{told}");
}

#[test]
fn names_need_a_file_and_an_account() {
    let project = Project::new();
    let output = project.command("d1://DB", &["status"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    assert!(told.contains("CLOUDFLARE_ACCOUNT_ID"), "{told}");
    let output = project.command("d1://NO", &["status"]).output().unwrap();
    let told = text(&output.stderr);
    assert!(told.contains("`NO`; there are: DB"), "{told}");
    let mut command = project.command("d1://abc/def", &["status"]);
    let output = command.env_remove("CLOUDFLARE_API_TOKEN").output().unwrap();
    let told = text(&output.stderr);
    assert!(told.contains("D1 wants an API token"), "{told}");
}

/// What wrangler applied is taken over, and not applied again.
#[test]
fn wranglers_history_is_taken_over() {
    let project = Project::new();
    project.write("sql/0001_t.sql", "CREATE TABLE t (a integer);\n");
    project.write("sql/0002_u.sql", "CREATE TABLE u (a integer);\n");
    // As wrangler itself makes and fills its table.
    for sql in [
        "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
        "CREATE TABLE t (a integer)",
        "INSERT INTO d1_migrations (name) VALUES ('0001_t.sql')",
    ] {
        d1().execute(&project.url, sql);
    }
    let up = project.run(&["up"]);
    let told = text(&up.stderr);
    assert!(told.contains("whimbrel import"), "{told}");
    succeeded(&project.run(&["import"]));
    succeeded(&project.run(&["up"]));
    let rows = d1().rows(
        &project.url,
        "SELECT name, kind FROM whimbrel_applied ORDER BY sequence",
    );
    assert_eq!(
        rows,
        r#"[{"name":"t","kind":"versioned"},{"name":"u","kind":"versioned"}]"#
    );
}

/// A binding may keep its history in a table of another name.
#[test]
fn wranglers_history_is_found_under_the_name_that_its_file_gives() {
    let project = Project::new();
    let id = project.url.rsplit('/').next().unwrap();
    std::fs::remove_file(project.folder.path().join("wrangler.jsonc")).unwrap();
    project.write(
        "wrangler.toml",
        &format!("[[d1_databases]]\nbinding = \"DB\"\ndatabase_id = \"{id}\"\nmigrations_dir = \"sql\"\nmigrations_table = \"steps\"\n"),
    );
    project.write("sql/0001_t.sql", "CREATE TABLE t (a integer);\n");
    project.write("sql/0002_u.sql", "CREATE TABLE u (a integer);\n");
    for sql in [
        "CREATE TABLE steps (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
        "CREATE TABLE t (a integer)",
        "INSERT INTO steps (name) VALUES ('0001_t.sql')",
    ] {
        d1().execute(&project.url, sql);
    }
    let up = project.run(&["up"]);
    let told = text(&up.stderr);
    assert!(
        told.contains("whimbrel import") && told.contains("steps"),
        "{told}"
    );
    let import = project.run(&["import"]);
    succeeded(&import);
    let told = text(&import.stdout);
    assert!(told.contains("Took over 1 migration, 1 pending"), "{told}");
    succeeded(&project.run(&["up"]));
    let count = "SELECT count(*) AS n FROM whimbrel_applied";
    assert_eq!(d1().rows(&project.url, count), "[{\"n\":2}]");
}

#[test]
fn an_error_is_shown_in_the_file() {
    let project = Project::new();
    project.write(
        "sql/001_bad.sql",
        "CREATE TABLE t (a);\nINSERT INTO\n  nowhere VALUES (1);\n",
    );
    let output = project.run(&["up"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.contains("error[SQLITE_ERROR]: no such table: nowhere")
            && told.contains("sql/001_bad.sql:2:1"),
        "{told}"
    );
}

#[test]
fn a_begin_is_shown_in_the_file_before_anything_is_sent() {
    let project = Project::new();
    project.write("sql/001_t.sql", "CREATE TABLE t (a);\n");
    project.write(
        "sql/002_begin.sql",
        "-- more\n  BEGIN IMMEDIATE;\nDROP TABLE t;\nCOMMIT;\n",
    );
    let output = project.run(&["up"]);
    assert_eq!(output.status.code(), Some(4));
    let told = text(&output.stderr);
    for part in [
        "error[transaction-control]: BEGIN: the database has no transactions that a script controls",
        "sql/002_begin.sql:2:3",
        "2 |   BEGIN IMMEDIATE;",
        "  |   ^^^^^^^^^^^^^^^\n",
        "help: take it out: each migration is one batch",
        "sql/002_begin.sql:4:1",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(
        d1().rows(
            &project.url,
            "SELECT count(*) AS n FROM sqlite_master WHERE name = 't'"
        ),
        "[{\"n\":0}]"
    );
}

/// The client dies while the engine works: it finishes all the same, and the next run sees it.
#[test]
fn a_run_killed_at_work_is_not_repeated() {
    let project = counting();
    let (sent, seen) = mpsc::channel();
    let line = d1().line(&project.url, move |body| {
        if body.contains("SET n = n + 1") {
            sent.send(()).unwrap();
        }
        Fate::Pass
    });
    let first = project.command(&line.url, &["up"]).spawn().unwrap();
    seen.recv_timeout(Duration::from_secs(30)).unwrap();
    kill(first);
    let second = project.run(&["up", "--lock-wait", "60s"]);
    succeeded(&second);
    assert_eq!(project.counter(), "1");
}

/// The dead client's request comes to the engine only when another run has taken over: it must
/// not happen.
#[test]
fn a_request_that_comes_late_is_fenced_out() {
    let project = counting();
    let (sent, seen) = mpsc::channel();
    let line = d1().line(&project.url, move |body| {
        if body.contains("SET n = n + 1") {
            sent.send(()).unwrap();
            return Fate::Hold;
        }
        Fate::Pass
    });
    let first = project.command(&line.url, &["up"]).spawn().unwrap();
    seen.recv_timeout(Duration::from_secs(30)).unwrap();
    kill(first);
    succeeded(&project.run(&["up", "--lock-wait", "60s"]));
    assert_eq!(project.counter(), "1");
    line.release();
    line.wait_for_answer("CHECK constraint failed");
    assert_eq!(project.counter(), "1");
}
