//! What only a person can say.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::engine::{Engine, Project, d1, in_parallel, mariadb, postgres, some, told};
use crate::fence::{end, signal, start, until};

/// Neither the journal nor the catalog tells whether TRUNCATE happened. The semicolon makes it go
/// alone; together with its journal entries the server would finish it after its client's death.
const TRUNCATE: (&str, &str) = (
    "001_truncate.sql",
    "CREATE TABLE t (v integer) ENGINE = MyISAM;\nINSERT INTO t VALUES (1);\nTRUNCATE /* ; */ TABLE t;\nINSERT INTO t VALUES (2);\n",
);

/// `changed`: the file says something else at that place when it is run again.
fn cannot_be_looked_up(changed: bool) {
    let points = Project::new(mariadb(), &[TRUNCATE]).points(&["up"]);
    let asked = AtomicUsize::new(0);
    in_parallel(1..=points, |point| {
        let project = Project::new(mariadb(), &[TRUNCATE]);
        project.run_with(&["up"], &[("WHIMBREL_FAILPOINT", &point.to_string())]);
        let mut next = project.run(&["up"]);
        if next.code == Some(0) {
            return;
        }
        asked.fetch_add(1, Ordering::SeqCst);
        assert!(next.said.contains("error[unknown-end]"), "{}", next.said);
        let open = project.succeed(&["repair"]);
        assert!(open.said.contains("statement 3 of 4"), "{}", open.said);
        if changed {
            let other = TRUNCATE.1.replace("TRUNCATE /* ; */ TABLE", "DELETE FROM");
            std::fs::write(project.path("migrations/001_truncate.sql"), other).unwrap();
            next = project.run(&["up"]);
            let code = "error[started-statement-changed]";
            assert!(next.said.contains(code), "{}", next.said);
        }
        let done = project.execute("SELECT count(*) FROM t") == "0";
        project.shell(&told(&next.said, if done { "--done" } else { "--again" }));
        project.succeed(&["up"]);
        assert_eq!(project.execute("SELECT group_concat(v) FROM t"), "2");
        assert_eq!(project.run(&["repair", "001", "--done"]).code, Some(4));
    });
    let asked = asked.into_inner();
    assert!(asked > 0, "no kill at {points} points left a doubt");
}

#[test]
fn a_statement_that_cannot_be_looked_up() {
    cannot_be_looked_up(false);
    cannot_be_looked_up(true);
}

#[test]
fn a_lock_is_freed_by_hand() {
    let files = crate::fixtures::of(postgres());
    let undisturbed = Project::new(postgres(), files);
    let points = undisturbed.points(&["up"]);
    let project = Project::new(postgres(), files);
    assert!(
        project
            .succeed(&["unlock"])
            .said
            .contains("nobody holds it")
    );
    let flag = project.path("reached");
    let wait = format!("{}:wait:{}", points - 6, flag.display());
    let run = start(&project, &[("WHIMBREL_FAILPOINT", &wait)]);
    until("the run stands", || flag.exists());
    signal(&run, "-STOP");
    std::fs::remove_file(&flag).unwrap();
    let refused = project.run(&["unlock"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.said.contains("ada@here, pid"), "{}", refused.said);
    let freed = project.succeed(&["unlock", "--yes"]);
    assert!(
        freed.said.contains("It was held by ada@here, pid"),
        "{}",
        freed.said
    );
    project.succeed(&["up"]);
    signal(&run, "-CONT");
    let run = end(run);
    assert_eq!(run.code, Some(0), "{}", run.said);
    assert_eq!(project.all(), undisturbed.all());
}

/// After a kill `status` says that the holder is gone, and what the next run does; while it lives, it
/// says who it is and nothing else.
fn a_dead_holder(engine: Engine<'_>) {
    let files = crate::fixtures::of(engine);
    let points = Project::new(engine, files).points(&["up"]);
    let (mut gone, mut going_on) = (0, 0);
    // D1 has few points: a unit is a request.
    let every = if matches!(engine, Engine::D1(_)) {
        3
    } else {
        20
    };
    for point in some(points, every) {
        let project = Project::new(engine, files);
        let run = project.run_with(&["up"], &[("WHIMBREL_FAILPOINT", &point.to_string())]);
        assert_eq!(run.code, None, "{}", run.said);
        let mut status = String::new();
        // A server notices it a little later.
        until("the holder is gone", || {
            status = project.succeed(&["status"]).said;
            !status.contains("locked by") || status.contains(", which is gone\n")
        });
        assert_eq!(
            status.contains("locked by ada@here, pid"),
            status.contains("the next run with something to do takes the lock over at once"),
            "{status}"
        );
        gone += u32::from(status.contains(", which is gone\n"));
        if status.lines().any(|line| line.ends_with(" interrupted")) {
            assert!(status.contains(", and goes on with "), "{status}");
            going_on += 1;
        }
        project.succeed(&["up"]);
        let after = project.succeed(&["status"]).said;
        let had_something_to_do = !status.contains(" 0 pending\n");
        assert!(
            !had_something_to_do || !after.contains("locked by"),
            "{after}"
        );
    }
    assert!(gone > 0, "no kill left a lock behind");
    assert!(
        going_on > 0 || matches!(engine, Engine::D1(_)),
        "{going_on}"
    );

    let project = Project::new(engine, files);
    let flag = project.path("reached");
    let wait = format!("{}:wait:{}", points / 2, flag.display());
    let run = start(&project, &[("WHIMBREL_FAILPOINT", &wait)]);
    until("the run stands", || flag.exists());
    let status = project.succeed(&["status"]).said;
    assert!(status.contains("locked by ada@here, pid"), "{status}");
    assert!(!status.contains("gone"), "{status}");
    std::fs::remove_file(&flag).unwrap();
    assert_eq!(end(run).code, Some(0));
}

#[test]
fn a_dead_holder_on_postgres() {
    a_dead_holder(postgres());
}

#[test]
fn a_dead_holder_on_mariadb() {
    a_dead_holder(mariadb());
}

#[test]
fn a_dead_holder_on_sqlite() {
    a_dead_holder(Engine::Sqlite);
}

#[test]
fn a_dead_holder_on_d1() {
    a_dead_holder(d1());
}
