//! SIGINT and SIGTERM while D1 works: it can't be asked to stop, so nobody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use whimbrel_testkit::{Fate, Line};

use crate::engine::{Engine, Project, d1};
use crate::fence::{end, signal, start, until};

const FILES: [(&str, &str); 2] = [
    (
        "001_t.sql",
        "CREATE TABLE t (v bigint);\nINSERT INTO t VALUES (1);\n",
    ),
    ("002_long.sql", "UPDATE t SET v = v * 100;\n"),
];

/// A line on which the second migration is under way until it is let go. A busy engine takes no
/// other request either until then.
fn line(project: &Project<'_>, busy: bool) -> (Line, Arc<AtomicBool>) {
    let Engine::D1(server) = project.engine else {
        panic!("D1 alone has such a line")
    };
    let came = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&came);
    let line = server.line(&project.url, move |body| {
        let unit = body.contains("v * 100") && !body.contains("CREATE TABLE");
        if unit || busy && seen.load(Ordering::SeqCst) {
            seen.store(true, Ordering::SeqCst);
            return Fate::Hold;
        }
        Fate::Pass
    });
    (line, came)
}

/// The run ends within five seconds, whatever the engine does; what it does then is kept out by the
/// fence or counts, and the next run knows which.
fn interrupted(signs: &[&str], busy: bool) {
    let project = Project::new(d1(), &FILES[..1]);
    project.succeed(&["up"]);
    std::fs::write(project.path("migrations/002_long.sql"), FILES[1].1).unwrap();
    let (line, came) = line(&project, busy);
    let run = start(&project, &[("DATABASE_URL", &line.url)]);
    until("the migration is under way", || came.load(Ordering::SeqCst));
    let started = Instant::now();
    for sign in signs {
        signal(&run, sign);
    }
    let run = end(run);
    // A second one ends it at once.
    let limit = if signs.len() > 1 { 1 } else { 5 };
    let limit = Duration::from_secs(limit);
    assert!(started.elapsed() < limit, "{}", run.said);
    assert_eq!(run.code, Some(130), "{signs:?}, {busy}: {}", run.said);
    if signs.len() > 1 && !busy {
        // Nobody took the lock over yet: the next run does.
        project.succeed(&["up"]);
        line.release();
    } else {
        line.release();
        project.succeed(&["up"]);
    }
    if !busy {
        line.wait_for_answer("CHECK constraint failed");
    }
    assert_eq!(project.execute("SELECT v FROM t"), "[{\"v\":100}]");
    let applied = project.execute("SELECT count(*) AS n FROM whimbrel_applied");
    assert_eq!(applied, "[{\"n\":2}]");
}

#[test]
fn interrupted_while_a_request_is_under_way() {
    interrupted(&["-INT"], false);
    interrupted(&["-TERM"], false);
}

#[test]
fn interrupted_while_the_engine_is_busy() {
    interrupted(&["-INT"], true);
    interrupted(&["-TERM"], true);
}

#[test]
fn interrupted_twice() {
    interrupted(&["-INT", "-INT"], false);
    interrupted(&["-INT", "-TERM"], true);
}
