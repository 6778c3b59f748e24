//! The connection breaks at one message, through a proxy.

use whimbrel_testkit::{Fault, Proxy};

use crate::engine::{Engine, Project, d1, in_parallel, mariadb, postgres, some};
use crate::fixtures;

/// The run goes on by itself over a new connection; whatever it says, a second run changes nothing
/// about the end.
fn broken(engine: Engine<'_>, port: u16, fault: Fault, step: usize) {
    let files = fixtures::of(engine);
    let undisturbed = Project::new(engine, files);
    let through = |project: &Project<'_>, proxy: &Proxy| {
        project
            .url
            .replace(&format!(":{port}/"), &format!(":{}/", proxy.port()))
    };
    let proxy = Proxy::start(port, 0, fault);
    undisturbed.succeed(&["up", "--url", &through(&undisturbed, &proxy)]);
    let messages = proxy.seen();
    let expected = undisturbed.all();
    let chosen: Vec<u64> = some(messages, step).collect();
    in_parallel(chosen.iter().copied(), |message| {
        let project = Project::new(engine, files);
        let proxy = Proxy::start(port, message, fault);
        let first = project.run(&["up", "--url", &through(&project, &proxy)]);
        let again = project.run(&["up"]);
        assert_eq!(
            again.code,
            Some(0),
            "{fault:?} at {message}: {}\n{}",
            first.said,
            again.said
        );
        assert_eq!(
            project.all(),
            expected,
            "{fault:?} at {message}: {}",
            first.said
        );
    });
    println!(
        "{}: {fault:?} at {} of {messages} messages: each time the same end",
        engine.name(),
        chosen.len()
    );
}

fn faults(engine: Engine<'_>, port: u16) {
    broken(engine, port, Fault::Cut, 2);
    broken(engine, port, Fault::Half, 2);
    broken(engine, port, Fault::Delay, 8);
}

#[test]
fn postgres_connection() {
    faults(postgres(), whimbrel_testkit::postgres().port());
}

#[test]
fn mariadb_connection() {
    faults(mariadb(), whimbrel_testkit::mariadb().port());
}

#[test]
fn d1_connection() {
    faults(d1(), whimbrel_testkit::d1().port());
}
