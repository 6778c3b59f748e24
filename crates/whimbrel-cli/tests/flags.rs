//! Flags, and the settings that stand for them.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use std::process::Output;

use binary::{project, succeeded, told, whimbrel};
use whimbrel_testkit::{Files, mariadb, postgres};

struct Project(Files);

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        Self(project(files))
    }

    fn write(&self, name: &str, text: &str) {
        self.0.write(name, text);
    }

    fn run(&self, arguments: &[&str]) -> Output {
        whimbrel(self.0.path(), arguments, &[])
    }
}

#[test]
fn global_flags_stand_before_or_after_the_command() {
    let project = Project::new(&[("001_a.sql", "CREATE TABLE a (i int);\n")]);
    project.write("other.toml", "url = \"sqlite:c.db\"\n");
    project.write("whimbrel.toml", "url = \"sqlite:a.db\"\n[environments.e]\nurl = \"sqlite:e.db\"\n[databases.d]\nurl = \"sqlite:d.db\"\n");
    std::fs::create_dir(project.0.path().join("more")).unwrap();
    project.write("more/002_b.sql", "CREATE TABLE b (i int);\n");
    let flags: &[&[&str]] = &[
        &["--url", "sqlite:u.db"],
        &["--dir", "migrations", "--dir", "more"],
        &["--layout", "by-name"],
        &["--layout-option", "contexts=x"],
        &["--table", "past"],
        &["--config", "other.toml"],
        &["-C", "."],
        &["--env", "e"],
        &["--database", "d"],
        &["--lock-wait", "3s"],
        &["--json"],
        &["--yes"],
        &["-v"],
        &["-q"],
        &["--no-color"],
    ];
    for flag in flags {
        let before = project.run(&[flag, &["status"][..]].concat());
        let after = project.run(&[&["status"][..], flag].concat());
        assert_eq!(told(&before), told(&after), "{flag:?}");
        assert_eq!(before.status.code(), after.status.code());
    }
    let said = |arguments: &[&str]| succeeded(&project.run(arguments));
    assert!(said(&["status", "--url", "sqlite:u.db"]).contains("sqlite:u.db: 1 in all"));
    assert!(said(&["status", "--dir", "migrations", "--dir", "more"]).contains("2 in all"));
    assert!(said(&["status", "--config", "other.toml"]).contains("sqlite:c.db:"));
    assert!(said(&["status", "--env", "e"]).contains("sqlite:e.db:"));
    assert!(said(&["status", "--database", "d"]).contains("sqlite:d.db:"));
    assert!(said(&["up", "-v"]).contains("001_a statement 1 of 1"));
    assert_eq!(project.run(&["up", "-q", "-v"]).status.code(), Some(2));
}

#[test]
fn passwords_have_places_of_their_own() {
    const PASSWORD: &str = "foo%hejsan2%tjotjo@/:?#";
    let server = mariadb();
    let url = server.database();
    let name = url.rsplit('/').next().unwrap();
    server.execute(&url, &format!("CREATE USER 'ada_{name}' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON {name}.* TO 'ada_{name}'"));
    let url = url.replace("root@", &format!("ada_{name}@"));
    let project = Project::new(&[("001_a.sql", "CREATE TABLE a (i int);\n")]);
    let status = |settings: &str, variables: &[(&str, &str)]| {
        let settings = format!("url = \"{url}\"\n{settings}");
        project.write("whimbrel.toml", &settings);
        let output = whimbrel(project.0.path(), &["status"], variables);
        assert!(!told(&output).contains("hejsan"), "{}", told(&output));
        output.status.code()
    };
    assert_eq!(status("", &[]), Some(5));
    project.write("secret", &format!("{PASSWORD}\n"));
    assert_eq!(status("password_file = \"secret\"\n", &[]), Some(0));
    assert_eq!(
        status(
            "password_env = \"DB_PASSWORD\"\n",
            &[("DB_PASSWORD", PASSWORD)]
        ),
        Some(0)
    );
    assert_eq!(
        status(
            "password = \"${DB_PASSWORD}\"\n",
            &[("DB_PASSWORD", PASSWORD)]
        ),
        Some(0)
    );
    assert_eq!(status("", &[("WHIMBREL_PASSWORD", PASSWORD)]), Some(0));
    project.write(".env", &format!("WHIMBREL_PASSWORD='{PASSWORD}'\n"));
    assert_eq!(status("", &[]), Some(0));
}

#[test]
fn session_sql_runs_before_each_migration() {
    let server = postgres();
    let url = server.database();
    server.execute(&url, "CREATE SCHEMA tenant");
    let project = Project::new(&[
        (
            "001_a.sql",
            "CREATE TABLE a (i int);\nSET search_path = public;\n",
        ),
        ("002_b.sql", "CREATE TABLE b (i int);\n"),
        (
            "003_c.sql",
            "-- Transaction: off\nCREATE TABLE c (i int);\nCREATE INDEX CONCURRENTLY ci ON c (i);\n",
        ),
    ]);
    let session = ["--session-sql", "SET search_path = tenant"];
    succeeded(&project.run(&[&["up", "--url", &url][..], &session].concat()));
    let sql = "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE relnamespace = 'tenant'::regnamespace";
    assert_eq!(server.execute(&url, sql), "a,b,c,ci");
    // The history is where it would be without it.
    assert_eq!(
        server.execute(&url, "SELECT count(*) FROM public.whimbrel_applied"),
        "3"
    );
}

#[test]
fn the_history_may_stand_in_another_table_and_schema() {
    let server = postgres();
    let url = server.database();
    server.execute(&url, "CREATE SCHEMA ops");
    let project = Project::new(&[("001_a.sql", "CREATE TABLE a (i int);\n")]);
    succeeded(&project.run(&["up", "--url", &url, "--table", "ops.past"]));
    assert_eq!(server.execute(&url, "SELECT count(*) FROM ops.past"), "1");
    // A schema that is not there yet is made.
    succeeded(&project.run(&["init", "--url", &url, "--table", "new_one.past"]));
    assert_eq!(
        server.execute(&url, "SELECT count(*) FROM new_one.past"),
        "0"
    );
    let status = succeeded(&project.run(&["status", "--url", &url]));
    assert!(status.contains("0 applied, 1 pending"), "{status}");
    // Cut off by the server, the second of these would be the first.
    let long = "p".repeat(60);
    for name in [&long, "", "ops.", ".past"] {
        let refused = project.run(&["up", "--url", &url, "--table", name]);
        assert_eq!(refused.status.code(), Some(2), "{name}");
        assert!(told(&refused).contains("of the history's tables is"));
    }
}

#[test]
fn init_goes_where_a_variable_says() {
    for (name, url) in [
        ("WHIMBREL_URL", "sqlite:w.db"),
        ("DATABASE_URL", "sqlite:d.db"),
    ] {
        let project = Project::new(&[]);
        let output = whimbrel(project.0.path(), &["init"], &[(name, url)]);
        assert!(succeeded(&output).contains(&format!("tables in {url}")));
        assert!(!project.0.path().join("whimbrel.db").exists());
        let settings = std::fs::read_to_string(project.0.path().join("whimbrel.toml")).unwrap();
        assert!(
            settings.contains(&format!("url = \"${{{name}}}\"")),
            "{settings}"
        );
    }
    let project = Project::new(&[]);
    project.write(
        ".env",
        "DATABASE_URL=sqlite:e.db\nWHIMBREL_CONFIG=other.toml\n",
    );
    assert!(succeeded(&project.run(&["init"])).contains("wrote ./other.toml"));
    assert!(project.0.path().join("e.db").exists());
}

#[test]
fn one_transaction_for_the_whole_run() {
    let server = postgres();
    let url = server.database();
    let project = Project::new(&[
        ("001_a.sql", "CREATE TABLE a (i int);\n"),
        ("002_b.sql", "SELECT nope;\n"),
    ]);
    let output = project.run(&["up", "--url", &url, "--single-transaction"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(server.execute(&url, "SELECT to_regclass('a') IS NULL"), "t");
    project.write("migrations/002_b.sql", "CREATE TABLE b (i int);\n");
    succeeded(&project.run(&["up", "--url", &url, "--single-transaction"]));
    let times = "SELECT count(DISTINCT xmin::text) FROM whimbrel_applied";
    assert_eq!(server.execute(&url, times), "1");
}

/// More statements than the server's lock table is made for.
#[test]
fn a_large_transaction_is_warned_of() {
    let url = postgres().database();
    let tables: Vec<_> = (0..6000)
        .map(|n| format!("CREATE TABLE t{n} (i int);"))
        .collect();
    let tables = tables.join(
        "
",
    );
    let project = Project::new(&[("001_a.sql", &tables)]);
    let plan = project.run(&["plan", "--url", &url, "--single-transaction"]);
    assert!(
        told(&plan).contains("warning[lock-table]"),
        "{}",
        told(&plan)
    );
}

#[test]
fn a_time_limit_ends_a_migration() {
    let url = postgres().database();
    let project = Project::new(&[(
        "001_a.sql",
        "CREATE TABLE a (i int);\nSELECT pg_sleep(600);\n",
    )]);
    let output = project.run(&["up", "--url", &url, "--timeout", "300ms", "--retries", "0"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told(&output).contains("nothing of 001_a is in the database"),
        "{}",
        told(&output)
    );
    project.write(
        "migrations/001_a.sql",
        "-- Timeout: 200ms\nSELECT pg_sleep(600);\n",
    );
    assert_eq!(project.run(&["up", "--url", &url]).status.code(), Some(1));
}

/// What a server says besides is told with its place.
#[test]
fn notices_are_tied_to_their_statement() {
    let project = Project::new(&[(
        "001_a.sql",
        "CREATE TABLE a (i int);\nDROP TABLE IF EXISTS gone;\n",
    )]);
    let up = succeeded(&project.run(&["up", "--url", &postgres().database()]));
    assert!(
        up.contains("migrations/001_a.sql:2: notice: table \"gone\" does not exist, skipping"),
        "{up}"
    );
    let up = succeeded(&project.run(&["up", "--url", &mariadb().database()]));
    assert!(
        up.contains("migrations/001_a.sql:2: note: Unknown table"),
        "{up}"
    );
}

#[test]
fn output_for_programs_is_one_document() {
    let project = Project::new(&[(
        "001_a.sql",
        "CREATE TABLE a (i int);\n-- Rollback\n-- DROP TABLE a;\n",
    )]);
    let commands: &[&[&str]] = &[
        &["init"],
        &["new", "x"],
        &["status"],
        &["plan"],
        &["up"],
        &["up", "--dry-run"],
        &["redo"],
        &["down"],
        &["reset", "--yes"],
        &["import"],
        &["baseline", "1", "--dry-run"],
        &["repair"],
        &["unlock"],
        &["up", "nonsense"],
        &["up", "--continue-on-error"],
    ];
    let bad = "CREATE TABLE b (i int);\nSELECT nope;\n";
    for command in commands {
        if command.len() > 1 && command[1] == "--continue-on-error" {
            project.write("migrations/003_y.sql", bad);
        }
        let output = project.run(&[command, &["--json"][..]].concat());
        let document: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{command:?}: {error}: {}", told(&output)));
        assert_eq!(document["command"], command[0]);
        assert_eq!(document["ok"], output.status.success(), "{document}");
        assert!(output.stderr.is_empty(), "{command:?}: {}", told(&output));
        // Of the file that `new` wrote, and of no error.
        for warning in document["warnings"].as_array().unwrap() {
            assert_eq!(warning["code"], "no-statement", "{command:?}");
        }
    }
}

/// Some of these forms named a file in the folder of the shell.
#[test]
fn a_file_belongs_to_the_folder_of_the_run() {
    let project = Project::new(&[]);
    project.write("sub %41/migrations/001_a.sql", "CREATE TABLE a (i int);\n");
    for url in [
        "sqlite:a.db",
        "sqlite:./b.db",
        "sqlite://c.db",
        "file:d.db",
        "e.db",
        "sqlite:f.db?mode=rwc",
    ] {
        succeeded(&project.run(&["-C", "sub %41", "up", "--url", url]));
    }
    let folder = std::fs::read_dir(project.0.path().join("sub %41")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    let expected = ["a.db", "b.db", "c.db", "d.db", "e.db", "f.db", "migrations"];
    assert_eq!(names, expected);
}
