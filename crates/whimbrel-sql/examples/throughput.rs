//! Prints how fast scripts are split, in megabytes a second, beside how fast the same bytes are
//! only looked through. Run with `--release`; arguments are files to take instead of the samples.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use whimbrel_sql::{Dialect, split};

const SIZE: usize = 64 * 1024 * 1024;

const SCHEMA: &str = "-- Users and their posts\nCREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL DEFAULT 'somebody; else', created_at timestamp NOT NULL);\nCREATE INDEX users_name ON users (name) WHERE name <> '';\n/* seed */ INSERT INTO users (id, name) VALUES (1, 'it''s me'), (2, 'a longer name that somebody has');\nALTER TABLE users ADD COLUMN email varchar(200), ADD CONSTRAINT email_ok CHECK (email LIKE '%@%');\n\n";

const ROWS: &str = "INSERT INTO places (id, name, note) VALUES (4711, 'Sankt Peter-Ording', 'a beach of twelve kilometres; and a lighthouse'), (4712, 'Westerhever', 'the lighthouse that everybody knows from pictures');\n";

fn main() {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        measure("schema", SCHEMA);
        measure("rows", ROWS);
    }
    for file in files {
        match std::fs::read_to_string(&file) {
            Ok(text) => measure(&file, &text),
            Err(error) => println!("{file}: {error}"),
        }
    }
}

fn measure(name: &str, sample: &str) {
    let text = sample.repeat(SIZE / sample.len().max(1) + 1);
    let looked = rate(&text, || {
        black_box(&text)
            .bytes()
            .filter(|&byte| byte == b';')
            .count()
    });
    for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
        let mut count = Ok(0);
        let speed = rate(&text, || {
            count = split(black_box(&text), dialect).map(|list| list.len());
            1
        });
        match count {
            Ok(count) => println!(
                "{name}, {dialect:?}: {speed:.0} MB/s, {count} statements ({:.1} times as long as counting semicolons)",
                looked / speed
            ),
            Err(error) => println!("{name}, {dialect:?}: {error}"),
        }
    }
}

/// Megabytes a second: the best of five.
fn rate(text: &str, mut work: impl FnMut() -> usize) -> f64 {
    let seconds = (0..5)
        .map(|_| {
            let started = Instant::now();
            black_box(work());
            started.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    #[allow(clippy::cast_precision_loss)] // A figure for people.
    let megabytes = text.len() as f64 / 1_000_000.0;
    megabytes / seconds
}
