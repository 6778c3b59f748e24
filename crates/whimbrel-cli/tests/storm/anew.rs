//! What is begun anew after a failure in the middle, and what is not half-done at all.

use crate::engine::{Engine, Project, mariadb, postgres, told};

const BASE: (&str, &str) = (
    "001_base.sql",
    "CREATE TABLE a (i integer);\nINSERT INTO a VALUES (1);\n",
);

fn engines() -> [(Engine<'static>, &'static str); 3] {
    let off = "-- Transaction: off\n";
    [(mariadb(), ""), (postgres(), off), (Engine::Sqlite, off)]
}

/// Somebody took back what a half-applied file did, and then changed all of it.
#[test]
fn what_was_taken_back_by_hand() {
    for (engine, header) in engines() {
        let text = format!(
            "{header}CREATE TABLE b (i integer);\nUPDATE a SET i = i + 1;\nINSERT INTO nowhere VALUES (1);\n"
        );
        let project = Project::new(engine, &[BASE, ("002_b.sql", &text)]);
        assert_eq!(project.run(&["up"]).code, Some(1));
        let other = format!("{header}CREATE TABLE b (i bigint);\nUPDATE a SET i = i + 10;\n");
        std::fs::write(project.path("migrations/002_b.sql"), other).unwrap();
        let refused = project.run(&["up"]);
        assert_eq!(refused.code, Some(4), "{}", refused.said);
        assert!(
            refused.said.contains("applied-statement-changed"),
            "{}",
            refused.said
        );
        project.change("DROP TABLE b");
        project.change("UPDATE a SET i = 1");
        project.shell(&told(&refused.said, "--restart"));
        project.succeed(&["up"]);
        assert!(project.execute("SELECT i FROM a").contains("11"));
        let nothing = project.run(&["repair", "002", "--restart"]);
        assert!(
            nothing.said.contains("nothing-to-repair"),
            "{}",
            nothing.said
        );
    }
}

/// A rollback that failed before it did anything keeps nobody from applying what comes next.
#[test]
fn a_rollback_that_did_nothing() {
    for (engine, header) in engines() {
        let text = format!(
            "{header}CREATE TABLE b (i integer);\n-- Rollback\nDROP TABLE nowhere;\nDROP TABLE b;\n"
        );
        let project = Project::new(engine, &[BASE, ("002_b.sql", &text)]);
        project.succeed(&["up"]);
        assert_eq!(project.run(&["down", "002"]).code, Some(1));
        let status = project.succeed(&["status"]);
        assert!(!status.said.contains("interrupted"), "{}", status.said);
        let next = project.path("migrations/003_c.sql");
        std::fs::write(next, "CREATE TABLE c (i integer);\n").unwrap();
        project.succeed(&["up"]);
        let right = text.replace("DROP TABLE nowhere;\n", "");
        std::fs::write(project.path("migrations/002_b.sql"), right).unwrap();
        project.succeed(&["down", "002"]);
        assert!(project.run(&["up", "--force"]).code == Some(0));
    }
}

/// What runs again whenever it changes does so from its beginning.
#[test]
fn a_repeatable_that_changed() {
    for (engine, header) in engines() {
        let view = |value: i32, second: &str| {
            format!(
                "{header}DROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT {value} AS i;\n{second}"
            )
        };
        let fails = view(7, "INSERT INTO nowhere VALUES (1);\n");
        let project = Project::new(engine, &[BASE, ("R__v.sql", &fails)]);
        assert_eq!(project.run(&["up"]).code, Some(1));
        for (value, second) in [(8, ""), (9, "INSERT INTO nowhere VALUES (1);\n"), (5, "")] {
            std::fs::write(project.path("migrations/R__v.sql"), view(value, second)).unwrap();
            let run = project.run(&["up"]);
            let expected = i32::from(!second.is_empty());
            assert_eq!(run.code, Some(expected), "{}", run.said);
            let rows = project.execute("SELECT i FROM v");
            assert!(rows.contains(&value.to_string()), "{rows}");
        }
    }
}
