//! The server is killed at chosen points of a run, and started again.

use std::process::Stdio;

use whimbrel_testkit::{D1Server, MysqlServer, PostgresServer};

use crate::engine::{Engine, Project, Run, some};
use crate::fence::until;
use crate::fixtures;

/// One point in this many, where `WHIMBREL_STORM=all` does not ask for all.
const STEP: usize = 14;

fn project<'s>(engine: Engine<'s>, before: &[&[&str]]) -> Project<'s> {
    let project = Project::new(engine, fixtures::of(engine));
    for arguments in before {
        project.succeed(arguments);
    }
    project
}

/// `kill -9` for the server, which is started again while the run still tries; if the run gives up,
/// the next one goes on.
fn killed(
    engine: Engine<'_>,
    before: &[&[&str]],
    command: &[&str],
    kill: impl Fn(),
    start: impl Fn(),
) {
    let undisturbed = project(engine, before);
    let points = undisturbed.points(command);
    let expected = undisturbed.all();
    let mut went_on = 0;
    // D1 has few points: a unit is a request.
    let step = if matches!(engine, Engine::D1(_)) {
        5
    } else {
        STEP
    };
    let chosen: Vec<u64> = some(points, step).collect();
    for &point in &chosen {
        let project = project(engine, before);
        let flag = project.path("reached");
        let variable = format!("{point}:wait:{}", flag.display());
        let mut run = project.command(command, &[("WHIMBREL_FAILPOINT", &variable)]);
        let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        until("the run stands", || flag.exists());
        kill();
        std::fs::remove_file(&flag).unwrap();
        start();
        let first = Run::of(&run.unwrap().wait_with_output().unwrap());
        went_on += u64::from(first.code == Some(0));
        let again = project.run(command);
        let said = format!("at {point}: {}\n{}", first.said, again.said);
        assert_eq!(again.code, Some(0), "{said}");
        assert_eq!(project.all(), expected, "{said}");
    }
    println!(
        "{}: {command:?}, server killed at {} of {points} points: {went_on} runs went on by themselves, all had the same end",
        engine.name(),
        chosen.len()
    );
}

fn postgres(before: &[&[&str]], command: &[&str]) {
    let server = PostgresServer::private();
    let (kill, start) = (|| server.kill(), || server.start());
    killed(Engine::Postgres(&server), before, command, kill, start);
}

fn mariadb(before: &[&[&str]], command: &[&str]) {
    let server = MysqlServer::private();
    let (kill, start) = (|| server.kill(), || server.start());
    killed(Engine::MariaDb(&server), before, command, kill, start);
}

fn d1(before: &[&[&str]], command: &[&str]) {
    let server = D1Server::private();
    let (kill, start) = (|| server.kill(), || server.start());
    killed(Engine::D1(&server), before, command, kill, start);
}

#[test]
fn postgres_up() {
    postgres(&[], &["up"]);
}

#[test]
fn postgres_down() {
    postgres(&[&["up"]], &["down", "--all"]);
}

#[test]
fn mariadb_up() {
    mariadb(&[], &["up"]);
}

#[test]
fn mariadb_down() {
    mariadb(&[&["up"]], &["down", "--all"]);
}

#[test]
fn d1_up() {
    d1(&[], &["up"]);
}

#[test]
fn d1_down() {
    d1(&[&["up"]], &["down", "--all"]);
}
