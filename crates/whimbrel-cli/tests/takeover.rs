//! `import` and `baseline` by the real binary, on SQLite.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use binary::{Ended, project, whimbrel};
use whimbrel::driver::SessionOptions;
use whimbrel::sql::split;
use whimbrel_testkit::{Files, block_on};

struct Project(Files);

const GOOSE: &str = "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')));
INSERT INTO goose_db_version (version_id, is_applied, tstamp) VALUES (0, 1, '2024-03-01 10:20:00'), (1, 1, '2024-03-01 10:20:30'), (2, 1, '2024-05-07 08:00:00');
CREATE TABLE users (id INTEGER PRIMARY KEY); CREATE TABLE posts (id INTEGER PRIMARY KEY);";

impl Project {
    /// Three files, and a database that was made without Whimbrel.
    fn new(sql: &str) -> Self {
        let project = Self(project(&[
            (
                "00001_users.sql",
                "CREATE TABLE users (id INTEGER PRIMARY KEY);\n",
            ),
            (
                "00002_posts.sql",
                "CREATE TABLE posts (id INTEGER PRIMARY KEY);\n-- Rollback: DROP TABLE posts;\n",
            ),
            (
                "00003_titles.sql",
                "ALTER TABLE posts ADD COLUMN title TEXT;\n",
            ),
        ]));
        project.0.write("whimbrel.db", "");
        block_on(async {
            let url = format!("sqlite:{}", project.0.at("whimbrel.db").display());
            let connect = whimbrel_drivers::connector(&url, None, SessionOptions::default());
            let mut driver = connect.unwrap().connect().await.unwrap();
            for statement in split(sql, driver.dialect()).unwrap() {
                driver.query(&sql[statement.span()]).await.unwrap();
            }
        });
        project
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let arguments = [arguments, &["--url", "sqlite:whimbrel.db"]].concat();
        whimbrel(self.0.path(), &arguments, &[]).into()
    }
}

#[test]
fn up_suggests_an_import_and_goes_on_after_it() {
    let project = Project::new(GOOSE);
    let output = project.run(&["up"]);
    assert_eq!(output.code, 4);
    insta::assert_snapshot!(output.stderr, @r#"
    error[foreign-history]: another tool migrated this database, and Whimbrel's own history is empty
     |
     = note: goose_db_version of goose lists 2 migrations
     = help: `whimbrel import --dry-run` shows what it would take over, `whimbrel import --from goose` does it; `--force` goes on without
    "#);
    let output = project.run(&["import"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    insta::assert_snapshot!(output.stdout, @r#"
    goose_db_version of goose
     version  name    state         batch  applied               file
     00001    users   recorded now  1      2024-03-01T10:20:30Z  migrations/00001_users.sql
     00002    posts   recorded now  2      2024-05-07T08:00:00Z  migrations/00002_posts.sql
     00003    titles  pending                                    migrations/00003_titles.sql
    Took over 2 migrations, 1 pending.
    "#);
    insta::assert_snapshot!(project.run(&["import"]).stdout, @r#"
    goose_db_version of goose
     version  name    state     batch  applied               file
     00001    users   recorded  1      2024-03-01T10:20:30Z  migrations/00001_users.sql
     00002    posts   recorded  2      2024-05-07T08:00:00Z  migrations/00002_posts.sql
     00003    titles  pending                                migrations/00003_titles.sql
    Nothing to record: the history has it all already.
    "#);
    assert_eq!(project.run(&["up"]).code, 0);
    assert_eq!(project.run(&["status", "--check"]).code, 0);
    // goose undid one at a time, and so does `down`, with the script that was kept.
    let undone = project.run(&["down", "2"]);
    assert_eq!(undone.code, 0, "{}", undone.stderr);
}

#[test]
fn a_dry_run_shows_what_it_would_write() {
    let project = Project::new(GOOSE);
    let output = project.run(&["import", "--dry-run", "--from", "goose"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let (comments, sql) = output.stdout.split_once("\n\n").unwrap();
    insta::assert_snapshot!(comments, @r#"
    -- goose_db_version of goose
    --  version  name    state      batch  applied               file
    --  00001    users   to record  1      2024-03-01T10:20:30Z  migrations/00001_users.sql
    --  00002    posts   to record  2      2024-05-07T08:00:00Z  migrations/00002_posts.sql
    --  00003    titles  pending                                 migrations/00003_titles.sql
    -- Would take over 2 migrations, 1 pending.
    "#);
    assert!(sql.contains("INSERT INTO \"whimbrel_applied\"") && sql.contains("\nCOMMIT;\n"));
    let json = project.run(&["import", "--dry-run", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["result"]["from"]["tool"], "goose");
    assert_eq!(json["result"]["entries"][2]["state"], "pending");
    assert!(json["result"]["sql"].as_str().unwrap().contains("COMMIT"));
    assert_eq!(project.run(&["status", "--check"]).code, 3);
}

/// What the other tool took back is pending here: `up` runs it.
#[test]
fn what_was_taken_back_there_is_pending() {
    let undone = format!(
        "{GOOSE} DROP TABLE posts; INSERT INTO goose_db_version (version_id, is_applied, tstamp) VALUES (2, 0, '2024-05-08 08:00:00');"
    );
    let project = Project::new(&undone);
    let taken = project.run(&["import"]).stdout;
    assert!(taken.contains("rolled back there"), "{taken}");
    assert!(
        taken.ends_with("Took over 1 migration, 2 pending.\n"),
        "{taken}"
    );
    let up = project.run(&["up"]);
    assert!(up.stdout.contains("Applied 2 migrations"), "{}", up.stdout);
    let nothing = Project::new(
        "CREATE TABLE schema_migrations (version uint64, dirty bool); CREATE TABLE other (id INTEGER);",
    );
    let said = nothing.run(&["import", "--from", "golang-migrate"]).stdout;
    assert!(
        said.ends_with("Nothing to record: nothing is applied there.\n"),
        "{said}"
    );
}

#[test]
fn what_can_be_wrong_is_said() {
    let project = Project::new("CREATE TABLE users (id INTEGER PRIMARY KEY);");
    let output = project.run(&["import"]);
    assert_eq!(output.code, 4);
    insta::assert_snapshot!(output.stderr, @r#"
    error[no-foreign-history]: no other tool's history was found here
     |
     = help: is it the right database? `--from TOOL` and `--history-table SCHEMA.NAME` say where to look; `whimbrel baseline VERSION` does without a history
    "#);
    let output = project.run(&["import", "--from", "gouse"]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("goose, sqlx"), "{}", output.stderr);
    let output = project.run(&["import", "--from", "goose"]);
    insta::assert_snapshot!(output.stderr, @r#"
    error[no-foreign-history]: no history of goose was found here
     |
     = note: looked for `goose_db_version`, with the columns version_id, is_applied
     = help: is it the right database? `--from TOOL` and `--history-table SCHEMA.NAME` say where to look; `whimbrel baseline VERSION` does without a history
    "#);
}

#[test]
fn a_baseline_says_where_the_database_is() {
    let project = Project::new("CREATE TABLE users (id INTEGER PRIMARY KEY);");
    let failed = project.run(&["up"]);
    assert_eq!(failed.code, 1);
    insta::assert_snapshot!(failed.stderr, @r#"
    failed  00001_users
    error[SQLITE_ERROR]: table users already exists
     --> migrations/00001_users.sql:1:14
      |
    1 | CREATE TABLE users (id INTEGER PRIMARY KEY);
      |              ^^^^^
      |
      = note: nothing of 00001_users is in the database
      = help: the history is empty, but the database is not: if another tool made it, `whimbrel import` takes its history over; if it stands at a known version, `whimbrel baseline VERSION` says so
    Nothing was applied.
    "#);
    insta::assert_snapshot!(project.run(&["baseline", "1"]).stdout, @r#"
     version  name   state         batch  applied  file
     00001    users  recorded now  1               migrations/00001_users.sql
    Marked as being there: 1 migration.
    "#);
    assert_eq!(project.run(&["up"]).code, 0);
    assert_eq!(project.run(&["baseline", "9"]).code, 4);
    let output = project.run(&["baseline", "1"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
}
