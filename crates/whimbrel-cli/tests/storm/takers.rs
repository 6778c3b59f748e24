//! Every command that takes the lock, while another run has it: it waits and says for whom, or ends with
//! the error that says the same; once the lock is free it does its work.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};

use crate::engine::{Engine, Project, Run, d1, mariadb, postgres, told};
use crate::fence::{TABLE, at_work, end, start, until};

/// The files of another application in the same database, which another tool migrated.
const OTHER: [(&str, &str); 2] = [
    ("00001_one.sql", "CREATE TABLE one (i integer);\n"),
    ("00002_two.sql", "CREATE TABLE two (i integer);\n"),
];

/// A run that stands with the lock in its hands until its flag is gone.
struct Holder {
    run: Child,
    flag: std::path::PathBuf,
    name: String,
}

impl Holder {
    fn new(project: &Project<'_>, point: u64) -> Self {
        let flag = project.path("reached");
        let wait = format!("{point}:wait:{}", flag.display());
        let run = start(project, &[("WHIMBREL_FAILPOINT", &wait), ("USER", "bob")]);
        until("it stands", || flag.exists());
        let name = format!("bob@here, pid {}, since 20", run.id());
        Self { run, flag, name }
    }

    fn go_on(self) {
        std::fs::remove_file(&self.flag).unwrap();
        let run = end(self.run);
        assert_eq!(run.code, Some(0), "{}", run.said);
    }
}

fn project(engine: Engine<'_>) -> Project<'_> {
    let project = Project::new(engine, crate::fixtures::of(engine));
    project.succeed(&["up", "--steps", "1"]);
    std::fs::create_dir(project.path("other")).unwrap();
    for (name, text) in OTHER {
        std::fs::write(project.path("other").join(name), text).unwrap();
    }
    let time = if matches!(engine, Engine::MariaDb(_)) {
        "datetime"
    } else {
        "timestamp"
    };
    project.change(&format!("CREATE TABLE goose_db_version (id integer PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp {time})"));
    for (id, version) in [(1, 0), (2, 1), (3, 2)] {
        project.change(&format!("INSERT INTO goose_db_version VALUES ({id}, {version}, (SELECT 1 = 1), '2024-03-01 10:20:00')"));
    }
    project.change("CREATE TABLE one (i integer)");
    project.change("CREATE TABLE two (i integer)");
    project
}

const APP: [(&str, &str); 2] = [("WHIMBREL_SOURCE", "app"), ("WHIMBREL_DIR", "other")];

/// Waits until it says that it waits; gives what it said up to there.
fn waits(child: &mut Child) -> String {
    let mut said = String::new();
    let mut lines = BufReader::new(child.stderr.as_mut().unwrap());
    while !said.contains("waiting for the lock") {
        let read = lines.read_line(&mut said).unwrap();
        assert!(read > 0, "it did not wait: {said}");
    }
    said
}

fn takeovers(engine: Engine<'_>) {
    let points = Project::new(engine, crate::fixtures::of(engine)).points(&["up"]);
    let all: [&[&str]; 2] = [&["import", "--from", "goose"], &["baseline", "00002"]];
    for arguments in all {
        let project = project(engine);
        let holder = Holder::new(&project, points / 2);
        let in_no_time = [arguments, &["--lock-wait", "1s"]].concat();
        let run = project.run_with(&in_no_time, &APP);
        assert_eq!(run.code, Some(6), "{}", run.said);
        assert_eq!(run.said.matches(&holder.name).count(), 2, "{}", run.said);
        for other in [&["redo"][..], &["reset", "--yes"], &["down"], &["up"]] {
            let run = project.run(&[other, &["--lock-wait", "0s"]].concat());
            assert_eq!(run.code, Some(6), "{other:?}: {}", run.said);
            assert!(run.said.contains(&holder.name), "{}", run.said);
        }
        let mut waiting = project.command(arguments, &APP);
        waiting.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut waiting = waiting.spawn().unwrap();
        let said = waits(&mut waiting);
        assert!(said.contains(&holder.name), "{said}");
        holder.go_on();
        let mut rest = String::new();
        let errors = waiting.stderr.as_mut().unwrap();
        errors.read_to_string(&mut rest).unwrap();
        assert_eq!(end(waiting).code, Some(0), "{said}{rest}");
        let recorded =
            "SELECT version FROM whimbrel_applied WHERE source = 'app' AND version = '00002'";
        assert!(project.execute(recorded).contains("00002"));
        let up = project.run_with(&["up"], &APP);
        assert_eq!(up.code, Some(0), "{}", up.said);
        project.succeed(&["up"]);
    }
}

/// What a person says of a statement is written under the lock as well.
fn repair(engine: Engine<'_>) {
    let header = match engine {
        Engine::MariaDb(_) => "",
        _ => "-- Transaction: off\n",
    };
    let with = |middle: &str| {
        format!(
            "{header}CREATE TABLE a (i integer);\nCREATE TEMPORARY TABLE scratch AS SELECT 7 AS i;\nCREATE TABLE b (i integer);\n{middle}INSERT INTO a SELECT i FROM scratch;\n"
        )
    };
    let project = Project::new(
        engine,
        &[("001_lost.sql", &with("INSERT INTO nowhere VALUES (1);\n"))],
    );
    assert_eq!(project.run(&["up"]).code, Some(1));
    std::fs::write(project.path("migrations/001_lost.sql"), with("")).unwrap();
    let stopped = project.run(&["up"]);
    let again = told(&stopped.said, "--again");

    // Another application has something to do in the same database.
    std::fs::create_dir(project.path("other")).unwrap();
    for (name, text) in OTHER {
        std::fs::write(project.path("other").join(name), text).unwrap();
    }
    let flag = project.path("reached");
    let undisturbed = Project::new(engine, &[]);
    undisturbed.succeed(&["init"]);
    for (name, text) in OTHER {
        std::fs::write(undisturbed.path("migrations").join(name), text).unwrap();
    }
    let points = undisturbed.points(&["up"]);
    let wait = format!("{}:wait:{}", points * 2 / 3, flag.display());
    let mut variables = APP.to_vec();
    variables.extend([("WHIMBREL_FAILPOINT", wait.as_str()), ("USER", "bob")]);
    let run = start(&project, &variables);
    until("it stands", || flag.exists());
    let name = format!("bob@here, pid {}, since 20", run.id());
    let refused = project.run(&["repair", "001", "--again", "--lock-wait", "1s"]);
    assert_eq!(refused.code, Some(6), "{}", refused.said);
    assert_eq!(refused.said.matches(&name).count(), 2, "{}", refused.said);
    std::fs::remove_file(&flag).unwrap();
    assert_eq!(end(run).code, Some(0));
    project.shell(&again);
    project.succeed(&["up"]);
    assert!(project.execute("SELECT i FROM a").contains('7'));
}

/// A lock whose unit is in the server at this moment is not freed.
fn unlock(engine: Engine<'_>) {
    let slow = match engine {
        Engine::Postgres(_) => "UPDATE t SET v = v * 100 FROM (SELECT pg_sleep(3)) s;\n",
        _ => "UPDATE t SET v = v * 100 + SLEEP(3);\n",
    };
    let project = Project::new(engine, &[TABLE, ("002_slow.sql", slow)]);
    let run = start(&project, &[("USER", "bob")]);
    until("the statement runs", || at_work(&project, "v * 100") == 1);
    let refused: Run = project.run(&["unlock", "--yes"]);
    assert_ne!(refused.code, Some(0), "{}", refused.said);
    let name = format!("bob@here, pid {}, since 20", run.id());
    assert!(refused.said.contains(&name), "{}", refused.said);
    let run = end(run);
    assert_eq!(run.code, Some(0), "{}", run.said);
    assert_eq!(project.execute("SELECT v FROM t"), "100");
    let free = project.succeed(&["unlock", "--yes"]).said;
    assert!(free.contains("nobody holds it"), "{free}");
}

#[test]
fn on_postgres() {
    takeovers(postgres());
    repair(postgres());
    unlock(postgres());
}

#[test]
fn on_mariadb() {
    takeovers(mariadb());
    repair(mariadb());
    unlock(mariadb());
}

#[test]
fn on_sqlite() {
    takeovers(Engine::Sqlite);
    repair(Engine::Sqlite);
}

#[test]
fn on_d1() {
    takeovers(d1());
}
