//! Drivers for Whimbrel, each behind a cargo feature, chosen by the URL's scheme.

#[cfg(feature = "d1")]
pub mod d1;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod distrust;
#[cfg(any(
    feature = "sqlite",
    feature = "postgres",
    feature = "mysql",
    feature = "d1"
))]
mod history_sql;
#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "sqlite", feature = "d1"))]
mod process;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod shadow;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "sqlite", feature = "d1"))]
mod sqlite_flavor;
#[cfg(feature = "tls")]
mod tls;

use whimbrel_core::Error;
use whimbrel_core::driver::{Connect, SessionOptions};

const SCHEMES: &str = "sqlite:FILE, postgres://HOST/DATABASE, mysql://HOST/DATABASE, d1://ACCOUNT_ID/DATABASE_ID, d1-local:FOLDER";

const KNOWN: [&str; 10] = [
    "sqlite",
    "file",
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "d1",
    "d1+http",
    "d1+https",
    "d1-local",
];

/// A connector for a database, by the scheme of its URL. Nothing is connected yet. A password
/// given apart takes the place of one in the URL.
///
/// # Errors
/// The scheme is unknown, its driver is not compiled in, or the URL can't be read. No message
/// holds the URL itself, since a password may stand in it.
#[cfg_attr(
    not(any(feature = "postgres", feature = "mysql", feature = "d1")),
    allow(unused_variables, reason = "a file has no password")
)]
pub fn connector(
    url: &str,
    password: Option<&str>,
    options: SessionOptions,
) -> Result<Box<dyn Connect>, Error> {
    let scheme = scheme(url);
    match scheme.as_str() {
        #[cfg(feature = "sqlite")]
        "sqlite" | "file" => sqlite::connector(url, options),
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => postgres::connector(url, password, options),
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => mysql::connector(url, password, options),
        #[cfg(feature = "d1")]
        "d1" | "d1+http" | "d1+https" => d1::connector(url, password, options),
        #[cfg(all(feature = "d1", feature = "sqlite"))]
        "d1-local" => {
            let place = url.split_once(':').map_or("", |(_, place)| place);
            Ok(sqlite::file(
                d1::local::file(place)?,
                options,
                Some(d1::LIMITS),
            ))
        }
        known if KNOWN.contains(&known) => Err(Error::Settings(format!(
            "the driver for {scheme} is not compiled in: turn the cargo feature on"
        ))),
        "" => Err(Error::Settings(format!(
            "the database URL has no scheme; expected {SCHEMES}"
        ))),
        _ => Err(Error::Settings(format!(
            "the database URL's scheme `{scheme}` is not known; expected {SCHEMES}"
        ))),
    }
}

/// The scheme; a list of `key=value` is PostgreSQL's, a path to a database file SQLite's.
fn scheme(url: &str) -> String {
    let head = url.split(':').next().unwrap_or_default();
    let plain = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'-')
    };
    if url.contains(':') && plain(head) {
        return head.to_ascii_lowercase();
    }
    let list = ["host=", "dbname=", "user=", "port=", "password="];
    if list.iter().any(|key| url.contains(key)) {
        return "postgres".to_owned();
    }
    let file = [".db", ".sqlite", ".sqlite3"];
    if file.iter().any(|end| url.ends_with(end)) {
        return "sqlite".to_owned();
    }
    String::new()
}
