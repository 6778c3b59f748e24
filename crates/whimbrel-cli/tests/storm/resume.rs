//! Going on in the middle of a file: what is told where its session is gone, a file that was mended
//! meanwhile, what others left.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::engine::{Engine, Project, in_parallel, mariadb, postgres, some, told};

type Parts = (&'static str, &'static str, &'static str);

/// What the rest of these files needs is gone with the session, and can't be had again as it was.
const LOST: [Parts; 4] = [
    (
        "CREATE TABLE a (i integer);\n",
        "CREATE TEMPORARY TABLE scratch AS SELECT 7 AS i;\n",
        "CREATE TABLE b (i integer);\nINSERT INTO a SELECT i FROM scratch;\nCREATE TABLE c (i integer);\n",
    ),
    (
        "CREATE TABLE a (i integer);\n",
        "CREATE TEMPORARY TABLE scratch (i integer);\nINSERT INTO scratch VALUES (7);\n",
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

/// What a person does who is told that a session is lost.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// What the statement does, by hand, and then the first command.
    Done,
    /// The second command.
    Again,
    /// The file makes it once more.
    Mended,
}

const WAYS: [Way; 3] = [Way::Done, Way::Again, Way::Mended];

/// Goes one way after a stop, to the end.
fn answer(project: &Project<'_>, said: &str, lost: &str, way: Way) {
    assert!(said.contains("error[lost-session]"), "{said}");
    assert!(said.contains("001_lost.sql:"), "{said}");
    match way {
        Way::Done => {
            project.execute("INSERT INTO a VALUES (7)");
            project.shell(&told(said, "--done"));
        }
        Way::Again => {
            project.shell(&told(said, "--again"));
        }
        Way::Mended => {
            let file = project.path("migrations/001_lost.sql");
            let text = std::fs::read_to_string(&file).unwrap();
            // Before the statement that needs it.
            let needs = if text.contains("EXECUTE") {
                "EXECUTE"
            } else {
                "INSERT INTO a"
            };
            let at = text.find(&format!("\n{needs}")).unwrap() + 1;
            std::fs::write(&file, format!("{}{lost}{}", &text[..at], &text[at..])).unwrap();
        }
    }
    project.succeed(&["up"]);
    assert_eq!(sum(project), 7, "{way:?}: {said}");
    project.execute("SELECT i FROM b");
    project.execute("SELECT i FROM c");
}

/// Of the rows of `a`: how often the statement was run can be seen.
fn sum(project: &Project<'_>) -> i64 {
    let rows = project.execute("SELECT coalesce(sum(i), 0) FROM a");
    let digits: String = rows.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// Killed anywhere, the next run either ends as an undisturbed one, or stops at the statement and
/// names what is gone, and the commands that it prints end it.
fn lost_session(engine: Engine<'_>, header: &str, parts: Parts) {
    let (first, lost, rest) = parts;
    let text = format!("{header}{first}{lost}{rest}");
    let files = [("001_lost.sql", text.as_str())];
    let undisturbed = Project::new(engine, &files);
    let points = undisturbed.points(&["up"]);
    assert_eq!(sum(&undisturbed), 7);
    let count = AtomicUsize::new(0);
    in_parallel(some(points, 3), |point| {
        let project = Project::new(engine, &files);
        project.run_with(&["up"], &[("WHIMBREL_FAILPOINT", &point.to_string())]);
        let mut next = project.run(&["up"]);
        if next.said.contains("unknown-end") {
            // The statement itself was under way: that is another question.
            let flag = if sum(&project) == 7 {
                "--done"
            } else {
                "--again"
            };
            project.shell(&told(&next.said, flag));
            next = project.run(&["up"]);
        }
        if next.code == Some(0) {
            assert_eq!(sum(&project), 7, "{point}: {}", next.said);
        } else {
            let way = count.fetch_add(1, Ordering::SeqCst) % WAYS.len();
            answer(&project, &next.said, lost, WAYS[way]);
        }
    });
    let count = count.into_inner();
    // MariaDB has the whole file in one message, and ends it after its client.
    let ends = matches!(engine, Engine::MariaDb(_));
    assert!(
        count >= WAYS.len() || ends,
        "{count} of {points} kills lost it"
    );
}

/// A statement fails after the one that made what the rest needs; the file is mended.
fn lost_by_a_failure(engine: Engine<'_>, header: &str, parts: Parts) {
    const RIGHT: &str = "CREATE TABLE d (i integer);";
    let (first, lost, rest) = parts;
    let (b, rest) = rest.split_once('\n').unwrap();
    let with = |middle: &str| format!("{header}{first}{lost}{b}\n{middle}\n{rest}");
    for way in WAYS {
        let wrong = with("INSERT INTO nowhere VALUES (1);");
        let project = Project::new(engine, &[("001_lost.sql", wrong.as_str())]);
        assert_eq!(project.run(&["up"]).code, Some(1));
        let file = project.path("migrations/001_lost.sql");
        std::fs::write(&file, with(RIGHT)).unwrap();
        let run = project.run(&["up"]);
        assert_eq!(run.code, Some(1), "{}", run.said);
        let at = with(RIGHT).lines().position(|line| line == RIGHT).unwrap();
        let place = format!("001_lost.sql:{}:", at + 2);
        assert!(run.said.contains(&place), "{place} is not in: {}", run.said);
        // It stands before that statement, however often it is asked, and shows it.
        project.execute("SELECT i FROM d");
        let again = project.run(&["up"]);
        assert!(again.said.contains(&place), "{}", again.said);
        let open = project.succeed(&["repair"]).said;
        assert!(open.contains("001_lost"), "{open}");
        answer(&project, &again.said, lost, way);
    }
}

#[test]
fn lost_sessions_on_mariadb() {
    for parts in LOST {
        if parts != LOST[1] {
            lost_session(mariadb(), "", parts);
        }
        lost_by_a_failure(mariadb(), "", parts);
    }
}

#[test]
fn lost_sessions_outside_transactions() {
    const OFF: &str = "-- Transaction: off\n";
    for engine in [postgres(), Engine::Sqlite] {
        lost_session(engine, OFF, LOST[0]);
        lost_by_a_failure(engine, OFF, LOST[1]);
    }
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

/// Mended so that what is left of the file is one transaction: what was done of it is not done again.
fn mended_into_one(engine: Engine<'_>, header: &str, fails: &str) {
    let base = "CREATE TABLE a (i integer);\nINSERT INTO a VALUES (1);\n";
    let first = "UPDATE a SET i = i * 10;\n";
    let text = format!("{header}{first}{fails};\n");
    for rest in ["", "UPDATE a SET i = i + 1;\n"] {
        let files = [("001_a.sql", base), ("002_m.sql", text.as_str())];
        let project = Project::new(engine, &files);
        assert_eq!(project.run(&["up"]).code, Some(1));
        let right = format!("{first}{rest}");
        std::fs::write(project.path("migrations/002_m.sql"), right).unwrap();
        let resumed = project.succeed(&["up"]);
        let expected = if rest.is_empty() { "10" } else { "11" };
        let rows = project.execute("SELECT i FROM a");
        assert!(rows.contains(expected), "{rows}: {}", resumed.said);
    }
}

#[test]
fn a_file_mended_into_one_transaction() {
    mended_into_one(mariadb(), "", "ALTER TABLE nowhere ADD x integer");
    let off = "-- Transaction: off\n";
    mended_into_one(postgres(), off, "INSERT INTO nowhere VALUES (1)");
    mended_into_one(Engine::Sqlite, off, "INSERT INTO nowhere VALUES (1)");
}

/// A file that failed half-way and got another name is not begun anew.
#[test]
fn a_half_applied_file_renamed() {
    for (engine, header) in [(mariadb(), ""), (Engine::Sqlite, "-- Transaction: off\n")] {
        let text =
            format!("{header}UPDATE a SET i = i * 10;\nALTER TABLE nowhere ADD x integer;\n");
        let base = "CREATE TABLE a (i integer);\nINSERT INTO a VALUES (1);\n";
        let project = Project::new(engine, &[("001_a.sql", base), ("002_b.sql", &text)]);
        assert_eq!(project.run(&["up"]).code, Some(1));
        let (old, new) = ("migrations/002_b.sql", "migrations/003_b.sql");
        std::fs::write(project.path(old), text.replace("nowhere", "a")).unwrap();
        std::fs::rename(project.path(old), project.path(new)).unwrap();
        let refused = project.run(&["up"]);
        assert_eq!(refused.code, Some(4), "{}", refused.said);
        assert!(refused.said.contains("error[renamed]"), "{}", refused.said);
        std::fs::rename(project.path(new), project.path(old)).unwrap();
        project.succeed(&["up"]);
        assert!(project.execute("SELECT i FROM a").contains("10"));
    }
}

/// MariaDB's blocks outside of routines commit, and so may what `SET STATEMENT` runs, which is more than a
/// setting: what is before them, and they themselves, run once.
#[test]
fn blocks_and_statements_with_settings_on_mariadb() {
    const BASE: &str = "CREATE TABLE a (i integer);\nINSERT INTO a VALUES (1);\n";
    for text in [
        "UPDATE a SET i = i * 10;\nDELIMITER //\nIF 1 = 1 THEN CREATE TABLE x (i integer); INSERT INTO nowhere VALUES (1); END IF//\n",
        "UPDATE a SET i = i * 10;\nSET STATEMENT lock_wait_timeout = 5 FOR CREATE TABLE x (i integer);\nINSERT INTO nowhere VALUES (1);\n",
        "UPDATE a SET i = i * 10;\nSET DEFAULT ROLE NONE;\nINSERT INTO nowhere VALUES (1);\n",
        "SET STATEMENT max_statement_time = 10 FOR UPDATE a SET i = i * 10;\nCREATE TABLE x (i integer);\nINSERT INTO nowhere VALUES (1);\n",
    ] {
        let project = Project::new(mariadb(), &[("001_a.sql", BASE), ("002_b.sql", text)]);
        let failed = project.run(&["up"]);
        assert_eq!(failed.code, Some(1), "{}", failed.said);
        let mut right = text.replace("INSERT INTO nowhere VALUES (1);", "");
        if text.contains("IF 1") {
            right = right.replace("CREATE TABLE x", "CREATE TABLE IF NOT EXISTS x");
        }
        std::fs::write(project.path("migrations/002_b.sql"), right).unwrap();
        project.succeed(&["up"]);
        assert_eq!(project.execute("SELECT i FROM a"), "10", "{text}");
    }
}

/// The head of a dump keeps what a setting was and changes it in the same statement: the rest of the file
/// runs with that setting in a new session as well.
#[test]
fn the_settings_of_a_dump_on_mariadb() {
    const REST: &str =
        "CREATE TABLE a (i integer PRIMARY KEY AUTO_INCREMENT);\nINSERT INTO nowhere VALUES (0);\n";
    for (head, foot) in [
        (
            "SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO,STRICT_ALL_TABLES';\n",
            "SET SQL_MODE=@OLD_SQL_MODE;\n",
        ),
        (
            "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n",
            "/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n",
        ),
        (
            "SET @OLD_LOG = @@SESSION.SQL_LOG_BIN;\nSET @@SESSION.SQL_LOG_BIN= 0;\nSET SQL_MODE='NO_AUTO_VALUE_ON_ZERO';\n",
            "SET @@SESSION.SQL_LOG_BIN = @OLD_LOG;\n",
        ),
        (
            "SET @began = NOW(), SQL_MODE='NO_AUTO_VALUE_ON_ZERO';\n",
            "SELECT 1;\n",
        ),
    ] {
        let text = format!("{head}{REST}{foot}");
        let project = Project::new(mariadb(), &[("001_dump.sql", &text)]);
        let failed = project.run(&["up"]);
        assert_eq!(failed.code, Some(1), "{}", failed.said);
        let right = text.replace("nowhere", "a");
        std::fs::write(project.path("migrations/001_dump.sql"), right).unwrap();
        let resumed = project.succeed(&["up"]);
        assert_eq!(project.execute("SELECT i FROM a"), "0", "{}", resumed.said);
    }
}

#[test]
fn an_attached_file_on_sqlite() {
    let text = "-- Transaction: off\nATTACH 'other.db' AS other;\nCREATE TABLE other.a (i integer);\nINSERT INTO nowhere VALUES (1);\n";
    let project = Project::new(Engine::Sqlite, &[("001_a.sql", text)]);
    assert_eq!(project.run(&["up"]).code, Some(1));
    let right = text.replace("nowhere", "other.a");
    std::fs::write(project.path("migrations/001_a.sql"), right).unwrap();
    project.succeed(&["up"]);
}

/// In a new session the id that the last INSERT got is 0. What made it is not to be run again.
fn lost_id(engine: Engine<'_>, header: &str, keep: &str, id: &str, value: &str) {
    let base = format!(
        "CREATE TABLE a (i integer PRIMARY KEY {keep}, n integer);\nCREATE TABLE b (i integer);\n"
    );
    let text = format!(
        "{header}INSERT INTO a (n) VALUES (1), (2), (3);\nINSERT INTO a (i, n) VALUES (7, 4);\n{value}CREATE TABLE c (i integer);\nINSERT INTO nowhere SELECT {id};\n"
    );
    let files = [("001_base.sql", base.as_str()), ("002_id.sql", &text)];
    let project = Project::new(engine, &files);
    let failed = project.run(&["up"]);
    assert_eq!(failed.code, Some(1), "{}", failed.said);
    let file = project.path("migrations/002_id.sql");
    std::fs::write(&file, text.replace("nowhere", "b")).unwrap();
    let asked = project.run(&["up"]);
    assert!(asked.said.contains("error[lost-session]"), "{}", asked.said);
    assert!(!asked.said.contains("--again"), "{}", asked.said);
    // Whoever says so all the same is told the same.
    project.succeed(&["repair", "002", "--again"]);
    let again = project.run(&["up"]);
    assert!(again.said.contains("error[lost-session]"), "{}", again.said);
    let right = text
        .replace("nowhere", "b")
        .replace(&format!("SELECT {id}"), "SELECT 7");
    std::fs::write(&file, right).unwrap();
    project.succeed(&["up"]);
    let rows = project.execute("SELECT sum(i), (SELECT count(*) FROM a) FROM b");
    assert!(rows.contains('7') && rows.contains('4'), "{rows}");
}

#[test]
fn the_id_of_the_last_row() {
    let maria = mariadb();
    lost_id(maria, "", "AUTO_INCREMENT", "LAST_INSERT_ID()", "");
    let kept = "SET @id = last_insert_id();\n";
    lost_id(maria, "", "AUTO_INCREMENT", "@id", kept);
    let off = "-- Transaction: off\n";
    lost_id(Engine::Sqlite, off, "", "last_insert_rowid()", "");
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
