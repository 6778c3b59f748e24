//! The same test on several engines, which it is told the name of.

use std::path::Path;

use rusqlite::types::Value;

use crate::{d1, mariadb, mariadb_newest, mysql, postgres, postgres_newest, postgres_oldest};

/// Makes a test of each function for each engine: `on_engines! { [sqlite postgres] up_and_down late_files }`.
/// A function takes the engine's name and is async.
#[macro_export]
macro_rules! on_engines {
    (@ $test:ident [$($engine:ident)*]) => {
        mod $test {
            $(
                #[test]
                fn $engine() {
                    $crate::block_on(super::$test(stringify!($engine)));
                }
            )*
        }
    };
    ($engines:tt $($test:ident)*) => {
        $($crate::on_engines! { @ $test $engines })*
    };
}

/// Carries work out to its end, on a runtime of its own.
///
/// # Panics
/// The system gives no runtime.
pub fn block_on<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}

/// A new, empty database of an engine; gives its URL. SQLite's is a file in the folder.
///
/// # Panics
/// There is no such engine, or its server is not installed; the message says how to install it.
pub fn database(engine: &str, folder: &Path) -> String {
    match engine {
        "sqlite" => {
            let file = folder.join("test.db");
            std::fs::write(&file, "").expect("a folder of our own");
            format!("sqlite:{}", file.display())
        }
        "postgres" => postgres().database(),
        "postgres_oldest" => postgres_oldest().database(),
        "postgres_newest" => postgres_newest().database(),
        "mariadb" => mariadb().database(),
        "mariadb_newest" => mariadb_newest().database(),
        "mysql" => mysql().database(),
        "d1" => d1().database(),
        _ => panic!("{engine} is no engine"),
    }
}

/// What a query gives, past Whimbrel: by the engine's own client; from SQLite one value.
///
/// # Panics
/// The query fails.
pub fn ask(engine: &str, url: &str, sql: &str) -> String {
    match engine {
        "sqlite" => sqlite_value(url.trim_start_matches("sqlite:"), sql),
        "postgres" => postgres().execute(url, sql),
        "postgres_oldest" => postgres_oldest().execute(url, sql),
        "postgres_newest" => postgres_newest().execute(url, sql),
        "mariadb" => mariadb().execute(url, sql),
        "mariadb_newest" => mariadb_newest().execute(url, sql),
        "mysql" => mysql().execute(url, sql),
        "d1" => d1().rows(url, sql),
        _ => panic!("{engine} is no engine"),
    }
}

fn sqlite_value(file: &str, sql: &str) -> String {
    let connection = rusqlite::Connection::open(file).expect("the database");
    let value = connection.query_row(sql, [], |row| row.get(0));
    match value.unwrap_or_else(|error| panic!("{sql}: {error}")) {
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text,
        other => format!("{other:?}"),
    }
}
