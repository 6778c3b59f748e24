//! What plans and dry runs say.
#![allow(missing_docs, clippy::unwrap_used)]

mod binary;

use binary::{project, succeeded, told, whimbrel};
use whimbrel_testkit::postgres;

/// A version may be written with other zeros, and twice.
#[test]
fn a_dependency_that_is_spelt_twice() {
    let folder = project(&[
        (
            "001_a.sql",
            "-- Depends: 002, 2, 0002\nCREATE TABLE a (b int REFERENCES b (i));\n-- Rollback\n-- DROP TABLE a;\n",
        ),
        (
            "002_b.sql",
            "CREATE TABLE b (i int PRIMARY KEY);\n-- Rollback\n-- DROP TABLE b;\n",
        ),
    ]);
    let run =
        |arguments: &[&str]| whimbrel(folder.path(), arguments, &[("WHIMBREL_URL", "sqlite:a.db")]);
    let up = succeeded(&run(&["up"]));
    let order: Vec<_> = up
        .lines()
        .filter_map(|line| line.strip_prefix("applied "))
        .map(|line| &line[..3])
        .collect();
    assert_eq!(order, ["002", "001"], "{up}");
    // What depends on it would stay, and is named once.
    let refused = run(&["down", "002"]);
    assert_eq!(refused.status.code(), Some(4));
    assert_eq!(
        told(&refused).matches("001_a depends on it").count(),
        1,
        "{}",
        told(&refused)
    );
    succeeded(&run(&["down", "--all"]));
}

/// PostgreSQL: what `DISCARD ALL` would do is done where something may have been left, as in a run.
#[test]
fn a_dry_run_resets_the_session_as_a_run_does() {
    let folder = project(&[
        ("001_a.sql", "CREATE TABLE a (i int);\n"),
        ("002_b.sql", "CREATE TABLE b (i int);\n"),
        ("003_c.sql", "SET work_mem = '8MB';\n"),
        ("004_d.sql", "CREATE TABLE d (i int);\n"),
    ]);
    let url = postgres().database();
    let dry = whimbrel(
        folder.path(),
        &["up", "--dry-run"],
        &[("WHIMBREL_URL", &url)],
    );
    let text = succeeded(&dry);
    let discards: Vec<_> = text
        .split("\n-- 0")
        .skip(1)
        .map(|unit| unit.matches("DISCARD TEMP").count())
        .collect();
    // The first knows nothing of its session; the third leaves something and says so itself.
    assert_eq!(discards, [1, 0, 1, 1], "{text}");
}
