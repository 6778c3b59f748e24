//! Prints how fast scripts are split, in megabytes a second. Run with `--release`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use whimbrel_sql::{Dialect, split};

const SCRIPT: &str = "-- Users and their posts\nCREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL DEFAULT 'somebody; else', created_at timestamp NOT NULL);\nCREATE INDEX users_name ON users (name) WHERE name <> '';\n/* seed */ INSERT INTO users (id, name) VALUES (1, 'it''s me'), (2, 'a longer name that somebody has');\nALTER TABLE users ADD COLUMN email varchar(200), ADD CONSTRAINT email_ok CHECK (email LIKE '%@%');\n\n";

fn main() {
    let text = SCRIPT.repeat(64 * 1024 * 1024 / SCRIPT.len());
    for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
        let started = Instant::now();
        let statements = split(&text, dialect).map(|list| list.len());
        let seconds = started.elapsed().as_secs_f64();
        #[allow(clippy::cast_precision_loss)] // A figure for people.
        let rate = text.len() as f64 / 1_000_000.0 / seconds;
        println!("{dialect:?}: {statements:?} statements, {rate:.0} MB/s");
    }
}
