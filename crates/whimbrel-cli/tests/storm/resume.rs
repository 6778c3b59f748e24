//! Going on in the middle of a file: what is told where its session is gone, a file that was mended
//! meanwhile, what others left.

use crate::engine::{Engine, Project, mariadb, postgres, some};

/// What the rest of these files needs is gone with the session, and can't be had again as it was.
const LOST: [(&str, &str, &str); 3] = [
    (
        "CREATE TABLE a (i integer);\n",
        "CREATE TEMPORARY TABLE scratch AS SELECT 7 AS i;\n",
        "CREATE TABLE b (i integer);\nINSERT INTO a SELECT i FROM scratch;\nCREATE TABLE c (i integer);\n",
    ),
    (
        "CREATE TABLE a (i integer);\n",
        "SET @x = (SELECT 3 + 4);\n",
        "CREATE TABLE b (i integer);\nINSERT INTO a VALUES (@x);\nCREATE TABLE c (i integer);\n",
    ),
    (
        "CREATE TABLE a (i integer);\n",
        "PREPARE fill FROM 'INSERT INTO a VALUES (7)';\n",
        "CREATE TABLE b (i integer);\nEXECUTE fill;\nCREATE TABLE c (i integer);\n",
    ),
];

/// Killed anywhere, the next run either ends as an undisturbed one, or stops at the statement and
/// names what is gone; made again by an added statement, it goes on.
fn lost_session(engine: Engine<'_>, header: &str, parts: (&str, &str, &str)) {
    let (first, lost, rest) = parts;
    let text = format!("{header}{first}{lost}{rest}");
    let files = [("001_lost.sql", text.as_str())];
    let undisturbed = Project::new(engine, &files);
    let points = undisturbed.points(&["up"]);
    let rows = "SELECT i FROM a";
    assert_eq!(undisturbed.execute(rows), "7");
    let mut told = 0;
    for point in some(points, 3) {
        let project = Project::new(engine, &files);
        project.run_with(&["up"], &[("WHIMBREL_FAILPOINT", &point.to_string())]);
        let next = project.run(&["up"]);
        if next.code != Some(0) {
            told += 1;
            let said = &next.said;
            assert!(said.contains("error[lost-session]"), "{point}: {said}");
            assert!(said.contains("001_lost.sql:"), "{said}");
            assert!(said.contains("run `whimbrel up` again"), "{said}");
            // The statement stands once more, before the one that needs it.
            let at = text.find("CREATE TABLE b").unwrap();
            let at = at + text[at..].find('\n').unwrap() + 1;
            let mended = format!("{}{lost}{}", &text[..at], &text[at..]);
            let file = project.path("migrations/001_lost.sql");
            std::fs::write(&file, mended).unwrap();
            let next = project.run(&["up"]);
            if next.code != Some(0) {
                // The one that needs it was under way: what became of it is another question.
                assert!(
                    next.said.contains("started-statement-changed"),
                    "{}",
                    next.said
                );
                let done = !project.execute(rows).is_empty();
                if done {
                    std::fs::write(&file, &text).unwrap();
                }
                let verdict = if done { "--done" } else { "--again" };
                assert!(
                    next.said
                        .contains(&format!("whimbrel repair 001 {verdict}"))
                );
                project.succeed(&["repair", "001", verdict]);
                project.succeed(&["up"]);
            }
        }
        assert_eq!(project.execute(rows), "7", "{point}: {}", next.said);
        project.execute("SELECT i FROM b");
        project.execute("SELECT i FROM c");
    }
    // MariaDB has the whole file in one message, and ends it after its client.
    let ends = matches!(engine, Engine::MariaDb(_));
    assert!(
        told > 0 || ends,
        "no kill at {points} points lost the session"
    );
}

/// A statement fails after the one that made what the rest needs; the file is mended.
fn lost_by_a_failure(engine: Engine<'_>, parts: (&str, &str, &str)) {
    let (first, lost, rest) = parts;
    let (b, rest) = rest.split_once('\n').unwrap();
    let with = |middle: &str| format!("{first}{lost}{b}\n{middle}\n{rest}");
    let wrong = with("INSERT INTO nowhere VALUES (1);");
    let project = Project::new(engine, &[("001_lost.sql", wrong.as_str())]);
    assert_eq!(project.run(&["up"]).code, Some(1));
    let file = project.path("migrations/001_lost.sql");
    std::fs::write(&file, with("DO 1;")).unwrap();
    let told = project.run(&["up"]).said;
    assert!(told.contains("error[lost-session]"), "{told}");
    let line = 2 + with("DO 1;")
        .lines()
        .position(|line| line == "DO 1;")
        .unwrap();
    let place = format!("001_lost.sql:{line}:");
    assert!(told.contains(&place), "{place} is not in: {told}");
    std::fs::write(&file, with(&format!("DO 1;\n{lost}"))).unwrap();
    project.succeed(&["up"]);
    assert_eq!(project.execute("SELECT i FROM a"), "7");
    project.execute("SELECT i FROM c");
}

#[test]
fn lost_sessions_on_mariadb() {
    for parts in LOST {
        lost_session(mariadb(), "", parts);
        lost_by_a_failure(mariadb(), parts);
    }
}

#[test]
fn a_lost_session_on_postgres() {
    lost_session(postgres(), "-- Transaction: off\n", LOST[0]);
}

/// A file that failed half-way may be mended after the place; what is applied of it may not change.
fn mended(engine: Engine<'_>, header: &str) {
    let text = format!(
        "{header}CREATE TABLE a (i integer);\nINSERT INTO a VALUES (1);\nINSERT INTO nowhere VALUES (1);\nCREATE TABLE b (i integer);\n"
    );
    let project = Project::new(engine, &[("001_m.sql", &text)]);
    let failed = project.run(&["up"]);
    assert_eq!(failed.code, Some(1), "{}", failed.said);
    assert!(failed.said.contains("of 4 statements"), "{}", failed.said);
    let file = project.path("migrations/001_m.sql");
    let changed = text.replace("TABLE a (i integer)", "TABLE a (i bigint)");
    std::fs::write(&file, changed).unwrap();
    let refused = project.run(&["up"]);
    assert_eq!(refused.code, Some(4), "{}", refused.said);
    assert!(
        refused.said.contains("applied-statement-changed"),
        "{}",
        refused.said
    );
    assert!(
        refused.said.contains("statement 1 was applied"),
        "{}",
        refused.said
    );
    let right = text.replace(
        "INSERT INTO nowhere VALUES (1);",
        "INSERT INTO a VALUES (5);\nCREATE TABLE more (i integer);",
    );
    std::fs::write(&file, right).unwrap();
    let resumed = project.succeed(&["up"]);
    assert!(
        resumed.said.contains("went on after statement"),
        "{}",
        resumed.said
    );
    let rows = project.execute("SELECT sum(i) FROM a");
    assert!(rows.contains('6'), "{rows}");
    project.execute("SELECT i FROM more");
    project.execute("SELECT i FROM b");
}

#[test]
fn a_mended_file() {
    mended(mariadb(), "");
    mended(postgres(), "-- Transaction: off\n");
    mended(Engine::Sqlite, "-- Transaction: off\n");
}

/// An index that is there and not valid, and that nothing in the journal tells of: somebody else's.
#[test]
fn somebody_else_s_invalid_index() {
    let index = "CREATE INDEX CONCURRENTLY IF NOT EXISTS t_i ON t (i);\n";
    let files = [
        ("001_t.sql", "CREATE TABLE t (i integer);\n"),
        ("002_i.sql", index),
    ];
    let project = Project::new(postgres(), &files);
    project.succeed(&["up", "--to", "001"]);
    project.execute("CREATE INDEX t_i ON t (i); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_i'::regclass");
    let run = project.run(&["up"]);
    assert_eq!(run.code, Some(1), "{}", run.said);
    assert!(run.said.contains("error[half-made]"), "{}", run.said);
    assert!(
        run.said.contains("DROP INDEX CONCURRENTLY IF EXISTS t_i"),
        "{}",
        run.said
    );
    assert!(run.said.contains("002_i.sql:1"), "{}", run.said);
    project.execute("DROP INDEX CONCURRENTLY IF EXISTS t_i");
    project.succeed(&["up"]);
    let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 't_i'::regclass";
    assert_eq!(project.execute(valid), "t");
}
