//! The same test on several engines, which it is told the name of.

use std::ops::Deref;
use std::path::Path;

use rusqlite::types::Value;

use crate::process::Daemon;
use crate::{D1Server, MysqlServer, PostgresServer};
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

/// What all servers offer.
pub trait Server: Sync {
    /// A new, empty database; gives its URL.
    fn database(&self) -> String;

    /// Runs SQL in the database of a URL by the engine's own client; gives what it prints.
    fn execute(&self, url: &str, sql: &str) -> String;
}

macro_rules! server {
    ($($kind:ident)*) => {$(
        impl Server for $kind {
            fn database(&self) -> String {
                self.database()
            }

            fn execute(&self, url: &str, sql: &str) -> String {
                self.execute(url, sql)
            }
        }

        /// What can be done to any server's process.
        impl Deref for $kind {
            type Target = Daemon;

            fn deref(&self) -> &Daemon {
                &self.daemon
            }
        }

        impl PartialEq for $kind {
            fn eq(&self, other: &Self) -> bool {
                self.port() == other.port()
            }
        }

        impl Eq for $kind {}
    )*};
}

server! { PostgresServer MysqlServer D1Server }

/// This test process's server of an engine; started by the first who asks.
///
/// # Panics
/// There is none of this name, or it is not installed; the message says how to install it.
pub fn server(engine: &str) -> &'static dyn Server {
    match engine {
        "postgres" => postgres(),
        "postgres_oldest" => postgres_oldest(),
        "postgres_newest" => postgres_newest(),
        "mariadb" => mariadb(),
        "mariadb_newest" => mariadb_newest(),
        "mysql" => mysql(),
        "d1" => d1(),
        _ => panic!("{engine} has no server"),
    }
}

/// A new, empty database of an engine; gives its URL. SQLite's is `test.db` in the folder, which is not there yet.
///
/// # Panics
/// As [`server`].
pub fn database(engine: &str, folder: &Path) -> String {
    match engine {
        "sqlite" => format!("sqlite:{}", folder.join("test.db").display()),
        _ => server(engine).database(),
    }
}

/// What a query gives, past Whimbrel: by the engine's own client; from SQLite one value.
///
/// # Panics
/// The query fails.
pub fn ask(engine: &str, url: &str, sql: &str) -> String {
    match engine {
        "sqlite" => sqlite_value(url.trim_start_matches("sqlite:"), sql),
        _ => server(engine).execute(url, sql),
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
