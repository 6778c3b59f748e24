//! The network stands still in the middle of a message, and no connection ends: a run elsewhere does
//! the work once the lease is over, and where the server still has a part of a unit, a person frees the
//! lock. The run that stands ends at the first signal.

use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use whimbrel_testkit::{Fault, Proxy};

use crate::engine::{Engine, Project, in_parallel, mariadb, postgres, some};
use crate::fence::{end, signal, until};
use crate::fixtures;
use crate::other::Other;

const LEASE: (&str, &str) = ("WHIMBREL_LEASE", "1s");

/// Gives how often a person had to free the lock.
fn stalled(engine: Engine<'_>, port: u16, step: usize) -> u64 {
    let files = fixtures::of(engine);
    let undisturbed = Project::new(engine, files);
    let through = |project: &Project<'_>, proxy: &Proxy| {
        let place = format!(":{}/", proxy.port());
        project.url.replace(&format!(":{port}/"), &place)
    };
    let proxy = Proxy::start(port, 0, Fault::Delay);
    let url = through(&undisturbed, &proxy);
    let run = undisturbed.run_with(&["up"], &[("DATABASE_URL", &url)]);
    assert_eq!(run.code, Some(0), "{}", run.said);
    let messages = proxy.seen();
    let expected = undisturbed.all();
    let freed = AtomicU64::new(0);
    let chosen: Vec<u64> = some(messages, step).collect();
    in_parallel(chosen.iter().copied(), |message| {
        let project = Project::new(engine, files);
        let proxy = Proxy::start(port, message, Fault::Stall);
        let url = through(&project, &proxy);
        let mut run = project.command(&["up"], &[("DATABASE_URL", &url), LEASE]);
        let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut run = run.unwrap();
        let ended = |run: &mut std::process::Child| run.try_wait().unwrap().is_some();
        until("it stands", || proxy.seen() >= message || ended(&mut run));

        let wait = [LEASE, ("WHIMBREL_LOCK_WAIT", "4s")];
        let mut next = project.run_with(&["up"], &wait);
        if next.code == Some(6) {
            // The server waits for the rest of a unit.
            freed.fetch_add(1, Ordering::SeqCst);
            let freed = project.succeed(&["unlock", "--yes"]).said;
            assert!(freed.contains("It was held by"), "{message}: {freed}");
            next = project.run_with(&["up"], &wait);
        }
        assert_eq!(next.code, Some(0), "{message}: {}", next.said);
        assert_eq!(project.all(), expected, "{message}: {}", next.said);

        if !ended(&mut run) {
            signal(&run, "-INT");
            let sent = Instant::now();
            let run = end(run);
            let in_time = sent.elapsed() < Duration::from_secs(5);
            assert!(in_time, "{message}: {}", run.said);
            // It may have been done but for its goodbye.
            assert!(matches!(run.code, Some(0 | 130)), "{message}: {}", run.said);
        }
        assert_eq!(project.all(), expected, "{message}");
    });
    let freed = freed.into_inner();
    println!(
        "{}: the network stood still at {} of {messages} messages, each time the same end; the lock was freed by hand {} times",
        engine.name(),
        chosen.len(),
        freed
    );
    freed
}

#[test]
fn postgres_up() {
    // How often a unit is cut in two depends on how it comes in messages.
    stalled(postgres(), whimbrel_testkit::postgres().port(), 6);
}

/// What such a unit leaves in the server, without the luck of cutting one: its fence.
#[test]
fn a_fence_left_open_on_postgres() {
    let project = Project::new(postgres(), fixtures::of(postgres()));
    project.succeed(&["up", "--steps", "1"]);
    let mut other = Other::new(&project);
    other.ask("BEGIN; LOCK TABLE whimbrel_lock IN ROW SHARE MODE; SELECT 'held';");
    let refused = project.run(&["up", "--lock-wait", "2s"]);
    assert_eq!(refused.code, Some(6), "{}", refused.said);
    let freed = project.succeed(&["unlock", "--yes"]).said;
    assert!(freed.contains("It was held by"), "{freed}");
    project.succeed(&["up"]);
    other.end_badly();
}

#[test]
fn mariadb_up() {
    // The server does nothing with a part of a message, and who sent it is idle.
    let freed = stalled(mariadb(), whimbrel_testkit::mariadb().port(), 12);
    assert_eq!(freed, 0);
}
