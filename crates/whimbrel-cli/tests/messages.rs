//! What a person reads who mistook something.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use binary::{project, told, whimbrel};
use whimbrel_testkit::{Files, mariadb, postgres};

struct Project(Files);

impl Project {
    fn new() -> Self {
        Self(project(&[("001_a.sql", "CREATE TABLE a (i int);\n")]))
    }

    fn write(self, name: &str, text: &str) -> Self {
        self.0.write(name, text);
        self
    }

    /// What is said, with the exit code below it.
    fn say(&self, arguments: &[&str]) -> String {
        self.say_with(arguments, &[])
    }

    fn say_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let output = whimbrel(self.0.path(), arguments, variables);
        format!("{}[{}]", told(&output), output.status.code().unwrap())
    }
}

#[test]
fn arguments() {
    let project = Project::new();
    insta::assert_snapshot!(project.say(&["upp"]), @r"
    error: unrecognized subcommand 'upp'

      tip: a similar subcommand exists: 'up'

    Usage: whimbrel [OPTIONS] <COMMAND>

    For more information, try '--help'.
    [2]
    ");
    insta::assert_snapshot!(project.say(&["up", "--stesp", "1"]), @r"
    error: unexpected argument '--stesp' found

      tip: a similar argument exists: '--steps'

    Usage: whimbrel up --steps <N> [VERSION]...

    For more information, try '--help'.
    [2]
    ");
    insta::assert_snapshot!(project.say(&["up", "--steps", "0"]), @r"
    error: invalid value '0' for '--steps <N>': expected a whole number from 1

    For more information, try '--help'.
    [2]
    ");
    insta::assert_snapshot!(project.say(&["up", "--steps", "-1"]), @r"
    error: invalid value '-1' for '--steps <N>': expected a whole number from 1

    For more information, try '--help'.
    [2]
    ");
    insta::assert_snapshot!(project.say(&["up", "--timeout", "3x"]), @r"
    error: invalid value '3x' for '--timeout <TIME>': expected a duration such as `500ms`, `30s`, `5m` or `1h 30m` (a bare number is seconds)

    For more information, try '--help'.
    [2]
    ");
    insta::assert_snapshot!(project.say(&["up", "--to", "1", "--before", "2"]), @r"
    error: the argument '--to <VERSION>' cannot be used with '--before <VERSION>'

    Usage: whimbrel up --to <VERSION> [VERSION]...

    For more information, try '--help'.
    [2]
    ");
    insta::assert_snapshot!(project.say(&["man", "upp"]), @r"
    error[settings]: there is no command `upp`
    [2]
    ");
    insta::assert_snapshot!(project.say(&["-C", "nope", "up"]), @r"
    error[settings]: -C: there is no folder nope
    [2]
    ");
}

#[test]
fn urls() {
    let project = Project::new();
    let say = |url: &str| project.say(&["up", "--url", url]);
    insta::assert_snapshot!(say("foo"), @r"
    error[settings]: the database URL has no scheme; expected sqlite:FILE, postgres://HOST/DATABASE, mysql://HOST/DATABASE, d1://ACCOUNT_ID/DATABASE_ID, d1-local:FOLDER
    [2]
    ");
    insta::assert_snapshot!(say("oracle://h/d"), @r"
    error[settings]: the database URL's scheme `oracle` is not known; expected sqlite:FILE, postgres://HOST/DATABASE, mysql://HOST/DATABASE, d1://ACCOUNT_ID/DATABASE_ID, d1-local:FOLDER
    [2]
    ");
    insta::assert_snapshot!(say("postgres://127.0.0.1:1/d"), @r"
    error[database]: can't connect to 127.0.0.1:1: Connection refused (os error 111)
     |
     = help: check that the server runs, and the host and port in the URL
    [5]
    ");
    insta::assert_snapshot!(say("mysql://127.0.0.1:3306"), @r"
    error[settings]: the database URL names no database: mysql://HOST/DATABASE
    [2]
    ");
    insta::assert_snapshot!(say("sqlite:migrations"), @r"
    error[SQLITE_CANTOPEN]: can't open migrations: unable to open database file: migrations
     |
     = help: it is a folder: name a file in it
    [5]
    ");
    insta::assert_snapshot!(say("sqlite:no/such.db"), @r"
    error[SQLITE_CANTOPEN]: can't open no/such.db: unable to open database file: no/such.db
     |
     = help: does its folder exist, and may it be written?
    [5]
    ");
    insta::assert_snapshot!(say("d1://DB"), @r"
    error[settings]: `DB` would be a binding of wrangler.toml or wrangler.jsonc, but there is no such file here; a full URL is d1://ACCOUNT_ID/DATABASE_ID
    [2]
    ");
    let port = postgres().port();
    insta::assert_snapshot!(say(&format!("postgres://postgres@127.0.0.1:{port}/nowhere")), @r#"
    error[3D000]: database "nowhere" does not exist
     |
     = help: create the database first: CREATE DATABASE
    [5]
    "#);
    insta::assert_snapshot!(say(&format!("postgres://nobody@127.0.0.1:{port}/postgres")), @r#"
    error[28000]: role "nobody" does not exist
     |
     = help: check the user, and if the server's pg_hba.conf is named, the host, the database and sslmode too: it lets none in with these
    [5]
    "#);
    let port = mariadb().port();
    insta::assert_snapshot!(say(&format!("mysql://root@127.0.0.1:{port}/nowhere")), @r"
    error[1049 (42000)]: Unknown database 'nowhere'
     |
     = help: create the database first: CREATE DATABASE ... CHARACTER SET utf8mb4
    [5]
    ");
    insta::assert_snapshot!(say(&format!("mysql://nobody:hunter2@127.0.0.1:{port}/mysql")), @r"
    error[1045 (28000)]: Access denied for user 'nobody'@'localhost' (using password: YES)
     |
     = help: check the user and the password
    [5]
    ");
}

#[test]
fn versions_and_folders() {
    let project = Project::new();
    let say = |arguments: &[&str]| project.say_with(arguments, &[("DATABASE_URL", "sqlite:a.db")]);
    insta::assert_snapshot!(say(&["up", "009"]), @r"
    error[no-such-version]: there is no migration 009
     |
     = help: `whimbrel status` shows those that there are
    [4]
    ");
    insta::assert_snapshot!(say(&["up", "00l_a"]), @r"
    error[no-such-version]: there is no migration 00l_a
     |
     = help: did you mean 001_a?
    [4]
    ");
    insta::assert_snapshot!(say(&["down", "001"]), @r"
    error[not-applied]: 001_a is not applied
    [4]
    ");
    std::fs::create_dir(project.0.path().join("empty")).unwrap();
    insta::assert_snapshot!(say(&["up", "--dir", "empty"]), @r"
    Up to date: nothing to apply.
    warning[no-migrations]: there are no migrations here
     |
     = help: `whimbrel new NAME` writes one; `--dir` or `dir` in whimbrel.toml names another folder
    [0]
    ");
    insta::assert_snapshot!(say(&["up", "--layout", "flway"]), @r"
    error[settings]: there is no layout `flway`; did you mean `flyway`? The layouts are: native, by-name, golang-migrate, goose, dbmate, sql-migrate, sqlx, diesel, refinery, prisma, drizzle, supabase, wrangler, node-pg-migrate, graphile-migrate, flyway, liquibase, sqitch, rails, ts-strings
    [2]
    ");
    let import = say(&["import", "--from", "flyaway"]);
    insta::assert_snapshot!(import.split(" These").next().unwrap(), @r"error[settings]: `flyaway` is no tool whose history Whimbrel reads; did you mean `flyway`?");
    insta::assert_snapshot!(say(&["repair", "001", "--done"]), @r"
    error[nothing-to-repair]: there is nothing to repair in 001: no statement of it has an unknown end
    [4]
    ");
}

#[test]
fn settings() {
    let say = |text: &str| Project::new().write("whimbrel.toml", text).say(&["status"]);
    insta::assert_snapshot!(say("url = \"${NOPE}\"\n"), @r"
    error[settings]: the setting url names the variable NOPE, which is not set
    [2]
    ");
    insta::assert_snapshot!(say("dir =\n"), @r"
    error[settings]: ./whimbrel.toml:1:6: the settings can't be read: string values must be quoted, expected literal string
    [2]
    ");
    insta::assert_snapshot!(say("[databses.x]\nurl = \"sqlite:x.db\"\n"), @r"
    error[settings]: ./whimbrel.toml:1:1: unknown setting `databses`; did you mean `databases`?
    [2]
    ");
    insta::assert_snapshot!(say("url = \"sqlite:a.db\"\nprotected = \"yes\"\n"), @r"
    error[settings]: ./whimbrel.toml:2:1: the setting `protected` must be true or false
    [2]
    ");
    insta::assert_snapshot!(say("[environments.x]\nretries = -1\n"), @r"
    error[settings]: ./whimbrel.toml:2:1: the setting `retries` must be a whole number
    [2]
    ");
    insta::assert_snapshot!(say("timeout = true\n"), @r#"
    error[settings]: ./whimbrel.toml:1:1: the setting `timeout` must be a time in quotes, such as "30s", or a number of seconds
    [2]
    "#);
    insta::assert_snapshot!(say("[databases.x]\nurl = \"sqlite:x.db\"\n"), @r"
    error[settings]: several databases are set: choose one with --database (x)
    [2]
    ");
    insta::assert_snapshot!(say("password_file = \"gone\"\nurl = \"postgres://h/d\"\n"), @r"
    error[settings]: ./gone: No such file or directory (os error 2)
    [2]
    ");
    assert!(say("timeout = 30\nlock_wait = \"1m\"\nurl = \"sqlite:a.db\"\n").ends_with("[0]"));
    let say =
        |variable: &str, value: &str| Project::new().say_with(&["status"], &[(variable, value)]);
    insta::assert_snapshot!(say("WHIMBREL_TIMEOUT", "soon"), @r"
    error[settings]: the variable WHIMBREL_TIMEOUT must be a duration such as `500ms`, `30s`, `5m` or `1h 30m` (a bare number is seconds)
    [2]
    ");
    insta::assert_snapshot!(say("WHIMBREL_PROTECTED", "perhaps"), @r"
    error[settings]: the variable WHIMBREL_PROTECTED must be true or false
    [2]
    ");
    insta::assert_snapshot!(say("WHIMBREL_ENV", "prod"), @r"
    error[settings]: there is no environment `prod`: the settings file names none
    [2]
    ");
}

/// The same mistake on each engine, and what `status` says of it afterwards.
#[test]
fn a_syntax_error() {
    let sql = "CREATE TABLE b (i int);\nCREATE TABLE c (\n  i int NOT NUL\n);\n";
    let say = |url: &str| {
        let project = Project::new().write("migrations/001_a.sql", sql);
        let up = project.say(&["up", "--url", url]);
        let status = project.say(&["status", "--url", url]);
        let line = status.lines().find(|line| line.contains("failed:"));
        format!("{up}\n{}", line.unwrap())
    };
    insta::assert_snapshot!(say(&postgres().database()), @r#"
    failed  001_a
    error[42601]: syntax error at or near "NUL"
     --> migrations/001_a.sql:3:13
      |
    3 |   i int NOT NUL
      |             ^^^
      |
      = note: nothing of 001_a is in the database
    Nothing was applied.
    [1]
    001_a failed: syntax error at or near "NUL"
    "#);
    insta::assert_snapshot!(say(&mariadb().database()), @r"
    failed  001_a
    error[1064 (42000)]: You have an error in your SQL syntax; check the manual that corresponds to your MariaDB server version for the right syntax to use near 'NUL
                         )' at line 2
     --> migrations/001_a.sql:3:13
      |
    3 |   i int NOT NUL
      |             ^^^
      |
      = note: the first of 2 statements of 001_a is in the database; the next run goes on after it
    Nothing was applied.
    [1]
    001_a failed: You have an error in your SQL syntax; check the manual that corresponds to your MariaDB server version for the right syntax to use near 'NUL
    ");
    insta::assert_snapshot!(say("sqlite:a.db"), @r#"
    failed  001_a
    error[SQLITE_ERROR]: near "NUL": syntax error
     --> migrations/001_a.sql:3:13
      |
    3 |   i int NOT NUL
      |             ^^^
      |
      = note: nothing of 001_a is in the database
    Nothing was applied.
    [1]
    001_a failed: near "NUL": syntax error
    "#);
}

#[test]
fn a_modified_file_shows_what_was_changed() {
    let project = Project::new().write(
        "migrations/001_a.sql",
        "-- Users\nCREATE TABLE a (\n  i int,\n  t text\n);\n",
    );
    let url = [("WHIMBREL_URL", "sqlite:a.db")];
    assert!(project.say_with(&["up"], &url).ends_with("[0]"));
    let project = project.write(
        "migrations/001_a.sql",
        "-- Users\nCREATE TABLE a (\n  i bigint,\n  t text\n);\n",
    );
    let said = project.say_with(&["up"], &url);
    // Times and checksums are others each time.
    let lines = said.lines().filter(|line| !line.contains("checksum"));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
    error[modified]: 001_a was changed after it was applied
    --> migrations/001_a.sql
     = note: what was applied (-) and the file (+):
              CREATE TABLE a (
             -  i int,
             +  i bigint,
                t text
     = help: put the file back as it was and write a new migration for the change, or go on with `--force`; if the database has that change, `whimbrel repair VERSION --accept`
    [4]
    ");
}

/// What is half done stops the run, whatever it was told.
#[test]
fn a_half_done_migration_is_not_passed_over() {
    let project = Project::new()
        .write(
            "migrations/001_a.sql",
            "CREATE TABLE a (i int);\nSELECT nope;\n",
        )
        .write("migrations/002_b.sql", "CREATE TABLE b (i int);\n");
    let server = mariadb();
    let url = server.database();
    let said = project.say(&["up", "--url", &url, "--continue-on-error"]);
    assert!(
        said.contains("the first of 2 statements of 001_a is in the database")
            && said.ends_with("[1]"),
        "{said}"
    );
    assert_eq!(server.execute(&url, "SHOW TABLES LIKE 'b'"), "");
}

#[test]
fn files_that_are_no_text() {
    let project = Project::new().write("migrations/002_b.sql", "DELETE FROM a\0 WHERE i = 1;\n");
    insta::assert_snapshot!(project.say(&["up", "--url", "sqlite:a.db"]), @r"
    error[nul-byte]: there is a NUL byte in the file
     --> migrations/002_b.sql:1:14
      |
    1 | DELETE FROM a␀ WHERE i = 1;
      |              ^
      |
      = help: take it out; what a column is to hold can be written as a number or in hexadecimal
    [4]
    ");
    let old_mac = "-- Description: b\rCREATE TABLE b (i int);\r";
    let project = Project::new().write("migrations/002_b.sql", old_mac);
    insta::assert_snapshot!(project.say(&["up", "--url", "sqlite:a.db"]), @r"
    error[line-ends]: the lines of this file end with carriage returns alone, so its first comment never ends
     --> migrations/002_b.sql:1:18
      |
    1 | -- Description: b␍CREATE TABLE b (i int);␍
      |                  ^
      |
      = help: save the file with line ends of Unix or Windows (LF, CRLF)
    [4]
    ");
}

/// A message that can't be made ends the run, where it once waited for its answer.
#[test]
fn a_setting_that_can_not_be_sent() {
    let project = Project::new().write("whimbrel.toml", "session_sql = \"SELECT '\\u0000'\"\n");
    let url = postgres().database();
    let said = project.say(&["up", "--url", &url, "--retries", "0"]);
    assert!(said.contains("embedded null"), "{said}");
    assert!(said.ends_with("[5]") || said.ends_with("[1]"), "{said}");
}

/// MariaDB's settings for one statement, which commits as it does without them.
#[test]
fn a_schema_change_behind_settings_is_not_called_undone() {
    let project = Project::new().write(
        "migrations/001_a.sql",
        "SET STATEMENT lock_wait_timeout = 5 FOR CREATE TABLE a (i int);\nINSERT INTO nope VALUES (1);\n",
    );
    let server = mariadb();
    let url = server.database();
    let said = project.say(&["up", "--url", &url]);
    assert!(
        said.contains("the first of 2 statements of 001_a is in the database"),
        "{said}"
    );
    project.0.write(
        "migrations/001_a.sql",
        "SET STATEMENT lock_wait_timeout = 5 FOR CREATE TABLE a (i int);\nINSERT INTO a VALUES (1);\n",
    );
    let said = project.say(&["up", "--url", &url]);
    assert!(said.ends_with("[0]"), "{said}");
    assert_eq!(server.execute(&url, "SELECT i FROM a"), "1");
}

/// Other tools take the URL in other places, and messages repeat what they don't know.
#[test]
fn a_url_in_the_wrong_place_is_not_repeated() {
    let project = Project::new();
    let url = "postgres://u:s3cr3t@127.0.0.1:1/d";
    for arguments in [
        ["up", url, "-v"],
        ["--database", url, "up"],
        ["--database-url", url, "up"],
        ["--dir", url, "status"],
        ["down", "--to", url],
        ["--json", "status", url],
    ] {
        let said = project.say(&arguments);
        assert!(said.contains("which belongs to --url"), "{said}");
        assert!(said.ends_with("[2]") && !said.contains("s3cr3t"), "{said}");
    }
    let said = project.say_with(&["status"], &[("WHIMBREL_DATABASE", url)]);
    assert!(
        said.contains("WHIMBREL_DATABASE holds a database URL") && !said.contains("s3cr3t"),
        "{said}"
    );
}

#[test]
fn a_settings_file_that_is_not_there() {
    let said = Project::new().say(&["--config", "nope.toml", "status"]);
    assert!(
        said.contains("nope.toml: No such file") && said.ends_with("[2]"),
        "{said}"
    );
}

#[test]
fn programs_are_told_of_wrong_arguments() {
    let project = Project::new();
    insta::assert_snapshot!(project.say(&["up", "--json", "--stesp", "1"]), @r#"
    {
      "command": "up",
      "error": {
        "diagnostics": [
          {
            "code": "settings",
            "column": null,
            "file": null,
            "help": null,
            "line": null,
            "message": "unexpected argument '--stesp' found",
            "notes": [],
            "severity": "error"
          }
        ],
        "done": [],
        "exit_code": 2,
        "kind": "settings",
        "state": null
      },
      "ok": false,
      "warnings": []
    }
    [2]
    "#);
}

#[test]
fn session_sql_is_split_and_controls_no_transaction() {
    let project = Project::new().write(
        "migrations/001_a.sql",
        "CREATE TABLE a AS SELECT current_setting('x.a') || current_setting('x.b') AS i;\n",
    );
    let server = postgres();
    let url = server.database();
    let said = project.say(&["up", "--url", &url, "--session-sql", "SET x.a = 1; COMMIT"]);
    assert!(
        said.contains("the session SQL can't have `COMMIT`") && said.ends_with("[2]"),
        "{said}"
    );
    let said = project.say(&["up", "--url", &url, "--session-sql", "nope"]);
    assert!(
        said.contains("session SQL that runs before them") && said.ends_with("[1]"),
        "{said}"
    );
    let two = "SET x.a = 1; SET x.b = 2;";
    assert!(
        project
            .say(&["up", "--url", &url, "--session-sql", two])
            .ends_with("[0]")
    );
    assert_eq!(server.execute(&url, "SELECT i FROM a"), "12");
}

/// A file that the server would ask its client for is refused before anything is sent.
#[test]
fn a_file_of_the_client_is_refused() {
    let load = "CREATE TABLE b (i int);\nLOAD DATA LOCAL INFILE 'rows.csv' INTO TABLE b;\n";
    let project = Project::new().write("migrations/002_b.sql", load);
    let said = project.say(&["up", "--url", &mariadb().database()]);
    assert!(
        said.contains("error[local-file]") && said.contains("002_b.sql:2:1"),
        "{said}"
    );
    assert!(said.ends_with("[4]"), "{said}");
}

/// What another program would have put a value in for. SQLite takes NULL for it, without a word.
#[test]
fn variables_that_nobody_fills() {
    let text = "CREATE TABLE b (i int);\nINSERT INTO b VALUES (:SIZE);\n";
    let say = |url: &str| {
        let project = Project::new().write("migrations/002_b.sql", text);
        project.say(&["up", "--url", url])
    };
    let said = say(&postgres().database());
    assert!(
        said.contains("002_b.sql:2:23") && said.contains("help: `:SIZE` is a variable"),
        "{said}"
    );
    let said = say("sqlite:app.db");
    assert!(
        said.contains("`:SIZE` stands for a value that nobody gives: SQLite would take NULL")
            && said.contains("002_b.sql:2:23"),
        "{said}"
    );
    assert!(said.ends_with("[1]"), "{said}");
}

/// Files that are sent together keep their texts in one statement.
#[test]
fn the_file_whose_text_the_database_can_not_hold_is_named() {
    let server = postgres();
    let url = server.database();
    let made =
        "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
    server.execute(&url, made);
    let at = url.rfind('/').unwrap();
    let latin = format!("{}/latin", &url[..at]);
    let project = Project::new()
        .write("migrations/002_b.sql", "CREATE TABLE b (i int);\n")
        .write(
            "migrations/003_c.sql",
            "-- \u{2192} here\nCREATE TABLE c (i int);\n",
        );
    insta::assert_snapshot!(project.say(&["up", "--url", &latin, "-q"]), @r#"
    error[22P05]: character with byte sequence 0xe2 0x86 0x92 in encoding "UTF8" has no equivalent in encoding "LATIN1"
    --> migrations/003_c.sql
     = note: none of the file's statements failed: it was the session SQL that runs before them, the history's own writes, or the commit behind them
     = note: nothing of 003_c is in the database
     = help: the database's encoding lacks a character of the file; those of its comments count as well, since the history keeps the whole file
    2 migrations before it were applied and stay so.
    [1]
    "#);
}

#[test]
fn a_backslash_before_a_quote() {
    let text = "INSERT INTO a VALUES ('it\\'s');\n";
    let project = Project::new().write("migrations/002_b.sql", text);
    let url = postgres().database();
    let said = project.say(&["plan", "--url", &url, "-q"]);
    assert!(
        said.contains("002_b.sql:1:") && said.contains("write two quotes, or E'...'"),
        "{said}"
    );
}

#[test]
fn a_file_that_takes_the_history_away() {
    let text = "DROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\n";
    let project = Project::new().write("migrations/002_b.sql", text);
    let url = postgres().database();
    let said = project.say(&["up", "--url", &url, "-q"]);
    assert!(
        said.contains("002_b.sql") && said.contains("keep the history in another"),
        "{said}"
    );
    let url = postgres().database();
    let said = project.say(&["up", "--url", &url, "-q", "--table", "ops.past"]);
    assert!(said.ends_with("[0]"), "{said}");
}

#[test]
fn what_is_wrong_with_each_of_many_files() {
    let mut project = Project::new();
    for number in 100..140 {
        let name = format!("migrations/{number}_b.down.sql");
        project = project.write(&name, "DROP TABLE b;\n");
    }
    let errors = |said: &str| said.matches("error[down-without-up]").count();
    let said = project.say(&["plan"]);
    assert_eq!(errors(&said), 10);
    assert!(
        said.ends_with("and 30 more of `down-without-up`: -v shows them all\n[4]"),
        "{said}"
    );
    assert_eq!(errors(&project.say(&["plan", "-v"])), 40);
}
