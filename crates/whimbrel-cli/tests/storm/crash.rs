//! The process is killed at every point; so is the server.

use crate::engine::{Engine, Project, d1, in_parallel, mariadb, mysql, postgres, some};
use crate::fixtures;

/// Kills `whimbrel COMMAND` at every point where control passes between it and the database, runs
/// it again, and compares with an undisturbed run.
fn killed_at_every_point(engine: Engine<'_>, prepare: &[&[&str]], command: &[&str]) {
    let files = fixtures::of(engine);
    let undisturbed = Project::new(engine, files);
    for arguments in prepare {
        undisturbed.succeed(arguments);
    }
    let points = undisturbed.points(command);
    let expected = undisturbed.all();
    in_parallel(1..=points, |point| {
        let project = Project::new(engine, files);
        for arguments in prepare {
            project.succeed(arguments);
        }
        let killed = project.run_with(command, &[("WHIMBREL_FAILPOINT", &point.to_string())]);
        assert_eq!(killed.code, None, "not killed at {point}: {}", killed.said);
        let again = project.run(command);
        assert_eq!(again.code, Some(0), "after {point}: {}", again.said);
        assert_eq!(project.all(), expected, "after {point}: {}", again.said);
    });
    println!(
        "{}: {command:?} killed at {points} points, each time the same end",
        engine.name()
    );
}

/// The same with the server, which is started again while the run still tries; if the run gives
/// up, the next one goes on.
fn server_killed(engine: Engine<'_>, kill: impl Fn(), start: impl Fn()) {
    let files = fixtures::of(engine);
    let undisturbed = Project::new(engine, files);
    let points = undisturbed.points(&["up"]);
    let expected = undisturbed.all();
    let mut went_on = 0;
    let chosen: Vec<u64> = some(points, 9).collect();
    for &point in &chosen {
        let project = Project::new(engine, files);
        let flag = project.path("reached");
        let variable = format!("{point}:wait:{}", flag.display());
        let mut command = project.command(&["up"], &[("WHIMBREL_FAILPOINT", &variable)]);
        let child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        while !flag.exists() {
            std::thread::yield_now();
        }
        kill();
        std::fs::remove_file(&flag).unwrap();
        start();
        let run = crate::engine::Run::of(&child.wait_with_output().unwrap());
        went_on += u64::from(run.code == Some(0));
        let again = project.run(&["up"]);
        assert_eq!(
            again.code,
            Some(0),
            "at {point}: {}\n{}",
            run.said,
            again.said
        );
        assert_eq!(
            project.all(),
            expected,
            "at {point}: {}\n{}",
            run.said,
            again.said
        );
    }
    println!(
        "{}: server killed at {} of {points} points: {went_on} runs went on by themselves, all had the same end",
        engine.name(),
        chosen.len()
    );
}

#[test]
fn postgres_up() {
    killed_at_every_point(postgres(), &[], &["up"]);
}

#[test]
fn postgres_down() {
    killed_at_every_point(postgres(), &[&["up"]], &["down", "--all"]);
}

#[test]
fn mariadb_up() {
    killed_at_every_point(mariadb(), &[], &["up"]);
}

#[test]
fn mariadb_down() {
    killed_at_every_point(mariadb(), &[&["up"]], &["down", "--all"]);
}

#[test]
fn mysql_up() {
    killed_at_every_point(mysql(), &[], &["up"]);
}

#[test]
fn mysql_down() {
    killed_at_every_point(mysql(), &[&["up"]], &["down", "--all"]);
}

#[test]
fn sqlite_up() {
    killed_at_every_point(Engine::Sqlite, &[], &["up"]);
}

#[test]
fn sqlite_down() {
    killed_at_every_point(Engine::Sqlite, &[&["up"]], &["down", "--all"]);
}

#[test]
fn d1_up() {
    killed_at_every_point(d1(), &[], &["up"]);
}

#[test]
fn d1_down() {
    killed_at_every_point(d1(), &[&["up"]], &["down", "--all"]);
}

#[test]
fn postgres_server() {
    let server = whimbrel_testkit::PostgresServer::private();
    server_killed(
        Engine::Postgres(&server),
        || server.kill(),
        || server.start(),
    );
}

#[test]
fn mariadb_server() {
    let server = whimbrel_testkit::MariaDbServer::private();
    server_killed(
        Engine::MariaDb(&server),
        || server.kill(),
        || server.start(),
    );
}
