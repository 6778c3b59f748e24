//! How long Whimbrel takes, as a ratio to a reference in the same run: `cargo bench -p whimbrel-cli`.
//!
//! - 1,000 small migrations on PostgreSQL, against `psql -f` over the same statements with a history
//!   row each in a transaction each.
//! - A no-op `up` over 5,000 applied migrations, against one over none: what it costs beyond connecting.
//!
//! The private server runs without fsync, so that the disk's moods don't hide the difference.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;

fn statements(number: usize) -> String {
    format!(
        "CREATE TABLE t{number} (id bigint PRIMARY KEY, name text NOT NULL, qty integer NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now(), note varchar(100));\nCREATE INDEX t{number}_qty ON t{number} (qty);\n"
    )
}

fn files(folder: &Path, count: usize) {
    std::fs::create_dir(folder).unwrap();
    for number in 1..=count {
        let name = format!("{number:05}_t");
        std::fs::write(folder.join(format!("{name}.up.sql")), statements(number)).unwrap();
        std::fs::write(
            folder.join(format!("{name}.down.sql")),
            format!("DROP TABLE t{number};\n"),
        )
        .unwrap();
    }
}

/// The reference: what a tool can't do without.
fn script(count: usize) -> String {
    let mut text = "CREATE TABLE hist (version bigint PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());\n".to_owned();
    for number in 1..=count {
        let sql = statements(number);
        text.push_str(&format!(
            "BEGIN;\n{sql}INSERT INTO hist (version, name) VALUES ({number}, 't');\nCOMMIT;\n"
        ));
    }
    text
}

fn timed(command: &mut Command) -> Duration {
    let started = Instant::now();
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success(), "{command:?}");
    started.elapsed()
}

fn whimbrel(folder: &Path, url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whimbrel"));
    command
        .args(["up", "-q", "--url", url, "--dir"])
        .arg(folder);
    command
}

fn psql(file: &Path, url: &str) -> Command {
    let mut command = Command::new("psql");
    command
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f"])
        .arg(file);
    command
}

fn median(mut list: Vec<Duration>) -> Duration {
    list.sort_unstable();
    list[list.len() / 2]
}

fn report(what: &str, list: &[Duration]) {
    let least = list.iter().min().copied().unwrap_or_default();
    println!(
        "{what}: median {:.1?}, least {least:.1?}",
        median(list.to_vec())
    );
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let server = whimbrel_testkit::postgres();
    let (many, few, none) = (
        folder.path().join("many"),
        folder.path().join("few"),
        folder.path().join("none"),
    );
    files(&many, 5000);
    files(&few, 1000);
    files(&none, 0);
    let file = folder.path().join("reference.sql");
    std::fs::write(&file, script(1000)).unwrap();

    let (mut reference, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        reference.push(timed(&mut psql(&file, &server.database())));
        ours.push(timed(&mut whimbrel(&few, &server.database())));
    }
    report("psql -f, 1,000 migrations", &reference);
    report("whimbrel up, 1,000 migrations", &ours);
    let ratio = median(ours).as_secs_f64() / median(reference).as_secs_f64();
    println!("ratio of the medians: {ratio:.3}\n");

    let (full, empty) = (server.database(), server.database());
    timed(&mut whimbrel(&many, &full));
    let (mut connecting, mut nothing) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS * 3 {
        connecting.push(timed(&mut whimbrel(&none, &empty)));
        nothing.push(timed(&mut whimbrel(&many, &full)));
    }
    report("whimbrel up over an empty folder", &connecting);
    report("whimbrel up over 5,000 applied migrations", &nothing);
    let more = median(nothing).saturating_sub(median(connecting));
    println!("difference of the medians: {more:.1?}");
}
