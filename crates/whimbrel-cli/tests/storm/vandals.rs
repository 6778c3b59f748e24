//! Somebody empties or drops the history's tables, between two runs and in the middle of one.

use crate::engine::{Engine, Project, d1, mariadb, postgres};
use crate::fence::{end, start, until};
use crate::fixtures;

/// The next run puts back what the lock needs, with a token that nobody had.
const LOCK: [&str; 2] = ["DELETE FROM whimbrel_lock", "DROP TABLE whimbrel_lock"];

/// The tables are there from the start, so there is something to take away at each point.
fn with_tables(engine: Engine<'_>) -> Project<'_> {
    let project = Project::new(engine, fixtures::of(engine));
    project.succeed(&["init"]);
    project
}

fn points(engine: Engine<'_>) -> (u64, String) {
    let undisturbed = with_tables(engine);
    let points = undisturbed.points(&["up"]);
    (points, undisturbed.all())
}

fn between_two_runs(engine: Engine<'_>) {
    let (points, expected) = points(engine);
    for change in LOCK {
        for point in [points / 3, points / 2, points * 2 / 3, points * 5 / 6] {
            let project = with_tables(engine);
            let variable = point.to_string();
            project.run_with(&["up"], &[("WHIMBREL_FAILPOINT", &variable)]);
            project.change(change);
            let next = project.succeed(&["up"]);
            assert_eq!(project.all(), expected, "{change}: {}", next.said);
            // And everything is as it should be for the runs after it.
            project.succeed(&["down"]);
            project.succeed(&["up"]);
        }
    }
}

/// The run ends, well or not, and the next one makes the rest.
fn in_the_middle(engine: Engine<'_>) {
    let (points, expected) = points(engine);
    for change in LOCK {
        for point in [points / 2, points * 2 / 3, points * 5 / 6] {
            let project = with_tables(engine);
            let flag = project.path("reached");
            let wait = format!("{point}:wait:{}", flag.display());
            let run = start(&project, &[("WHIMBREL_FAILPOINT", &wait)]);
            until("the run stands", || flag.exists());
            std::thread::scope(|scope| {
                // It may have to wait for a transaction of the run's.
                let vandal = scope.spawn(|| project.change(change));
                std::thread::sleep(std::time::Duration::from_millis(300));
                std::fs::remove_file(&flag).unwrap();
                vandal.join().unwrap();
            });
            let first = end(run);
            assert!(!first.said.contains("panicked"), "{}", first.said);
            let next = project.run(&["up"]);
            let said = format!("{change} at {point}: {}\n{}", first.said, next.said);
            assert_eq!(next.code, Some(0), "{said}");
            assert_eq!(project.all(), expected, "{said}");
        }
    }
}

/// Without its records nothing is known of what is there: nothing happens to it.
fn without_records(engine: Engine<'_>) {
    let project = Project::new(engine, fixtures::of(engine));
    project.succeed(&["up"]);
    let rows = "SELECT sum(v) AS s FROM accounts";
    let before = project.execute(rows);
    project.change("DROP TABLE whimbrel_applied");
    let next = project.run(&["up"]);
    assert!(matches!(next.code, Some(1 | 5)), "{}", next.said);
    let told = next.said.contains("accounts") || next.said.contains("whimbrel_applied");
    assert!(told, "{}", next.said);
    assert_eq!(project.execute(rows), before);
}

fn all(engine: Engine<'_>) {
    between_two_runs(engine);
    in_the_middle(engine);
    without_records(engine);
}

#[test]
fn on_postgres() {
    all(postgres());
}

#[test]
fn on_mariadb() {
    all(mariadb());
}

#[test]
fn on_sqlite() {
    between_two_runs(Engine::Sqlite);
    without_records(Engine::Sqlite);
}

#[test]
fn on_d1() {
    all(d1());
}
