//! The real binary, on SQLite.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use binary::{Ended, project, whimbrel};
use whimbrel_testkit::Files;

struct Project(Files);

impl Project {
    fn new() -> Self {
        Self(project(&[]))
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        self.0.write(path, text);
        self
    }

    fn exists(&self, path: &str) -> bool {
        self.0.at(path).exists()
    }

    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut ended = Ended::from(whimbrel(self.0.path(), arguments, variables));
        ended.stdout = normalise(&ended.stdout);
        ended.stderr = normalise(&ended.stderr);
        ended
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, &[])
    }
}

/// Times become `[TIME]`, durations `N ms`.
fn normalise(text: &str) -> String {
    let mut words = Vec::new();
    for line in text.lines() {
        let mut result: Vec<String> = line.split(' ').map(str::to_owned).collect();
        for index in 0..result.len() {
            let word = result[index].clone();
            if word.len() == 20 && word.ends_with('Z') && word.as_bytes()[10] == b'T' {
                "[TIME]".clone_into(&mut result[index]);
            }
            let unit = result
                .get(index + 1)
                .is_some_and(|next| next.starts_with("ms"));
            if unit {
                result[index] = word
                    .trim_end_matches(|c: char| c.is_ascii_digit())
                    .to_owned()
                    + "N";
            }
        }
        words.push(result.join(" "));
    }
    words.join("\n")
}

const USERS: &str =
    "CREATE TABLE users (id INTEGER PRIMARY KEY);\n-- Rollback\n-- DROP TABLE users;\n";

#[test]
fn up_then_nothing_to_do() {
    let project = Project::new();
    project.write("migrations/001_users.sql", USERS);
    let output = project.run(&["up"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    insta::assert_snapshot!(output.stdout, @"Applied 1 migration in N ms (batch 1).");
    insta::assert_snapshot!(output.stderr, @r"
    note: no database is set: using sqlite:whimbrel.db
    applied 001_users (N ms)
    ");
    insta::assert_snapshot!(project.run(&["up", "-q"]).stdout, @"Up to date: nothing to apply.");
}

#[test]
fn an_error_has_its_place_and_the_state() {
    let project = Project::new();
    project.write("migrations/001_users.sql", USERS);
    project.write(
        "migrations/002_bad.sql",
        "CREATE TABLE a (x);\nINSERT INTO nowhere\nVALUES (1);\n",
    );
    let output = project.run(&["up"]);
    assert_eq!(output.code, 1);
    insta::assert_snapshot!(output.stderr, @r"
    note: no database is set: using sqlite:whimbrel.db
    applied 001_users (N ms)
    failed  002_bad
    error[SQLITE_ERROR]: no such table: nowhere
     --> migrations/002_bad.sql:2:13
      |
    2 | INSERT INTO nowhere
      |             ^^^^^^^
      |
      = note: nothing of 002_bad is in the database
    1 migration before it was applied and stays so.
    ");
    let json: serde_json::Value =
        serde_json::from_str(&project.run(&["--json", "up"]).stdout).unwrap();
    assert_eq!(json["error"]["diagnostics"][0]["line"], 2);
    assert_eq!(json["error"]["state"]["kind"], "clean");
}

#[test]
fn status_check_has_its_own_code() {
    let project = Project::new();
    project.write("migrations/001_users.sql", USERS);
    assert_eq!(project.run(&["status", "--check"]).code, 3);
    assert!(!project.exists("whimbrel.db"));
    project.run(&["up"]);
    let output = project.run(&["status", "--check"]);
    assert_eq!(output.code, 0);
    insta::assert_snapshot!(output.stdout.lines().last().unwrap(), @"sqlite:whimbrel.db: 1 in all, 1 applied, 0 pending");
}

#[test]
fn new_goes_on_as_the_folder_does() {
    let project = Project::new();
    project.write("migrations/007_users.sql", USERS);
    insta::assert_snapshot!(project.run(&["new", "Add Posts!"]).stdout, @"migrations/008_add_posts.sql");
    insta::assert_snapshot!(project.run(&["new", "x", "--pair"]).stdout, @r"
    migrations/009_x.up.sql
    migrations/009_x.down.sql
    ");
    insta::assert_snapshot!(project.run(&["new", "v", "--repeatable"]).stdout, @"migrations/R__v.sql");
}

#[test]
fn an_attached_file_is_made_in_later_runs_too() {
    let project = Project::new();
    project.write("migrations/001_users.sql", USERS);
    assert_eq!(project.run(&["up"]).code, 0);
    let other = project.0.at("other.db");
    let text = format!(
        "ATTACH '{}' AS o;\nCREATE TABLE o.t (i);\n",
        other.display()
    );
    project.write("migrations/002_other.sql", &text);
    let output = project.run(&["up"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(other.exists());
}

#[test]
fn new_stays_in_the_folder_of_its_engine() {
    let project = Project::new();
    for folder in ["postgres", "mysql"] {
        project.write(&format!("migrations/{folder}/001_users.sql"), USERS);
    }
    project.write("migrations/mysql/002_more.sql", "SELECT 1;");
    let at = |url: &str| project.run(&["new", "x", "--url", url]).stdout;
    insta::assert_snapshot!(at("mysql://h/d"), @"migrations/mysql/003_x.sql");
    insta::assert_snapshot!(at("postgres://h/d"), @"migrations/postgres/002_x.sql");
}

#[test]
fn settings_are_checked_and_chosen() {
    let project = Project::new();
    project.write("whimbrel.toml", "url = \"sqlite:a.db\"\ntiemout = \"3s\"\n");
    let output = project.run(&["status"]);
    assert_eq!(output.code, 2);
    insta::assert_snapshot!(output.stderr, @"error[settings]: ./whimbrel.toml:2:1: unknown setting `tiemout`; did you mean `timeout`?");
    project.write("whimbrel.toml", "url = \"sqlite:${NAME}.db\"\n[environments.production]\nurl = \"sqlite:prod.db\"\nprotected = true\n[databases.other]\nurl = \"sqlite:other.db\"\n");
    let database = |arguments: &[&str], variables: &[(&str, &str)]| {
        project
            .run_with(arguments, variables)
            .stdout
            .lines()
            .last()
            .unwrap_or_default()
            .split(": ")
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(database(&["status"], &[("NAME", "dev")]), "sqlite:dev.db");
    assert_eq!(
        database(&["status", "--env", "production"], &[]),
        "sqlite:prod.db"
    );
    assert_eq!(
        database(
            &["--database", "other", "status"],
            &[("DATABASE_URL", "sqlite:x.db")]
        ),
        "sqlite:other.db"
    );
    assert_eq!(
        database(
            &["status"],
            &[("DATABASE_URL", "sqlite:env.db"), ("NAME", "dev")]
        ),
        "sqlite:env.db"
    );
    project.write(".env", "DATABASE_URL=sqlite:dot.db\n");
    assert_eq!(database(&["status"], &[]), "sqlite:dot.db");
    assert_eq!(
        database(&["status", "--env", "production"], &[]),
        "sqlite:prod.db"
    );
    assert_eq!(
        database(&["status", "--url", "sqlite:flag.db"], &[]),
        "sqlite:flag.db"
    );
    assert_eq!(
        project.run(&["reset", "--yes", "--env", "production"]).code,
        2
    );
}

#[test]
fn passwords_are_never_shown() {
    let project = Project::new();
    let urls = [
        "postgres://u:hunter2@127.0.0.1:1/x",
        "postgres://u:hunter2@127.0.0.1:port/x",
        "mysql://u:hunter2@127.0.0.1:1/x",
        "nosuch://u:hunter2@h/x",
        "hunter2",
    ];
    for url in urls {
        for arguments in [
            &["status", "--url", url][..],
            &["--json", "status", "--url", url],
        ] {
            let output = project.run(arguments);
            assert!(matches!(output.code, 2 | 5), "{}", output.stderr);
            assert!(
                !format!("{}{}", output.stdout, output.stderr).contains("hunter2"),
                "{}",
                output.stderr
            );
        }
    }
}

#[test]
fn other_tools_files_are_found_and_go_on_in_their_layout() {
    let project = Project::new();
    project.write(
        "migrations/00001_a.sql",
        "-- +goose Up\nCREATE TABLE ${NAME} (b int);\n-- +goose ENVSUB ON\nCREATE TABLE ${NAME:-c} (b int);\n",
    );
    let refused = project.run(&["up"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    project.write(
        "migrations/00001_a.sql",
        "-- +goose Up\n-- +goose ENVSUB ON\nCREATE TABLE ${NAME:-c} (b int);\n-- +goose Down\nDROP TABLE c;\n",
    );
    let output = project.run(&["up"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(
        output
            .stderr
            .contains("layout goose: files with `-- +goose` lines"),
        "{}",
        output.stderr
    );
    insta::assert_snapshot!(project.run(&["new", "more"]).stdout, @"migrations/00002_more.sql");
    assert_eq!(project.run(&["up"]).code, 0);
    assert_eq!(project.run(&["down", "1"]).code, 0);
    let native = project.run(&["--layout", "native", "up"]);
    assert_eq!(native.code, 4, "{}", native.stderr);
    assert!(
        native.stderr.contains("`--layout goose`"),
        "{}",
        native.stderr
    );
}

#[test]
fn refused_plans_touch_nothing() {
    let table = [
        ("001_a.sql", "VACUUM;\nSELECT 1;\n", "not-in-transaction"),
        (
            "001_a.sql",
            "BEGIN;\nSELECT 1;\nCOMMIT;\nSELECT 2;\n",
            "transaction-control",
        ),
        ("001_a.sql", "-- Depends: 009\nSELECT 1;\n", "dependency"),
        ("001_a.sql", "SELECT 'x;\n", "syntax"),
        ("001_a.down.sql", "SELECT 1;\n", "down-without-up"),
        ("a.sql", "SELECT 1;\n", "no-version"),
        ("001_a.sql", "-- +micrate Up\nSELECT 1;\n", "foreign-file"),
        (
            "001_a.sql",
            "-- Transaction: perhaps\nSELECT 1;\n",
            "directive-value",
        ),
    ];
    for (name, text, code) in table {
        let project = Project::new();
        project.write(&format!("migrations/{name}"), text);
        let output = project.run(&["up"]);
        assert_eq!(output.code, 4, "{text}: {}", output.stderr);
        assert!(
            output.stderr.contains(&format!("error[{code}]")),
            "{text}: {}",
            output.stderr
        );
        assert!(!project.exists("whimbrel.db"));
    }
    let project = Project::new();
    project
        .write("migrations/1_a.sql", "SELECT 1;\n")
        .write("migrations/001_b.sql", "SELECT 1;\n");
    assert!(
        project
            .run(&["up"])
            .stderr
            .contains("error[duplicate-version]")
    );
    std::fs::write(
        project.0.path().join("migrations/2_x.sql"),
        b"SELECT 1;\nSELECT '\xff';\n",
    )
    .unwrap();
    assert!(project.run(&["up"]).stderr.contains("2_x.sql:2:9"));
}

#[test]
fn continue_on_error_skips_what_depends() {
    let project = Project::new();
    project.write("migrations/001_bad.sql", "SELECT nope;\n");
    project.write("migrations/002_needs.sql", "-- Depends: 001\nSELECT 1;\n");
    project.write("migrations/003_fine.sql", "SELECT 1;\n");
    let output = project.run(&["up", "--continue-on-error"]);
    assert_eq!(output.code, 1);
    assert!(
        output.stdout.contains("Applied 1 migration"),
        "{}",
        output.stdout
    );
    assert!(
        output.stdout.contains("1 migration failed, 1 skipped."),
        "{}",
        output.stdout
    );
}

#[test]
fn foreign_keys_keep_the_children() {
    let project = Project::new();
    project.write("migrations/001_tables.sql", "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p INTEGER REFERENCES p (id) ON DELETE CASCADE);\nINSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1);\n");
    project.write("migrations/002_rebuild.sql", "CREATE TABLE n (id INTEGER PRIMARY KEY, x);\nINSERT INTO n SELECT id, 1 FROM p;\nDROP TABLE p;\nALTER TABLE n RENAME TO p;\n");
    let output = project.run(&["up"]);
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains("error[drop-of-parent]"),
        "{}",
        output.stderr
    );
    let text =
        std::fs::read_to_string(project.0.path().join("migrations/002_rebuild.sql")).unwrap();
    project.write(
        "migrations/002_rebuild.sql",
        &format!("PRAGMA foreign_keys=OFF;\n{text}PRAGMA foreign_keys=ON;\n"),
    );
    assert_eq!(project.run(&["up"]).code, 0);
    project.write(
        "migrations/003_check.sql",
        "-- Foreign-Keys: off\nDELETE FROM p;\n",
    );
    let output = project.run(&["up"]);
    assert!(
        output.stderr.contains("error[foreign_key_check]"),
        "{}",
        output.stderr
    );
}

#[test]
fn placeholders_keep_places_true() {
    let project = Project::new();
    project.write(
        "migrations/001_a.sql",
        "CREATE TABLE ${name} (x);\nINSERT INTO ${name} VALUES (1), (bad);\n",
    );
    let output = project.run(&["up", "--placeholder", "name=a_long_name"]);
    assert!(
        output.stderr.contains("001_a.sql:2:34"),
        "{}",
        output.stderr
    );
    assert_eq!(project.run(&["up", "--placeholder", "other=x"]).code, 4);
}

#[test]
fn completions_and_the_manual_are_printed() {
    let project = Project::new();
    assert!(
        project
            .run(&["completions", "bash"])
            .stdout
            .contains("whimbrel")
    );
    assert!(project.run(&["man"]).stdout.contains("whimbrel"));
    assert_eq!(project.run(&["nonsense"]).code, 2);
}

#[test]
fn a_missing_folder_says_what_to_do() {
    let project = Project::new();
    let output = project.run(&["up", "--dir", "nowhere"]);
    assert_eq!(output.code, 4);
    assert!(
        output.stderr.contains("there is no folder nowhere")
            && output.stderr.contains("whimbrel init")
    );
}
