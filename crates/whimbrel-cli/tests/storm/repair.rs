//! What only a person can say.

use crate::engine::{Project, mariadb, postgres};
use crate::fence::{end, signal, start, until};

/// Neither the journal nor the catalog tells whether TRUNCATE happened. The semicolon makes it go
/// alone; together with its journal entries the server would finish it after its client's death.
const TRUNCATE: (&str, &str) = (
    "001_truncate.sql",
    "CREATE TABLE t (v integer) ENGINE = MyISAM;\nINSERT INTO t VALUES (1);\nTRUNCATE /* ; */ TABLE t;\nINSERT INTO t VALUES (2);\n",
);

#[test]
fn a_statement_that_cannot_be_looked_up() {
    let points = Project::new(mariadb(), &[TRUNCATE]).points(&["up"]);
    let mut asked = 0;
    for point in 1..=points {
        let project = Project::new(mariadb(), &[TRUNCATE]);
        project.run_with(&["up"], &[("WHIMBREL_FAILPOINT", &point.to_string())]);
        let next = project.run(&["up"]);
        if next.code == Some(0) {
            continue;
        }
        asked += 1;
        assert!(next.said.contains("unknown-end"), "{}", next.said);
        assert!(
            next.said.contains("whimbrel repair 001 --done"),
            "{}",
            next.said
        );
        let open = project.succeed(&["repair"]);
        assert!(open.said.contains("statement 3 of 4"), "{}", open.said);
        let done = project.execute("SELECT count(*) FROM t") == "0";
        project.succeed(&["repair", "001", if done { "--done" } else { "--again" }]);
        project.succeed(&["up"]);
        assert_eq!(project.execute("SELECT group_concat(v) FROM t"), "2");
        assert_eq!(project.run(&["repair", "001", "--done"]).code, Some(4));
    }
    assert!(asked > 0, "no kill at {points} points left a doubt");
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
