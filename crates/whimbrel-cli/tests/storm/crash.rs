//! The process is killed at every point.

use crate::engine::{Engine, Project, d1, in_parallel, mariadb, mysql, postgres, some};
use crate::fixtures;

/// Kills `whimbrel COMMAND` at every point where control passes between it and the database, runs
/// it again, and compares with an undisturbed run.
fn killed_at_every_point(engine: Engine<'_>, prepare: &[&[&str]], command: &[&str]) {
    let points = killed_over(fixtures::of(engine), engine, prepare, command, 1);
    println!(
        "{}: {command:?} killed at {points} points, each time the same end",
        engine.name()
    );
}

/// The same over other files, at one point in `step`; gives the number of points tried.
pub(crate) fn killed_over(
    files: &[(&str, &str)],
    engine: Engine<'_>,
    prepare: &[&[&str]],
    command: &[&str],
    step: usize,
) -> usize {
    let undisturbed = Project::new(engine, files);
    for arguments in prepare {
        undisturbed.succeed(arguments);
    }
    let points = undisturbed.points(command);
    let expected = undisturbed.all();
    let chosen: Vec<u64> = some(points, step).collect();
    in_parallel(chosen.iter().copied(), |point| {
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
    chosen.len()
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
fn sqlite_wal_up() {
    killed_at_every_point(Engine::SqliteWal, &[], &["up"]);
}

#[test]
fn sqlite_wal_down() {
    killed_at_every_point(Engine::SqliteWal, &[&["up"]], &["down", "--all"]);
}

#[test]
fn d1_up() {
    killed_at_every_point(d1(), &[], &["up"]);
}

#[test]
fn d1_down() {
    killed_at_every_point(d1(), &[&["up"]], &["down", "--all"]);
}
