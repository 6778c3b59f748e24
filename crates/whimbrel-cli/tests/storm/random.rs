//! Many runs at once, killed, stopped and cut off at random.
//!
//! `WHIMBREL_STORM_SEED` plays a run again, `WHIMBREL_STORM_ROUNDS` says how many rounds. What is
//! random is where things happen; when the others come in between is up to the machine.

use std::process::Child;
use std::time::Duration;

use whimbrel_testkit::{Fault, Proxy};

use crate::engine::{Engine, Project, d1, mariadb, postgres};
use crate::fence::{end, signal, start};
use crate::fixtures;

/// Rounds where nobody asks for more; 500 by hand.
const ROUNDS: u64 = 8;

/// A small generator of numbers, so that a round depends on its seed alone (splitmix64, public
/// domain algorithm by Sebastiano Vigna).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[derive(Default)]
struct Counts {
    runs: u64,
    kills: u64,
    pauses: u64,
    cuts: u64,
}

fn rounds(engine: Engine<'_>, port: Option<u16>) {
    let files = fixtures::of(engine);
    let undisturbed = Project::new(engine, files);
    let points = undisturbed.points(&["up"]);
    let expected = undisturbed.all();
    let seed = number("WHIMBREL_STORM_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        u64::from(now.unwrap().subsec_nanos())
    });
    let wanted = number("WHIMBREL_STORM_ROUNDS").unwrap_or(ROUNDS);
    let name = engine.name();
    println!("{name}: WHIMBREL_STORM_SEED={seed} WHIMBREL_STORM_ROUNDS={wanted}");
    let mut counts = Counts::default();
    for round in 0..wanted {
        let mut random = Random(seed.wrapping_add(round));
        let project = Project::new(engine, files);
        let said = one(&project, &mut random, points, port, &mut counts);
        let last = project.run(&["up"]);
        assert_eq!(
            last.code,
            Some(0),
            "seed {seed}, round {round}: {}",
            last.said
        );
        assert_eq!(
            project.all(),
            expected,
            "seed {seed}, round {round}: {said}"
        );
    }
    println!(
        "{name}: {wanted} rounds, {} runs, {} killed, {} stopped for a while, {} cut off; each round the same end",
        counts.runs, counts.kills, counts.pauses, counts.cuts
    );
}

/// Up to five runs, each with its own fate.
fn one(
    project: &Project<'_>,
    random: &mut Random,
    points: u64,
    port: Option<u16>,
    counts: &mut Counts,
) -> String {
    let mut running: Vec<(Child, bool)> = Vec::new();
    let mut proxies = Vec::new();
    for _ in 0..2 + random.below(4) {
        counts.runs += 1;
        let place = (1 + random.below(points)).to_string();
        match random.below(4) {
            0 => {
                counts.kills += 1;
                running.push((start(project, &[("WHIMBREL_FAILPOINT", &place)]), false));
            }
            1 => {
                counts.pauses += 1;
                let run = start(project, &[("WHIMBREL_LEASE", "1s")]);
                std::thread::sleep(Duration::from_millis(random.below(150)));
                signal(&run, "-STOP");
                running.push((run, true));
            }
            2 if port.is_some() => {
                counts.cuts += 1;
                let fault = [Fault::Cut, Fault::Half, Fault::Delay]
                    [usize::try_from(random.below(3)).unwrap_or(0)];
                let proxy = Proxy::start(port.unwrap_or(0), 1 + random.below(60), fault);
                let through = project.url.replace(
                    &format!(":{}/", port.unwrap_or(0)),
                    &format!(":{}/", proxy.port()),
                );
                running.push((start(project, &[("DATABASE_URL", &through)]), false));
                proxies.push(proxy);
            }
            _ => running.push((start(project, &[]), false)),
        }
        std::thread::sleep(Duration::from_millis(random.below(80)));
    }
    std::thread::sleep(Duration::from_millis(random.below(1500)));
    for (run, _) in running.iter().filter(|(_, stopped)| *stopped) {
        signal(run, "-CONT");
    }
    let ends = running.into_iter().map(|(run, _)| end(run).said);
    ends.collect::<Vec<_>>().join("\n---\n")
}

#[test]
fn on_postgres() {
    rounds(postgres(), Some(whimbrel_testkit::postgres().port()));
}

#[test]
fn on_mariadb() {
    rounds(mariadb(), Some(whimbrel_testkit::mariadb().port()));
}

#[test]
fn on_sqlite() {
    rounds(Engine::Sqlite, None);
}

#[test]
fn on_d1() {
    rounds(d1(), Some(whimbrel_testkit::d1().port()));
}
