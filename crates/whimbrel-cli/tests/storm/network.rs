//! The connection breaks at one message, through a proxy.

use whimbrel_testkit::{Fault, Proxy};

use crate::engine::{Engine, Project, Run, d1, in_parallel, mariadb, postgres, some};
use crate::fixtures;

/// What is disturbed: a command, and what runs before it in peace.
struct Disturbed {
    before: &'static [&'static [&'static str]],
    command: &'static [&'static str],
}

const UP: Disturbed = Disturbed {
    before: &[],
    command: &["up"],
};
const DOWN: Disturbed = Disturbed {
    before: &[&["up"]],
    command: &["down", "--all"],
};

impl Disturbed {
    fn project<'s>(&self, engine: Engine<'s>) -> Project<'s> {
        let project = Project::new(engine, fixtures::of(engine));
        for arguments in self.before {
            project.succeed(arguments);
        }
        project
    }

    fn run_through(&self, project: &Project<'_>, port: u16, proxy: &Proxy) -> Run {
        let through = format!(":{}/", proxy.port());
        let url = project.url.replace(&format!(":{port}/"), &through);
        project.run_with(self.command, &[("DATABASE_URL", &url)])
    }
}

/// The run goes on by itself over a new connection; whatever it says, a second run changes nothing
/// about the end.
fn broken(engine: Engine<'_>, port: u16, disturbed: &Disturbed, fault: Fault, step: usize) {
    let undisturbed = disturbed.project(engine);
    let proxy = Proxy::start(port, 0, fault);
    let first = disturbed.run_through(&undisturbed, port, &proxy);
    assert_eq!(first.code, Some(0), "{}", first.said);
    let messages = proxy.seen();
    let expected = undisturbed.all();
    let chosen: Vec<u64> = some(messages, step).collect();
    in_parallel(chosen.iter().copied(), |message| {
        let project = disturbed.project(engine);
        let proxy = Proxy::start(port, message, fault);
        let first = disturbed.run_through(&project, port, &proxy).said;
        let again = project.run(disturbed.command);
        let said = format!("{fault:?} at {message}: {first}\n{}", again.said);
        assert_eq!(again.code, Some(0), "{said}");
        assert_eq!(project.all(), expected, "{said}");
    });
    println!(
        "{}: {:?}, {fault:?} at {} of {messages} messages: each time the same end",
        engine.name(),
        disturbed.command,
        chosen.len()
    );
}

fn faults(engine: Engine<'_>, port: u16, disturbed: &Disturbed) {
    broken(engine, port, disturbed, Fault::Cut, 4);
    broken(engine, port, disturbed, Fault::Half, 4);
    broken(engine, port, disturbed, Fault::Delay, 16);
}

#[test]
fn postgres_up() {
    faults(postgres(), whimbrel_testkit::postgres().port(), &UP);
}

#[test]
fn postgres_down() {
    faults(postgres(), whimbrel_testkit::postgres().port(), &DOWN);
}

#[test]
fn mariadb_up() {
    faults(mariadb(), whimbrel_testkit::mariadb().port(), &UP);
}

#[test]
fn mariadb_down() {
    faults(mariadb(), whimbrel_testkit::mariadb().port(), &DOWN);
}

#[test]
fn d1_up() {
    faults(d1(), whimbrel_testkit::d1().port(), &UP);
}

#[test]
fn d1_down() {
    faults(d1(), whimbrel_testkit::d1().port(), &DOWN);
}
